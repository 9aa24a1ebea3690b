//! What each caller may do: which agents, how many requests a minute, how many answers at once.

use std::{collections::BTreeMap, num::NonZeroU32, sync::Arc};

use serde::Deserialize;

use super::{CallerKey, entra::EntraConfig};
use crate::config::{ConfigError, Environment, document::Document};

/// The policies of `GATEWAY_CALLERS`, by what they are for: the name of a key, `anonymous`, `app:<application id>`,
/// `role:<role>`, or `*` for every other caller. A caller has one policy; nothing is taken over from `*`.
#[derive(Debug, Clone, Default)]
pub struct Policies {
    by_name: BTreeMap<String, Arc<Policy>>,
    unlimited: Arc<Policy>,
}

/// What one caller, or each caller of a kind, may do; by default everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Agents and aliases; `None` allows every one.
    pub agents: Option<Vec<AgentPattern>>,
    /// Requests per minute, of every kind.
    pub requests_per_minute: Option<NonZeroU32>,
    /// Requests that are being answered at the same time, streamed or not.
    pub concurrent_streams: Option<NonZeroU32>,
}

/// The name of an agent or alias, or the beginning of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentPattern {
    /// This name.
    Is(String),
    /// Written with a `*` at the end: every name that begins so.
    BeginsWith(String),
}

impl AgentPattern {
    /// Whether `name` is meant.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Is(pattern) => name == pattern,
            Self::BeginsWith(beginning) => name.starts_with(beginning),
        }
    }

    /// `None` for an empty text, or a `*` elsewhere than at the end.
    fn parse(text: &str) -> Option<Self> {
        let (beginning, is_open) = match text.strip_suffix('*') {
            Some(beginning) => (beginning, true),
            None => (text, false),
        };
        if beginning.contains('*') || text.trim().is_empty() {
            return None;
        }
        Some(if is_open {
            Self::BeginsWith(beginning.to_owned())
        } else {
            Self::Is(text.to_owned())
        })
    }
}

/// The JSON of `GATEWAY_CALLERS`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CallersFile {
    callers: BTreeMap<String, PolicyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyEntry {
    agents: Option<Vec<String>>,
    requests_per_minute: Option<NonZeroU32>,
    concurrent_streams: Option<NonZeroU32>,
}

const SETTING: &str = "GATEWAY_CALLERS";
/// The policy of callers that have none of their own.
const EVERYONE_ELSE: &str = "*";

impl Policies {
    /// Reads `GATEWAY_CALLERS`: inline JSON, or the path of a file. A policy for nobody is refused, because the caller
    /// that was meant would go without.
    pub fn from_environment(
        environment: &Environment,
        keys: &[CallerKey],
        entra: Option<&EntraConfig>,
    ) -> Result<Self, ConfigError> {
        let Some(document) = Document::<CallersFile>::read(environment, SETTING)? else {
            return Ok(Self::default());
        };
        let mut by_name = BTreeMap::new();
        for (name, entry) in &document.content.callers {
            let is_token = name.starts_with("app:") || name.starts_with("role:");
            if is_token && entra.is_none() {
                let problem = "applications and roles are those of tokens, which GATEWAY_ENTRA_TENANT_ID switches on";
                return Err(document.error_at(&["callers", name], problem));
            }
            let is_caller = keys.iter().any(|key| key.caller == *name);
            if !is_token && !is_caller && ![EVERYONE_ELSE, "anonymous"].contains(&name.as_str()) {
                let problem = "no key of GATEWAY_API_KEYS has this name; others are `anonymous`, \
                               `app:<application id>`, `role:<role>` and `*` for all the rest";
                return Err(document.error_at(&["callers", name], problem));
            }
            let agents = entry.agents.as_ref().map(|agents| {
                agents
                    .iter()
                    .map(|agent| AgentPattern::parse(agent))
                    .collect::<Option<_>>()
            });
            let agents = match agents {
                Some(None) => {
                    let problem =
                        "write names of agents or aliases; `*` may stand at the end of one";
                    return Err(document.error_at(&["callers", name, "agents"], problem));
                }
                Some(patterns) => patterns,
                None => None,
            };
            let policy = Policy {
                agents,
                requests_per_minute: entry.requests_per_minute,
                concurrent_streams: entry.concurrent_streams,
            };
            by_name.insert(name.clone(), Arc::new(policy));
        }
        Ok(Self {
            by_name,
            unlimited: Arc::default(),
        })
    }

