//! Accepts connections and serves them until told to stop.

pub(crate) mod client_stream;
mod door;

use std::{io, net::SocketAddr};

use axum::Router;
use futures_util::FutureExt;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use self::{
    client_stream::ClientStream,
    door::{Door, REFUSAL_TIMEOUT, Visitor},
};
use crate::{app::AppState, config::limits::LimitsConfig, router};

/// Most header fields of a request.
const MAX_HEADERS: usize = 100;
/// Most bytes of a request's head, and least bytes of an answer that wait for a slow client before the gateway stops
/// to read more of it from the agent.
const MAX_HEAD_BYTES: usize = 128 << 10;

/// Binds the configured address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    door::bind(address)
}

/// Serves until `stop` resolves; then waits for open answers, as long as the configuration allows.
///
/// The Functions host never lets it come to that: it kills the process. This is for local runs and containers.
pub async fn serve(listener: TcpListener, app: AppState, stop: impl Future<Output = ()>) {
    let limits = app.config.limits.clone();
    let (router, refusing) = (router::build(app.clone()), router::refusing(app.clone()));
    let graceful = GracefulShutdown::new();
    let door = Door::new(listener, limits.connections);
    let mut stop = std::pin::pin!(stop);
    loop {
        let visitor = tokio::select! {
            () = &mut stop => break,
            visitor = door.next() => visitor,
        };
        match visitor {
            Visitor::Served(stream, permit) => {
                let connection = connection(&limits, stream, router.clone());
                // Not awaited in a block, which would hold it a second time for as long as it is open.
                let connection = graceful.watch(connection).map(|ended| {
                    tell_end(ended);
                    drop(permit);
                });
                app.tasks.spawn(client_stream::serving(connection));
            }
            Visitor::Refused(stream, permit) => {
                let connection = graceful.watch(refusal(&limits, stream, refusing.clone()));
                app.tasks.spawn(async move {
                    // In time or not: it was told what there is to tell.
                    if let Ok(ended) = tokio::time::timeout(REFUSAL_TIMEOUT, connection).await {
                        tell_end(ended);
                    }
                    drop(permit);
                });
            }
        }
    }
    drop(door);
    let grace = limits.shutdown;
    let drained = async {
        graceful.shutdown().await;
        app.tasks.close();
        app.tasks.wait().await;
    };
    if tokio::time::timeout(grace, drained).await.is_err() {
        tracing::warn!(
            grace_ms = grace.as_millis(),
            "stopped with answers still open"
        );
    }
}

fn tell_end(ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!("a connection ended early: {error}");
    }
}

/// Resolves at SIGTERM or SIGINT.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// HTTP/1 over `stream`, with every bound on what its client may send and how long it may take.
fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    limits: &LimitsConfig,
    stream: S,
    router: Router,
) -> http1::Connection<TokioIo<ClientStream<S>>, TowerToHyperService<Router>> {
    let stream = ClientStream::new(stream, limits.response_write);
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.request_headers)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

/// The same for one request, which is refused.
fn refusal<S: AsyncRead + AsyncWrite + Unpin>(
    limits: &LimitsConfig,
    stream: S,
    router: Router,
) -> http1::Connection<TokioIo<ClientStream<S>>, TowerToHyperService<Router>> {
    let stream = ClientStream::new(stream, limits.response_write);
    http1::Builder::new()
        .keep_alive(false)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

#[cfg(test)]
mod tests;
