//! What the fuzz targets reach of the judgement of tokens.

use super::{
    key_set, rs256,
    token::{self, Bearer, Rules, TokenProblem},
};
use crate::config::callers::entra::EntraConfig;

/// The callers of a tenant whose keys are at hand.
#[derive(Debug)]
pub(crate) struct Judge {
    rules: Rules,
    keys: key_set::KeySet,
}

impl Judge {
    /// Judges by `config`, with the keys of `key_set`, a JSON document as the tenant publishes it.
    pub(crate) fn new(config: EntraConfig, key_set: &str) -> Result<Self, String> {
        rs256::install();
        let issuers = config.issuers();
        let keys = key_set::read(key_set.as_bytes(), &issuers[1], &config.tenant_id)?;
        Ok(Self {
            rules: Rules::new(config),
            keys,
        })
    }

    /// Whom a token stands for, as [`EntraCallers::identify`](super::EntraCallers::identify) finds it.
    pub(crate) fn identify(&self, presented: &str) -> Result<Bearer, TokenProblem> {
        let id = token::key_id(presented)?;
        let key = self.keys.get(&id).ok_or(TokenProblem::UnknownKey)?;
        self.rules.verify(presented, key)
    }
}

/// How many keys of a key set sign tokens for us.
pub(crate) fn keys_of(json: &[u8], issuer: &str, tenant_id: &str) -> Option<usize> {
    key_set::read(json, issuer, tenant_id)
        .ok()
        .map(|keys| keys.len())
}
