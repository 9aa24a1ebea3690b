//! Answers of new agents, in the shape of the recordings (`tests/fixtures/recordings/new`).

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    answer_text, later_delta,
    script::{Script, frame},
    template::Template,
};

/// The message of every answer; only responses are told apart by their ids.
const MESSAGE_ID: &str = "msg_0a1b2c3d4e5f60718293a4b5c6d7e8f90123456789abcdef";

/// An answer of a new agent, streamed and whole.
#[derive(Debug)]
pub(super) struct NewAgents {
    pub(super) script: Arc<Script>,
    pub(super) whole: Template,
}

impl NewAgents {
    pub(super) fn new(deltas: usize) -> Self {
        let text = answer_text("@MARK@", deltas);
        Self {
            script: Arc::new(script(&text, deltas)),
            whole: Template::new(&response("completed", Some(&text)).to_string()),
        }
    }
}

fn script(text: &str, deltas: usize) -> Script {
    let mut numbers = 0_usize..;
    let mut event =
        |name: &str, fields: Value| event(name, numbers.next().unwrap_or_default(), &fields);
    let in_progress = response("in_progress", None);
    let before = [
        event("response.created", json!({"response": in_progress})),
        event("response.in_progress", json!({"response": in_progress})),
        event(
            "response.output_item.added",
            json!({"output_index": 0, "item": message("in_progress", None)}),
        ),
        event(
            "response.content_part.added",
            json!({"item_id": MESSAGE_ID, "output_index": 0, "content_index": 0, "part": part("")}),
        ),
    ];
    let deltas: Vec<String> = (0..deltas)
        .map(|number| {
            let delta = match number {
                0 => "@MARK@".to_owned(),
                _ => later_delta(number),
            };
            // The service pads deltas so that their lengths tell nothing.
            let fields = json!({
                "item_id": MESSAGE_ID, "output_index": 0, "content_index": 0, "delta": delta,
                "logprobs": [], "obfuscation": "Y4AbQv4FmBoOX",
            });
            event("response.output_text.delta", fields)
        })
        .collect();
    let after = [
        event(
            "response.output_text.done",
            json!({
                "item_id": MESSAGE_ID, "output_index": 0, "content_index": 0, "text": text, "logprobs": [],
            }),
        ),
        event(
            "response.content_part.done",
            json!({"item_id": MESSAGE_ID, "output_index": 0, "content_index": 0, "part": part(text)}),
        ),
        event(
            "response.output_item.done",
            json!({"output_index": 0, "item": message("completed", Some(text))}),
        ),
        event(
            "response.completed",
            json!({"response": response("completed", Some(text))}),
        ),
    ];
    Script::new(&before, &deltas, &after)
}

/// The type comes first and the number last, as the service has them.
fn event(name: &str, number: usize, fields: &Value) -> String {
    let fields = fields.to_string();
    let fields = fields
        .strip_prefix('{')
        .and_then(|fields| fields.strip_suffix('}'))
        .unwrap_or_default();
    let data = format!("{{\"type\":\"{name}\",{fields},\"sequence_number\":{number}}}");
    frame(name, &data)
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "annotations": [], "logprobs": [], "text": text})
}

fn message(status: &str, text: Option<&str>) -> Value {
    json!({
        "type": "message", "id": MESSAGE_ID, "status": status, "role": "assistant",
        "content": text.map(part).into_iter().collect::<Vec<_>>(),
    })
}

fn response(status: &str, text: Option<&str>) -> Value {
    let usage = json!({
        "input_tokens": 28, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 50, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 78,
    });
    json!({
        "id": "resp_@NUMBER@", "object": "response", "created_at": 1_770_131_996, "status": status,
        "background": false, "completed_at": null, "content_filters": null, "conversation": null, "error": null,
        "incomplete_details": null, "instructions": "You are a helpful assistant that answers general questions.",
        "max_output_tokens": null, "max_tool_calls": null, "model": "gpt-4o",
        "output": text.map(|text| message(status, Some(text))).into_iter().collect::<Vec<_>>(),
        "parallel_tool_calls": true, "previous_response_id": null, "prompt_cache_key": null,
        "prompt_cache_retention": null, "reasoning": {"effort": null, "summary": null}, "safety_identifier": null,
        "service_tier": "auto", "store": true, "temperature": 1.0,
        "text": {"format": {"type": "text"}, "verbosity": "medium"}, "tool_choice": null, "tools": [],
        "top_logprobs": 0, "top_p": 1.0, "truncation": "disabled", "usage": text.map(|_| usage), "user": null,
        "metadata": {}, "agent_reference": {"type": "agent_reference", "name": "instant", "version": "1"},
    })
}
