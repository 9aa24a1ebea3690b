//! Items: what goes into a response and a conversation, checked as strictly as the service does.
//!
//! Every item needs its `type`, assistant text must be `output_text` with `annotations`, and items that only the service
//! makes (reasoning, tool listings) are refused. The refusals have the form seen in microsoft/agent-framework#3003 on
//! GitHub: `invalid_payload` with one `ValidationError` per problem.

use serde_json::{Map, Value, json};

use crate::brain::{FunctionCall, Turn};
use crate::error::{ServiceError, validation_error};
use crate::ids;

/// Reads a string or a list of items; `pointer` is where it stands in the request.
pub(crate) fn read(input: &Value, pointer: &str) -> Result<Vec<Value>, ServiceError> {
    match input {
        Value::String(text) => Ok(vec![json!({
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": text}],
        })]),
        Value::Array(items) => {
            let mut problems = Vec::new();
            let mut read = Vec::new();
            for (place, item) in items.iter().enumerate() {
                let pointer = format!("{pointer}/{place}");
                match item.as_object() {
                    Some(item) => read.extend(read_item(item, &pointer, &mut problems)),
                    None => problems.push(validation_error(
                        &pointer,
                        "type: Value should be \"object\"",
                    )),
                }
            }
            if problems.is_empty() {
                return Ok(read);
            }
            // The schema's first alternative for an input is a string, and the service reports that too.
            problems.insert(
                0,
                validation_error(pointer, "type: Value is \"array\" but should be \"string\""),
            );
            Err(ServiceError::invalid_payload(
                "Invalid payload",
                None,
                problems,
            ))
        }
        _ => Err(ServiceError::invalid_payload(
            "Invalid payload",
            None,
            vec![validation_error(
                pointer,
                "type: Value should be \"string\" or \"array\"",
            )],
        )),
    }
}

/// One item in the service's form; `None` when there are problems with it.
fn read_item(item: &Map<String, Value>, pointer: &str, problems: &mut Vec<Value>) -> Option<Value> {
    let Some(kind) = item.get("type").and_then(Value::as_str) else {
        problems.push(validation_error(
            pointer,
            "required: Required properties [\"type\"] are not present",
        ));
        return None;
    };
    let required: &[&str] = match kind {
        "message" => return read_message(item, pointer, problems),
        "function_call" => &["call_id", "name", "arguments"],
        "function_call_output" => &["call_id", "output"],
        "mcp_approval_request" => &["id", "server_label", "name", "arguments"],
        "mcp_approval_response" => &["approval_request_id", "approve"],
        "item_reference" => &["id"],
        other => {
            problems.push(validation_error(
                &format!("{pointer}/type"),
                &format!("The item of type \"{other}\" does not match the expected schema"),
            ));
            return None;
        }
    };
    let missing: Vec<&str> = required
        .iter()
        .filter(|name| item.get(**name).is_none_or(Value::is_null))
        .copied()
        .collect();
    if !missing.is_empty() {
        problems.push(missing_properties(pointer, &missing));
        return None;
    }
    Some(Value::Object(item.clone()))
}

fn read_message(
    item: &Map<String, Value>,
    pointer: &str,
    problems: &mut Vec<Value>,
) -> Option<Value> {
    let before = problems.len();
    let role = item.get("role").and_then(Value::as_str).unwrap_or_default();
    if !matches!(role, "user" | "assistant" | "system" | "developer") {
        problems.push(validation_error(
            &format!("{pointer}/role"),
            "enum: Value should match one of the values specified by the enum",
        ));
    }
    let pointer = format!("{pointer}/content");
    let content = match item.get("content") {
        Some(Value::String(text)) if role != "assistant" => {
            vec![json!({"type": "input_text", "text": text})]
        }
        Some(Value::Array(parts)) => {
            for (place, part) in parts.iter().enumerate() {
                check_part(part, role, &format!("{pointer}/{place}"), problems);
            }
            parts.clone()
        }
        _ => {
            problems.push(validation_error(
                &pointer,
                "type: Value should be \"array\"",
            ));
            Vec::new()
        }
    };
    (problems.len() == before).then(|| json!({"type": "message", "role": role, "content": content}))
}

