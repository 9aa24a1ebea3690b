//! Messages of a thread: two roles, text and images in, text with annotations out.

use serde_json::{Map, Value, json};

use super::plan::Piece;
use super::{find, find_settled};
use crate::brain::Turn;
use crate::clock::Clock;
use crate::error::ServiceError;
use crate::ids;
use crate::metadata;
use crate::paging::PageQuery;
use crate::refusals;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;

/// The most characters of text in one message.
const TEXT_LIMIT: usize = 1_500_000;

/// The most messages in one thread.
const MESSAGE_LIMIT: usize = 100_000;

/// A message.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) created_at: u64,
    pub(crate) assistant_id: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) status: &'static str,
    pub(crate) incomplete_reason: Option<&'static str>,
    pub(crate) incomplete_at: Option<u64>,
    pub(crate) completed_at: Option<u64>,
    pub(crate) role: &'static str,
    pub(crate) content: Vec<Value>,
    pub(crate) attachments: Value,
    pub(crate) metadata: Value,
}

impl Message {
    /// The message as it is read: without its progress, as recorded.
    pub(crate) fn json(&self, thread_id: &str) -> Value {
        json!({
            "id": self.id,
            "object": "thread.message",
            "created_at": self.created_at,
            "assistant_id": self.assistant_id,
            "thread_id": thread_id,
            "run_id": self.run_id,
            "role": self.role,
            "content": self.content,
            "attachments": self.attachments,
            "metadata": self.metadata,
        })
    }

    /// The message as events show it: with its progress.
    pub(crate) fn event_json(&self, thread_id: &str) -> Value {
        json!({
            "id": self.id,
            "object": "thread.message",
            "created_at": self.created_at,
            "assistant_id": self.assistant_id,
            "thread_id": thread_id,
            "run_id": self.run_id,
            "status": self.status,
            "incomplete_details": self.incomplete_reason.map(|reason| json!({"reason": reason})),
            "incomplete_at": self.incomplete_at,
            "completed_at": self.completed_at,
            "role": self.role,
            "content": self.content,
            "attachments": self.attachments,
            "metadata": self.metadata,
        })
    }

    /// The message as the agent sees it.
    pub(crate) fn turn(&self) -> Turn {
        let texts: Vec<&str> = self
            .content
            .iter()
            .filter_map(|block| block.pointer("/text/value"))
            .filter_map(Value::as_str)
            .collect();
        let text = texts.join("\n");
        if self.role == "assistant" {
            return Turn::Assistant(text);
        }
        Turn::User {
            text,
            attachments: self.content.len() - texts.len(),
        }
    }
}

/// Reads a list of messages, such as `additional_messages`; `name` is the field's.
pub(crate) fn read_list(
    list: Option<&Value>,
    name: &str,
    clock: Clock,
) -> Result<Vec<Message>, ServiceError> {
    match list {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => list
            .iter()
            .map(|message| match message {
                Value::Object(message) => read(message, clock),
                _ => Err(ServiceError::invalid_type(name, "an array of objects")),
            })
            .collect(),
        Some(_) => Err(ServiceError::invalid_type(name, "an array")),
    }
}

fn read(body: &Map<String, Value>, clock: Clock) -> Result<Message, ServiceError> {
    const KNOWN: [&str; 4] = ["role", "content", "attachments", "metadata"];
    if let Some(unknown) = body.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(ServiceError::unknown_parameter(unknown));
    }
    let role = match body.get("role").and_then(Value::as_str) {
        Some("user") => "user",
        Some("assistant") => "assistant",
        Some(other) => {
            return Err(ServiceError::invalid_request(
                Some("invalid_value"),
                Some("role"),
                format!("Invalid value: '{other}'. Supported values are: 'user' and 'assistant'."),
            ));
        }
        None => return Err(ServiceError::missing_parameter("role")),
    };
    let content = match body.get("content") {
        Some(Value::String(text)) => vec![text_block(text)],
        Some(Value::Array(blocks)) => blocks.iter().map(read_block).collect::<Result<_, _>>()?,
        Some(_) => {
            return Err(ServiceError::invalid_type(
                "content",
                "a string or an array",
            ));
        }
        None => return Err(ServiceError::missing_parameter("content")),
    };
    let length: usize = content
        .iter()
        .filter_map(|block| block.pointer("/text/value"))
        .filter_map(Value::as_str)
        .map(|text| text.chars().count())
        .sum();
    if length > TEXT_LIMIT {
        return Err(ServiceError::invalid_request(
            Some("content_size_exceeded"),
            Some("content"),
            format!(
                "The message has {length} characters of text; at most {TEXT_LIMIT} are allowed."
            ),
        ));
    }
    Ok(Message {
        id: ids::classic("msg"),
        created_at: clock.unix_seconds(),
        assistant_id: None,
        run_id: None,
        status: "completed",
        incomplete_reason: None,
        incomplete_at: None,
        completed_at: None,
        role,
        content,
        attachments: match body.get("attachments") {
            Some(Value::Array(attachments)) => json!(attachments),
            _ => json!([]),
        },
        metadata: metadata::read(body)?,
    })
}

