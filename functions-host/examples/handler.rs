//! A custom handler that does on request what a real one does by accident: the counterpart of the stand-in's tests.
//!
//! `GET /` answers 200. Everything else is listed in [`routes`]. Some variables change how it starts:
//! `HANDLER_WAITS_FOR` names a file before whose existence it does not listen, `HANDLER_EXITS_WITH` a code with which
//! it ends at once; with `HANDLER_STALLS` it accepts connections and never answers. `HANDLER_TIMER_STATUS`, `HANDLER_TIMER_TYPE` and `HANDLER_TIMER_BODY` choose the answer to a timer.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a wrong test should fail loudly, and nothing else runs this program"
)]

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue, StatusCode},
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use futures_util::stream;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::task::TaskTracker;

#[derive(Default)]
struct Handler {
    environment: BTreeMap<String, String>,
    streams: Mutex<HashMap<String, ControlledStream>>,
    root_requests: AtomicU32,
    to_break: AtomicU32,
    fragile_requests: AtomicU32,
    timer_request: Mutex<Value>,
}

/// A response whose chunks are sent by other requests.
struct ControlledStream {
    chunks: mpsc::UnboundedSender<Chunk>,
    waiting: Option<mpsc::UnboundedReceiver<Chunk>>,
}

enum Chunk {
    Data(Bytes),
    Break,
    End,
}

/// Marks an answer in whose place the connection is closed.
#[derive(Clone)]
struct NoAnswer;

fn routes(handler: Arc<Handler>) -> Router {
    Router::new()
        .route("/", get(root))
        .route("/v1/root-requests", get(root_requests))
        .route("/v1/echo", any(echo))
        .route("/v1/models/{*id}", any(echo))
        .route("/v1/process", get(process))
        .route("/v1/print/{stream}", post(print))
        .route("/v1/exit/{code}", post(exit))
        .route("/v1/silence", any(std::future::pending::<()>))
        .route("/v1/odd-headers", get(odd_headers))
        .route("/v1/break/{requests}", post(break_next))
        .route("/v1/fragile", any(fragile))
        .route("/v1/streams", get(open_streams))
        .route("/v1/streams/{name}", get(open).post(push).delete(end))
        .route("/v1/streams/{name}/break", post(break_off))
        .route("/sweep", post(sweep))
        .route("/v1/timer-request", get(timer_request))
        .route("/envelope", post(envelope))
        .with_state(handler)
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    if let Some(code) = environment.get("HANDLER_EXITS_WITH") {
        leave(code);
    }
    if let Some(file) = environment.get("HANDLER_WAITS_FOR") {
        while !std::path::Path::new(file).exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    let port: u16 = environment["FUNCTIONS_CUSTOMHANDLER_PORT"]
        .parse()
        .expect("a port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    if environment.contains_key("HANDLER_STALLS") {
        std::future::pending::<()>().await;
    }
    let service = TowerToHyperService::new(routes(Arc::new(Handler {
        environment,
        ..Handler::default()
    })));
    let tracker = TaskTracker::new();
    loop {
        let (stream, _) = listener.accept().await?;
        let service = service.clone();
        let answer_or_break = service_fn(move |request| {
            let answer = hyper::service::Service::call(&service, request);
            async move {
                let response = answer.await.expect("the router is infallible");
                match response.extensions().get::<NoAnswer>() {
                    Some(NoAnswer) => Err("as asked"),
                    None => Ok(response),
                }
            }
        });
        let connection =
            http1::Builder::new().serve_connection(TokioIo::new(stream), answer_or_break);
        tracker.spawn(async { drop(connection.await) });
    }
}

async fn root(State(handler): State<Arc<Handler>>) -> &'static str {
    handler.root_requests.fetch_add(1, Ordering::Relaxed);
    "ready"
}

async fn root_requests(State(handler): State<Arc<Handler>>) -> String {
    handler.root_requests.load(Ordering::Relaxed).to_string()
}

/// Tells what arrived.
async fn echo(request: Request) -> Json<Value> {
    Json(described(request).await)
}

async fn described(request: Request) -> Value {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX)
        .await
        .unwrap_or_default();
    let mut headers: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(name.as_str()).or_default().push(value);
    }
    json!({
        "method": head.method.as_str(),
        "target": head.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    })
}

async fn process(State(handler): State<Arc<Handler>>) -> Json<Value> {
    Json(json!({
        "environment": handler.environment,
        "arguments": std::env::args().collect::<Vec<_>>(),
        "working_directory": std::env::current_dir().unwrap_or_default(),
    }))
}

async fn print(Path(stream): Path<String>, text: String) {
    let line = format!("{text}\n");
    let written = match stream.as_str() {
        "stdout" => std::io::stdout().write_all(line.as_bytes()),
        _ => std::io::stderr().write_all(line.as_bytes()),
    };
    written.expect("the host reads both streams");
}

async fn exit(Path(code): Path<String>) {
    leave(&code);
}