fn check_part(part: &Value, role: &str, pointer: &str, problems: &mut Vec<Value>) {
    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_text = |name: &str| part.get(name).is_some_and(Value::is_string);
    match (kind, role == "assistant") {
        ("output_text", true) => {
            if !is_text("text") {
                problems.push(missing_properties(pointer, &["text"]));
            }
            if !part.get("annotations").is_some_and(Value::is_array) {
                problems.push(missing_properties(pointer, &["annotations"]));
            }
        }
        ("refusal", true) if is_text("refusal") => {}
        ("input_text", false) if is_text("text") => {}
        ("input_image", false) if is_text("image_url") || is_text("file_id") => {}
        ("input_file", false)
            if is_text("file_data") || is_text("file_id") || is_text("file_url") => {}
        _ => problems.push(validation_error(
            pointer,
            &format!("The part of type \"{kind}\" does not match the expected schema"),
        )),
    }
}

fn missing_properties(pointer: &str, names: &[&str]) -> Value {
    let names = json!(names).to_string();
    validation_error(
        pointer,
        &format!("required: Required properties {names} are not present"),
    )
}

/// The item as it is stored: with an id after its type, and a status after a message.
pub(crate) fn with_id(item: Value) -> Value {
    let Value::Object(item) = item else {
        return item;
    };
    let kind = item.get("type").and_then(Value::as_str).unwrap_or_default();
    let prefix = match kind {
        "function_call" => "fc",
        "function_call_output" => "fco",
        "mcp_approval_response" => "mcpa",
        _ => "msg",
    };
    let is_message = kind == "message";
    let mut stored = Map::new();
    stored.insert("type".to_owned(), json!(kind));
    let id = item.get("id").and_then(Value::as_str).map(str::to_owned);
    let id = id.unwrap_or_else(|| ids::conversation(prefix));
    stored.insert("id".to_owned(), json!(id));
    for (key, value) in item {
        if key != "type" && key != "id" {
            stored.insert(key, value);
        }
    }
    if is_message {
        stored.insert("status".to_owned(), json!("completed"));
    }
    Value::Object(stored)
}

/// Checks that every function call has its output and every output its call.
pub(crate) fn check_pairs(items: &[Value]) -> Result<(), ServiceError> {
    let ids_of = |wanted: &str| -> Vec<&str> {
        items
            .iter()
            .filter(|item| kind(item) == wanted)
            .map(|item| text(item, "call_id"))
            .collect()
    };
    let (calls, outputs) = (ids_of("function_call"), ids_of("function_call_output"));
    let refused =
        |message: String| Err(ServiceError::invalid_request(None, Some("input"), message));
    if let Some(output) = outputs.iter().find(|output| !calls.contains(output)) {
        return refused(format!(
            "No tool call found for function call output with call_id {output}."
        ));
    }
    if let Some(call) = calls.iter().find(|call| !outputs.contains(call)) {
        return refused(format!("No tool output found for function call {call}."));
    }
    Ok(())
}

/// The items as the agent sees them. Items without a meaning to it are left out.
pub(crate) fn turns(items: &[Value]) -> Vec<Turn> {
    items.iter().filter_map(turn).collect()
}

fn turn(item: &Value) -> Option<Turn> {
    match kind(item) {
        "message" => {
            let parts = item.get("content").and_then(Value::as_array)?;
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.get("text").or_else(|| part.get("refusal")))
                .filter_map(Value::as_str)
                .collect();
            let text_of_parts = texts.join("\n");
            Some(match text(item, "role") {
                "assistant" => Turn::Assistant(text_of_parts),
                "user" => Turn::User {
                    text: text_of_parts,
                    attachments: parts.len() - texts.len(),
                },
                _ => Turn::System(text_of_parts),
            })
        }
        "function_call" => Some(Turn::Call(FunctionCall {
            call_id: text(item, "call_id").to_owned(),
            name: text(item, "name").to_owned(),
            arguments: text(item, "arguments").to_owned(),
        })),
        "function_call_output" => Some(Turn::Output {
            call_id: text(item, "call_id").to_owned(),
            output: match item.get("output") {
                Some(Value::String(output)) => output.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            },
        }),
        "mcp_approval_request" => Some(Turn::Call(FunctionCall {
            call_id: text(item, "id").to_owned(),
            name: text(item, "name").to_owned(),
            arguments: text(item, "arguments").to_owned(),
        })),
        "mcp_approval_response" => {
            let approved = item.get("approve").and_then(Value::as_bool) == Some(true);
            Some(Turn::Output {
                call_id: text(item, "approval_request_id").to_owned(),
                output: if approved { "approved" } else { "denied" }.to_owned(),
            })
        }
        _ => None,
    }
}

fn kind(item: &Value) -> &str {
    text(item, "type")
}

fn text<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or_default()
}
