//! Aliases for agents, and what becomes of request fields that an agent does not take.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{
    ConfigError, Environment,
    approvals::{ApprovalPolicy, Unlisted},
    document::Document,
    endpoint::{self, AgentEndpoint, EndpointKind},
    projects::{self, DEFAULT_PROJECT, ProjectConfig, WrittenProject},
};

/// Which agents are offered under which names, and how.
#[derive(Debug, Clone)]
pub struct AgentsConfig {
    /// `GATEWAY_AGENTS`: name to project, beside the one of `FOUNDRY_PROJECT_ENDPOINT`.
    pub projects: BTreeMap<String, ProjectConfig>,
    /// `GATEWAY_AGENTS`: alias to agent.
    pub aliases: BTreeMap<String, Alias>,
    /// `GATEWAY_CLASSIC_AGENTS`: whether classic agents (threads and runs) are served; default `true`.
    pub classic_enabled: bool,
    /// `GATEWAY_AGENT_OVERRIDES`; default `auto`.
    pub overrides: OverridePolicy,
    /// `GATEWAY_APPROVALS`; default `fail`.
    pub approvals: Unlisted,
    /// How new agents are reached.
    pub endpoint: AgentEndpoint,
    /// `GATEWAY_REASONING_CONTENT`: whether summaries of reasoning are shown; default `false`.
    pub reasoning_content: bool,
}

/// What stands behind an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Name of the agent: `name`, `name:version` or `asst_...`.
    pub agent: String,
    /// Name of the agent's project: one of [`AgentsConfig::projects`], or [`DEFAULT_PROJECT`].
    pub project: String,
    /// Policy for this alias, instead of the general one.
    pub overrides: Option<OverridePolicy>,
    /// What is approved for this alias.
    pub approvals: ApprovalPolicy,
    /// Which endpoint runs the agent, instead of the general one.
    pub endpoint: Option<EndpointKind>,
    /// Preview features for the agent, instead of the general ones.
    pub features: Option<String>,
}

/// An alias as it is written in full.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullAlias {
    agent: String,
    project: Option<String>,
    overrides: Option<OverridePolicy>,
    #[serde(default)]
    approvals: ApprovalPolicy,
    endpoint: Option<EndpointKind>,
    #[serde(default, deserialize_with = "features")]
    features: Option<String>,
}

impl<'de> Deserialize<'de> for Alias {
    /// Reads the agent's name alone, or an object.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrObject;

        impl<'de> Visitor<'de> for NameOrObject {
            type Value = Alias;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("the name of an agent, or an object with the field `agent`")
            }

            fn visit_str<E: serde::de::Error>(self, agent: &str) -> Result<Alias, E> {
                Ok(Alias {
                    agent: agent.to_owned(),
                    project: DEFAULT_PROJECT.to_owned(),
                    overrides: None,
                    approvals: ApprovalPolicy::default(),
                    endpoint: None,
                    features: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Alias, A::Error> {
                let alias = FullAlias::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Alias {
                    agent: alias.agent,
                    project: alias.project.unwrap_or_else(|| DEFAULT_PROJECT.to_owned()),
                    overrides: alias.overrides,
                    approvals: alias.approvals,
                    endpoint: alias.endpoint,
                    features: alias.features,
                })
            }
        }

        deserializer.deserialize_any(NameOrObject)
    }
}

fn features<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if endpoint::is_header(&text) {
        return Ok(Some(text));
    }
    Err(serde::de::Error::custom(
        "write features as the service names them, such as WorkflowAgents=V1Preview",
    ))
}

/// What becomes of request fields that the agent's definition owns (temperature, tools and the like).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverridePolicy {
    /// Hints are dropped and reported; what would change the answer's meaning overrides the agent's definition.
    Auto,
    /// Everything that can override the agent's definition does.
    Inline,
    /// Everything is refused.
    Reject,
    /// Everything is dropped and reported.
    Ignore,
}

/// The JSON of `GATEWAY_AGENTS`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AgentsFile {
    #[serde(default)]
    projects: BTreeMap<String, WrittenProject>,
    #[serde(default)]
    aliases: BTreeMap<String, Alias>,
}

const AGENTS: &str = "GATEWAY_AGENTS";
const OVERRIDES: &str = "GATEWAY_AGENT_OVERRIDES";

impl AgentsConfig {
    /// Whether there is a document, readable or not.
    pub(super) fn has_document(environment: &Environment) -> bool {
        environment.get(AGENTS).is_some()
    }

