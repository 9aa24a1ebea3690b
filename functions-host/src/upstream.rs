//! HTTP/1.1 connections to the handler: a keep-alive pool, and one exchange on one connection.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// What is sent to the handler.
pub(crate) type UpstreamBody = UnsyncBoxBody<Bytes, BoxError>;
/// Any error of a body.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The host reads and relays at most this much at once.
const READ_BUFFER: usize = 65_536;

/// The connections to one handler address.
#[derive(Debug)]
pub(crate) struct Pool {
    address: SocketAddr,
    idle_limit: Duration,
    idle: Mutex<Vec<(Instant, Connection)>>,
    tracker: TaskTracker,
}

/// A connection that is used by one exchange at a time. Dropping it closes it at once.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: http1::SendRequest<UpstreamBody>,
    _driver: AbortOnDropHandle<()>,
}

/// The handler cannot be reached, or broke the connection before it answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpstreamError {
    #[error("cannot connect to the handler: {0}")]
    Connect(#[from] std::io::Error),
    #[error("the handler broke the connection: {0}")]
    Broken(#[from] hyper::Error),
}

impl Pool {
    /// An empty pool for the handler at `address`.
    pub(crate) fn new(address: SocketAddr, idle_limit: Duration, tracker: TaskTracker) -> Self {
        Self {
            address,
            idle_limit,
            idle: Mutex::default(),
            tracker,
        }
    }

    /// Where the connections lead.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connection that was used last and still lives, or a new one.
    pub(crate) async fn connection(&self) -> Result<Connection, UpstreamError> {
        while let Some((since, mut connection)) = self.take_idle() {
            if since.elapsed() < self.idle_limit && connection.sender.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(READ_BUFFER)
            .handshake(TokioIo::new(stream))
            .await?;
        // Errors of the connection come out of the exchange that it carries.
        let driver = self.tracker.spawn(async { drop(driver.await) });
        Ok(Connection {
            sender,
            _driver: AbortOnDropHandle::new(driver),
        })
    }

    /// Takes back a connection whose exchange is over on both sides.
    pub(crate) fn give_back(&self, connection: Connection) {
        if !connection.sender.is_closed() {
            self.idle().push((Instant::now(), connection));
        }
    }

    fn take_idle(&self) -> Option<(Instant, Connection)> {
        self.idle().pop()
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Instant, Connection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// Sends a request in origin form and waits for the head of the answer.
    pub(crate) async fn exchange(
        &mut self,
        request: Request<UpstreamBody>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        Ok(self.sender.send_request(request).await?)
    }
}
