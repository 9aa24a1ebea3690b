//! Which agents a caller may use.

use std::collections::BTreeMap;

use super::model_name::{self, ResolvedAgent};
use crate::config::{
    agents::AgentsConfig,
    callers::policies::{AgentPattern, Policy},
};

/// What a caller sees behind the name of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The agent.
    pub agent: ResolvedAgent,
    /// Whether the caller may use it. If not, it must look as if it did not exist.
    pub is_allowed: bool,
}

/// Resolves `model` for a caller. An alias that it may not use is no alias for it: not even the alias's own policy
/// for request fields shows. `None` where the text can name no agent.
pub fn resolve_for(policy: &Policy, model: &str, config: &AgentsConfig) -> Option<Seen> {
    let agent = model_name::resolve(model, config)?;
    if is_allowed(policy, model, &agent, config) {
        return Some(Seen {
            agent,
            is_allowed: true,
        });
    }
    let without_aliases = AgentsConfig {
        aliases: BTreeMap::new(),
        ..config.clone()
    };
    Some(Seen {
        agent: model_name::resolve(model, &without_aliases)?,
        is_allowed: false,
    })
}

fn is_allowed(policy: &Policy, model: &str, agent: &ResolvedAgent, config: &AgentsConfig) -> bool {
    let names_alias = |patterns: &Vec<AgentPattern>| {
        config.aliases.contains_key(model) && patterns.iter().any(|pattern| pattern.matches(model))
    };
    policy.agents.as_ref().is_some_and(names_alias)
        || allows_agent(policy, &agent.qualified_name(), config)
}

/// Whether `policy` names an agent, with its version or without; that of another project than the default one with
/// the project's name before it, `sales/helper`.
/// The name of an alias stands for the alias only, and not for an agent of the same name.
pub fn allows_agent(policy: &Policy, qualified_name: &str, config: &AgentsConfig) -> bool {
    let Some(patterns) = &policy.agents else {
        return true;
    };
    let unversioned = qualified_name.split(':').next().unwrap_or_default();
    patterns
        .iter()
        .filter(|pattern| !matches!(pattern, AgentPattern::Is(name) if config.aliases.contains_key(name)))
        .any(|pattern| pattern.matches(qualified_name) || pattern.matches(unversioned))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, agents::OverridePolicy, callers::CallersConfig};

    const ALIASES: &str = r#"{"aliases": {
        "gpt-4o": "assistant",
        "team/a": {"agent": "helper:2", "overrides": "ignore"},
        "old": "asst_1"
    }}"#;

    fn agents_config() -> AgentsConfig {
        AgentsConfig::from_environment(&Environment::from_iter([("GATEWAY_AGENTS", ALIASES)]))
            .unwrap()
    }

    /// Of these names, those that a caller with this list of agents may use.
    fn allowed(agents: &str) -> Vec<&'static str> {
        let document = format!(r#"{{"callers": {{"*": {{"agents": {agents}}}}}}}"#);
        let environment = Environment::from_iter([
            ("GATEWAY_ALLOW_ANONYMOUS", "true"),
            ("GATEWAY_CALLERS", &document),
        ]);
        let policy = CallersConfig::from_environment(&environment)
            .unwrap()
            .policies
            .of([]);
        let names = [
            "gpt-4o",
            "gpt-4o:1",
            "team/a",
            "old",
            "assistant",
            "assistant:7",
            "azure_ai/agents/assistant",
            "helper",
            "helper:2",
            "helper:3",
            "asst_1",
            "azure_ai/agents/asst_1",
        ];
        let config = agents_config();
        let seen =
            |name: &&str| resolve_for(&policy, name, &config).is_some_and(|seen| seen.is_allowed);
        names.into_iter().filter(seen).collect()
    }

    #[test]
    fn a_list_names_agents_in_every_spelling_and_aliases_alone() {
        let of_assistant = [
            "gpt-4o",
            "assistant",
            "assistant:7",
            "azure_ai/agents/assistant",
        ];
        assert_eq!(allowed(r#"["assistant"]"#), of_assistant);
        assert_eq!(allowed(r#"["gpt-4o"]"#), ["gpt-4o"]);
        assert_eq!(allowed(r#"["assistant:7"]"#), ["assistant:7"]);
        assert_eq!(allowed(r#"["helper:2"]"#), ["team/a", "helper:2"]);
        assert_eq!(allowed(r#"["team/*"]"#), ["team/a"]);
        assert_eq!(
            allowed(r#"["asst_1"]"#),
            ["old", "asst_1", "azure_ai/agents/asst_1"]
        );
        assert_eq!(allowed("[]"), Vec::<&str>::new());
        assert_eq!(allowed(r#"["*"]"#).len(), 12);
    }

    #[test]
    fn an_alias_that_is_not_allowed_is_no_alias() {
        let nothing = Policy {
            agents: Some(Vec::new()),
            ..Policy::default()
        };
        let config = agents_config();
        let seen = resolve_for(&nothing, "gpt-4o", &config).unwrap();
        assert_eq!(seen.agent.reference.to_string(), "gpt-4o");
        assert!(!seen.is_allowed);
        assert_eq!(seen.agent.overrides, OverridePolicy::Auto);
        assert_eq!(
            resolve_for(&nothing, "team/a", &config),
            None,
            "as any name with a slash"
        );
    }
}
