//! On whose behalf the gateway calls Foundry.

use crate::config::{
    ConfigError, Environment,
    identity::{CredentialConfig, CredentialKind, IdentityConfig},
};

/// `GATEWAY_UPSTREAM_IDENTITY`; default `service`.
#[derive(Debug, Clone, Default)]
pub enum UpstreamIdentity {
    /// The gateway's own identity calls for everybody.
    #[default]
    Service,
    /// The caller's own token for Foundry is handed on as it is.
    PassThrough,
    /// The caller's token for the gateway is exchanged for one for Foundry.
    OnBehalfOf(Box<ExchangeConfig>),
}

/// The application that exchanges callers' tokens.
#[derive(Debug, Clone)]
pub struct ExchangeConfig {
    /// `GATEWAY_ENTRA_CLIENT_ID`, else `AZURE_CLIENT_ID`: the application whose tokens callers have.
    pub client_id: String,
    /// The gateway's own identity, as far as it can vouch for that application.
    pub identity: IdentityConfig,
}

const SETTING: &str = "GATEWAY_UPSTREAM_IDENTITY";
const CLIENT_ID: &str = "GATEWAY_ENTRA_CLIENT_ID";
/// What tokens for Foundry are for.
const FOUNDRY_AUDIENCE: &str = "https://ai.azure.com";

impl UpstreamIdentity {
    /// Reads `GATEWAY_UPSTREAM_IDENTITY`, and what an exchange needs beside it.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        match environment.get(SETTING).unwrap_or("service") {
            "service" => Ok(Self::Service),
            "pass-through" => Ok(Self::PassThrough),
            "on-behalf-of" => ExchangeConfig::from_environment(environment)
                .map(|exchange| Self::OnBehalfOf(Box::new(exchange))),
            _ => Err(ConfigError::invalid(
                SETTING,
                "write service, pass-through or on-behalf-of",
            )),
        }
    }

    /// The word for it in the setting and in `/readyz`.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::PassThrough => "pass-through",
            Self::OnBehalfOf(_) => "on-behalf-of",
        }
    }

    /// The audience of callers' tokens, where it is clear from the mode.
    pub(super) const fn audience(&self) -> Option<&'static str> {
        match self {
            Self::PassThrough => Some(FOUNDRY_AUDIENCE),
            Self::Service | Self::OnBehalfOf(_) => None,
        }
    }

    /// Whoever calls has to be somebody to Foundry: without a token there is nobody to act for, and keys would be a
    /// second way in with other rights.
    pub(super) fn check(&self, takes_tokens: bool, takes_others: bool) -> Result<(), ConfigError> {
        if matches!(self, Self::Service) || (takes_tokens && !takes_others) {
            return Ok(());
        }
        let problem = if takes_tokens {
            "GATEWAY_API_KEYS and GATEWAY_ALLOW_ANONYMOUS must not be set beside it: such callers have no token to \
             act with; run a second gateway with `service` for them"
        } else {
            "it acts with callers' tokens, which GATEWAY_ENTRA_TENANT_ID and GATEWAY_ENTRA_AUDIENCE let in"
        };
        Err(ConfigError::invalid(SETTING, problem))
    }
}

impl ExchangeConfig {
    fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let identity = IdentityConfig::from_environment(environment)?;
        let kind = identity.credential.kind();
        if matches!(
            kind,
            CredentialKind::StaticToken | CredentialKind::DeveloperTools
        ) {
            return Err(ConfigError::invalid(
                SETTING,
                "an exchange needs a service principal (secret or certificate), a workload identity or a managed identity",
            ));
        }
        let own = match &identity.credential {
            // The id of a managed identity is not that of the application.
            CredentialConfig::ManagedIdentity { .. } => None,
            credential => credential.client_id(),
        };
        let client_id = environment.get(CLIENT_ID).or(own).ok_or_else(|| {
            ConfigError::missing(
                CLIENT_ID,
                "set it to the application id of the gateway's app registration, which trusts the managed identity \
                 by a federated credential",
            )
        })?;
        Ok(Self {
            client_id: client_id.to_owned(),
            identity,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::callers::CallersConfig;

    const ENTRA: [(&str, &str); 2] = [
        (
            "GATEWAY_ENTRA_TENANT_ID",
            "00000000-0000-0000-0000-00000000000a",
        ),
        ("GATEWAY_ENTRA_AUDIENCE", "api://gateway"),
    ];
    const PRINCIPAL: [(&str, &str); 3] = [
        ("AZURE_TENANT_ID", "00000000-0000-0000-0000-00000000000a"),
        ("AZURE_CLIENT_ID", "00000000-0000-0000-0000-00000000000b"),
        ("AZURE_CLIENT_SECRET", "hunter2"),
    ];

    fn read(mode: &str, settings: &[&[(&str, &str)]]) -> Result<CallersConfig, String> {
        let settings = settings.concat().into_iter().chain([(SETTING, mode)]);
        CallersConfig::from_environment(&settings.collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn each_mode_has_what_it_needs() {
        let passing = read("pass-through", &[&ENTRA[..1]]).unwrap();
        assert_eq!(passing.upstream.word(), "pass-through");
        assert_eq!(passing.entra.unwrap().audiences, ["https://ai.azure.com"]);
        let exchanging = read("on-behalf-of", &[&ENTRA, &PRINCIPAL]).unwrap();
        let UpstreamIdentity::OnBehalfOf(exchange) = exchanging.upstream else {
            panic!("{exchanging:?}");
        };
        assert_eq!(exchange.client_id, PRINCIPAL[1].1);
        assert!(!format!("{exchange:?}").contains("hunter2"));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let key = ("GATEWAY_API_KEYS", "web=0123456789abcdef");
        let managed = [
            ("IDENTITY_ENDPOINT", "http://127.0.0.1/msi"),
            ("IDENTITY_HEADER", "x"),
        ];
        let rows: [(_, &[&[_]], _); 7] = [
            ("pass-through", &[&ENTRA, &[key]], SETTING),
            (
                "pass-through",
                &[&ENTRA, &[("GATEWAY_ALLOW_ANONYMOUS", "true")]],
                SETTING,
            ),
            ("pass-through", &[&[key]], SETTING),
            ("on-behalf-of", &[&ENTRA], SETTING),
            (
                "on-behalf-of",
                &[&ENTRA, &[("FOUNDRY_ACCESS_TOKEN", "t")]],
                SETTING,
            ),
            ("on-behalf-of", &[&ENTRA, &managed], CLIENT_ID),
            ("caller", &[&ENTRA], SETTING),
        ];
        for (mode, settings, named) in rows {
            let error = read(mode, settings).unwrap_err();
            assert!(error.starts_with(named), "{mode} {settings:?}: {error}");
        }
    }
}
