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
pub(in crate::telemetry) struct ObservedTokens {
    tokens: Arc<dyn TokenSource>,
    /// What they are for.
    scope: String,
    telemetry: Telemetry,
}

impl ObservedTokens {
    /// Watches `tokens`, which are for `scope`.
    pub(in crate::telemetry) fn new(
        tokens: Arc<dyn TokenSource>,
        scope: String,
        telemetry: Telemetry,
    ) -> Self {
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
        self.watch(asked, Result::is_ok).await
    }

    async fn refused(&self, used: &HeaderValue) -> Option<HeaderValue> {
        let mut asked = self.tokens.refused(used);
        if let Some(at_hand) = (&mut asked).now_or_never() {
            return at_hand;
        }
        self.watch(asked, Option::is_some).await
    }
}

impl ObservedTokens {
    async fn watch<T>(&self, asked: impl Future<Output = T>, is_good: fn(&T) -> bool) -> T {
        let started = Instant::now();
        let child = Child::begin("sign in", SpanKind::Client);
        child.set(attributes::TOKEN_SCOPE, self.scope.clone());
        let got = asked.await;
        let outcome = if is_good(&got) {
            Outcome::Done
        } else {
            child.fail("sign_in_failed");
            Outcome::Error
        };
        if let Some(metrics) = self.telemetry.metrics() {
            metrics.signed_in(&self.scope, outcome.as_str(), started.elapsed());
        }
        got
    }
}
