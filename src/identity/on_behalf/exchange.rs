//! Exchanges callers' tokens for ones for Foundry, and keeps those for the same caller's next request.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderValue, StatusCode, header};
use lru::LruCache;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use url::form_urlencoded;

use super::{client_proof::ClientProof, refusal};
use crate::{
    agent::Failure,
    config::{
        ConfigError,
        callers::{entra::EntraConfig, upstream::ExchangeConfig},
    },
    foundry::{client::full_text, http_client},
    hash,
    identity::{TokenSource, token::bearer},
};

/// Tokens that are kept; the one that was used longest ago goes first.
const MAX_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);
/// How long before its expiry a token is not used any more; half its life, where that is less.
const EARLY: Duration = Duration::from_mins(5);
/// How long a refusal is believed, and least time between exchanges for a token that Foundry has refused.
const PAUSE: Duration = Duration::from_secs(5);
/// Bounds an exchange.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Size of an answer of the token endpoint.
const MAX_BYTES: usize = 256 << 10;

/// The application that exchanges tokens.
#[derive(Debug)]
pub(super) struct Exchanger {
    http: reqwest::Client,
    token_url: String,
    client_id: String,
    proof: ClientProof,
    scope: String,
    kept: Kept,
}

/// What was given for callers' tokens, by their digest. A caller has a slot of its own, which is locked while its
/// token is exchanged: others do not wait, and it has one exchange at a time.
type Kept = Mutex<LruCache<[u8; 32], Arc<tokio::sync::Mutex<Slot>>>>;

#[derive(Debug, Default)]
struct Slot {
    outcome: Option<Outcome>,
    replaced_at: Option<Instant>,
}

#[derive(Debug)]
struct Outcome {
    authorization: Result<HeaderValue, Failure>,
    until: Instant,
}

/// The answer of the token endpoint. Source: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of flow".
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    /// Seconds.
    expires_in: u64,
}

impl Exchanger {
    pub(super) fn new(
        config: &ExchangeConfig,
        entra: &EntraConfig,
        http: &reqwest::Client,
        tasks: &TaskTracker,
    ) -> Result<Self, ConfigError> {
        let proof = ClientProof::new(config, http, tasks)?.ok_or_else(|| {
            ConfigError::invalid(
                "GATEWAY_UPSTREAM_IDENTITY",
                "the gateway's identity cannot exchange tokens",
            )
        })?;
        Ok(Self {
            http: http.clone(),
            token_url: entra.token_url(),
            client_id: config.client_id.clone(),
            proof,
            scope: config.identity.scope.clone(),
            kept: Mutex::new(LruCache::new(MAX_KEPT)),
        })
    }

    fn slot(&self, token: &SecretString) -> Arc<tokio::sync::Mutex<Slot>> {
        let digest = hash::sha256([token.expose_secret().as_bytes()]);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.get_or_insert(digest, Arc::default))
    }

    /// Exchanges, and keeps what comes of it.
    async fn exchange_into(
        &self,
        slot: &mut Slot,
        token: &SecretString,
    ) -> Result<HeaderValue, Failure> {
        let exchanged = tokio::time::timeout(TIMEOUT, self.exchange(token)).await;
        let exchanged =
            exchanged.unwrap_or_else(|_| Err(refusal::unavailable("no answer in time")));
        let (authorization, lasts) = match exchanged {
            Ok((authorization, life)) => {
                (Ok(authorization), life.saturating_sub(EARLY.min(life / 2)))
            }
            Err(failure) => (Err(failure), PAUSE),
        };
        slot.outcome = Some(Outcome {
            authorization: authorization.clone(),
            until: Instant::now() + lasts,
        });
        authorization
    }

    async fn exchange(&self, token: &SecretString) -> Result<(HeaderValue, Duration), Failure> {
        let proof = self
            .proof
            .fields()
            .await
            .map_err(|error| refusal::operator_has_to_help().with_detail(full_text(&error)))?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer")
            .append_pair("requested_token_use", "on_behalf_of")
            .append_pair("client_id", &self.client_id)
            .append_pair("scope", &self.scope)
            .append_pair("assertion", token.expose_secret())
            .extend_pairs(proof)
            .finish();
        let request = self
            .http
            .post(&self.token_url)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let response = request.send().await;
        let response = response.map_err(|error| refusal::unavailable(full_text(&error)))?;
        let status = response.status();
        let body = http_client::read_at_most(response, MAX_BYTES).await;
        let body = body.map_err(|problem| refusal::unavailable(problem.to_string()))?;
        if status != StatusCode::OK {
            return Err(refusal::read(status, &body));
        }
        let answer: TokenAnswer = serde_json::from_slice(&body)
            .map_err(|_| refusal::unavailable("the answer holds no token"))?;
        let authorization = bearer(&answer.access_token)
            .map_err(|_| refusal::unavailable("the token is no header value"))?;
        Ok((authorization, Duration::from_secs(answer.expires_in)))
    }
}

/// The tokens for Foundry that are given for one caller's token.
pub(super) struct ExchangedTokens {
    exchanger: Arc<Exchanger>,
    token: Arc<SecretString>,
    is_user: bool,
}

impl fmt::Debug for ExchangedTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ExchangedTokens")
            .finish_non_exhaustive()
    }
}

impl ExchangedTokens {
    pub(super) fn new(exchanger: Arc<Exchanger>, token: Arc<SecretString>, is_user: bool) -> Self {
        Self {
            exchanger,
            token,
            is_user,
        }
    }
}

#[async_trait]
impl TokenSource for ExchangedTokens {
    async fn authorization(&self) -> Result<HeaderValue, Failure> {
        if !self.is_user {
            return Err(refusal::no_user());
        }
        let slot = self.exchanger.slot(&self.token);
        let mut slot = slot.lock().await;
        match &slot.outcome {
            Some(Outcome {
                authorization,
                until,
            }) if Instant::now() < *until => authorization.clone(),
            _ => self.exchanger.exchange_into(&mut slot, &self.token).await,
        }
    }

    async fn refused(&self, used: &HeaderValue) -> Option<HeaderValue> {
        let slot = self.exchanger.slot(&self.token);
        let mut slot = slot.lock().await;
        let current = slot.outcome.as_ref()?.authorization.clone().ok()?;
        if current != *used {
            return Some(current);
        }
        if slot.replaced_at.is_some_and(|at| at.elapsed() < PAUSE) {
            return None;
        }
        slot.replaced_at = Some(Instant::now());
        self.exchanger
            .exchange_into(&mut slot, &self.token)
            .await
            .ok()
    }
}
