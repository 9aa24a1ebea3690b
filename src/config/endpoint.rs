//! How a new agent is reached.

use http::HeaderValue;
use serde::Deserialize;

use super::{ConfigError, Environment};

/// The way to a new agent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentEndpoint {
    /// Which endpoint runs it.
    pub by: EndpointKind,
    /// What goes into the header `Foundry-Features`, for agents that are a preview.
    pub features: Option<String>,
}

/// Which endpoint runs a new agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EndpointKind {
    /// The project's, to which the agent is named.
    #[default]
    Project,
    /// The agent's own, which needs the least rights and picks the version itself. A request that names a version,
    /// or overrides the agent's definition, goes to the project's.
    Agent,
}

const ENDPOINT: &str = "GATEWAY_AGENT_ENDPOINT";
const FEATURES: &str = "FOUNDRY_FEATURES";

impl AgentEndpoint {
    /// Reads `GATEWAY_AGENT_ENDPOINT` (`project`, the default, or `agent`) and `FOUNDRY_FEATURES`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let by = match environment.get(ENDPOINT).unwrap_or("project") {
            "project" => EndpointKind::Project,
            "agent" => EndpointKind::Agent,
            _ => return Err(ConfigError::invalid(ENDPOINT, "write project or agent")),
        };
        let features = environment.get(FEATURES).map(str::to_owned);
        if features.as_deref().is_some_and(|text| !is_header(text)) {
            return Err(ConfigError::invalid(
                FEATURES,
                "write the features as the service names them, such as WorkflowAgents=V1Preview",
            ));
        }
        Ok(Self { by, features })
    }
}

/// Whether a text can be a header.
pub(super) fn is_header(text: &str) -> bool {
    HeaderValue::from_str(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<AgentEndpoint, ConfigError> {
        AgentEndpoint::from_environment(&settings.iter().copied().collect())
    }

    #[test]
    fn the_project_is_the_default_and_the_agents_own_endpoint_a_word() {
        assert_eq!(read(&[]).unwrap(), AgentEndpoint::default());
        let own = read(&[(ENDPOINT, "agent"), (FEATURES, "WorkflowAgents=V1Preview")]).unwrap();
        assert_eq!(own.by, EndpointKind::Agent);
        assert_eq!(own.features.as_deref(), Some("WorkflowAgents=V1Preview"));
        assert!(read(&[(ENDPOINT, "own")]).is_err());
        assert!(read(&[(FEATURES, "a\nb")]).is_err());
    }
}
