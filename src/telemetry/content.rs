//! What users and agents say, as attributes of a span; only where an operator switched that on.
//!
//! The form is that of `docs/gen-ai/gen-ai-input-messages.json` and its siblings in
//! `open-telemetry/semantic-conventions-genai`: messages with a role and parts, as a JSON text.

use opentelemetry::KeyValue;
use serde::Serialize;

use super::attributes;
use crate::agent::{Event, Message, Turn, UserPart, turn::ToolCall};

/// Longest JSON text of one attribute. Receivers cut longer ones, and not where JSON allows it.
const MAX_BYTES: usize = 16 << 10;
/// Longest text of one part; the rest of it is left out.
const MAX_PART_BYTES: usize = 6 << 10;

#[derive(Debug, Serialize)]
struct RecordedMessage<'a> {
    role: &'static str,
    parts: Vec<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    finish_reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part<'a> {
    Text {
        content: &'a str,
    },
    ToolCall {
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    ToolCallResponse {
        id: &'a str,
        response: &'a str,
    },
}

/// What is sent to the agent: its system text, and the messages.
pub(super) fn attributes_of(turn: &Turn) -> Vec<KeyValue> {
    let mut list = Vec::new();
    let instructions = turn.instructions().map(text);
    let instructions = newest_that_fit(instructions.collect());
    if instructions != "[]" {
        list.push(KeyValue::new(attributes::SYSTEM_INSTRUCTIONS, instructions));
    }
    let messages = turn.conversation().filter_map(recorded);
    let messages = newest_that_fit(messages.collect());
    list.push(KeyValue::new(attributes::INPUT_MESSAGES, messages));
    list
}

fn recorded(message: &Message) -> Option<RecordedMessage<'_>> {
    let (role, parts) = match message {
        Message::Instruction { .. } => return None,
        Message::User { parts } => {
            // Images and files are too large for a span.
            let parts = parts.iter().filter_map(|part| match part {
                UserPart::Text(said) => Some(text(said)),
                UserPart::Image { .. } | UserPart::File(_) | UserPart::FileContent { .. } => None,
            });
            ("user", parts.collect())
        }
        Message::Assistant {
            text: said,
            tool_calls,
        } => {
            let said = said.as_deref().map(text);
            (
                "assistant",
                said.into_iter()
                    .chain(tool_calls.iter().map(tool_call))
                    .collect(),
            )
        }
        Message::ToolResult { call_id, output } => {
            let response = Part::ToolCallResponse {
                id: call_id,
                response: cut(output),
            };
            ("tool", vec![response])
        }
    };
    Some(RecordedMessage {
        role,
        parts,
        finish_reason: None,
    })
}

fn text(content: &str) -> Part<'_> {
    Part::Text {
        content: cut(content),
    }
}

fn tool_call(call: &ToolCall) -> Part<'_> {
    Part::ToolCall {
        id: &call.call_id,
        name: &call.name,
        arguments: cut(&call.arguments),
    }
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_PART_BYTES))
        .unwrap_or(text)
}

/// A JSON array of as many of the last items as fit into [`MAX_BYTES`].
fn newest_that_fit(items: Vec<impl Serialize>) -> String {
    let mut room = MAX_BYTES;
    let mut newest_first = Vec::new();
    for item in items.iter().rev() {
        let json = serde_json::to_string(item).unwrap_or_default();
        let Some(left) = room.checked_sub(json.len() + 1) else {
            break;
        };
        room = left;
        newest_first.push(json);
    }
    newest_first.reverse();
    format!("[{}]", newest_first.join(","))
}

/// What the agent has said so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    text: String,
    tool_calls: Vec<ToolCall>,
}

impl Said {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Text(text) | Event::Refusal(text) => append(&mut self.text, text),
            Event::ToolCall { call_id, name, .. } => self.tool_calls.push(ToolCall {
                call_id: call_id.clone(),
                name: name.clone(),
                arguments: String::new(),
            }),
            Event::ToolCallArguments { index, delta } => {
                if let Some(call) = self.tool_calls.get_mut(*index) {
                    append(&mut call.arguments, delta);
                }
            }
            _ => {}
        }
    }

    /// The whole answer, with the reason of its end.
    pub(super) fn attribute(&self, finish_reason: &'static str) -> KeyValue {
        let said = (!self.text.is_empty()).then(|| text(&self.text));
        let message = RecordedMessage {
            role: "assistant",
            parts: said
                .into_iter()
                .chain(self.tool_calls.iter().map(tool_call))
                .collect(),
            finish_reason: Some(finish_reason),
        };
        KeyValue::new(attributes::OUTPUT_MESSAGES, newest_that_fit(vec![message]))
    }
}

/// No more than is recorded is kept.
fn append(to: &mut String, more: &str) {
    if to.len() < MAX_PART_BYTES {
        to.push_str(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> Message {
        Message::User {
            parts: vec![UserPart::Text(text.to_owned())],
        }
    }

    fn value(attribute: &KeyValue) -> serde_json::Value {
        serde_json::from_str(&attribute.value.as_str()).unwrap()
    }

    #[test]
    fn a_turn_is_recorded_as_the_conventions_write_it() {
        let turn = Turn {
            messages: vec![
                Message::Instruction {
                    text: "be kind".to_owned(),
                },
                user("sum?"),
                Message::Assistant {
                    text: None,
                    tool_calls: vec![ToolCall {
                        call_id: "c1".to_owned(),
                        name: "add".to_owned(),
                        arguments: "{}".to_owned(),
                    }],
                },
                Message::ToolResult {
                    call_id: "c1".to_owned(),
                    output: "4".to_owned(),
                },
            ],
            ..Turn::default()
        };
        let list = attributes_of(&turn);
        assert_eq!(
            value(&list[0]),
            serde_json::json!([{"type": "text", "content": "be kind"}])
        );
        assert_eq!(
            value(&list[1]),
            serde_json::json!([
                {"role": "user", "parts": [{"type": "text", "content": "sum?"}]},
                {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "add", "arguments": "{}"}]},
                {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "4"}]},
            ])
        );
    }

    #[test]
    fn an_answer_is_recorded_with_its_end() {
        let mut said = Said::default();
        said.note(&Event::Text("a".to_owned()));
        said.note(&Event::Text("b".to_owned()));
        assert_eq!(
            value(&said.attribute("stop")),
            serde_json::json!([{"role": "assistant", "parts": [{"type": "text", "content": "ab"}], "finish_reason": "stop"}])
        );
    }

    #[test]
    fn long_conversations_and_texts_are_cut_to_valid_json() {
        let long = "é".repeat(MAX_PART_BYTES);
        let messages: Vec<Message> = (0..9).map(|n| user(&format!("{n}{long}"))).collect();
        let attributes = attributes_of(&Turn {
            messages,
            ..Turn::default()
        });
        let recorded = value(&attributes[0]);
        let recorded = recorded.as_array().unwrap();
        assert_eq!(recorded.len(), 2, "the newest that fit");
        let newest = recorded[1]["parts"][0]["content"].as_str().unwrap();
        assert!(newest.starts_with("8é") && newest.len() <= MAX_PART_BYTES);
        let mut said = Said::default();
        for _ in 0..1000 {
            said.note(&Event::Text(long.clone()));
        }
        assert!(said.attribute("stop").value.as_str().len() < MAX_BYTES);
    }
}
