//! One request of a client: which function, whether it may, and how it is handed over.

use std::{net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;
use tokio::time::timeout;
use tokio_util::{
    sync::CancellationToken,
    task::{AbortOnDropHandle, TaskTracker},
};

use crate::{
    HostError,
    config::{AuthLevel, HttpFunction, HttpMode},
    envelope, forward,
    host::Shared,
    identifiers,
    logs::LogLevel,
    proxy,
    routing::{self, Destination, RouteParameters},
    supervisor::{Command, Phase},
    upstream::BoxError,
};

/// What the stand-in answers with.
pub(crate) type HostBody = UnsyncBoxBody<Bytes, BoxError>;

const HOME_PAGE: &str = "<!DOCTYPE html><html><head><title>Functions host stand-in</title></head>\
    <body>The function app is up and running.</body></html>";

/// The other end of one client connection.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    /// Resets the connection.
    pub(crate) abort: CancellationToken,
}

/// One run of a function.
#[derive(Debug)]
pub(crate) struct Invocation {
    /// A GUID.
    pub(crate) id: String,
    /// Cancelled when `functionTimeout` is over, after which the handler is killed.
    pub(crate) timed_out: CancellationToken,
    _timer: AbortOnDropHandle<()>,
}

impl Invocation {
    /// Starts the `functionTimeout`, which ends with the returned value.
    pub(crate) fn start(host: &Shared, tracker: &TaskTracker) -> Self {
        let timed_out = CancellationToken::new();
        let limit = host.times.function;
        let expired = timed_out.clone();
        let (logs, status) = (Arc::clone(&host.logs), host.status.clone());
        let commands = host.commands.clone();
        let timer = tracker.spawn(async move {
            let Some(limit) = limit else { return };
            tokio::time::sleep(limit).await;
            logs.host(LogLevel::Error, "Timeout value of the function exceeded.");
            expired.cancel();
            let pid = status.borrow().pid;
            if let Some(pid) = pid {
                // A supervisor that is gone has killed the handler already.
                drop(commands.send(Command::Recycle { pid }));
            }
        });
        Self {
            id: identifiers::guid(),
            timed_out,
            _timer: AbortOnDropHandle::new(timer),
        }
    }
}

/// Answers one request.
pub(crate) async fn dispatch(
    host: Arc<Shared>,
    client: Client,
    request: Request<Incoming>,
) -> Response<HostBody> {
    let (function, parameters) = match routing::destination(
        &host.config.functions,
        request.method(),
        request.uri().path(),
    ) {
        Destination::Function(function, parameters) => (function, parameters),
        Destination::HomePage if host.config.home_page_disabled => {
            return empty(StatusCode::NO_CONTENT);
        }
        Destination::HomePage => return home_page(),
        Destination::NotFound => return empty(StatusCode::NOT_FOUND),
    };
    if function.auth_level == AuthLevel::Key && !has_key(&request, &host.function_key) {
        return empty(StatusCode::UNAUTHORIZED);
    }
    if content_length(request.headers()).is_some_and(|length| length > host.config.body_limit) {
        return empty(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let invocation = Arc::new(Invocation::start(&host, &host.tracker));
    let timed_out = invocation.timed_out.clone();
    let run = async {
        match held_until_ready(&host).await {
            Ok(()) => run(&host, &client, function, parameters, invocation, request).await,
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    };
    tokio::select! {
        response = run => response,
        () = timed_out.cancelled() => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

async fn run(
    host: &Arc<Shared>,
    client: &Client,
    function: &HttpFunction,
    parameters: RouteParameters,
    invocation: Arc<Invocation>,
    request: Request<Incoming>,
) -> Response<HostBody> {
    match &function.mode {
        HttpMode::Proxied => proxy::proxy(host, client, invocation, request).await,
        HttpMode::Forwarded => forward::forward(host, invocation, request).await,
        HttpMode::Envelope {
            request: input,
            response: output,
        } => {
            let http = envelope::HttpBindings {
                function: &function.name,
                input,
                output: output.as_deref(),
                parameters,
            };
            envelope::invoke_http(host, http, &invocation.id, request).await
        }
    }
}

/// Waits for a handler that is not ready; if it never is, the host stops, as the real one does.
pub(crate) async fn held_until_ready(host: &Shared) -> Result<(), HostError> {
    const NEVER_READY: &str = "Initialization timed out and host is shutting down";
    let mut status = host.status.clone();
    let settled = status.wait_for(|status| status.phase != Phase::Starting);
    let reason = match timeout(host.times.hold, settled).await {
        Ok(Ok(status)) => match &status.phase {
            Phase::Stopped(reason) => reason.clone(),
            Phase::Ready | Phase::Starting => return Ok(()),
        },
        Ok(Err(_)) => "the host was dropped".to_owned(),
        Err(_) => {
            host.logs.host(LogLevel::Error, NEVER_READY);
            let reason = NEVER_READY.to_owned();
            drop(host.commands.send(Command::Stop {
                reason: reason.clone(),
            }));
            reason
        }
    };
    Err(HostError::Stopped { reason })
}

/// The length that the client declares.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// An answer of the host itself; all of them have an empty body.
pub(crate) fn empty(status: StatusCode) -> Response<HostBody> {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A body that is known as a whole.
pub(crate) fn whole(body: impl Into<Bytes>) -> HostBody {
    Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

fn home_page() -> Response<HostBody> {
    let mut response = Response::new(whole(HOME_PAGE));
    let html = http::HeaderValue::from_static("text/html");
    response.headers_mut().insert(header::CONTENT_TYPE, html);
    response
}

/// A key travels in the header `x-functions-key` or the query parameter `code`, never as a bearer token.
fn has_key(request: &Request<Incoming>, key: &str) -> bool {
    let in_header = request
        .headers()
        .get("x-functions-key")
        .is_some_and(|value| value.as_bytes() == key.as_bytes());
    let query = request.uri().query().unwrap_or_default();
    in_header
        || query
            .split('&')
            .filter_map(|pair| pair.strip_prefix("code="))
            .any(|code| code == key)
}
