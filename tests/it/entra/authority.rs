//! An Entra authority over HTTPS with a certificate of its own: it publishes a tenant's keys, and gives tokens.
//!
//! Requests and answers of the token endpoint are those of "Microsoft identity platform and OAuth2.0 On-Behalf-Of flow".

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use url::form_urlencoded;

use super::tokens::TENANT_ID;
use crate::support::TlsListener;

/// A running authority; dropping it stops it.
#[derive(Debug)]
pub(crate) struct Authority {
    address: SocketAddr,
    state: Arc<Shared>,
    certificate: NamedTempFile,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    keys: Mutex<Option<Vec<Value>>>,
    asked: AtomicUsize,
    astray: Mutex<Vec<String>>,
    tokens_asked: Mutex<Vec<BTreeMap<String, String>>>,
    refusal: Mutex<Option<(u16, Value)>>,
    life_seconds: AtomicUsize,
}

/// The token that the authority gives to the gateway itself.
pub(crate) const TOKEN_OF_THE_GATEWAY: &str = "token-of-the-gateway";
/// How long an answer of the token endpoint takes, so that others come meanwhile.
const LATENCY: Duration = Duration::from_millis(100);

impl Authority {
    /// An authority whose tenant publishes these keys.
    pub(crate) async fn publishing(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (listener, pem) = TlsListener::around(listener);
        Self::serve(listener, address, &pem, keys)
    }

    /// The same for somebody before it who has the TLS.
    pub(crate) async fn publishing_in_clear(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self::serve(listener, address, "", keys)
    }

    fn serve<L>(listener: L, address: SocketAddr, pem: &str, keys: Vec<Value>) -> Self
    where
        L: axum::serve::Listener<Addr = SocketAddr>,
    {
        let state = Arc::new(Shared::default());
        let certificate = NamedTempFile::new().unwrap();
        std::fs::write(certificate.path(), pem).unwrap();
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&state));
        let serving = async { axum::serve(listener, router).await.unwrap() };
        let authority = Self {
            address,
            state,
            certificate,
            _serving: AbortOnDropHandle::new(TaskTracker::new().spawn(serving)),
        };
        authority.now_publishes(Some(keys));
        authority.tokens_live_for(3600);
        authority
    }

    /// `None`: the authority is out of order.
    pub(crate) fn now_publishes(&self, keys: Option<Vec<Value>>) {
        *self.state.keys.lock().unwrap() = keys;
    }

    /// How often the keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// The forms that the token endpoint was sent.
    pub(crate) fn tokens_asked(&self) -> Vec<BTreeMap<String, String>> {
        self.state.tokens_asked.lock().unwrap().clone()
    }

    /// What the token endpoint answers from now on instead of a token.
    pub(crate) fn refuses_tokens(&self, refusal: Option<(u16, Value)>) {
        *self.state.refusal.lock().unwrap() = refusal;
    }

    /// How long the tokens from now on live.
    pub(crate) fn tokens_live_for(&self, seconds: usize) {
        self.state.life_seconds.store(seconds, Ordering::SeqCst);
    }

    /// What was asked for beside keys and tokens.
    pub(crate) fn astray(&self) -> Vec<String> {
        self.state.astray.lock().unwrap().clone()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The value of `AZURE_AUTHORITY_HOST`.
    pub(crate) fn host(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The value of `SSL_CERT_FILE`.
    pub(crate) fn certificate_file(&self) -> &str {
        self.certificate.path().to_str().unwrap()
    }
}

async fn answer(State(state): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Response {
    if uri.path() == format!("/{TENANT_ID}/oauth2/v2.0/token") {
        return token(&state, &body).await;
    }
    if uri.path() != format!("/{TENANT_ID}/discovery/v2.0/keys") {
        state.astray.lock().unwrap().push(uri.to_string());
        return StatusCode::NOT_FOUND.into_response();
    }
    state.asked.fetch_add(1, Ordering::SeqCst);
    match &*state.keys.lock().unwrap() {
        Some(keys) => json!({"keys": keys}).to_string().into_response(),
        None => (StatusCode::INTERNAL_SERVER_ERROR, "out of order").into_response(),
    }
}

async fn token(state: &Shared, form: &[u8]) -> Response {
    let fields: BTreeMap<_, _> = form_urlencoded::parse(form).into_owned().collect();
    let token = match fields.get("assertion") {
        Some(assertion) => exchanged(assertion),
        None => TOKEN_OF_THE_GATEWAY.to_owned(),
    };
    state.tokens_asked.lock().unwrap().push(fields);
    tokio::time::sleep(LATENCY).await;
    if let Some((status, error)) = &*state.refusal.lock().unwrap() {
        let status = StatusCode::from_u16(*status).unwrap();
        return (status, error.to_string()).into_response();
    }
    let life = state.life_seconds.load(Ordering::SeqCst);
    let answer = json!({
        "token_type": "Bearer", "expires_in": life, "ext_expires_in": life, "access_token": token,
    });
    ([("content-type", "application/json")], answer.to_string()).into_response()
}

/// The token that the authority gives for a caller's token.
pub(crate) fn exchanged(assertion: &str) -> String {
    let mut hasher = DefaultHasher::new();
    assertion.hash(&mut hasher);
    format!("exchanged-{:016x}", hasher.finish())
}
