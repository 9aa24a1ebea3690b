//! Every field of a chat completion request, and what becomes of it.
//!
//! Nothing is dropped in silence: a field is translated, refused with a 400 that names it, or ignored and named
//! in the response header `x-ignored-params`. `docs/request-fields.md` shows this table; a test holds the two together.

use serde_json::value::RawValue;

use super::request::RawFields;
use crate::{agent::AgentReference, config::agents::OverridePolicy, error::ApiError};

/// What becomes of a field that is given and does not say the obvious (see [`is_neutral`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Its meaning reaches the agent, or decides the form of the answer.
    Translated,
    /// A wish that does not change what the answer means: ignored and reported, unless the policy is `reject`.
    Hint,
    /// A hint that can be had where the turn overrides the agent's definition anyway, or the policy is `inline`.
    Preference,
    /// Overrides the agent's definition, unless the policy is `reject` or `ignore`.
    Override,
    /// Would change what the answer means and cannot be had: refused, unless the policy is `ignore`.
    Unsupported,
    /// Cannot be had: refused under every policy.
    Refused,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Name of the field.
    pub name: &'static str,
    /// What becomes of it with new agents.
    pub new_agents: Treatment,
    /// What becomes of it with classic agents.
    pub classic_agents: Treatment,
    /// Where it goes, or why it does not.
    pub why: &'static str,
}

const fn field(
    name: &'static str,
    new_agents: Treatment,
    classic_agents: Treatment,
    why: &'static str,
) -> Field {
    Field {
        name,
        new_agents,
        classic_agents,
        why,
    }
}

const fn both(name: &'static str, treatment: Treatment, why: &'static str) -> Field {
    field(name, treatment, treatment, why)
}

use Treatment::{Hint, Override, Preference, Refused, Translated, Unsupported};

/// The fields of the Chat Completions reference, and those that other gateways have added.
pub const FIELDS: &[Field] = &[
    both(
        "messages",
        Translated,
        "replayed to the agent; see the table of messages",
    ),
    both("model", Translated, "names the agent"),
    both("stream", Translated, "decides the form of the answer"),
    both(
        "stream_options",
        Translated,
        "`include_usage` adds a usage chunk; other options are ignored",
    ),
    both(
        "max_completion_tokens",
        Translated,
        "`max_output_tokens` of the response, `max_completion_tokens` of the run",
    ),
    both(
        "max_tokens",
        Translated,
        "the older name of `max_completion_tokens`, which wins if both are given",
    ),
    both("metadata", Translated, "`metadata` of the response or run"),
    field(
        "temperature",
        Preference,
        Translated,
        "`temperature` of the response or run",
    ),
    field(
        "top_p",
        Preference,
        Translated,
        "`top_p` of the response or run",
    ),
    both("frequency_penalty", Hint, "agents have no such option"),
    both("presence_penalty", Hint, "agents have no such option"),
    both("logit_bias", Hint, "agents have no such option"),
    both("seed", Hint, "agents have no such option"),
    field(
        "parallel_tool_calls",
        Preference,
        Translated,
        "`parallel_tool_calls` of the response or run",
    ),
    both("prediction", Hint, "only makes some models faster"),
    both("prompt_cache_key", Hint, "the service caches by itself"),
    both("prompt_cache_options", Hint, "the service caches by itself"),
    both(
        "prompt_cache_retention",
        Hint,
        "the service caches by itself",
    ),
    field(
        "reasoning_effort",
        Preference,
        Hint,
        "`reasoning.effort` of the response; a classic run takes none",
    ),
    both("safety_identifier", Hint, "agents have no such option"),
    both("service_tier", Hint, "the agent's deployment decides"),
    both("store", Hint, "the gateway keeps nothing"),
    both("user", Hint, "agents have no such option"),
    field(
        "verbosity",
        Preference,
        Hint,
        "`text.verbosity` of the response; a classic run takes none",
    ),
    both(
        "moderation",
        Hint,
        "the content filter of the deployment decides",
    ),
    field(
        "tools",
        Override,
        Override,
        "functions beside the agent's own tools; one of the same name replaces the agent's",
    ),
    field(
        "tool_choice",
        Override,
        Override,
        "`tool_choice` of the response or run; a run knows no `required` among several functions, and no `allowed_tools`",
    ),
    both(
        "response_format",
        Override,
        "`text.format` of the response, `response_format` of the run",
    ),
    both(
        "instructions",
        Override,
        "replaces the agent's instructions, as with LiteLLM; system messages do not",
    ),
    field(
        "max_prompt_tokens",
        Hint,
        Translated,
        "`max_prompt_tokens` of the run",
    ),
    field(
        "truncation_strategy",
        Hint,
        Translated,
        "`truncation_strategy` of the run",
    ),
    both("stop", Unsupported, "agents have no stop sequences"),
    both("functions", Unsupported, "deprecated: send `tools`"),
    both(
        "function_call",
        Unsupported,
        "deprecated: send `tool_choice`",
    ),
    both(
        "web_search_options",
        Unsupported,
        "the agent owns its tools",
    ),
    both("audio", Refused, "agents answer with text"),
    both("modalities", Refused, "agents answer with text"),
    both("n", Refused, "an agent gives one answer"),
    both("logprobs", Refused, "agents give no log probabilities"),
    both("top_logprobs", Refused, "agents give no log probabilities"),
    both(
        "thread_id",
        Translated,
        "the `thread_id` of an earlier answer: continues that conversation",
    ),
    both(
        "conversation",
        Translated,
        "the `thread_id` of an earlier answer: continues that conversation",
    ),
    both(
        "previous_response_id",
        Translated,
        "the `thread_id` of an earlier answer: continues that conversation",
    ),
];

