//! What the operator decides: every setting, read once from the environment before a port is bound.
//!
//! One struct per concern, each built from an [`Environment`].
//! A value that cannot be used is a [`ConfigError`] that names the setting and says what to write instead;
//! the value itself is never repeated, because it may be a secret.

pub mod agents;
pub mod approvals;
pub mod callers;
pub mod content;
pub mod continuity;
pub mod document;
pub mod endpoint;
pub mod environment;
pub mod foundry;
pub mod identity;
pub mod limits;
pub mod listen;
pub mod log;
pub mod projects;
pub mod settings;
pub mod store;
pub mod telemetry;

use std::fmt;

pub use self::environment::Environment;
use self::{
    agents::AgentsConfig, callers::CallersConfig, content::ContentConfig,
    continuity::ContinuityConfig, foundry::FoundryConfig, identity::IdentityConfig,
    limits::LimitsConfig, listen::ListenConfig, log::LogConfig, store::StoreConfig,
    telemetry::TelemetryConfig,
};

/// Everything the gateway was told, validated.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: ListenConfig,
    /// Which Foundry project to serve.
    pub foundry: FoundryConfig,
    /// Who the gateway is towards Foundry.
    pub identity: IdentityConfig,
    /// Who may call the gateway.
    pub callers: CallersConfig,
    /// Aliases and policies for agents.
    pub agents: AgentsConfig,
    /// Every bound on time, size and number.
    pub limits: LimitsConfig,
    /// Where conversations are remembered.
    pub store: StoreConfig,
    /// How conversations are continued.
    pub continuity: ContinuityConfig,
    /// How answers and files are shown.
    pub content: ContentConfig,
    /// What is logged.
    pub log: LogConfig,
    /// What an operator's backend is told.
    pub telemetry: TelemetryConfig,
}

impl Config {
    /// Reads and validates all settings, and reports everything that is wrong at once.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigErrors> {
        let mut errors = Vec::new();
        let listen = keep_error(ListenConfig::from_environment(environment), &mut errors);
        let foundry = keep_error(FoundryConfig::from_environment(environment), &mut errors);
        let identity = keep_error(IdentityConfig::from_environment(environment), &mut errors);
        let callers = keep_error(CallersConfig::from_environment(environment), &mut errors);
        let agents = keep_error(AgentsConfig::from_environment(environment), &mut errors);
        let limits = keep_error(LimitsConfig::from_environment(environment), &mut errors);
        let store = keep_error(StoreConfig::from_environment(environment), &mut errors);
        let continuity = keep_error(ContinuityConfig::from_environment(environment), &mut errors);
        let content = keep_error(ContentConfig::from_environment(environment), &mut errors);
        let log = keep_error(LogConfig::from_environment(environment), &mut errors);
        let telemetry = keep_error(TelemetryConfig::from_environment(environment), &mut errors);
        let has_endpoint = foundry
            .as_ref()
            .is_none_or(|foundry| foundry.project_endpoint.is_some());
        let needs_endpoint = match &agents {
            Some(agents) => !agents.needs_no_default_project(),
            None => !AgentsConfig::has_document(environment),
        };
        if needs_endpoint && !has_endpoint {
            errors.insert(0, foundry::missing_endpoint());
        }
        if let (Some(callers), Some(continuity)) = (&callers, &continuity)
            && callers.keys.is_empty()
            && callers.entra.is_some()
            && continuity.key.is_none()
        {
            errors.push(continuity::missing_key());
        }
        match (
            listen, foundry, identity, callers, agents, limits, store, continuity, content, log,
            telemetry,
        ) {
            (
                Some(listen),
                Some(foundry),
                Some(identity),
                Some(callers),
                Some(agents),
                Some(limits),
                Some(store),
                Some(continuity),
                Some(content),
                Some(log),
                Some(telemetry),
            ) if errors.is_empty() => Ok(Self {
                listen,
                foundry,
                identity,
                callers,
                agents,
                limits,
                store,
                continuity,
                content,
                log,
                telemetry,
            }),
            _ => Err(ConfigErrors(errors)),
        }
    }
}

fn keep_error<T>(result: Result<T, ConfigError>, errors: &mut Vec<ConfigError>) -> Option<T> {
    result.map_err(|error| errors.push(error)).ok()
}

