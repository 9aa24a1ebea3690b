//! An upstream that answers with what a test wrote down, and keeps what it was sent.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::{ConnectInfo, State, connect_info::Connected},
    response::{IntoResponse, Response},
    serve::{IncomingStream, Listener},
};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};

use super::TlsListener;

/// One request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    /// Path and query below the project.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
    /// The body as it came.
    pub(crate) bytes: Bytes,
    /// The other end of the connection it came over.
    pub(crate) peer: SocketAddr,
}

/// The upstream; dropping it stops it.
#[derive(Debug)]
pub(crate) struct ScriptedUpstream {
    origin: String,
    script: Script,
    serving: JoinHandle<()>,
}

#[derive(Debug, Clone, Default)]
struct Script {
    received: Arc<Mutex<Vec<Received>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

/// Status, content type and body.
type Answer = (StatusCode, &'static str, String);

const PROJECT: &str = "/api/projects/scripted";

impl ScriptedUpstream {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::serve(listener, format!("http://{address}"))
    }

    /// Over HTTPS; also gives the certificate to trust, as PEM text.
    pub(crate) async fn start_https() -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (listener, certificate) = TlsListener::around(listener);
        (
            Self::serve(listener, format!("https://{address}")),
            certificate,
        )
    }

    fn serve<L>(listener: L, origin: String) -> Self
    where
        L: Listener<Addr = SocketAddr>,
        for<'a> Peer: Connected<IncomingStream<'a, L>>,
    {
        let script = Script::default();
        let router = Router::new().fallback(answer).with_state(script.clone());
        #[expect(
            clippy::disallowed_methods,
            reason = "the server's own task, aborted on drop"
        )]
        let serving = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<Peer>();
            axum::serve(listener, service).await.unwrap();
        });
        Self {
            origin,
            script,
            serving,
        }
    }

    pub(crate) fn project_endpoint(&self) -> String {
        format!("{}{PROJECT}", self.origin())
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The answer to the next request that has none yet.
    pub(crate) fn then_stream(&self, events: &str) {
        self.then(StatusCode::OK, "text/event-stream; charset=utf-8", events);
    }

    pub(crate) fn then_json(&self, status: u16, json: Value) {
        self.then(
            StatusCode::from_u16(status).unwrap(),
            "application/json",
            &json.to_string(),
        );
    }

    fn then(&self, status: StatusCode, content_type: &'static str, body: &str) {
        self.script
            .answers
            .lock()
            .unwrap()
            .push_back((status, content_type, body.to_owned()));
    }

    /// What has arrived so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.script.received.lock().unwrap().clone()
    }
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
struct Peer(SocketAddr);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, TlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TlsListener>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Drop for ScriptedUpstream {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    State(script): State<Script>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().unwrap().as_str();
    script.received.lock().unwrap().push(Received {
        method,
        path: path.strip_prefix(PROJECT).unwrap_or(path).to_owned(),
        headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
        bytes: body,
        peer,
    });
    match script.answers.lock().unwrap().pop_front() {
        Some((status, content_type, body)) => {
            (status, [("content-type", content_type)], body).into_response()
        }
        None => (StatusCode::OK, [("content-type", "application/json")], "{}").into_response(),
    }
}
