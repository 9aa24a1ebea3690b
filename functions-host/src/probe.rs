//! The host's own `GET /` at the handler: the readiness poll, and the ping for as long as the process lives.

use std::{convert::Infallible, future::pending, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode, header::HOST};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};

use crate::times::Times;

/// `WorkerReadyCheckPollingIntervalMilliseconds` of the host.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The handler was not ready in time.
#[derive(Debug)]
pub(crate) struct NotReady;

/// What an answer to the first probe was: any status is ready, and so is a broken answer.
pub(crate) type FirstAnswer = Option<StatusCode>;

/// Polls until the handler at `address` answers anything.
pub(crate) async fn until_ready(
    address: SocketAddr,
    times: &Times,
) -> Result<FirstAnswer, NotReady> {
    let deadline = Instant::now() + times.initialization;
    loop {
        // The budget is looked at only between probes, as in the host: who accepts and never answers stalls the
        // start until the host's HTTP client gives up.
        match within(times.client, get_root(address)).await {
            Some(Probe::Answered(answer)) => return Ok(answer),
            Some(Probe::NotListening) if Instant::now() < deadline => {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Some(Probe::NotListening) | None => return Err(NotReady),
        }
    }
}

/// Pings for ever. What the answer is does not matter to the host.
pub(crate) async fn keep_pinging(address: SocketAddr, times: &Times) -> Infallible {
    loop {
        tokio::time::sleep(times.ping_interval).await;
        within(times.client, get_root(address)).await;
    }
}

enum Probe {
    NotListening,
    Answered(FirstAnswer),
}

async fn get_root(address: SocketAddr) -> Probe {
    let Ok(stream) = TcpStream::connect(address).await else {
        return Probe::NotListening;
    };
    let answer = async {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::get("/")
            .header(HOST, address.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|_| NoAnswer)?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            response.into_body().collect().await?;
            Ok::<_, NoAnswer>(status)
        };
        tokio::select! {
            status = exchange => status,
            // The exchange sees the end of the connection too, and says more about it.
            () = async { drop(connection.await); pending().await } => Err(NoAnswer),
        }
    };
    Probe::Answered(answer.await.ok())
}

struct NoAnswer;

impl From<hyper::Error> for NoAnswer {
    fn from(_: hyper::Error) -> Self {
        Self
    }
}

async fn within<T>(limit: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}
