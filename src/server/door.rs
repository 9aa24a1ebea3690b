//! Lets connections in: so many to be served, a few more to be told that there are too many.
//!
//! Nobody waits here without a bound. Beyond both numbers connections wait in the system's queue, which is bounded too
//! and moves, because a refusal lasts no longer than [`REFUSAL_TIMEOUT`].

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Connections that the system keeps for the gateway until it takes them.
const LISTEN_BACKLOG: u32 = 1024;
/// Most connections at once that are only told that there are too many.
const MAX_REFUSALS: usize = 64;
/// How long such a connection may take for its request and its answer.
pub(super) const REFUSAL_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause after the system could not give a connection, for example for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds an address.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As the library does it on its own: a port that was served a moment ago can be served again.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

/// A listener with a number of places.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    refusals: Arc<Semaphore>,
}

/// A connection that was let in; the permit is to be kept until it is closed.
#[derive(Debug)]
pub(super) enum Visitor {
    /// There is a place for it.
    Served(TcpStream, OwnedSemaphorePermit),
    /// There is none, which it is to be told.
    Refused(TcpStream, OwnedSemaphorePermit),
}

impl Door {
    pub(super) fn new(listener: TcpListener, places: usize) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(places)),
            refusals: Arc::new(Semaphore::new(MAX_REFUSALS)),
        }
    }

    /// The next connection. Dropping the future loses none.
    pub(super) async fn next(&self) -> Visitor {
        let reserved = tokio::select! {
            biased;
            place = permit_of(&self.places) => Ok(place),
            refusal = permit_of(&self.refusals) => Err(refusal),
        };
        let stream = self.accept().await;
        match reserved {
            Ok(place) => Visitor::Served(stream, place),
            // A place may have become free since.
            Err(refusal) => match Arc::clone(&self.places).try_acquire_owned() {
                Ok(place) => Visitor::Served(stream, place),
                Err(_) => Visitor::Refused(stream, refusal),
            },
        }
    }

    async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // Without it, answers are late and right: no reason to lose a client.
                    drop(stream.set_nodelay(true));
                    return stream;
                }
                Err(error) if is_of_one_client(&error) => {}
                Err(error) => {
                    tracing::warn!("no connection could be accepted: {error}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// The semaphores are never closed.
async fn permit_of(semaphore: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(semaphore).acquire_owned().await {
        Ok(permit) => permit,
        Err(_) => std::future::pending().await,
    }
}

/// Errors of a client that was gone before it was let in; the next one may come at once.
fn is_of_one_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests;
