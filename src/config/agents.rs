//! Aliases for agents, and what becomes of request fields that an agent does not take.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;

use super::{ConfigError, Environment};

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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "AliasForm")]
pub struct Alias {
    /// Name of the agent: `name`, `name:version` or `asst_...`.
    pub agent: String,
    /// Policy for this alias, instead of the general one.
    pub overrides: Option<OverridePolicy>,
}

/// An alias is written as the agent's name, or as an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum AliasForm {
    Name(String),
    Full(FullAlias),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FullAlias {
    agent: String,
    overrides: Option<OverridePolicy>,
}

impl From<AliasForm> for Alias {
    fn from(form: AliasForm) -> Self {
        match form {
            AliasForm::Name(agent) => Self {
                agent,
                overrides: None,
            },
            AliasForm::Full(FullAlias { agent, overrides }) => Self { agent, overrides },
        }
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
        let aliases = match environment.get(AGENTS) {
            None => BTreeMap::new(),
            Some(inline) if inline.starts_with('{') => parse_aliases(inline, "the inline JSON")?,
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| {
                    ConfigError::invalid(
                        AGENTS,
                        format!("the file {path} cannot be read ({error})"),
                    )
                })?;
                parse_aliases(&text, path)?
            }
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

fn parse_aliases(json: &str, origin: &str) -> Result<BTreeMap<String, Alias>, ConfigError> {
    let file: AgentsFile = serde_json::from_str(json).map_err(|error| {
        ConfigError::invalid(AGENTS, format!("{origin} is not as documented: {error}"))
    })?;
    for (name, alias) in &file.aliases {
        if name.trim().is_empty() || alias.agent.trim().is_empty() {
            return Err(ConfigError::invalid(
                AGENTS,
                format!("{origin}: an alias and the agent behind it must not be empty"),
            ));
        }
    }
    Ok(file.aliases)
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