#[expect(
    clippy::exit,
    clippy::disallowed_methods,
    reason = "the end of the process is what the test asks for"
)]
fn leave(code: &str) -> ! {
    std::process::exit(code.parse().expect("an exit code"))
}

/// Headers of one connection, which a proxy must not pass on, and one that it must.
async fn odd_headers() -> Response {
    let mut response = "odd".into_response();
    let headers = [
        ("keep-alive", "timeout=5"),
        ("proxy-authenticate", "Basic"),
        ("strict-transport-security", "max-age=1"),
        ("alt-svc", "h3"),
        ("x-kept", "yes"),
    ];
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    response
}

/// The next so many fragile requests get no answer.
async fn break_next(State(handler): State<Arc<Handler>>, Path(requests): Path<u32>) {
    handler.to_break.store(requests, Ordering::Relaxed);
    handler.fragile_requests.store(0, Ordering::Relaxed);
}

/// Reads the body, then closes the connection or says how often it was asked.
async fn fragile(State(handler): State<Arc<Handler>>, _body: Bytes) -> Response {
    let requests = handler.fragile_requests.fetch_add(1, Ordering::Relaxed) + 1;
    if requests <= handler.to_break.load(Ordering::Relaxed) {
        let mut response = Response::default();
        response.extensions_mut().insert(NoAnswer);
        return response;
    }
    requests.to_string().into_response()
}

impl Handler {
    fn with_stream<T>(&self, name: &str, use_it: impl FnOnce(&mut ControlledStream) -> T) -> T {
        let mut streams = self.streams.lock().expect("no test panics here");
        use_it(streams.entry(name.to_owned()).or_insert_with(|| {
            let (chunks, waiting) = mpsc::unbounded_channel();
            ControlledStream {
                chunks,
                waiting: Some(waiting),
            }
        }))
    }

    fn send(&self, name: &str, chunk: Chunk) -> StatusCode {
        match self.with_stream(name, |stream| stream.chunks.send(chunk)) {
            Ok(()) => StatusCode::OK,
            Err(_) => StatusCode::GONE,
        }
    }
}

/// Sends the head at once, and then what the other requests push.
async fn open(State(handler): State<Arc<Handler>>, Path(name): Path<String>) -> Response {
    let Some(waiting) = handler.with_stream(&name, |stream| stream.waiting.take()) else {
        return StatusCode::CONFLICT.into_response();
    };
    let chunks = stream::unfold(waiting, |mut waiting| async {
        let chunk = match waiting.recv().await? {
            Chunk::Data(data) => Ok(data),
            Chunk::Break => Err("as asked"),
            Chunk::End => return None,
        };
        Some((chunk, waiting))
    });
    let headers = [("content-type", "text/event-stream"), ("x-stream", "open")];
    (headers, Body::from_stream(chunks)).into_response()
}

async fn push(
    State(handler): State<Arc<Handler>>,
    Path(name): Path<String>,
    data: Bytes,
) -> StatusCode {
    handler.send(&name, Chunk::Data(data))
}

async fn break_off(State(handler): State<Arc<Handler>>, Path(name): Path<String>) -> StatusCode {
    handler.send(&name, Chunk::Break)
}

async fn end(State(handler): State<Arc<Handler>>, Path(name): Path<String>) -> StatusCode {
    handler.send(&name, Chunk::End)
}

/// The names of the streams that are being sent.
async fn open_streams(State(handler): State<Arc<Handler>>) -> Json<Vec<String>> {
    let streams = handler.streams.lock().expect("no test panics here");
    let open = streams
        .iter()
        .filter(|(_, stream)| stream.waiting.is_none() && !stream.chunks.is_closed());
    Json(open.map(|(name, _)| name.clone()).collect())
}

/// A timer function.
async fn sweep(State(handler): State<Arc<Handler>>, request: Request) -> Response {
    *handler.timer_request.lock().expect("no test panics here") = described(request).await;
    let chosen = |name: &str, default: &str| {
        let value = handler.environment.get(name);
        value.cloned().unwrap_or_else(|| default.to_owned())
    };
    Response::builder()
        .status(chosen("HANDLER_TIMER_STATUS", "200").as_str())
        .header(
            "content-type",
            chosen("HANDLER_TIMER_TYPE", "application/json"),
        )
        .body(Body::from(chosen("HANDLER_TIMER_BODY", "{}")))
        .expect("the test chooses a valid answer")
}

async fn timer_request(State(handler): State<Arc<Handler>>) -> Json<Value> {
    Json(
        handler
            .timer_request
            .lock()
            .expect("no test panics here")
            .clone(),
    )
}

/// An HTTP function called by envelope: answers with what the envelope holds.
async fn envelope(Json(envelope): Json<Value>) -> Json<Value> {
    let answer = json!({
        "statusCode": 201,
        "headers": {"x-by": "envelope"},
        "body": envelope["Data"]["req"],
    });
    Json(json!({"Outputs": {"res": answer}, "Logs": ["noted"]}))
}
