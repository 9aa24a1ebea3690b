//! One connection through a proxy, with its faults.

use std::time::Duration;

use bytes::BytesMut;
use fastrand::Rng;
use tokio::{
    io::{self, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    plan::{self, Fault, Plan},
    proxy::Circumstances,
};

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As its peers wanted, or as if.
    Close,
    /// By a reset.
    Reset,
}

/// Bytes of garbage.
const GARBAGE: usize = 64;
/// Bytes that drip before the stream flows again.
const DRIPPING: usize = 120;

/// Passes bytes both ways until somebody closes, or a fault does.
pub(super) async fn relay(
    mut client: TcpStream,
    mut server: TcpStream,
    circumstances: &Circumstances,
    rng: &mut Rng,
) {
    let end = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let most_bytes = circumstances.bytes_between_faults;
        let mut up_rng = rng.fork();
        tokio::select! {
            end = pass(from_client, to_server, circumstances, &mut up_rng, |rng| plan::towards_server(rng, most_bytes)) => end,
            end = pass(from_server, to_client, circumstances, rng, |rng| plan::towards_client(rng, most_bytes)) => end,
            () = circumstances.outage() => End::Reset,
        }
    };
    if end == End::Reset {
        reset(client);
        reset(server);
    }
}

/// Closes a connection by a reset.
pub(super) fn reset(stream: TcpStream) {
    // Where it cannot be, the connection is closed all the same.
    let _ = stream.set_zero_linger();
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    circumstances: &Circumstances,
    rng: &mut Rng,
    next_plan: impl Fn(&mut Rng) -> Plan,
) -> End {
    let mut buffer = BytesMut::with_capacity(16 << 10);
    loop {
        let Plan { after_bytes, fault } = next_plan(rng);
        match copy(&mut from, &mut to, after_bytes, &mut buffer).await {
            Ok(Copied::AllOfThem) => {}
            Ok(Copied::UntilTheEnd) => return End::Close,
            Err(_) => return End::Reset,
        }
        if !circumstances.is_foul() {
            continue;
        }
        circumstances.count(fault.name());
        match fault {
            Fault::Reset => return End::Reset,
            Fault::Truncate => return End::Close,
            Fault::Garbage => {
                let _ = to.write_all(&garbage(rng)).await;
                return End::Close;
            }
            Fault::Stall(how_long) => tokio::time::sleep(how_long).await,
            Fault::Drip => match drip(&mut from, &mut to, rng).await {
                Ok(Copied::AllOfThem) => {}
                Ok(Copied::UntilTheEnd) => return End::Close,
                Err(_) => return End::Reset,
            },
        }
    }
}

/// Whether as many bytes were copied as wanted.
enum Copied {
    AllOfThem,
    UntilTheEnd,
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut bytes: u64,
    buffer: &mut BytesMut,
) -> io::Result<Copied> {
    while 0 < bytes {
        buffer.clear();
        let read = from.take(bytes).read_buf(buffer).await?;
        if read == 0 {
            return Ok(Copied::UntilTheEnd);
        }
        to.write_all(buffer).await?;
        bytes = bytes.saturating_sub(read as u64);
    }
    Ok(Copied::AllOfThem)
}

async fn drip(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    rng: &mut Rng,
) -> io::Result<Copied> {
    let mut dripped = 0;
    while dripped < DRIPPING {
        let mut drops = [0; 8];
        let size = rng.usize(1..=drops.len());
        let Some(drops) = drops.get_mut(..size) else {
            break;
        };
        let read = from.read(drops).await?;
        if read == 0 {
            return Ok(Copied::UntilTheEnd);
        }
        to.write_all(drops.get(..read).unwrap_or_default()).await?;
        dripped += read;
        tokio::time::sleep(Duration::from_millis(rng.u64(1..20))).await;
    }
    Ok(Copied::AllOfThem)
}

/// It begins with a byte that is neither UTF-8 nor HTTP, so that it cannot pass for an answer wherever it comes, and
/// has no line ends, so that no head of a message is complete by it.
fn garbage(rng: &mut Rng) -> [u8; GARBAGE] {
    let mut bytes = [0xff; GARBAGE];
    for byte in bytes.iter_mut().skip(1) {
        *byte = rng.u8(0x20..);
    }
    bytes
}