/// What an unknown field is treated as.
const UNKNOWN: Field = both("", Hint, "not a field of chat completions");

/// Refuses a field that is given twice, so that one of its values would be dropped, and one without a name, which
/// nobody could be told of.
pub fn check_names(fields: &RawFields<'_>) -> Result<(), ApiError> {
    let mut names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
    names.sort_unstable();
    if names.first() == Some(&"") {
        let message = "a field of the request has no name; remove it";
        return Err(ApiError::bad_request("invalid_value", "\"\"", message));
    }
    let twice = names.windows(2).find_map(|pair| match pair {
        [name, next] if name == next => Some(*name),
        _ => None,
    });
    match twice {
        Some(name) => Err(ApiError::bad_request(
            "invalid_value",
            name,
            format!("{name} stands twice in the request; send it once"),
        )),
        None => Ok(()),
    }
}

/// What is decided about one field that is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It counts.
    Taken,
    /// It is ignored and has to be reported.
    Ignored,
    /// It counts by overriding the definition of a new agent.
    Overrides,
    /// It counts only if something else overrides the definition, and has to be reported otherwise.
    Joins,
}

/// Decides about one field that is given.
pub fn decide(
    name: &str,
    value: &RawValue,
    agent: &AgentReference,
    policy: OverridePolicy,
) -> Result<Decision, ApiError> {
    use OverridePolicy::{Auto, Ignore, Inline, Reject};
    let field = FIELDS
        .iter()
        .find(|field| field.name == name)
        .unwrap_or(&UNKNOWN);
    let (treatment, by_definition) = match agent {
        AgentReference::New { .. } => (field.new_agents, true),
        AgentReference::Classic { .. } => (field.classic_agents, false),
    };
    if treatment == Translated || is_neutral(name, value) {
        return Ok(Decision::Taken);
    }
    match (treatment, policy) {
        (Preference, Inline) | (Override, Auto | Inline) if by_definition => {
            Ok(Decision::Overrides)
        }
        (Preference, Auto) if by_definition => Ok(Decision::Joins),
        (Preference | Override, Auto | Inline) => Ok(Decision::Taken),
        (Hint, Auto | Inline | Ignore) | (Preference | Override | Unsupported, Ignore) => {
            Ok(Decision::Ignored)
        }
        (Refused, _) => Err(refusal(name, field.why, "remove it")),
        (Hint | Preference | Override, Reject) => Err(refusal(name, REJECTED, REMEDY)),
        _ => Err(refusal(name, field.why, REMEDY)),
    }
}

const REJECTED: &str = "GATEWAY_AGENT_OVERRIDES is reject: the agent decides it";
/// What the client or the operator can do about a field that is refused.
pub const REMEDY: &str =
    "remove it, or have the gateway's operator set GATEWAY_AGENT_OVERRIDES=ignore";

/// The refusal of a field: why, and what to do.
pub fn refusal(name: &str, why: &str, remedy: &str) -> ApiError {
    let message = format!("{name} cannot be used with this agent ({why}); {remedy}");
    ApiError::bad_request("unsupported_parameter", name, message)
}

/// Whether a value only says what happens anyway, as clients write it without being asked.
fn is_neutral(name: &str, value: &RawValue) -> bool {
    let text = value.get();
    match name {
        "n" => text == "1",
        "logprobs" | "store" => text == "false",
        "top_logprobs" => text == "0",
        "frequency_penalty" | "presence_penalty" => matches!(text, "0" | "0.0"),
        "tools" | "functions" | "stop" => is_empty_list(text),
        "logit_bias" => text
            .trim_start_matches('{')
            .trim_end_matches('}')
            .trim()
            .is_empty(),
        "tool_choice" | "function_call" => matches!(text, r#""none""# | r#""auto""#),
        "service_tier" => matches!(text, r#""auto""# | r#""default""#),
        "response_format" => {
            serde_json::from_str::<FormatKind<'_>>(text).is_ok_and(|format| format.kind == "text")
        }
        "modalities" => {
            serde_json::from_str::<Vec<&str>>(text).is_ok_and(|modalities| modalities == ["text"])
        }
        _ => false,
    }
}

fn is_empty_list(text: &str) -> bool {
    serde_json::from_str::<Vec<serde::de::IgnoredAny>>(text).is_ok_and(|list| list.is_empty())
}

#[derive(serde::Deserialize)]
struct FormatKind<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

#[cfg(test)]
mod tests;