    /// The policy of the first of these names that has one; else that of `*`, else none: everything is allowed.
    pub fn of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Arc<Policy> {
        let own = names.into_iter().find_map(|name| self.by_name.get(name));
        let policy = own.or_else(|| self.by_name.get(EVERYONE_ELSE));
        Arc::clone(policy.unwrap_or(&self.unlimited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::callers::CallersConfig;

    fn read(json: &str, more: &[(&str, &str)]) -> Result<Policies, String> {
        let keys = (
            "GATEWAY_API_KEYS",
            "web=web-key-0123456789,app=app-key-0123456789",
        );
        let settings = [keys, (SETTING, json)]
            .into_iter()
            .chain(more.iter().copied());
        CallersConfig::from_environment(&settings.collect())
            .map(|config| config.policies)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_caller_has_the_first_policy_that_names_it() {
        let json = r#"{"callers": {
            "web": {"agents": ["assistant", "team-*"], "requests_per_minute": 60, "concurrent_streams": 10},
            "*": {"requests_per_minute": 1}
        }}"#;
        let policies = read(json, &[]).unwrap();
        let web = policies.of(["web"]);
        assert_eq!(web.requests_per_minute, NonZeroU32::new(60));
        assert_eq!(web.concurrent_streams, NonZeroU32::new(10));
        let agents = web.agents.as_ref().unwrap();
        let allows = |name: &str| agents.iter().any(|pattern| pattern.matches(name));
        assert!(allows("assistant") && allows("team-") && allows("team-a"));
        assert!(!allows("assistant-2") && !allows("team") && !allows(""));
        assert_eq!(policies.of(["app"]).requests_per_minute, NonZeroU32::new(1));
        assert_eq!(policies.of(["app", "web"]), web);
        assert_eq!(
            *read(r#"{"callers": {}}"#, &[]).unwrap().of(["web"]),
            Policy::default()
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        let entra = [
            (
                "GATEWAY_ENTRA_TENANT_ID",
                "00000000-0000-0000-0000-00000000000a",
            ),
            ("GATEWAY_ENTRA_AUDIENCE", "api://gateway"),
        ];
        assert!(read(r#"{"callers": {"role:Gateway.User": {}}}"#, &entra).is_ok());
        let rows = [
            (r#"{"callers": {"wbe": {}}}"#, "wbe"),
            (
                r#"{"callers": {"role:Gateway.User": {}}}"#,
                "GATEWAY_ENTRA_TENANT_ID",
            ),
            (
                r#"{"callers": {"web": {"agents": ["a*b"]}}}"#,
                "callers.web.agents",
            ),
            (
                r#"{"callers": {"web": {"agents": [""]}}}"#,
                "callers.web.agents",
            ),
            (r#"{"callers": {"web": {"agent": []}}}"#, "agent"),
            (
                r#"{"callers": {"web": {"requests_per_minute": 0}}}"#,
                "requests_per_minute",
            ),
            (
                r#"{"callers": {"web": {"concurrent_streams": -1}}}"#,
                "concurrent_streams",
            ),
            ("{}", "callers"),
        ];
        for (json, part) in rows {
            let error = read(json, &[]).unwrap_err();
            assert!(
                error.starts_with(SETTING) && error.contains(part),
                "{json}: {error}"
            );
        }
    }
}