/// An output text block: `{type, text: {value, annotations}}`.
pub(crate) fn text_block(text: &str) -> Value {
    json!({"type": "text", "text": {"value": text, "annotations": []}})
}

/// Adds a piece to the text of a message; its annotations are kept without their place among the deltas.
pub(crate) fn add_text(message: &mut Message, piece: &Piece) {
    if message.content.is_empty() {
        message.content.push(text_block(""));
    }
    let Some(text) = message
        .content
        .first_mut()
        .and_then(|block| block.get_mut("text"))
    else {
        return;
    };
    if let Some(Value::String(value)) = text.get_mut("value") {
        value.push_str(&piece.value);
    }
    if let Some(Value::Array(annotations)) = text.get_mut("annotations") {
        for annotation in &piece.annotations {
            let mut annotation = annotation.clone();
            if let Some(annotation) = annotation.as_object_mut() {
                annotation.shift_remove("index");
            }
            annotations.push(annotation);
        }
    }
}

fn read_block(block: &Value) -> Result<Value, ServiceError> {
    let has = |pointer: &str| block.pointer(pointer).is_some_and(Value::is_string);
    match block.get("type").and_then(Value::as_str) {
        Some("text") => match block.get("text") {
            Some(Value::String(text)) => Ok(text_block(text)),
            _ => Err(ServiceError::invalid_type("content[].text", "a string")),
        },
        Some("image_url") if has("/image_url/url") => Ok(block.clone()),
        Some("image_file") if has("/image_file/file_id") => Ok(block.clone()),
        Some(other) => Err(ServiceError::invalid_request(
            Some("invalid_value"),
            Some("content"),
            format!(
                "Invalid content block of type '{other}'. Supported types are: 'text', 'image_url' and 'image_file'."
            ),
        )),
        None => Err(ServiceError::missing_parameter("content[].type")),
    }
}

/// `GET /threads/{id}/messages`, also by `run_id`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let run_id = request.query("run_id");
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let messages = thread
        .messages
        .iter()
        .filter(|message| run_id.is_none() || message.run_id.as_deref() == run_id)
        .map(|message| message.json(&thread.id))
        .collect();
    Ok(Reply::json(query.page(messages)))
}

/// `POST /threads/{id}/messages`
pub(crate) fn create(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let message = read(&request.json_object()?, context.clock)?;
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    if let Some(run) = thread.active_run() {
        return Err(refusals::messages_locked(&thread.id, &run.id));
    }
    if thread.messages.len() >= MESSAGE_LIMIT {
        return Err(ServiceError::invalid_request(
            Some("message_limit_exceeded"),
            None,
            format!("The thread has {MESSAGE_LIMIT} messages; no more can be added."),
        ));
    }
    let reply = Reply::json(message.json(&thread.id));
    thread.messages.push(message);
    Ok(reply)
}

/// `GET /threads/{id}/messages/{message}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let message = thread
        .messages
        .iter()
        .find(|message| message.id == request.segment(1))
        .ok_or_else(|| unknown(request.segment(1)))?;
    Ok(Reply::json(message.json(&thread.id)))
}

/// `POST /threads/{id}/messages/{message}`: replaces the metadata.
pub(crate) fn update(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let metadata = metadata::read(&request.json_object()?)?;
    let mut project = context.project.lock();
    let thread = find(&mut project, request.segment(0))?;
    let message = thread
        .messages
        .iter_mut()
        .find(|message| message.id == request.segment(1))
        .ok_or_else(|| unknown(request.segment(1)))?;
    message.metadata = metadata;
    Ok(Reply::json(message.json(&thread.id)))
}

/// `DELETE /threads/{id}/messages/{message}`, a preview operation
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let id = request.segment(1);
    let mut project = context.project.lock();
    let thread = find(&mut project, request.segment(0))?;
    let place = thread
        .messages
        .iter()
        .position(|message| message.id == id)
        .ok_or_else(|| unknown(id))?;
    thread.messages.remove(place);
    Ok(Reply::json(
        json!({"id": id, "object": "thread.message.deleted", "deleted": true}),
    ))
}

fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("No message found with id '{id}'."))
}
