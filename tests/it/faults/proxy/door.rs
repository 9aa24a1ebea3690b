//! The proxy's port: open, refusing, or with a queue that is full.

use std::{net::SocketAddr, time::Duration};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::task::AbortOnDropHandle;

#[derive(Debug)]
pub(super) enum Door {
    /// Connections are accepted by this task.
    Open(AbortOnDropHandle<()>),
    /// The port is taken and nobody listens.
    Refusing(TcpSocket),
    /// Somebody listens and accepts nothing, and these fill the queue.
    Full(TcpListener, Vec<TcpStream>),
    /// On the way from one to another.
    Ajar,
}

/// How long a connection to this machine may take, before it counts as one that never comes about.
const AT_ONCE: Duration = Duration::from_millis(150);

impl Door {
    pub(super) async fn refuse(&mut self, address: SocketAddr) {
        *self = Self::Refusing(self.bound_again(address).await);
    }

    pub(super) async fn fill_up(&mut self, address: SocketAddr) {
        let listener = self.bound_again(address).await.listen(1).unwrap();
        let mut queued = Vec::new();
        while let Ok(stream) = tokio::time::timeout(AT_ONCE, TcpStream::connect(address)).await {
            queued.push(stream.unwrap());
        }
        *self = Self::Full(listener, queued);
    }

    /// The listener of a door that was closed.
    pub(super) async fn open_again(&mut self) -> Option<TcpListener> {
        match std::mem::replace(self, Self::Ajar) {
            Self::Refusing(socket) => Some(socket.listen(1024).unwrap()),
            Self::Full(listener, queued) => {
                for _ in &queued {
                    drop(listener.accept().await.unwrap());
                }
                Some(listener)
            }
            open => {
                *self = open;
                None
            }
        }
    }

    /// The port, and nobody who listens.
    async fn bound_again(&mut self, address: SocketAddr) -> TcpSocket {
        if let Self::Open(accepting) = std::mem::replace(self, Self::Ajar) {
            accepting.abort();
            // The listener is closed when the task is gone.
            drop(accepting.await);
        }
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        socket
    }
}
