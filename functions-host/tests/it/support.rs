//! An app on disk, a plain HTTP client, and bounded waiting.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::Duration,
};

use functions_host::{Host, HostOptions, ParentEnvironment};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpStream};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// The longest that a test waits for something that must come.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// How long a test looks for something that must not come.
pub(crate) const A_MOMENT: Duration = Duration::from_millis(150);

/// The readiness budget is generous because the time scale divides it too.
const HOST_JSON: &str = r#"{
    "version": "2.0",
    "functionTimeout": "00:10:00",
    "extensions": {"http": {"routePrefix": ""}},
    "customHandler": {
        "description": {"defaultExecutablePath": "handler", "arguments": ["--verbose", "two words"]},
        "enableProxyingHttpRequest": true,
        "initializationTimeout": "02:00:00"
    }
}"#;

/// A function app in a temporary folder.
pub(crate) struct App(TempDir);

impl App {
    /// An app with the proxied function `openai` on `v1/{*path}`.
    pub(crate) fn new() -> Self {
        let app = Self(TempDir::new().unwrap());
        fs::write(app.path().join("host.json"), HOST_JSON).unwrap();
        // A link and not a copy: a process that another test starts at this moment would inherit the file that is
        // being written, and the kernel refuses to run it until that process has started.
        symlink(handler_program(), app.path().join("handler")).unwrap();
        app.http_function(
            "openai",
            r#""authLevel": "anonymous", "route": "v1/{*path}""#,
        )
    }

    /// Adds a function with an HTTP trigger of these properties and an `http` output.
    pub(crate) fn http_function(self, name: &str, trigger: &str) -> Self {
        let bindings = format!(
            r#"{{"bindings": [
                {{"type": "httpTrigger", "direction": "in", "name": "req", {trigger}}},
                {{"type": "http", "direction": "out", "name": "res"}}]}}"#
        );
        self.function(name, &bindings)
    }

    /// Adds a function by its function.json.
    pub(crate) fn function(self, name: &str, json: &str) -> Self {
        let folder = self.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("function.json"), json).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Options in which nothing of the machine reaches the handler.
    pub(crate) fn options(&self) -> HostOptions {
        let mut options = HostOptions::new(self.path());
        options.parent_environment = ParentEnvironment::Exactly(Vec::new());
        options
    }

    pub(crate) async fn start(&self) -> Host {
        Host::start(self.options()).await.unwrap()
    }
}

/// Cargo builds examples with the tests, but tells their folder to nobody.
fn handler_program() -> PathBuf {
    let programs = Path::new(env!("CARGO_BIN_EXE_functions-host")).parent();
    let handler = programs.unwrap().join("examples").join("handler");
    assert!(
        handler.is_file(),
        "build the test handler: cargo build -p functions-host --example handler"
    );
    handler
}

/// A connection of a client, which closes when it is dropped.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    _driver: AbortOnDropHandle<()>,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, driver) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        let driver = TaskTracker::new().spawn(async { drop(driver.await) });
        Self {
            sender,
            _driver: AbortOnDropHandle::new(driver),
        }
    }

    pub(crate) async fn send(&mut self, request: Request<String>) -> Response<Incoming> {
        let mut request = request.map(|body| Full::new(Bytes::from(body)));
        if !request.headers().contains_key("host") {
            let host = http::HeaderValue::from_static("gateway.example");
            request.headers_mut().insert("host", host);
        }
        let answer = tokio::time::timeout(SOON, self.sender.send_request(request));
        answer.await.expect("an answer in time").unwrap()
    }
}

/// Sends one request on a connection of its own and reads the whole answer.
pub(crate) async fn send(address: SocketAddr, request: Request<String>) -> Response<Bytes> {
    let mut connection = Connection::open(address).await;
    let (head, body) = connection.send(request).await.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Response<Bytes> {
    send(address, Request::get(path).body(String::new()).unwrap()).await
}

pub(crate) async fn post(address: SocketAddr, path: &str, body: &str) -> Response<Bytes> {
    send(address, Request::post(path).body(body.to_owned()).unwrap()).await
}

pub(crate) fn text(response: &Response<Bytes>) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

pub(crate) fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// Asserts an answer of the host itself: a status, and nothing else to say.
#[track_caller]
pub(crate) fn assert_empty(response: &Response<Bytes>, status: StatusCode) {
    assert_eq!((response.status(), text(response)), (status, ""));
}

/// Polls `condition` until it holds; panics if it does not do so soon.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let in_time = tokio::time::timeout(SOON, holds).await;
    in_time.unwrap_or_else(|_| panic!("waited in vain: {what}"));
}

/// Waits until the handler sends the stream `name`, asking it without the host between.
pub(crate) async fn stream_is_open(host: &Host, name: &str) {
    eventually("the stream is open", async || is_open(host, name).await).await;
}

/// Waits until the handler sends the stream `name` no more.
pub(crate) async fn stream_is_gone(host: &Host, name: &str) {
    eventually("the stream is gone", async || !is_open(host, name).await).await;
}

pub(crate) async fn is_open(host: &Host, name: &str) -> bool {
    let streams = get(host.handler_address(), "/v1/streams").await;
    json(&streams)
        .as_array()
        .unwrap()
        .iter()
        .any(|open| open == name)
}

/// Reads from a raw connection until its text so far ends with `end`.
pub(crate) async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !read.ends_with(end.as_bytes()) {
            let byte = stream.read_u8().await.unwrap();
            read.push(byte);
        }
    };
    let in_time = tokio::time::timeout(SOON, reading).await.is_ok();
    let read = String::from_utf8(read).unwrap();
    assert!(in_time, "waited in vain for {end:?} after {read:?}");
    read
}

/// Reads from a raw connection to its end, which must be a reset.
pub(crate) async fn read_until_reset(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    let end = tokio::time::timeout(SOON, stream.read_to_end(&mut read)).await;
    let error = end.expect("an end in time").expect_err("a reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    String::from_utf8(read).unwrap()
}
