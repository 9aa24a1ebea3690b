//! What a request for a run says, and the conversation it makes.

use serde_json::{Map, Value, json};

use super::assistants::{Assistant, read_tools};
use super::messages::{self, Message};
use super::run::RunSettings;
use super::steps::{StepDetails, ToolCall};
use super::{Run, Thread, tool_resources};
use crate::brain::{Conversation, Format, FunctionCall, FunctionTool, ToolChoice, Turn};
use crate::clock::Clock;
use crate::error::ServiceError;
use crate::metadata;

/// The fields of both operations; any other is refused.
const KNOWN: [&str; 15] = [
    "assistant_id",
    "instructions",
    "max_completion_tokens",
    "max_prompt_tokens",
    "metadata",
    "model",
    "parallel_tool_calls",
    "response_format",
    "stream",
    "temperature",
    "tool_choice",
    "tool_resources",
    "tools",
    "top_p",
    "truncation_strategy",
];
/// Only on a run of an existing thread.
const RUN_ONLY: [&str; 2] = ["additional_instructions", "additional_messages"];
/// Only on a thread and run in one.
const THREAD_ONLY: [&str; 1] = ["thread"];

/// A checked request for a run.
#[derive(Debug)]
pub(crate) struct RunRequest {
    pub(crate) assistant_id: String,
    pub(crate) stream: bool,
    pub(crate) additional_messages: Vec<Message>,
    body: Map<String, Value>,
}

impl RunRequest {
    /// Reads a request for a run of an existing thread, or with `with_thread` for one of a new thread.
    pub(crate) fn read(
        body: Map<String, Value>,
        with_thread: bool,
        clock: Clock,
    ) -> Result<RunRequest, ServiceError> {
        let more: &[&str] = if with_thread { &THREAD_ONLY } else { &RUN_ONLY };
        let unknown = body
            .keys()
            .find(|key| !KNOWN.contains(&key.as_str()) && !more.contains(&key.as_str()));
        if let Some(unknown) = unknown {
            return Err(ServiceError::unknown_parameter(unknown));
        }
        let assistant_id = body
            .get("assistant_id")
            .and_then(Value::as_str)
            .ok_or_else(|| ServiceError::missing_parameter("assistant_id"))?
            .to_owned();
        let additional_messages = messages::read_list(
            body.get("additional_messages"),
            "additional_messages",
            clock,
        )?;
        check_tool_choice(body.get("tool_choice"))?;
        check_response_format(body.get("response_format"))?;
        Ok(RunRequest {
            assistant_id,
            stream: body.get("stream").and_then(Value::as_bool).unwrap_or(false),
            additional_messages,
            body,
        })
    }

    /// The run's settings: those of the request, else those of the assistant.
    pub(crate) fn settings(&self, assistant: &Assistant) -> Result<RunSettings, ServiceError> {
        let given = |name: &str| self.body.get(name).filter(|value| !value.is_null());
        let or = |name: &str, default: &Value| given(name).unwrap_or(default).clone();
        let instructions = or("instructions", &assistant.instructions);
        let instructions = match (instructions.as_str(), given("additional_instructions")) {
            (Some(own), Some(Value::String(more))) => json!(format!("{own}\n{more}")),
            (None, Some(more)) => more.clone(),
            _ => instructions,
        };
        Ok(RunSettings {
            model: or("model", &json!(assistant.model)),
            instructions,
            tools: match given("tools") {
                Some(tools) => read_tools(tools)?,
                None => assistant.tools.clone(),
            },
            tool_resources: tool_resources(&self.body)?,
            metadata: metadata::read(&self.body)?,
            temperature: or("temperature", &assistant.temperature),
            top_p: or("top_p", &assistant.top_p),
            max_completion_tokens: limit(&self.body, "max_completion_tokens")?,
            max_prompt_tokens: limit(&self.body, "max_prompt_tokens")?,
            truncation_strategy: or(
                "truncation_strategy",
                &json!({"type": "auto", "last_messages": null}),
            ),
            response_format: or("response_format", &assistant.response_format),
            tool_choice: or("tool_choice", &json!("auto")),
            parallel_tool_calls: or("parallel_tool_calls", &json!(true)),
        })
    }
}

