//! Tokens, ready when a request needs one.
//!
//! `azure_identity` refreshes inside a request and under a lock, five minutes before expiry.
//! Here a request waits only for the very first token: after that the old one serves until the new one is there.

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
    /// Held by the task that asks the credential, so that it is asked once at a time.
    refresh: Arc<Mutex<()>>,
}

struct Token {
    authorization: HeaderValue,
    refresh_at: Instant,
    expires_at: Instant,
}

/// How long before expiry a new token is asked for: when `azure_identity`'s own cache lets go of the old one.
const REFRESH_BEFORE_EXPIRY: Duration = Duration::from_mins(5);
/// Pause after a refresh that failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
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
                refresh: Arc::default(),
            }),
            tasks,
        }
    }

    /// Signs in, or waits for whoever does. The sign-in is a task of its own: a caller with less patience than the
    /// sign-in takes may leave, and the next one finds the token.
    async fn first_token(&self) -> Result<HeaderValue, Failure> {
        let turn = Arc::clone(&self.inner.refresh).lock_owned().await;
        let inner = Arc::clone(&self.inner);
        let signing_in = self.tasks.spawn(async move {
            let _turn = turn;
            inner.refreshed().await
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
            None => self.first_token().await,
        }
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
                refresh_at: Instant::now() + PAUSE_AFTER_FAILURE,
                expires_at: token.expires_at,
            })));
        }
    }

    /// Asks the credential, unless somebody else has done so while this waited for its turn.
    async fn refreshed(&self) -> Result<HeaderValue, Failure> {
        if let Some(token) = self
            .current
            .load_full()
            .filter(|token| Instant::now() < token.refresh_at)
        {
            return Ok(token.authorization.clone());
        }
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
            refresh_at: now + remaining.saturating_sub(REFRESH_BEFORE_EXPIRY),
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

fn bearer(token: &str) -> Result<HeaderValue, http::header::InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests;
