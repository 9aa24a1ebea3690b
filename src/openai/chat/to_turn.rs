//! A chat completion request to a [`Turn`]. Pure.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use serde::de::DeserializeOwned;

use super::{
    classic_tools,
    fields::{self, Decision},
    request::{self, Content, Part, RawFields, StreamOptions},
    to_overrides::read_overrides,
    tool_results,
    user_parts::{self, FindFile},
};
use crate::{
    agent::{AgentReference, Message, Turn, model_name::ResolvedAgent, turn::ToolCall},
    error::ApiError,
};

/// The fields that name a conversation, all with the same meaning.
pub const CONVERSATION_IDS: [&str; 3] = ["thread_id", "conversation", "previous_response_id"];

/// What has to be known of a request before its agent is.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// All fields.
    pub fields: RawFields<'a>,
    /// `model`.
    pub model: String,
    /// `stream`.
    pub stream: bool,
    /// `stream_options.include_usage`.
    pub include_usage: bool,
}

/// Reads the outer form of a request body.
pub fn read_envelope(body: &[u8]) -> Result<Envelope<'_>, ApiError> {
    let fields: RawFields<'_> = serde_json::from_slice(body).map_err(ApiError::invalid_json)?;
    fields::check_names(&fields)?;
    let model: String = required(&fields, "model", "a string")?;
    if fields.get("messages").is_none() {
        return Err(missing("messages"));
    }
    let stream = optional(&fields, "stream", "true or false")?.unwrap_or(false);
    let options: Option<StreamOptions> = optional(&fields, "stream_options", "an object")?;
    if options.is_some() && !stream {
        return Err(ApiError::bad_request(
            "invalid_value",
            "stream_options",
            "stream_options is only allowed when stream is true",
        ));
    }
    Ok(Envelope {
        include_usage: options
            .and_then(|options| options.include_usage)
            .unwrap_or(false),
        fields,
        model,
        stream,
    })
}

/// A request that has been read.
#[derive(Debug)]
pub struct Request {
    /// What the client said and asked for.
    pub turn: Turn,
    /// The names of the fields that are ignored.
    pub ignored: Vec<String>,
    /// The names of the fields that override the definition of a new agent.
    pub overriding: Vec<String>,
    /// The names of those that count only if there is one of `overriding`, and are ignored otherwise.
    pub joining: Vec<String>,
}

/// Reads the whole request for `agent`; `find_file` knows the files of the caller.
pub fn read_request(
    envelope: &Envelope<'_>,
    agent: &ResolvedAgent,
    find_file: FindFile<'_>,
) -> Result<Request, ApiError> {
    let fields = &envelope.fields;
    let (mut ignored, mut overriding, mut joining) = (Vec::new(), Vec::new(), Vec::new());
    for (name, value) in fields.iter() {
        let names = match fields::decide(name, value, &agent.reference, agent.overrides)? {
            Decision::Taken => continue,
            Decision::Ignored => &mut ignored,
            Decision::Overrides => &mut overriding,
            Decision::Joins => &mut joining,
        };
        names.push(name.to_owned());
    }
    let (messages, has_names) = read_messages(fields, find_file)?;
    let detached = shows_only_what_is_new(fields, &messages);
    let messages = tool_results::settle(messages, detached)?;
    let overrides = read_overrides(fields, &ignored)?;
    if matches!(agent.reference, AgentReference::Classic { .. }) {
        classic_tools::check(&overrides)?;
    }
    let turn = Turn {
        messages,
        streamed: envelope.stream,
        max_output_tokens: match token_limit(fields, "max_completion_tokens")? {
            Some(limit) => Some(limit),
            None => token_limit(fields, "max_tokens")?,
        },
        overrides,
        definition: None,
        continues: None,
        keep: false,
        endpoint: agent.endpoint.clone(),
        session: None,
        approvals: agent.approvals.clone(),
        metadata: read_metadata(fields)?,
    };
    if has_names {
        ignored.push("messages.name".to_owned());
    }
    Ok(Request {
        turn,
        ignored,
        overriding,
        joining,
    })
}

