//! Where tokens come from: a managed identity's endpoint, and an Entra authority over HTTPS.
//!
//! The shapes are those that `azure_identity` 1.0 asks for and reads (App Service's endpoint of version 2019-08-01;
//! the v2.0 token endpoint).

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use url::form_urlencoded;

use crate::support::TlsListener;

/// The token that the service gives.
pub(crate) const TOKEN: &str = "token-of-the-identity";
/// How long it lives, in seconds: as long as real ones at least.
const LIFE: u64 = 3600;
/// How long an answer takes, so that others come meanwhile.
const LATENCY: Duration = Duration::from_millis(100);

/// A request for a token.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    /// The fields of the query of a GET, of the form of a POST.
    pub(crate) fields: BTreeMap<String, String>,
}

/// A running service; dropping it stops it.
#[derive(Debug)]
pub(crate) struct TokenService {
    address: SocketAddr,
    state: Arc<Shared>,
    certificate: String,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Debug)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    failing: AtomicBool,
    hanging: AtomicBool,
    life: AtomicU64,
    tokens: Mutex<Tokens>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            failing: AtomicBool::default(),
            hanging: AtomicBool::default(),
            life: AtomicU64::new(LIFE),
            tokens: Mutex::new(Tokens::Always(TOKEN.to_owned())),
        }
    }
}

/// Which token is given.
#[derive(Debug)]
enum Tokens {
    Always(String),
    /// `token-1`, `token-2` and so on.
    Numbered,
}

impl TokenService {
    /// The endpoint of a managed identity.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(Shared::default());
        Self {
            address: listener.local_addr().unwrap(),
            certificate: String::new(),
            _serving: serve(listener, &state),
            state,
        }
    }

    /// An authority, which is never asked over plain HTTP.
    pub(crate) async fn start_https() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Shared::default());
        let (listener, certificate) = TlsListener::around(listener);
        Self {
            address,
            certificate,
            _serving: serve(listener, &state),
            state,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whom to trust, as PEM text.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Whether it answers 500 from now on.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.state.failing.store(failing, Ordering::SeqCst);
    }

    /// Whether it answers nothing from now on.
    pub(crate) fn set_hanging(&self, hanging: bool) {
        self.state.hanging.store(hanging, Ordering::SeqCst);
    }

    /// How many seconds tokens live from now on.
    pub(crate) fn set_life(&self, seconds: u64) {
        self.state.life.store(seconds, Ordering::SeqCst);
    }

    /// Gives `token-1`, `token-2` and so on, another one each time.
    pub(crate) fn number_tokens(&self) {
        *self.state.tokens.lock().unwrap() = Tokens::Numbered;
    }

    /// Gives this token from now on.
    pub(crate) fn give(&self, token: &str) {
        *self.state.tokens.lock().unwrap() = Tokens::Always(token.to_owned());
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }
}

fn serve<L>(listener: L, state: &Arc<Shared>) -> AbortOnDropHandle<()>
where
    L: axum::serve::Listener<Addr = SocketAddr>,
{
    let router = Router::new().fallback(answer).with_state(Arc::clone(state));
    let serving = async { axum::serve(listener, router).await.unwrap() };
    AbortOnDropHandle::new(TaskTracker::new().spawn(serving))
}

async fn answer(
    State(state): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fields = match method {
        Method::GET => uri.query().unwrap_or_default().as_bytes().to_vec(),
        _ => body.to_vec(),
    };
    let number = {
        let mut asked = state.asked.lock().unwrap();
        asked.push(Asked {
            path: uri.path().to_owned(),
            headers,
            fields: form_urlencoded::parse(&fields).into_owned().collect(),
        });
        asked.len()
    };
    if state.hanging.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(LATENCY).await;
    if state.failing.load(Ordering::SeqCst) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "out of order").into_response();
    }
    let life = state.life.load(Ordering::SeqCst);
    let expires_on = SystemTime::UNIX_EPOCH.elapsed().unwrap() + Duration::from_secs(life);
    let access_token = match &*state.tokens.lock().unwrap() {
        Tokens::Always(token) => token.clone(),
        Tokens::Numbered => format!("token-{number}"),
    };
    let token = match method {
        Method::GET => json!({
            "access_token": access_token,
            "expires_on": expires_on.as_secs().to_string(),
            "resource": "https://ai.azure.com",
            "token_type": "Bearer",
        }),
        _ => json!({
            "access_token": access_token,
            "expires_in": life,
            "ext_expires_in": life,
            "token_type": "Bearer",
        }),
    };
    Json(token).into_response()
}
