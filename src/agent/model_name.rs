//! From the client's `model` to an agent.

use std::fmt;

use crate::config::{
    agents::{AgentsConfig, OverridePolicy},
    approvals::ApprovalPolicy,
    endpoint::AgentEndpoint,
    projects::DEFAULT_PROJECT,
};

/// An agent as the service names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AgentReference {
    /// A new agent (Responses API).
    New {
        /// Name of the agent.
        name: String,
        /// Version; the service picks the latest, or the pinned one, when absent.
        version: Option<String>,
    },
    /// A classic agent (threads and runs).
    Classic {
        /// `asst_...`.
        assistant_id: String,
    },
}

impl fmt::Display for AgentReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New {
                name,
                version: None,
            } => formatter.write_str(name),
            Self::New {
                name,
                version: Some(version),
            } => write!(formatter, "{name}:{version}"),
            Self::Classic { assistant_id } => formatter.write_str(assistant_id),
        }
    }
}

/// An agent, and the policy under which it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedAgent {
    /// Name of its project.
    pub project: String,
    /// The agent.
    pub reference: AgentReference,
    /// What becomes of request fields that the agent owns.
    pub overrides: OverridePolicy,
    /// What becomes of its requests for approvals.
    pub approvals: ApprovalPolicy,
    /// How it is reached.
    pub endpoint: AgentEndpoint,
}

impl ResolvedAgent {
    /// The agent as conversations name it, so that agents of two projects are never taken for one: `helper:3` or
    /// `asst_1` in the default project, `sales/helper:3` in another.
    pub fn qualified_name(&self) -> String {
        if self.project == DEFAULT_PROJECT {
            self.reference.to_string()
        } else {
            format!("{}/{}", self.project, self.reference)
        }
    }
}

/// The project of an agent's qualified name.
pub fn project_of(qualified_name: &str) -> &str {
    qualified_name
        .split_once('/')
        .map_or(DEFAULT_PROJECT, |(project, _)| project)
}

/// The spelling of LiteLLM, understood so that its users need not change their code.
const LITELLM_PREFIX: &str = "azure_ai/agents/";

/// Resolves `model`: an alias; `name` or `name:version` of a new agent; `asst_...` of a classic agent;
/// `azure_ai/agents/<id>` of either. `None` where the text can name no agent, or a classic one while those
/// are switched off. Whether the agent exists is for the service to say.
pub fn resolve(model: &str, config: &AgentsConfig) -> Option<ResolvedAgent> {
    let alias = config.aliases.get(model);
    let name = alias.map_or(model, |alias| alias.agent.as_str());
    let project = alias.map_or(DEFAULT_PROJECT, |alias| alias.project.as_str());
    let reference = parse(name)?;
    if matches!(reference, AgentReference::Classic { .. }) && !config.classic_enabled {
        return None;
    }
    Some(ResolvedAgent {
        project: project.to_owned(),
        reference,
        overrides: alias
            .and_then(|alias| alias.overrides)
            .unwrap_or(config.overrides),
        approvals: alias
            .map(|alias| alias.approvals.clone())
            .unwrap_or_default()
            .or(config.approvals),
        endpoint: AgentEndpoint {
            by: alias
                .and_then(|alias| alias.endpoint)
                .unwrap_or(config.endpoint.by),
            features: alias
                .and_then(|alias| alias.features.as_ref())
                .or(config.endpoint.features.as_ref())
                .cloned(),
        },
    })
}

/// Reads an agent's name without aliases.
pub fn parse(name: &str) -> Option<AgentReference> {
    let name = name.strip_prefix(LITELLM_PREFIX).unwrap_or(name);
    if name.starts_with("asst_") {
        return is_plain(name).then(|| AgentReference::Classic {
            assistant_id: name.to_owned(),
        });
    }
    let (name, version) = match name.split_once(':') {
        Some((name, version)) => (name, Some(version)),
        None => (name, None),
    };
    let plain = is_plain(name) && version.is_none_or(is_plain);
    plain.then(|| AgentReference::New {
        name: name.to_owned(),
        version: version.map(str::to_owned),
    })
}

/// Longest name, version or id that is asked for.
const LONGEST_NAME: usize = 128;

/// Names become path segments upstream: only what needs no escaping is a name. Foundry allows 63 characters.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && name.chars().any(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    fn config(settings: &[(&str, &str)]) -> AgentsConfig {
        AgentsConfig::from_environment(&settings.iter().copied().collect::<Environment>()).unwrap()
    }

    fn shown(model: &str, config: &AgentsConfig) -> Option<String> {
        resolve(model, config).map(|agent| format!("{:?}", agent.reference))
    }

    #[test]
    fn every_spelling_resolves() {
        let config = config(&[(
            "GATEWAY_AGENTS",
            r#"{"aliases":{"org/gpt":"helper:3","old":"asst_9"}}"#,
        )]);
        let new = |name: &str, version: Option<&str>| {
            Some(format!(
                "{:?}",
                AgentReference::New {
                    name: name.to_owned(),
                    version: version.map(str::to_owned)
                }
            ))
        };
        let classic = |id: &str| {
            Some(format!(
                "{:?}",
                AgentReference::Classic {
                    assistant_id: id.to_owned()
                }
            ))
        };
        assert_eq!(shown("org/gpt", &config), new("helper", Some("3")));
        assert_eq!(shown("old", &config), classic("asst_9"));
        assert_eq!(shown("helper", &config), new("helper", None));
        assert_eq!(shown("helper:12", &config), new("helper", Some("12")));
        assert_eq!(shown("asst_abc", &config), classic("asst_abc"));
        assert_eq!(
            shown("azure_ai/agents/asst_abc", &config),
            classic("asst_abc")
        );
        assert_eq!(
            shown("azure_ai/agents/helper", &config),
            new("helper", None)
        );
    }

    #[test]
    fn what_cannot_be_a_name_names_no_agent() {
        let config = config(&[]);
        for model in [
            "",
            "a/b",
            "../x",
            "a b",
            "a:",
            ":1",
            "a:b:c",
            "..",
            "é",
            &"x".repeat(200),
        ] {
            assert_eq!(shown(model, &config), None, "{model}");
        }
    }

    #[test]
    fn classic_agents_can_be_switched_off() {
        let config = config(&[("GATEWAY_CLASSIC_AGENTS", "false")]);
        assert_eq!(shown("asst_abc", &config), None);
        assert!(shown("helper", &config).is_some());
    }

    #[test]
    fn an_alias_may_have_a_policy_of_its_own() {
        let config = config(&[(
            "GATEWAY_AGENTS",
            r#"{"aliases":{"a":{"agent":"b","overrides":"reject"}}}"#,
        )]);
        assert_eq!(
            resolve("a", &config).unwrap().overrides,
            OverridePolicy::Reject
        );
        assert_eq!(
            resolve("b", &config).unwrap().overrides,
            OverridePolicy::Auto
        );
    }

    #[test]
    fn conversations_know_the_project_of_their_agent() {
        let named = |project: &str| {
            let agent = resolve("helper:3", &config(&[])).unwrap();
            let project = project.to_owned();
            ResolvedAgent { project, ..agent }.qualified_name()
        };
        assert_eq!(named(DEFAULT_PROJECT), "helper:3");
        assert_eq!(named("sales"), "sales/helper:3");
        assert_eq!(project_of("helper:3"), DEFAULT_PROJECT);
        assert_eq!(project_of("sales/helper:3"), "sales");
    }
}