    /// Whether everything that can be asked for has a project of its own, so that there need be no default one.
    pub fn needs_no_default_project(&self) -> bool {
        let mut aliases = self.aliases.values();
        !self.aliases.is_empty() && aliases.all(|alias| alias.project != DEFAULT_PROJECT)
    }

    /// Reads `GATEWAY_AGENTS` (inline JSON, or the path of a JSON file), `GATEWAY_CLASSIC_AGENTS` and
    /// `GATEWAY_AGENT_OVERRIDES`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let (projects, aliases) = match Document::read(environment, AGENTS)? {
            None => Default::default(),
            Some(document) => read(document)?,
        };
        let overrides = match environment.get(OVERRIDES).unwrap_or("auto") {
            "auto" => OverridePolicy::Auto,
            "reject" => OverridePolicy::Reject,
            "ignore" => OverridePolicy::Ignore,
            "inline" => OverridePolicy::Inline,
            _ => {
                return Err(ConfigError::invalid(
                    OVERRIDES,
                    "write auto, inline, reject or ignore",
                ));
            }
        };
        Ok(Self {
            projects,
            aliases,
            classic_enabled: environment.flag("GATEWAY_CLASSIC_AGENTS", true)?,
            overrides,
            approvals: Unlisted::from_environment(environment)?,
            endpoint: AgentEndpoint::from_environment(environment)?,
            reasoning_content: environment.flag("GATEWAY_REASONING_CONTENT", false)?,
        })
    }
}

/// Projects and aliases, by name.
type Agents = (BTreeMap<String, ProjectConfig>, BTreeMap<String, Alias>);

fn read(document: Document<AgentsFile>) -> Result<Agents, ConfigError> {
    let projects = projects::read(&document, &document.content.projects)?;
    for (name, alias) in &document.content.aliases {
        if name.trim().is_empty() || alias.agent.trim().is_empty() {
            return Err(document.error_at(
                &["aliases", name],
                "an alias and the agent behind it must not be empty",
            ));
        }
        if alias.project != DEFAULT_PROJECT && !projects.contains_key(&alias.project) {
            let known: Vec<_> = projects.keys().map(String::as_str).collect();
            let problem = format!(
                "there is no such project; `projects` has {}",
                if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                }
            );
            return Err(document.error_at(&["aliases", name, "project"], &problem));
        }
    }
    Ok((projects, document.content.aliases))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<AgentsConfig, String> {
        AgentsConfig::from_environment(&Environment::from_iter([(AGENTS, json)]))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn aliases_are_names_or_objects() {
        let config = read(
            r#"{"aliases":{"gpt-4o":"assistant","help":{"agent":"asst_1","overrides":"ignore"}}}"#,
        )
        .unwrap();
        assert_eq!(config.aliases["gpt-4o"].agent, "assistant");
        assert_eq!(
            config.aliases["help"].overrides,
            Some(OverridePolicy::Ignore)
        );
        assert!(config.classic_enabled);
    }

    #[test]
    fn mistakes_are_located() {
        let error = read("{\n \"alias\": {}\n}").unwrap_err();
        assert!(
            error.contains("unknown field `alias`") && error.contains("line 2"),
            "{error}"
        );
        let error = read("/does/not/exist.json").unwrap_err();
        assert!(
            error.contains("/does/not/exist.json cannot be read"),
            "{error}"
        );
        assert!(read(r#"{"aliases":{"a":""}}"#).is_err());
    }

    #[test]
    fn every_policy_has_its_word() {
        let policy = |word| {
            AgentsConfig::from_environment(&Environment::from_iter([(OVERRIDES, word)]))
                .map(|config| config.overrides)
                .ok()
        };
        let words = ["auto", "inline", "reject", "ignore", "sometimes"];
        assert_eq!(
            words.map(policy),
            [
                Some(OverridePolicy::Auto),
                Some(OverridePolicy::Inline),
                Some(OverridePolicy::Reject),
                Some(OverridePolicy::Ignore),
                None
            ]
        );
    }

    #[test]
    fn features_of_an_alias_are_those_that_were_written() {
        let alias = |features: &str| {
            let json = format!(r#"{{"aliases":{{"a":{{"agent":"b","features":{features}}}}}}}"#);
            read(&json).map(|config| config.aliases["a"].features.clone())
        };
        assert_eq!(
            alias(r#""WorkflowAgents=V1Preview""#).unwrap().as_deref(),
            Some("WorkflowAgents=V1Preview")
        );
        let error = alias(r#""a\nb""#).unwrap_err();
        assert!(error.contains("WorkflowAgents=V1Preview"), "{error}");
    }
}
