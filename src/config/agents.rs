//! Aliases for agents, and what becomes of request fields that an agent does not take.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::{ConfigError, Environment, document::Document};

/// Which agents are offered under which names, and how.
#[derive(Debug, Clone)]
pub struct AgentsConfig {
    /// `GATEWAY_AGENTS`: alias to agent.
    pub aliases: BTreeMap<String, Alias>,
    /// `GATEWAY_CLASSIC_AGENTS`: whether classic agents (threads and runs) are served; default `true`.
    pub classic_enabled: bool,
    /// `GATEWAY_AGENT_OVERRIDES`; default `auto`.
    pub overrides: OverridePolicy,
}

/// What stands behind an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    /// Name of the agent: `name`, `name:version` or `asst_...`.
    pub agent: String,
    /// Policy for this alias, instead of the general one.
    pub overrides: Option<OverridePolicy>,
}

/// An alias as it is written in full.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullAlias {
    agent: String,
    overrides: Option<OverridePolicy>,
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
                    overrides: None,
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Alias, A::Error> {
                let FullAlias { agent, overrides } =
                    FullAlias::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Alias { agent, overrides })
            }
        }

        deserializer.deserialize_any(NameOrObject)
    }
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
    aliases: BTreeMap<String, Alias>,
}

const AGENTS: &str = "GATEWAY_AGENTS";
const OVERRIDES: &str = "GATEWAY_AGENT_OVERRIDES";

impl AgentsConfig {
    /// Reads `GATEWAY_AGENTS` (inline JSON, or the path of a JSON file), `GATEWAY_CLASSIC_AGENTS` and
    /// `GATEWAY_AGENT_OVERRIDES`.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let aliases = match Document::read(environment, AGENTS)? {
            None => BTreeMap::new(),
            Some(document) => aliases(document)?,
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
            aliases,
            classic_enabled: environment.flag("GATEWAY_CLASSIC_AGENTS", true)?,
            overrides,
        })
    }
}

fn aliases(document: Document<AgentsFile>) -> Result<BTreeMap<String, Alias>, ConfigError> {
    for (name, alias) in &document.content.aliases {
        if name.trim().is_empty() || alias.agent.trim().is_empty() {
            return Err(document.error_at(
                &["aliases", name],
                "an alias and the agent behind it must not be empty",
            ));
        }
    }
    Ok(document.content.aliases)
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
}
