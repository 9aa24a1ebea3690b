//! The response object, in the form of `v1` and in that of the preview.

use serde_json::{Map, Value, json};

use super::filters::{content_filters, preview_content_filters};

/// Who answers, as shown in the response and its items.
#[derive(Clone, Debug)]
pub(crate) struct AgentLabel {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// What does not change while a response is made.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) id: String,
    pub(crate) created_at: u64,
    /// The form of the preview instead of `v1`.
    pub(crate) preview: bool,
    pub(crate) agent: Option<AgentLabel>,
    pub(crate) model: String,
    pub(crate) instructions: Option<String>,
    pub(crate) tools: Value,
    pub(crate) tool_choice: Value,
    pub(crate) parallel_tool_calls: Value,
    pub(crate) text: Value,
    pub(crate) temperature: Value,
    pub(crate) top_p: Value,
    pub(crate) metadata: Value,
    pub(crate) store: bool,
    pub(crate) background: bool,
    pub(crate) max_output_tokens: Option<usize>,
    pub(crate) previous_response_id: Option<String>,
    pub(crate) conversation_id: Option<String>,
    /// Characters of the prompt.
    pub(crate) prompt_length: usize,
}

/// What changes while a response is made.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) status: &'static str,
    pub(crate) completed_at: Option<u64>,
    pub(crate) error: Value,
    pub(crate) incomplete_reason: Option<&'static str>,
    pub(crate) output: Vec<Value>,
    pub(crate) usage: Value,
    /// Characters of the answer, once it is complete.
    pub(crate) answer_length: Option<usize>,
}

/// The response as JSON.
pub(crate) fn response_json(settings: &Settings, progress: &Progress) -> Value {
    if settings.preview {
        preview_json(settings, progress)
    } else {
        v1_json(settings, progress)
    }
}

fn incomplete_details(progress: &Progress) -> Value {
    match progress.incomplete_reason {
        Some(reason) => json!({"reason": reason}),
        None => Value::Null,
    }
}

/// Key order of `new/prompt_agent_endpoint_responses.v1.json`; keys without a value are left out, as there.
fn v1_json(settings: &Settings, progress: &Progress) -> Value {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    put("metadata", settings.metadata.clone());
    put("top_logprobs", json!(0));
    put("temperature", settings.temperature.clone());
    put("top_p", settings.top_p.clone());
    put("service_tier", json!("default"));
    if let Some(id) = &settings.previous_response_id {
        put("previous_response_id", json!(id));
    }
    if let Some(limit) = settings.max_output_tokens {
        put("max_output_tokens", json!(limit));
    }
    put("prompt_cache_retention", json!("in_memory"));
    put("model", json!(settings.model));
    put("reasoning", json!({"context": null}));
    put("background", json!(settings.background));
    put("text", settings.text.clone());
    put("tools", settings.tools.clone());
    put("tool_choice", settings.tool_choice.clone());
    put("truncation", json!("disabled"));
    put("id", json!(settings.id));
    put("object", json!("response"));
    put("status", json!(progress.status));
    put("created_at", json!(settings.created_at));
    put("completed_at", json!(progress.completed_at));
    put("error", progress.error.clone());
    put("incomplete_details", incomplete_details(progress));
    put("output", json!(progress.output));
    put("instructions", json!(settings.instructions));
    put("usage", progress.usage.clone());
    put("parallel_tool_calls", settings.parallel_tool_calls.clone());
    if let Some(id) = &settings.conversation_id {
        put("conversation", json!({"id": id}));
    }
    if !settings.store {
        put("store", json!(false));
    }
    if let Some(agent) = &settings.agent {
        put("agent_reference", agent.reference());
    }
    if let Some(length) = progress.answer_length {
        let blocked = progress.incomplete_reason == Some("content_filter");
        put(
            "content_filters",
            content_filters(settings.prompt_length, length, blocked),
        );
    }
    Value::Object(body)
}

/// Key order of `new/prompt_agent_stream.preview.sse`.
fn preview_json(settings: &Settings, progress: &Progress) -> Value {
    let done = progress.completed_at.is_some();
    let blocked = progress.incomplete_reason == Some("content_filter");
    let as_float = |value: &Value| value.as_f64().map_or(Value::Null, |number| json!(number));
    json!({
        "id": settings.id,
        "object": "response",
        "created_at": settings.created_at,
        "status": progress.status,
        "background": settings.background,
        "completed_at": progress.completed_at,
        "content_filters": progress.answer_length.map(|length| {
            preview_content_filters(settings.prompt_length, length, blocked)
        }),
        "conversation": settings.conversation_id.as_ref().map(|id| json!({"id": id})),
        "error": progress.error,
        "incomplete_details": incomplete_details(progress),
        "instructions": settings.instructions,
        "max_output_tokens": settings.max_output_tokens,
        "max_tool_calls": null,
        "model": settings.model,
        "output": progress.output,
        "parallel_tool_calls": settings.parallel_tool_calls,
        "previous_response_id": settings.previous_response_id,
        "prompt_cache_key": null,
        "prompt_cache_retention": null,
        "reasoning": {"effort": null, "summary": null},
        "safety_identifier": null,
        "service_tier": if done { "default" } else { "auto" },
        "store": settings.store,
        "temperature": as_float(&settings.temperature),
        "text": settings.text,
        "tool_choice": null,
        "tools": settings.tools,
        "top_logprobs": 0,
        "top_p": as_float(&settings.top_p),
        "truncation": "disabled",
        "usage": progress.usage,
        "user": null,
        "metadata": settings.metadata,
        "agent": settings.agent.as_ref().map(AgentLabel::preview),
    })
}

impl AgentLabel {
    fn reference(&self) -> Value {
        json!({"type": "agent_reference", "name": self.name, "version": self.version})
    }

    fn preview(&self) -> Value {
        json!({"type": "agent_id", "name": self.name, "version": self.version})
    }
}

/// An output item of this response: its type, id and origin, then `fields`. The preview shows the status before them,
/// `v1` after them.
pub(crate) fn item_json(
    settings: &Settings,
    kind: &str,
    id: &str,
    status: Option<&str>,
    fields: &Value,
) -> Value {
    let mut item = Map::new();
    item.insert("type".to_owned(), json!(kind));
    item.insert("id".to_owned(), json!(id));
    let status = status.map(|status| ("status".to_owned(), json!(status)));
    if settings.preview {
        if let Some(agent) = &settings.agent {
            item.insert("created_by".to_owned(), json!({"agent": agent.preview()}));
        }
        item.extend(status.clone());
    } else {
        if let Some(agent) = &settings.agent {
            item.insert("agent_reference".to_owned(), agent.reference());
        }
        item.insert("response_id".to_owned(), json!(settings.id));
    }
    item.extend(fields.as_object().cloned().unwrap_or_default());
    if !settings.preview {
        item.extend(status);
    }
    Value::Object(item)
}