fn limit(body: &Map<String, Value>, name: &str) -> Result<Option<usize>, ServiceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|limit| usize::try_from(limit).ok())
            .filter(|limit| *limit > 0)
            .map(Some)
            .ok_or_else(|| ServiceError::invalid_type(name, "a positive integer")),
    }
}

/// `none`, `auto` or a named tool; `required` is not among the choices of classic agents.
fn check_tool_choice(choice: Option<&Value>) -> Result<(), ServiceError> {
    match choice {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(choice)) if choice == "none" || choice == "auto" => Ok(()),
        Some(Value::Object(choice)) if choice.get("type").is_some_and(Value::is_string) => Ok(()),
        Some(other) => Err(ServiceError::invalid_request(
            Some("invalid_value"),
            Some("tool_choice"),
            format!("Invalid value: {other}. Supported values are: 'none', 'auto' or a tool."),
        )),
    }
}

fn check_response_format(format: Option<&Value>) -> Result<(), ServiceError> {
    let kind = match format {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::String(format)) if format == "auto" => return Ok(()),
        Some(format) => format.get("type").and_then(Value::as_str),
    };
    match kind {
        Some("text" | "json_object") => Ok(()),
        Some("json_schema")
            if format.is_some_and(|format| format.pointer("/json_schema/schema").is_some()) =>
        {
            Ok(())
        }
        _ => Err(ServiceError::invalid_request(
            Some("invalid_value"),
            Some("response_format"),
            "Invalid 'response_format': expected 'auto', a text, a json_object or a json_schema with a schema.",
        )),
    }
}

/// The conversation as the agent sees it: the thread's messages, `more` messages, and the tool calls of `run`.
pub(crate) fn conversation(
    settings: &RunSettings,
    thread: &Thread,
    more: &[Message],
    run: Option<&Run>,
) -> Conversation {
    let messages = thread.messages.iter().chain(more).map(Message::turn);
    let calls = run
        .into_iter()
        .flat_map(|run| &run.steps)
        .filter_map(|step| match &step.details {
            StepDetails::Tools(calls) => Some(call_turns(calls)),
            StepDetails::Message(_) => None,
        });
    Conversation {
        instructions: settings
            .instructions
            .as_str()
            .map(str::to_owned)
            .into_iter()
            .collect(),
        turns: messages.chain(calls.flatten()).collect(),
        tools: function_tools(&settings.tools),
        choice: tool_choice(&settings.tool_choice),
        one_call_only: settings.parallel_tool_calls == json!(false),
        format: format(&settings.response_format),
    }
}

fn call_turns(calls: &[ToolCall]) -> Vec<Turn> {
    let asked = calls.iter().map(|call| {
        Turn::Call(FunctionCall {
            call_id: call.id.clone(),
            name: call.name.clone(),
            arguments: call.arguments.clone(),
        })
    });
    let answered = calls.iter().filter_map(|call| {
        Some(Turn::Output {
            call_id: call.id.clone(),
            output: call.output.clone()?,
        })
    });
    asked.chain(answered).collect()
}

fn function_tools(tools: &Value) -> Vec<FunctionTool> {
    tools
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|tool| tool.get("function"))
        .map(|function| FunctionTool {
            name: function
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            parameters: function.get("parameters").cloned().unwrap_or_default(),
        })
        .collect()
}

fn tool_choice(choice: &Value) -> ToolChoice {
    match (choice.as_str(), choice.pointer("/function/name")) {
        (Some("none"), _) => ToolChoice::Off,
        (_, Some(Value::String(name))) => ToolChoice::Named(name.clone()),
        _ => ToolChoice::Auto,
    }
}

fn format(format: &Value) -> Format {
    match format.get("type").and_then(Value::as_str) {
        Some("json_object") => Format::JsonObject,
        Some("json_schema") => Format::JsonSchema(
            format
                .pointer("/json_schema/schema")
                .cloned()
                .unwrap_or_else(|| json!({})),
        ),
        _ => Format::Text,
    }
}
