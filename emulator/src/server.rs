//! The listener: accepts connections on 127.0.0.1 and serves HTTP/1.1 on each, in clear or over TLS.

pub(crate) mod connection;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::behaviour::Fault;
use crate::server::connection::{CloseMode, Connection};
use crate::service::{self, Shared};

/// How long a client may take to send its request's headers. hyper counts the idle time of a connection in, so that
/// this is longer than clients keep one in their pools: a request must not meet the closing of its connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(120);

/// How connections are secured.
#[derive(Clone, Debug)]
pub(crate) enum Security {
    /// Plain HTTP.
    Clear,
    /// HTTPS.
    #[cfg(feature = "tls")]
    Tls(tls::Acceptor),
}

/// Accepts connections until `stop` is cancelled; then they are all dropped.
pub(crate) async fn run(
    listener: TcpListener,
    security: Security,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = serve(stream, security.clone(), Arc::clone(&shared));
                let stop = stop.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = connection => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
            // Out of file descriptors, say: connections that end make room.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, security: Security, shared: Arc<Shared>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let close_mode = CloseMode::default();
    let connection = Connection::new(stream, close_mode.clone());
    if let Some(fault) = shared.behaviour.take_accept_fault() {
        match fault {
            Fault::Reset => close_mode.reset(),
            Fault::Stall => std::future::pending().await,
            _ => {}
        }
        return;
    }
    match security {
        Security::Clear => serve_http(connection, shared, close_mode).await,
        #[cfg(feature = "tls")]
        Security::Tls(acceptor) => match acceptor.accept(connection).await {
            Ok(connection) => serve_http(connection, shared, close_mode).await,
            Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
        },
    }
}

async fn serve_http(
    connection: impl AsyncRead + AsyncWrite + Unpin + Send,
    shared: Arc<Shared>,
    close_mode: CloseMode,
) {
    let answer = service_fn(move |request| {
        service::answer(Arc::clone(&shared), close_mode.clone(), request)
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(connection), answer)
        .await;
    if let Err(error) = served {
        // Clients that leave and faults that are committed both end up here.
        tracing::debug!(%error, "a connection ended early");
    }
}
