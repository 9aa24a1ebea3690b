//! The tenant's keys: fetched when first needed, refreshed in the background, and served while the tenant is silent.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use jsonwebtoken::DecodingKey;
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::key_set::{self, KeySet};
use crate::{
    config::callers::entra::EntraConfig,
    foundry::{client::full_text, http_client},
};

/// Age from which keys are fetched anew in the background.
const FRESH_FOR: Duration = Duration::from_hours(1);
/// Age from which keys count no more: one that the tenant has withdrawn must stop working some day, even while the
/// tenant cannot be asked.
const TRUSTED_FOR: Duration = Duration::from_hours(24);
/// Least time between two fetches while there are keys: tokens with made-up keys must not become load on the tenant.
const PAUSE: Duration = Duration::from_mins(1);
/// The same while there are none, and nobody gets in.
const PAUSE_WITHOUT_KEYS: Duration = Duration::from_secs(5);
/// Bounds a fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// Size of a key set; that of a tenant has about 15 KiB.
const MAX_BYTES: usize = 256 << 10;

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoKey {
    /// The tenant has no key of that name.
    Unknown,
    /// The tenant does not answer, so that nobody can tell.
    Unavailable,
}

/// Where key sets come from.
#[async_trait]
pub(super) trait KeyEndpoint: Send + Sync + fmt::Debug {
    /// The key set as JSON, or what went wrong.
    async fn fetch(&self) -> Result<Vec<u8>, String>;
}

/// The tenant's endpoint.
#[derive(Debug)]
pub(super) struct HttpEndpoint {
    pub(super) http: reqwest::Client,
    pub(super) url: String,
}

#[async_trait]
impl KeyEndpoint for HttpEndpoint {
    async fn fetch(&self) -> Result<Vec<u8>, String> {
        let response = self.http.get(&self.url).send().await;
        let response = response.map_err(|error| full_text(&error))?;
        if response.status() != http::StatusCode::OK {
            return Err(format!("HTTP {}", response.status()));
        }
        let read = http_client::read_at_most(response, MAX_BYTES).await;
        read.map_err(|problem| problem.to_string())
    }
}

/// The keys of one tenant.
#[derive(Debug)]
pub(super) struct SigningKeys {
    inner: Arc<Inner>,
    tasks: TaskTracker,
}

#[derive(Debug)]
struct Inner {
    endpoint: Arc<dyn KeyEndpoint>,
    issuer: String,
    tenant_id: String,
    state: ArcSwap<State>,
    /// Held by the task that fetches, so that one does at a time.
    fetching: Arc<Mutex<()>>,
}

/// What was fetched last, and when the last try was.
#[derive(Default)]
struct State {
    keys: Arc<KeySet>,
    fetched_at: Option<Instant>,
    tried_at: Option<Instant>,
    last_try_failed: bool,
}

impl fmt::Debug for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("State")
            .field("keys", &self.keys.len())
            .field("last_try_failed", &self.last_try_failed)
            .finish_non_exhaustive()
    }
}

impl State {
    fn are_trusted(&self) -> bool {
        self.fetched_at.is_some_and(|at| at.elapsed() < TRUSTED_FOR)
    }

    fn key(&self, id: &str) -> Option<DecodingKey> {
        self.are_trusted()
            .then(|| self.keys.get(id).cloned())
            .flatten()
    }

    fn may_be_tried(&self) -> bool {
        let pause = if self.are_trusted() {
            PAUSE
        } else {
            PAUSE_WITHOUT_KEYS
        };
        self.tried_at.is_none_or(|at| pause <= at.elapsed())
    }

    fn is_stale(&self) -> bool {
        self.fetched_at.is_none_or(|at| FRESH_FOR <= at.elapsed())
    }

    fn no_key(&self) -> NoKey {
        if self.last_try_failed || !self.are_trusted() {
            NoKey::Unavailable
        } else {
            NoKey::Unknown
        }
    }
}

impl SigningKeys {
    /// The keys of the configured tenant from `endpoint`; nothing is fetched yet.
    pub(super) fn new(
        config: &EntraConfig,
        endpoint: Arc<dyn KeyEndpoint>,
        tasks: TaskTracker,
    ) -> Self {
        let [_, issuer] = config.issuers();
        Self {
            inner: Arc::new(Inner {
                endpoint,
                issuer,
                tenant_id: config.tenant_id.clone(),
                state: ArcSwap::default(),
                fetching: Arc::default(),
            }),
            tasks,
        }
    }

    /// The key of that name. Waits for the tenant only where the name is not known and the last fetch is some time
    /// ago: a new key may sign tokens minutes after it was published.
    pub(super) async fn find(&self, id: &str) -> Result<DecodingKey, NoKey> {
        let state = self.inner.state.load_full();
        if let Some(key) = state.key(id) {
            if state.is_stale()
                && state.may_be_tried()
                && let Ok(turn) = Arc::clone(&self.inner.fetching).try_lock_owned()
            {
                self.tasks.spawn(Arc::clone(&self.inner).fetch(turn));
            }
            return Ok(key);
        }
        if state.may_be_tried() {
            self.fetch_or_wait().await;
        }
        let state = self.inner.state.load_full();
        state.key(id).ok_or_else(|| state.no_key())
    }

    /// Fetches, unless somebody has done so while this waited for its turn. The fetch is a task of its own: it goes
    /// on for the others when the caller that began it leaves.
    async fn fetch_or_wait(&self) {
        let turn = Arc::clone(&self.inner.fetching).lock_owned().await;
        if self.inner.state.load().may_be_tried() {
            let fetching = self.tasks.spawn(Arc::clone(&self.inner).fetch(turn));
            if let Err(error) = fetching.await {
                tracing::error!("the fetch of the tenant's keys ended early: {error}");
            }
        }
    }
}

impl Inner {
    async fn fetch(self: Arc<Self>, _turn: OwnedMutexGuard<()>) {
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, self.endpoint.fetch()).await;
        let keys = fetched
            .unwrap_or_else(|_| Err("no answer within the limit".to_owned()))
            .and_then(|json| key_set::read(&json, &self.issuer, &self.tenant_id));
        let before = self.state.load_full();
        let now = Instant::now();
        let state = match keys {
            Ok(keys) => State {
                keys: Arc::new(keys),
                fetched_at: Some(now),
                tried_at: Some(now),
                last_try_failed: false,
            },
            Err(problem) => {
                tracing::warn!(
                    detail = problem,
                    keys_serve_on = before.are_trusted(),
                    "the keys of the Entra tenant could not be fetched"
                );
                State {
                    keys: Arc::clone(&before.keys),
                    fetched_at: before.fetched_at,
                    tried_at: Some(now),
                    last_try_failed: true,
                }
            }
        };
        self.state.store(Arc::new(state));
    }
}

#[cfg(test)]
mod tests;
