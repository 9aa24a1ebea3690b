//! What the parts that run as processes of their own have in common: where they listen, and when they end.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr},
};

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpSocket},
};

/// Connections that may wait to be accepted. With the usual 128 the kernel drops some of 500 that come at once, and
/// their clients try again after a second.
const BACKLOG: u32 = 4096;

/// Binds a free port of the loopback and tells it on standard output: `listening on 127.0.0.1:PORT`.
pub fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    writeln!(io::stdout(), "{}", announcement(address))?;
    Ok(listener)
}

/// The line by which a part tells where it listens.
fn announcement(address: SocketAddr) -> String {
    format!("listening on {address}")
}

/// Reads that line.
pub fn announced(line: &str) -> Option<SocketAddr> {
    line.trim().strip_prefix("listening on ")?.parse().ok()
}

/// Resolves when standard input ends, which it does when whoever started this process goes, in whatever way.
pub async fn parent_is_gone() {
    let mut ignored = [0; 64];
    let mut input = tokio::io::stdin();
    while let Ok(1..) = input.read(&mut ignored).await {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_part_announces_the_other_reads() {
        let address = SocketAddr::from(([127, 0, 0, 1], 4711));
        assert_eq!(announced(&announcement(address)), Some(address));
        assert_eq!(announced("listening on nothing"), None);
    }
}
