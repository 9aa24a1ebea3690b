//! Handshakes of TLS that fail.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    How,
    certificates::certificates,
    commit::{SLOW_PAUSE, close, end, until_closed},
};

/// What happens after the client's first message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::faults) enum HandshakeFault {
    /// The server refuses it with an alert.
    Alert,
    /// The connection ends, or hangs.
    End(How),
    /// The server's answer comes one byte at a time.
    Slow,
    /// The server answers in plain HTTP.
    NotTls,
    /// The connection is closed in the middle of the server's answer.
    Truncated,
    /// The server's answer claims to be larger than any may be.
    Oversized,
    /// The certificate is for another name.
    AnotherName,
    /// Nobody knows who has signed the certificate.
    UnknownAuthority,
    /// The certificate has expired.
    Expired,
}

/// An alert of level fatal: `handshake_failure`.
const ALERT: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];
/// The head of a record of a handshake with the most bytes that one may have.
const LARGE_RECORD: [u8; 5] = [22, 3, 3, 0x40, 0];
/// The same with more than that.
const TOO_LARGE_RECORD: [u8; 5] = [22, 3, 3, 0xff, 0xff];

pub(super) async fn fail(mut stream: TcpStream, fault: HandshakeFault) {
    let others = certificates();
    let acceptor = match fault {
        HandshakeFault::AnotherName => &others.of_another_name.acceptor,
        HandshakeFault::UnknownAuthority => &others.of_unknown_authority.acceptor,
        HandshakeFault::Expired => &others.expired.acceptor,
        _ => {
            let mut hello = [0; 4096];
            drop(stream.read(&mut hello).await);
            return answer_hello(stream, fault).await;
        }
    };
    if let Ok(stream) = acceptor.accept(stream).await {
        // A client of TLS 1.3 may tell only now that it does not like the certificate.
        until_closed(stream).await;
    }
}

async fn answer_hello(mut stream: TcpStream, fault: HandshakeFault) {
    match fault {
        HandshakeFault::Alert => close(stream, &ALERT).await,
        HandshakeFault::End(how) => end(stream, how).await,
        HandshakeFault::NotTls => {
            close(
                stream,
                b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
            )
            .await;
        }
        HandshakeFault::Truncated => close(stream, &LARGE_RECORD).await,
        HandshakeFault::Oversized => {
            drop(stream.write_all(&TOO_LARGE_RECORD).await);
            drop(stream.write_all(&[0; 1024]).await);
            until_closed(stream).await;
        }
        HandshakeFault::Slow => {
            let mut bytes = LARGE_RECORD.iter().chain(std::iter::repeat(&2));
            while let Some(byte) = bytes.next()
                && stream.write_all(&[*byte]).await.is_ok()
            {
                wait_or_close(&mut stream, SLOW_PAUSE).await;
            }
        }
        HandshakeFault::AnotherName
        | HandshakeFault::UnknownAuthority
        | HandshakeFault::Expired => {}
    }
}

async fn wait_or_close(stream: &mut TcpStream, pause: Duration) {
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        // The next write fails.
        _ = stream.readable() => drop(stream.shutdown().await),
    }
}
