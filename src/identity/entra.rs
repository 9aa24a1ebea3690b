//! Callers with an access token of a Microsoft Entra tenant, so that an enterprise needs no keys.
//!
//! [`token`] judges a token, with a key of [`signing_keys`].

#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod key_set;
mod rs256;
mod signing_keys;
pub mod token;
mod wire;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use self::{
    signing_keys::{HttpEndpoint, NoKey, SigningKeys},
    token::{Bearer, Rules, TokenProblem},
};
use crate::config::callers::entra::EntraConfig;

/// Why a token lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRefused {
    /// There is something wrong with it.
    Problem(TokenProblem),
    /// The tenant's keys cannot be fetched, so that nobody can tell.
    KeysUnavailable,
}

/// The callers of one tenant.
#[derive(Debug)]
pub struct EntraCallers {
    rules: Rules,
    keys: SigningKeys,
}

impl EntraCallers {
    /// The callers of the configured tenant; its keys are fetched with `http` when the first token comes.
    pub fn new(config: EntraConfig, http: &reqwest::Client, tasks: &TaskTracker) -> Self {
        rs256::install();
        let endpoint = HttpEndpoint {
            http: http.clone(),
            url: config.keys_url(),
        };
        Self {
            keys: SigningKeys::new(&config, Arc::new(endpoint), tasks.clone()),
            rules: Rules::new(config),
        }
    }

    /// Whether what a caller presents as its key is meant as a token.
    pub fn is_token_shaped(presented: &str) -> bool {
        token::is_token_shaped(presented)
    }

    /// Tells whom the token stands for.
    pub async fn identify(&self, token: &str) -> Result<Bearer, TokenRefused> {
        let id = token::key_id(token).map_err(TokenRefused::Problem)?;
        let key = self.keys.find(&id).await.map_err(|no_key| match no_key {
            NoKey::Unknown => TokenRefused::Problem(TokenProblem::UnknownKey),
            NoKey::Unavailable => TokenRefused::KeysUnavailable,
        })?;
        self.rules
            .verify(token, &key)
            .map_err(TokenRefused::Problem)
    }
}
