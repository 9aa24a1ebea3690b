//! What a request for a response says.

use serde_json::{Map, Value, json};

use super::items;
use crate::brain::{Format, FunctionTool, ToolChoice};
use crate::error::ServiceError;
use crate::metadata;
use crate::request::ServiceRequest;

/// The fields the operation knows; any other is refused.
const KNOWN: [&str; 34] = [
    "agent",
    "agent_reference",
    "agent_session_id",
    "background",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "structured_inputs",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// A checked request.
#[derive(Debug)]
pub(crate) struct ResponseRequest {
    /// Who answers.
    pub(crate) answerer: Answerer,
    /// New items, without ids.
    pub(crate) input: Vec<Value>,
    pub(crate) mode: Mode,
    pub(crate) store: bool,
    /// Whether text deltas are padded.
    pub(crate) obfuscate: bool,
    pub(crate) previous_response_id: Option<String>,
    pub(crate) conversation_id: Option<String>,
    pub(crate) max_output_tokens: Option<usize>,
    pub(crate) metadata: Value,
    /// The whole body, for the options that are only shown again.
    pub(crate) body: Map<String, Value>,
}

/// How the response is delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// In one piece, when it is complete.
    Whole,
    /// As events.
    Stream,
    /// Later, to whoever asks for it.
    Background,
}

/// Who answers.
#[derive(Debug)]
pub(crate) enum Answerer {
    /// An agent named in the body, or whose own endpoint was called.
    Agent {
        name: String,
        version: Option<String>,
        by_endpoint: bool,
    },
    /// The model itself, with the options of the request.
    Model,
}

impl ResponseRequest {
    /// Reads and checks a request.
    pub(crate) fn read(request: &ServiceRequest) -> Result<ResponseRequest, ServiceError> {
        let body = request.json_object()?;
        if let Some(unknown) = body.keys().find(|key| !KNOWN.contains(&key.as_str())) {
            return Err(ServiceError::unknown_parameter(unknown));
        }
        let answerer = answerer(request, &body)?;
        match answerer {
            Answerer::Agent { .. } => super::overrides::check(&body)?,
            Answerer::Model => super::model_options::check(&body)?,
        }
        let input = match body.get("input") {
            None | Some(Value::Null) => Vec::new(),
            Some(input) => items::read(input, "/input")?,
        };
        let previous_response_id = text(&body, "previous_response_id")?;
        let conversation_id = match body.get("conversation") {
            Some(Value::Object(conversation)) => text(conversation, "id")?,
            _ => text(&body, "conversation")?,
        };
        if previous_response_id.is_some() && conversation_id.is_some() {
            return Err(ServiceError::invalid_request(
                Some("mutually_exclusive_parameters"),
                Some("conversation"),
                "Mutually exclusive parameters: Ensure you are only providing one of: 'previous_response_id' or 'conversation'.",
            ));
        }
        if input.is_empty() && previous_response_id.is_none() && conversation_id.is_none() {
            return Err(ServiceError::missing_parameter("input"));
        }
        let max_output_tokens = match body.get("max_output_tokens") {
            None | Some(Value::Null) => None,
            Some(value) => Some(
                value
                    .as_u64()
                    .and_then(|limit| usize::try_from(limit).ok())
                    .filter(|limit| *limit > 0)
                    .ok_or_else(|| {
                        ServiceError::invalid_type("max_output_tokens", "a positive integer")
                    })?,
            ),
        };
        let store = flag(&body, "store")?.unwrap_or(true);
        let background = flag(&body, "background")?.unwrap_or(false);
        let mode = match (flag(&body, "stream")?.unwrap_or(false), background) {
            (false, false) => Mode::Whole,
            (true, false) => Mode::Stream,
            (false, true) if !store => {
                return Err(ServiceError::invalid_request(
                    Some("unsupported_value"),
                    Some("background"),
                    "Background mode requires 'store' to be true.",
                ));
            }
            (false, true) if conversation_id.is_none() => Mode::Background,
            (_, true) => {
                return Err(ServiceError::not_emulated(
                    "background mode with a stream or a conversation",
                ));
            }
        };
        Ok(ResponseRequest {
            answerer,
            input,
            mode,
            store,
            obfuscate: body
                .get("stream_options")
                .and_then(|options| options.get("include_obfuscation"))
                .and_then(Value::as_bool)
                .unwrap_or(true),
            previous_response_id,
            conversation_id,
            max_output_tokens,
            metadata: metadata::read(&body)?,
            body,
        })
    }

