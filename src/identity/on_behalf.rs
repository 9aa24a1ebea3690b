//! With whose tokens Foundry is called: the gateway's own, the caller's as it is, or one that Entra gives in exchange
//! for the caller's.

mod client_proof;
mod exchange;
mod refusal;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use self::exchange::{ExchangedTokens, Exchanger};
use super::{
    callers::Caller,
    token::{StaticToken, TokenSource},
};
use crate::config::{
    ConfigError,
    callers::{CallersConfig, upstream::UpstreamIdentity},
};

/// Finds the tokens with which a caller's requests go to Foundry.
#[derive(Debug)]
pub struct OnBehalf(Mode);

#[derive(Debug)]
enum Mode {
    Service,
    PassThrough,
    Exchange(Arc<Exchanger>),
}

impl OnBehalf {
    /// As the configuration says; nothing is sent yet.
    pub fn new(
        config: &CallersConfig,
        http: &reqwest::Client,
        tasks: &TaskTracker,
    ) -> Result<Self, ConfigError> {
        Ok(Self(match (&config.upstream, &config.entra) {
            (UpstreamIdentity::OnBehalfOf(exchange), Some(entra)) => {
                Mode::Exchange(Arc::new(Exchanger::new(exchange, entra, http, tasks)?))
            }
            (UpstreamIdentity::Service, _) => Mode::Service,
            _ => Mode::PassThrough,
        }))
    }

    /// The caller's own tokens; `None` where the gateway calls with its identity. A caller without a token, whom the
    /// configuration keeps out, would be nobody, never the gateway.
    pub fn tokens_of(&self, caller: &Caller) -> Option<Arc<dyn TokenSource>> {
        let token = caller.token.as_ref();
        Some(match (&self.0, token) {
            (Mode::Service, _) => return None,
            (Mode::PassThrough, Some(token)) => {
                Arc::new(StaticToken::new(token).unwrap_or_else(|_| StaticToken::nobody()))
            }
            (Mode::Exchange(exchanger), Some(token)) => {
                let is_user = caller.bearer.as_ref().is_some_and(|bearer| bearer.is_user);
                let (exchanger, token) = (Arc::clone(exchanger), Arc::clone(token));
                Arc::new(ExchangedTokens::new(exchanger, token, is_user))
            }
            (_, None) => Arc::new(StaticToken::nobody()),
        })
    }
}
