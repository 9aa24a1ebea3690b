//! Tokens, ready when a request needs one.
//!
//! `azure_identity` refreshes inside a request and under a lock, five minutes before expiry.
//! Here a request waits only for the very first token, and for a new one after the service has refused its own: else
//! the old one serves until the new one is there.

use std::{fmt, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Mutex, OwnedMutexGuard},
    time::Instant,
};
use tokio_util::task::TaskTracker;

use super::credential::SIGN_IN_TIMEOUT;
use crate::{
    agent::{Failure, FailureKind},
    foundry::client::full_text,
};

/// Where the gateway's own authorization comes from.
#[async_trait]
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// The `Authorization` header for the service that this source was built for.
    async fn authorization(&self) -> Result<HeaderValue, Failure>;

    /// After the service has refused `used` with a 401: a header worth another try, if there is one. Of all that
    /// were refused with the same header, one has a new token fetched and the others wait for it. A source that has
    /// fetched one for this reason just now does not do so again.
    async fn refused(&self, used: &HeaderValue) -> Option<HeaderValue> {
        let _ = used;
        None
    }
}

/// A token that never changes.
#[derive(Debug)]
pub struct StaticToken {
    authorization: HeaderValue,
}

impl StaticToken {
    /// Takes the token; an error if it cannot stand in a header.
    pub fn new(token: &SecretString) -> Result<Self, http::header::InvalidHeaderValue> {
        Ok(Self {
            authorization: bearer(token.expose_secret())?,
        })
    }

    /// A token that no service takes.
    pub fn nobody() -> Self {
        Self {
            authorization: HeaderValue::from_static("Bearer nobody"),
        }
    }
}

#[async_trait]
impl TokenSource for StaticToken {
    async fn authorization(&self) -> Result<HeaderValue, Failure> {
        Ok(self.authorization.clone())
    }
}

/// Tokens of a credential, refreshed in the background.
pub struct CachedTokens {
    inner: Arc<Inner>,
    tasks: TaskTracker,
}

struct Inner {
    credential: Arc<dyn TokenCredential>,
    scope: String,
    current: ArcSwapOption<Token>,
    /// The last sign-in that failed, and when; whoever waited for it need not try again.
    failed: ArcSwapOption<(Instant, Failure)>,
    /// When a token was last fetched because the service refused the one before.
    replaced_at: ArcSwapOption<Instant>,
    /// Held by the task that asks the credential, so that it is asked once at a time.
    refresh: Arc<Mutex<()>>,
}

struct Token {
    authorization: HeaderValue,
    refresh_at: Instant,
    expires_at: Instant,
}

/// Least time between refreshes: after one that failed, after one for a refused token, and of a token that has
/// little life left.
const PAUSE: Duration = Duration::from_secs(10);
/// How long before expiry a token is not used any more.
const EXPIRY_MARGIN: Duration = Duration::from_secs(5);

impl fmt::Debug for CachedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CachedTokens")
            .field("scope", &self.inner.scope)
            .finish_non_exhaustive()
    }
}

impl CachedTokens {
    /// Tokens of `credential` for `scope`; background refreshes are tracked by `tasks`.
    pub fn new(credential: Arc<dyn TokenCredential>, scope: String, tasks: TaskTracker) -> Self {
        Self {
            inner: Arc::new(Inner {
                credential,
                scope,
                current: ArcSwapOption::empty(),
                failed: ArcSwapOption::empty(),
                replaced_at: ArcSwapOption::empty(),
                refresh: Arc::default(),
            }),
            tasks,
        }
    }

    /// Signs in, or waits for whoever does. The sign-in is a task of its own: a caller with less patience than the
    /// sign-in takes may leave, and the next one finds the token.
    async fn sign_in(&self) -> Result<HeaderValue, Failure> {
        let waiting_since = Instant::now();
        let turn = Arc::clone(&self.inner.refresh).lock_owned().await;
        let inner = Arc::clone(&self.inner);
        let signing_in = self.tasks.spawn(async move {
            let _turn = turn;
            match inner.failure_since(waiting_since) {
                Some(failure) => Err(failure),
                None => inner.refreshed().await,
            }
        });
        signing_in
            .await
            .unwrap_or_else(|error| Err(sign_in_failed(&full_text(&error))))
    }
}

