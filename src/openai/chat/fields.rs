//! Every field of a chat completion request, and what becomes of it.
//!
//! Nothing is dropped in silence: a field is translated, refused with a 400 that names it, or ignored and named
//! in the response header `x-ignored-params`. `docs/request-fields.md` shows this table; a test holds the two together.

use serde_json::value::RawValue;

use crate::{agent::AgentReference, config::agents::OverridePolicy, error::ApiError};

/// What becomes of a field that is given and does not say the obvious (see [`is_neutral`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Treatment {
    /// Its meaning reaches the agent, or decides the form of the answer.
    Translated,
    /// A wish that does not change what the answer means: ignored and reported, unless the policy is `reject`.
    Hint,
    /// Would change what the answer means: refused, unless the policy is `ignore`.
    Override,
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

use Treatment::{Hint, Override, Refused, Translated};

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
        Hint,
        Translated,
        "a new agent owns its temperature; a classic run takes one",
    ),
    field(
        "top_p",
        Hint,
        Translated,
        "a new agent owns its top_p; a classic run takes one",
    ),
    both("frequency_penalty", Hint, "agents have no such option"),
    both("presence_penalty", Hint, "agents have no such option"),
    both("logit_bias", Hint, "agents have no such option"),
    both("seed", Hint, "agents have no such option"),
    both("parallel_tool_calls", Hint, "the agent owns its tools"),
    both("prediction", Hint, "only makes some models faster"),
    both("prompt_cache_key", Hint, "the service caches by itself"),
    both("prompt_cache_options", Hint, "the service caches by itself"),
    both(
        "prompt_cache_retention",
        Hint,
        "the service caches by itself",
    ),
    both(
        "reasoning_effort",
        Hint,
        "the agent owns its reasoning effort",
    ),
    both("safety_identifier", Hint, "agents have no such option"),
    both("service_tier", Hint, "the agent's deployment decides"),
    both("store", Hint, "the gateway keeps nothing"),
    both("user", Hint, "agents have no such option"),
    both("verbosity", Hint, "the agent owns its verbosity"),
    both(
        "moderation",
        Hint,
        "the content filter of the deployment decides",
    ),
    both("stop", Override, "agents have no stop sequences"),
    both("tools", Override, "the agent owns its tools"),
    both("tool_choice", Override, "the agent owns its tools"),
    both("functions", Override, "the agent owns its tools"),
    both("function_call", Override, "the agent owns its tools"),
    both(
        "response_format",
        Override,
        "the agent owns its response format",
    ),
    both("web_search_options", Override, "the agent owns its tools"),
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

/// Decides about one field that is given; `Ok(true)` where it is ignored and has to be reported.
pub fn decide(
    name: &str,
    value: &RawValue,
    agent: &AgentReference,
    policy: OverridePolicy,
) -> Result<bool, ApiError> {
    let field = FIELDS
        .iter()
        .find(|field| field.name == name)
        .unwrap_or(&UNKNOWN);
    let treatment = match agent {
        AgentReference::New { .. } => field.new_agents,
        AgentReference::Classic { .. } => field.classic_agents,
    };
    if treatment == Translated || is_neutral(name, value) {
        return Ok(false);
    }
    match (treatment, policy) {
        (Hint, OverridePolicy::Auto | OverridePolicy::Ignore)
        | (Override, OverridePolicy::Ignore) => Ok(true),
        (Refused, _) => Err(refusal(name, field, "remove it")),
        _ => Err(refusal(
            name,
            field,
            "remove it, or have the gateway's operator set GATEWAY_AGENT_OVERRIDES=ignore",
        )),
    }
}

fn refusal(name: &str, field: &Field, remedy: &str) -> ApiError {
    let message = format!(
        "{name} cannot be used with this agent ({}); {remedy}",
        field.why
    );
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
mod tests {
    use super::*;

    fn agent(classic: bool) -> AgentReference {
        if classic {
            AgentReference::Classic {
                assistant_id: "asst_1".to_owned(),
            }
        } else {
            AgentReference::New {
                name: "a".to_owned(),
                version: None,
            }
        }
    }

    fn decision(name: &str, json: &str, classic: bool, policy: OverridePolicy) -> &'static str {
        let value = RawValue::from_string(json.to_owned()).unwrap();
        match decide(name, &value, &agent(classic), policy) {
            Ok(false) => "taken",
            Ok(true) => "ignored",
            Err(error) => {
                assert_eq!(error.param.as_deref(), Some(name));
                assert_eq!(error.status, 400);
                "refused"
            }
        }
    }

    #[test]
    fn each_policy_treats_each_kind_of_field_as_documented() {
        use OverridePolicy::{Auto, Ignore, Reject};
        let rows = [
            ("temperature", "0.1", "ignored", "refused", "ignored"),
            (
                "tools",
                r#"[{"type":"function"}]"#,
                "refused",
                "refused",
                "ignored",
            ),
            (
                "response_format",
                r#"{"type":"json_object"}"#,
                "refused",
                "refused",
                "ignored",
            ),
            ("n", "2", "refused", "refused", "refused"),
            ("audio", "{}", "refused", "refused", "refused"),
            ("something_else", "1", "ignored", "refused", "ignored"),
            ("metadata", "{}", "taken", "taken", "taken"),
        ];
        for (name, json, auto, reject, ignore) in rows {
            assert_eq!(decision(name, json, false, Auto), auto, "{name}");
            assert_eq!(decision(name, json, false, Reject), reject, "{name}");
            assert_eq!(decision(name, json, false, Ignore), ignore, "{name}");
        }
        assert_eq!(decision("temperature", "0.1", true, Reject), "taken");
    }

    #[test]
    fn values_that_say_the_obvious_are_taken_under_every_policy() {
        let rows = [
            ("n", "1"),
            ("logprobs", "false"),
            ("tools", "[]"),
            ("stop", "[ ]"),
            ("logit_bias", "{ }"),
            ("tool_choice", r#""auto""#),
            ("response_format", r#"{"type": "text"}"#),
            ("modalities", r#"["text"]"#),
            ("presence_penalty", "0"),
        ];
        for (name, json) in rows {
            assert_eq!(
                decision(name, json, false, OverridePolicy::Reject),
                "taken",
                "{name}"
            );
        }
    }

    #[test]
    fn no_field_stands_twice() {
        let mut names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), FIELDS.len());
    }
}
