//! The stand-in's own HTTP server.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::{
    dispatch::{self, Client},
    host::Shared,
    supervisor::Phase,
};

/// Accepts until `shutdown`, or until the host stops by itself. Then every connection is reset.
pub(crate) async fn serve(listener: TcpListener, host: Arc<Shared>, shutdown: CancellationToken) {
    let mut status = host.status.clone();
    let stopped = status.wait_for(|status| matches!(status.phase, Phase::Stopped(_)));
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A client that is gone before it was accepted is no reason to stop.
                if let Ok((stream, address)) = accepted {
                    let client = Client { address, abort: shutdown.child_token() };
                    host.tracker.spawn(serve_client(stream, client, Arc::clone(&host)));
                }
            }
            _ = &mut stopped => break,
            () = shutdown.cancelled() => break,
        }
    }
    shutdown.cancel();
}

async fn serve_client(stream: TcpStream, client: Client, host: Arc<Shared>) {
    // Without it the connection works all the same, only slower.
    drop(stream.set_nodelay(true));
    let abort = client.abort.clone();
    let service = service_fn(move |request| {
        let answer = dispatch::dispatch(Arc::clone(&host), client.clone(), request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let is_aborted = tokio::select! {
        end = &mut connection => end.is_err(),
        () = abort.cancelled() => true,
    };
    let stream = connection.into_parts().io.into_inner();
    if is_aborted {
        // A reset, so that a client cannot take a cut response for a complete one.
        drop(stream.set_zero_linger());
    }
}

/// A listener on 127.0.0.1, where `port` 0 takes a free one, and its address.
pub(crate) async fn bind(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// An address on 127.0.0.1 where the handler can listen, where `port` 0 takes a free one.
///
/// The socket that finds it never listens and may be shared: a process that is started at this moment inherits it
/// for an instant, in which the readiness probe must not reach it and the handler must still be able to bind.
pub(crate) fn free_address(port: u16) -> std::io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.local_addr()
}