/// Whether the request may leave out the calls whose results it brings: it names its conversation, or holds nothing
/// but results, which say by their ids where they belong.
fn shows_only_what_is_new(fields: &RawFields<'_>, messages: &[Message]) -> bool {
    let names_it = CONVERSATION_IDS
        .iter()
        .any(|name| fields.get(name).is_some());
    let is_apart = |message: &Message| {
        matches!(
            message,
            Message::ToolResult { .. } | Message::Instruction { .. }
        )
    };
    names_it || messages.iter().all(is_apart)
}

fn token_limit(fields: &RawFields<'_>, name: &str) -> Result<Option<u32>, ApiError> {
    match optional::<u32>(fields, name, "a positive integer")? {
        Some(0) => Err(ApiError::bad_request(
            "invalid_value",
            name,
            format!("{name} must be at least 1"),
        )),
        limit => Ok(limit),
    }
}

/// Bounds of the service: 16 pairs, keys of 64 and values of 512 characters.
fn read_metadata(fields: &RawFields<'_>) -> Result<BTreeMap<String, String>, ApiError> {
    let metadata: BTreeMap<String, String> =
        optional(fields, "metadata", "an object with text values")?.unwrap_or_default();
    let fits = metadata.len() <= 16
        && metadata
            .iter()
            .all(|(key, value)| key.chars().count() <= 64 && value.chars().count() <= 512);
    if fits {
        Ok(metadata)
    } else {
        Err(ApiError::bad_request(
            "invalid_value",
            "metadata",
            "metadata has at most 16 pairs, with keys of at most 64 and values of at most 512 characters",
        ))
    }
}

/// The messages, and whether any carries a name, which no agent takes.
fn read_messages(
    fields: &RawFields<'_>,
    find_file: FindFile<'_>,
) -> Result<(Vec<Message>, bool), ApiError> {
    let Some(raw) = fields.get("messages") else {
        return Err(missing("messages"));
    };
    let messages: Vec<request::Message<'_>> =
        serde_json::from_str(raw.get()).map_err(|error| locate(raw.get(), &error))?;
    if messages.is_empty() {
        return Err(ApiError::bad_request(
            "empty_array",
            "messages",
            "messages must hold at least one message",
        ));
    }
    let has_names = messages
        .iter()
        .any(|message| message.name.is_some() && message.role != "function");
    let messages = messages.into_iter().enumerate();
    let messages = messages.map(|(index, message)| read_message(index, message, find_file));
    Ok((messages.collect::<Result<_, _>>()?, has_names))
}

/// Finds the message that does not read, which serde's own error does not tell.
fn locate(json: &str, error: &serde_json::Error) -> ApiError {
    let Ok(messages) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(json) else {
        return ApiError::bad_request(
            "invalid_type",
            "messages",
            "messages must be an array of message objects",
        );
    };
    for (index, message) in messages.iter().enumerate() {
        if let Err(error) = serde_json::from_str::<request::Message<'_>>(message.get()) {
            let message = format!(
                "messages[{index}] cannot be read: {}",
                without_position(&error)
            );
            return ApiError::bad_request("invalid_type", format!("messages[{index}]"), message);
        }
    }
    ApiError::bad_request(
        "invalid_type",
        "messages",
        format!("messages cannot be read: {error}"),
    )
}

/// serde's text without "at line 1 column 30", which counts within the field and so misleads.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once(" at line ") {
        Some((problem, _)) => problem.to_owned(),
        None => text,
    }
}

fn read_message(
    index: usize,
    message: request::Message<'_>,
    find_file: FindFile<'_>,
) -> Result<Message, ApiError> {
    let at = |field: &str| format!("messages[{index}].{field}");
    match message.role.as_ref() {
        "system" | "developer" => Ok(Message::Instruction {
            text: joined_text(message.content, &at("content"), "text")?,
        }),
        "user" => Ok(Message::User {
            parts: user_parts::read(message.content, &at("content"), find_file)?,
        }),
        "assistant" => read_assistant(message, &at),
        "tool" => Ok(Message::ToolResult {
            call_id: message
                .tool_call_id
                .map(|id| id.0.into_owned())
                .ok_or_else(|| missing(&at("tool_call_id")))?,
            output: joined_text(message.content, &at("content"), "text")?,
        }),
        // Before there were tool calls, a function's name was its call's only identity.
        "function" => Ok(Message::ToolResult {
            call_id: message
                .name
                .map(|name| name.0.into_owned())
                .ok_or_else(|| missing(&at("name")))?,
            output: joined_text(message.content, &at("content"), "text")?,
        }),
        role => Err(ApiError::bad_request(
            "invalid_value",
            at("role"),
            format!(
                "{} is {role:?}; it must be system, developer, user, assistant or tool",
                at("role")
            ),
        )),
    }
}