/// One setting that is missing or cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A required setting is not set.
    #[error("{setting} is not set: {remedy}")]
    Missing {
        /// Name of the setting.
        setting: &'static str,
        /// What to set it to, and where that value is found.
        remedy: String,
    },
    /// A setting has a value that cannot be used.
    #[error("{setting} cannot be used: {problem}")]
    Invalid {
        /// Name of the setting.
        setting: &'static str,
        /// What is wrong and what is expected, without the value.
        problem: String,
    },
}

impl ConfigError {
    pub(crate) fn missing(setting: &'static str, remedy: impl Into<String>) -> Self {
        Self::Missing {
            setting,
            remedy: remedy.into(),
        }
    }

    pub(crate) fn invalid(setting: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            setting,
            problem: problem.into(),
        }
    }
}

/// Every [`ConfigError`] of one start, so that an operator mends them in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(formatter)?;
            }
            write!(formatter, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_names_every_missing_setting() {
        let errors = Config::from_environment(&Environment::default()).unwrap_err();
        let text = errors.to_string();
        assert_eq!(errors.0.len(), 2, "{text}");
        assert!(
            text.contains("FOUNDRY_PROJECT_ENDPOINT is not set"),
            "{text}"
        );
        assert!(text.contains("GATEWAY_API_KEYS is not set"), "{text}");
    }

    fn read(settings: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        Config::from_environment(&settings.iter().copied().collect())
    }

    #[test]
    fn errors_stand_one_on_a_line() {
        let text = Config::from_environment(&Environment::default())
            .unwrap_err()
            .to_string();
        let settings: Vec<_> = text
            .lines()
            .map(|line| line.split(' ').next().unwrap())
            .collect();
        assert_eq!(
            settings,
            ["FOUNDRY_PROJECT_ENDPOINT", "GATEWAY_API_KEYS"],
            "{text}"
        );
    }

    #[test]
    fn a_project_is_missed_only_where_the_agents_can_need_it() {
        let missed = |settings: &[(&str, &str)]| {
            let keys = ("GATEWAY_API_KEYS", "a=0123456789abcdef0123456789abcdef");
            let settings: Vec<_> = settings.iter().copied().chain([keys]).collect();
            let errors =
                read(&settings).map_or_else(|errors| errors.to_string(), |_| String::new());
            errors.contains("FOUNDRY_PROJECT_ENDPOINT")
        };
        // What is wrong with the agents is another error; a project of their own may stand in what cannot be read.
        assert!(!missed(&[("GATEWAY_AGENTS", "{")]));
        assert!(missed(&[("GATEWAY_AGENT_OVERRIDES", "perhaps")]));
        assert!(missed(&[("GATEWAY_AGENTS", r#"{"aliases":{"a":"b"}}"#)]));
        let own = r#"{"projects":{"sales":{"endpoint":"https://x.services.ai.azure.com/api/projects/y"}},
            "aliases":{"a":{"agent":"b","project":"sales"}}}"#;
        assert!(!missed(&[("GATEWAY_AGENTS", own)]));
    }

    #[test]
    fn a_key_for_histories_is_asked_for_only_where_no_callers_key_can_make_one() {
        let tenant = (
            "GATEWAY_ENTRA_TENANT_ID",
            "11111111-2222-3333-4444-555555555555",
        );
        let audience = ("GATEWAY_ENTRA_AUDIENCE", "api://gateway");
        let endpoint = (
            "FOUNDRY_PROJECT_ENDPOINT",
            "https://x.services.ai.azure.com/api/projects/y",
        );
        let key = ("GATEWAY_API_KEYS", "a=0123456789abcdef0123456789abcdef");
        let secret = ("GATEWAY_CONTINUITY_KEY", "0123456789abcdef0123456789abcdef");
        let errors = read(&[tenant, audience, endpoint]).unwrap_err();
        assert_eq!(errors.0.len(), 1, "{errors}");
        assert!(
            errors
                .to_string()
                .starts_with("GATEWAY_CONTINUITY_KEY is not set"),
            "{errors}"
        );
        assert!(read(&[tenant, audience, endpoint, key]).is_ok());
        assert!(read(&[tenant, audience, endpoint, secret]).is_ok());
        assert!(read(&[endpoint, key]).is_ok());
        assert!(read(&[endpoint, ("GATEWAY_ALLOW_ANONYMOUS", "true")]).is_ok());
    }
}