    /// The functions of the request, flat as the Responses API has them.
    pub(crate) fn tool_choice(&self) -> ToolChoice {
        match self.body.get("tool_choice") {
            Some(Value::String(choice)) if choice == "none" => ToolChoice::Off,
            Some(Value::String(choice)) if choice == "required" => ToolChoice::Required,
            Some(Value::Object(choice)) => match choice.get("name").and_then(Value::as_str) {
                Some(name) => ToolChoice::Named(name.to_owned()),
                None => ToolChoice::Auto,
            },
            _ => ToolChoice::Auto,
        }
    }
}

/// The function tools in a list of tools, flat as the Responses API has them; other kinds of tools are never called.
pub(crate) fn function_tools(tools: Option<&Value>) -> Vec<FunctionTool> {
    tools
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter(|tool| tool.get("type").and_then(Value::as_str) == Some("function"))
        .map(|tool| FunctionTool {
            name: tool
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
            parameters: tool.get("parameters").cloned().unwrap_or_default(),
        })
        .collect()
}

/// The answer's form in `text`: of the request, or of an agent's definition.
pub(crate) fn text_format(text: Option<&Value>) -> Format {
    let format = text.and_then(|text| text.get("format"));
    let kind = format
        .and_then(|format| format.get("type"))
        .and_then(Value::as_str);
    match kind {
        Some("json_object") => Format::JsonObject,
        Some("json_schema") => Format::JsonSchema(
            format
                .and_then(|format| format.get("schema"))
                .cloned()
                .unwrap_or_else(|| json!({})),
        ),
        _ => Format::Text,
    }
}

fn answerer(request: &ServiceRequest, body: &Map<String, Value>) -> Result<Answerer, ServiceError> {
    if let Some(name) = &request.endpoint_agent {
        if body.contains_key("agent_reference") {
            return Err(ServiceError::unknown_parameter("agent_reference"));
        }
        return Ok(Answerer::Agent {
            name: name.clone(),
            version: None,
            by_endpoint: true,
        });
    }
    let (used, other) = if request.preview {
        ("agent", "agent_reference")
    } else {
        ("agent_reference", "agent")
    };
    if body.contains_key(other) {
        return Err(ServiceError::invalid_request(
            Some("invalid_payload"),
            Some(other),
            if request.preview {
                "Unknown parameter: 'agent_reference'. Use 'agent' with this api-version."
            } else {
                "The 'agent' property is deprecated. Use 'agent_reference' instead."
            },
        ));
    }
    match body.get(used) {
        None | Some(Value::Null) => {
            let model = text(body, "model")?.filter(|model| !model.is_empty());
            match model {
                Some(_) => Ok(Answerer::Model),
                None => Err(ServiceError::missing_parameter("model")),
            }
        }
        Some(Value::Object(reference)) => {
            if text(reference, "type")?.as_deref() != Some("agent_reference") {
                return Err(ServiceError::invalid_payload(
                    "Invalid payload",
                    None,
                    vec![crate::error::validation_error(
                        &format!("/{used}/type"),
                        "const: Value should be \"agent_reference\"",
                    )],
                ));
            }
            let name = text(reference, "name")?
                .ok_or_else(|| ServiceError::missing_parameter(&format!("{used}.name")))?;
            Ok(Answerer::Agent {
                name,
                version: text(reference, "version")?,
                by_endpoint: false,
            })
        }
        Some(_) => Err(ServiceError::invalid_type(used, "an object")),
    }
}

fn text(body: &Map<String, Value>, name: &str) -> Result<Option<String>, ServiceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(ServiceError::invalid_type(name, "a string")),
    }
}

fn flag(body: &Map<String, Value>, name: &str) -> Result<Option<bool>, ServiceError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(ServiceError::invalid_type(name, "a boolean")),
    }
}