fn read_assistant(
    message: request::Message<'_>,
    at: &impl Fn(&str) -> String,
) -> Result<Message, ApiError> {
    if message.audio.is_some_and(|audio| audio.get() != "null") {
        return Err(ApiError::bad_request(
            "unsupported_value",
            at("audio"),
            format!("{} cannot be replayed: agents know text only", at("audio")),
        ));
    }
    let mut tool_calls = Vec::new();
    for (index, call) in message.tool_calls.into_iter().flatten().enumerate() {
        let Some(function) = call.function else {
            let field = at(&format!("tool_calls[{index}]"));
            let problem = format!("{field} is not a function call, the only kind that agents know");
            return Err(ApiError::bad_request("unsupported_value", field, problem));
        };
        tool_calls.push(tool_call(call.id, function));
    }
    if let Some(function) = message.function_call {
        tool_calls.push(tool_call(function.name.clone(), function));
    }
    let text = match (message.content, message.refusal) {
        (Some(content), _) => Some(joined_text(
            Some(content),
            &at("content"),
            "text or refusal",
        )?),
        // What the assistant refused to say was still its answer.
        (None, Some(refusal)) => Some(refusal.0.into_owned()),
        (None, None) if tool_calls.is_empty() => return Err(missing(&at("content"))),
        (None, None) => None,
    };
    Ok(Message::Assistant {
        text: text.filter(|text| !text.is_empty() || tool_calls.is_empty()),
        tool_calls,
    })
}

fn tool_call(id: Cow<'_, str>, function: request::FunctionCall<'_>) -> ToolCall {
    ToolCall {
        call_id: id.into_owned(),
        name: function.name.into_owned(),
        arguments: function.arguments.into_owned(),
    }
}

/// Text, or the text of all parts, one below the other.
fn joined_text(
    content: Option<Content<'_>>,
    field: &str,
    allowed: &str,
) -> Result<String, ApiError> {
    match content {
        None => Err(missing(field)),
        Some(Content::Text(text)) => Ok(text.into_owned()),
        Some(Content::Parts(parts)) => {
            let mut joined = String::new();
            for (index, part) in parts.into_iter().enumerate() {
                let separator = if index == 0 { "" } else { "\n" };
                let text = part_text(part, field, index, allowed)?;
                // Writing to a string cannot fail.
                let _ = write!(joined, "{separator}{text}");
            }
            Ok(joined)
        }
    }
}

fn part_text(part: Part<'_>, field: &str, index: usize, allowed: &str) -> Result<String, ApiError> {
    let text = match part.kind.as_ref() {
        "text" => part.text,
        "refusal" if allowed.contains("refusal") => part.refusal,
        kind => {
            return Err(ApiError::bad_request(
                "unsupported_value",
                format!("{field}[{index}]"),
                format!(
                    "{field}[{index}] is of type {kind:?}; only {allowed} can be sent to an agent"
                ),
            ));
        }
    };
    text.map(|text| text.0.into_owned())
        .ok_or_else(|| missing(&format!("{field}[{index}].{}", part.kind)))
}

fn missing(field: &str) -> ApiError {
    ApiError::bad_request(
        "missing_required_parameter",
        field,
        format!("{field} is required"),
    )
}

fn required<T: DeserializeOwned>(
    fields: &RawFields<'_>,
    name: &str,
    expected: &str,
) -> Result<T, ApiError> {
    optional(fields, name, expected)?.ok_or_else(|| missing(name))
}

fn optional<T: DeserializeOwned>(
    fields: &RawFields<'_>,
    name: &str,
    expected: &str,
) -> Result<Option<T>, ApiError> {
    let Some(value) = fields.get(name) else {
        return Ok(None);
    };
    serde_json::from_str(value.get()).map(Some).map_err(|_| {
        ApiError::bad_request("invalid_type", name, format!("{name} must be {expected}"))
    })
}

#[cfg(test)]
mod tests;
