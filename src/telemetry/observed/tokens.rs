//! A source of tokens that tells of those that a request has to wait for. One that is at hand costs, and tells,
//! nothing.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use http::HeaderValue;
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;

use crate::{
    agent::Failure,
    identity::TokenSource,
    telemetry::{Child, Outcome, Telemetry, attributes},
};

/// A source of tokens, watched.
#[derive(Debug)]
pub struct ObservedTokens {
    tokens: Arc<dyn TokenSource>,
    /// What they are for.
    scope: String,
    telemetry: Telemetry,
}

impl ObservedTokens {
    /// Watches `tokens`, which are for `scope`.
    pub fn new(tokens: Arc<dyn TokenSource>, scope: String, telemetry: Telemetry) -> Self {
        Self {
            tokens,
            scope,
            telemetry,
        }
    }
}

#[async_trait]
impl TokenSource for ObservedTokens {
    async fn authorization(&self) -> Result<HeaderValue, Failure> {
        let mut asked = self.tokens.authorization();
        if let Some(at_hand) = (&mut asked).now_or_never() {
            return at_hand;
        }
        let started = Instant::now();
        let child = Child::begin("sign in", SpanKind::Client);
        child.set(attributes::TOKEN_SCOPE, self.scope.clone());
        let result = asked.await;
        let outcome = if result.is_ok() {
            Outcome::Done
        } else {
            child.fail("sign_in_failed");
            Outcome::Error
        };
        if let Some(metrics) = self.telemetry.metrics() {
            metrics.signed_in(&self.scope, outcome.as_str(), started.elapsed());
        }
        result
    }
}