#[async_trait]
impl TokenSource for CachedTokens {
    async fn authorization(&self) -> Result<HeaderValue, Failure> {
        let now = Instant::now();
        let current = self.inner.current.load_full();
        match current.filter(|token| now < token.expires_at) {
            Some(token) => {
                if token.refresh_at <= now
                    && let Ok(turn) = Arc::clone(&self.inner.refresh).try_lock_owned()
                {
                    self.tasks.spawn(refresh(Arc::clone(&self.inner), turn));
                }
                Ok(token.authorization.clone())
            }
            None => self.sign_in().await,
        }
    }

    async fn refused(&self, used: &HeaderValue) -> Option<HeaderValue> {
        let turn = Arc::clone(&self.inner.refresh).lock_owned().await;
        let (inner, used) = (Arc::clone(&self.inner), used.clone());
        let replacing = self.tasks.spawn(async move {
            let _turn = turn;
            inner.replacement_of(&used).await
        });
        replacing.await.unwrap_or_default()
    }
}

/// Fetches a new token while the old one serves.
async fn refresh(inner: Arc<Inner>, _turn: OwnedMutexGuard<()>) {
    if let Err(failure) = inner.refreshed().await {
        inner.postpone_refresh();
        tracing::warn!(
            detail = failure.detail,
            "the token could not be refreshed: {failure}"
        );
    }
}

impl Inner {
    /// Keeps the old token for a while before the next request asks again.
    fn postpone_refresh(&self) {
        if let Some(token) = self.current.load_full() {
            self.current.store(Some(Arc::new(Token {
                authorization: token.authorization.clone(),
                refresh_at: Instant::now() + PAUSE,
                expires_at: token.expires_at,
            })));
        }
    }

    /// The failure of a sign-in that ended after `time`.
    fn failure_since(&self, time: Instant) -> Option<Failure> {
        let failed = self.failed.load_full()?;
        let (at, failure) = &*failed;
        (time < *at).then(|| failure.clone())
    }

    /// A token in place of a refused one, unless somebody else has fetched one while this waited for its turn. The
    /// refused one stays where there is no other: the refusal may have been the service's mistake.
    async fn replacement_of(&self, used: &HeaderValue) -> Option<HeaderValue> {
        let current = self.current.load_full();
        if let Some(other) = current.filter(|token| token.authorization != *used) {
            return Some(other.authorization.clone());
        }
        let replaced_at = self.replaced_at.load_full();
        if replaced_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        self.replaced_at.store(Some(Arc::new(Instant::now())));
        match self.fetch().await {
            Ok(authorization) => {
                tracing::info!(scope = self.scope, "a refused token was replaced");
                Some(authorization)
            }
            Err(failure) => {
                tracing::warn!(
                    scope = self.scope,
                    detail = failure.detail,
                    "a refused token could not be replaced: {failure}"
                );
                None
            }
        }
    }

    /// Signs in, unless somebody else has done so while this waited for its turn.
    async fn refreshed(&self) -> Result<HeaderValue, Failure> {
        let now = Instant::now();
        if let Some(token) = self
            .current
            .load_full()
            .filter(|token| now < token.refresh_at.min(token.expires_at))
        {
            return Ok(token.authorization.clone());
        }
        let fetched = self.fetch().await;
        if let Err(failure) = &fetched {
            let failed = (Instant::now(), failure.clone());
            self.failed.store(Some(Arc::new(failed)));
        }
        fetched
    }

    /// Asks the credential and keeps what it gives.
    async fn fetch(&self) -> Result<HeaderValue, Failure> {
        let scopes = [self.scope.as_str()];
        let asked = self.credential.get_token(&scopes, None);
        let token = tokio::time::timeout(SIGN_IN_TIMEOUT, asked)
            .await
            .map_err(|_| sign_in_failed("no token within the limit"))?
            .map_err(|error| sign_in_failed(&full_text(&error)))?;
        let authorization = bearer(token.token.secret())
            .map_err(|_| sign_in_failed("the token is no header value"))?;
        let remaining = token.expires_on - azure_core::time::OffsetDateTime::now_utc();
        let remaining = Duration::try_from(remaining).unwrap_or_default();
        let now = Instant::now();
        self.current.store(Some(Arc::new(Token {
            authorization: authorization.clone(),
            // Half of its life is left for a refresh that fails.
            refresh_at: now + (remaining / 2).max(PAUSE),
            expires_at: now + remaining.saturating_sub(EXPIRY_MARGIN),
        })));
        Ok(authorization)
    }
}

fn sign_in_failed(detail: &str) -> Failure {
    Failure::new(
        FailureKind::CredentialRejected,
        "the gateway could not sign in to the agent service; its operator has to check its identity",
    )
    .with_detail(detail)
}

pub(super) fn bearer(token: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
