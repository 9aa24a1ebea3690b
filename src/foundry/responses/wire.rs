//! The Responses API with an agent, as far as the gateway speaks it.
//!
//! Requests follow `agent_responses_crud.v1.json` and `function_tool.v1.json` of the recordings; events follow
//! `prompt_agent_stream.preview.sse`. Fields that the gateway does not use are not listed; unknown ones are skipped.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    agent::Json,
    foundry::{
        failures::RunError,
        lenient::{Lenient, null_as_default},
    },
};

/// `POST {project}/openai/v1/responses`, and on an agent's own endpoint.
#[derive(Debug, Serialize)]
pub(super) struct CreateResponse<'a> {
    #[serde(flatten)]
    pub(super) answerer: Answerer<'a>,
    pub(super) input: Vec<InputItem<'a>>,
    pub(super) stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) previous_response_id: Option<&'a str>,
    /// Of hosted agents only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) agent_session_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) store: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: &'a BTreeMap<String, String>,
}

/// Who answers: an agent by its name, or a model with what the agent is made of.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Answerer<'a> {
    Agent {
        agent_reference: AgentReference<'a>,
    },
    /// The agent whose own endpoint is called.
    Itself {},
    Model(Box<Inline<'a>>),
}

/// A model with instructions, tools and options of the request: what a request that names an agent may not have.
#[derive(Debug, Serialize)]
pub(super) struct Inline<'a> {
    pub(super) model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) reasoning: BTreeMap<&'a str, ModelOption<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) text: BTreeMap<&'a str, ModelOption<'a>>,
}

/// A tool: as the agent's definition has it, or a function of the client.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Tool<'a> {
    Defined(&'a Json),
    Function(FunctionTool<'a>),
}

/// A function, flat as the Responses API has it; `parameters` and `strict` are required, and may be null.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
pub(super) struct FunctionTool<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    pub(super) parameters: Option<&'a Json>,
    pub(super) strict: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ToolChoice<'a> {
    Defined(&'a Json),
    Mode(&'static str),
    Tool(ToolByName<'a>),
    Allowed(AllowedTools<'a>),
}

/// A function by its name.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
pub(super) struct ToolByName<'a> {
    pub(super) name: &'a str,
}

/// The tools among which the model may choose.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "allowed_tools")]
pub(super) struct AllowedTools<'a> {
    pub(super) mode: &'static str,
    pub(super) tools: Vec<ToolByName<'a>>,
}

/// An option in `reasoning` or `text`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ModelOption<'a> {
    Defined(&'a Json),
    Word(&'a str),
    Format(TextFormat<'a>),
}

/// `text.format`.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum TextFormat<'a> {
    JsonObject,
    JsonSchema {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        schema: &'a Json,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
}

/// Which agent answers.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "agent_reference")]
pub(super) struct AgentReference<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<&'a str>,
}

/// One item of the history.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum InputItem<'a> {
    Message {
        role: Role,
        content: Vec<InputContent<'a>>,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: &'a str,
    },
    McpApprovalRequest {
        id: String,
        server_label: String,
        name: String,
        arguments: String,
    },
    McpApprovalResponse {
        approval_request_id: &'a str,
        approve: bool,
    },
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    Developer,
    User,
    Assistant,
}

/// Assistant text must be `output_text` with `annotations`, or the service answers 400.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum InputContent<'a> {
    InputText {
        text: &'a str,
    },
    InputImage {
        image_url: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        detail: Option<&'a str>,
    },
    InputFile(InputFile<'a>),
    OutputText {
        text: &'a str,
        annotations: [(); 0],
    },
}

/// A file: by its id, or by its name and content.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum InputFile<'a> {
    Uploaded {
        file_id: &'a str,
    },
    Content {
        filename: &'a str,
        file_data: &'a str,
    },
}

/// A piece of text; most events of an answer are this, so that it is read by itself.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TextDelta<'a> {
    pub(super) output_index: u64,
    pub(super) content_index: u64,
    #[serde(borrow)]
    pub(super) delta: Cow<'a, str>,
}

/// An event that belongs to an output item; each kind of event has a few of these fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemEvent<'a> {
    pub(super) output_index: u64,
    pub(super) content_index: u64,
    pub(super) summary_index: u64,
    #[serde(borrow)]
    pub(super) delta: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) text: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) refusal: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) arguments: Cow<'a, str>,
    pub(super) annotation: Option<Lenient<Annotation>>,
    pub(super) item: Option<Lenient<OutputItem>>,
    pub(super) part: Option<Lenient<ContentPart>>,
}

/// An item of the output.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OutputItem {
    #[serde(rename = "type")]
    #[serde(deserialize_with = "null_as_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) content: Vec<Lenient<ContentPart>>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) call_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) arguments: String,
    /// Of reasoning.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) summary: Vec<Lenient<ContentPart>>,
    /// Named by the answer to an approval request, and by the link to an image.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) server_label: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) consent_link: String,
    /// Of `image_generation_call`: the image in base64.
    pub(super) result: Option<String>,
}

/// A part of a message's content.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ContentPart {
    #[serde(rename = "type")]
    #[serde(deserialize_with = "null_as_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) text: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) refusal: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) annotations: Vec<Lenient<Annotation>>,
}

/// An annotation; each kind has a few of these fields.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    #[serde(rename = "type")]
    #[serde(deserialize_with = "null_as_default")]
    pub(super) kind: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) start_index: usize,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) end_index: usize,
    /// Of `file_citation` and `file_path`, instead of start and end.
    pub(super) index: Option<usize>,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) url: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) title: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) file_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) container_id: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) filename: String,
}

/// `response.created` and the terminal events.
#[derive(Debug, Deserialize)]
pub(super) struct ResponseEvent<'a> {
    #[serde(borrow)]
    pub(super) response: Response<'a>,
}

/// The response object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Response<'a> {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) model: Lenient<Option<String>>,
    /// The agent that answers; the preview version called it `agent`.
    pub(super) agent_reference: Lenient<AnsweringAgent>,
    pub(super) agent: Lenient<AnsweringAgent>,
    pub(super) error: Option<RunError>,
    pub(super) incomplete_details: Option<IncompleteDetails>,
    /// Each a [`Lenient`] [`OutputItem`]. They repeat the whole answer, and are read only where no other event told it.
    #[serde(borrow)]
    pub(super) output: Vec<&'a RawValue>,
    pub(super) usage: Option<Usage>,
}

/// The agent that answers, with the version that the service picked.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnsweringAgent {
    pub(super) version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IncompleteDetails {
    pub(super) reason: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) input_tokens: u64,
    pub(super) input_tokens_details: Option<InputTokensDetails>,
    pub(super) output_tokens: u64,
    pub(super) output_tokens_details: Option<OutputTokensDetails>,
    pub(super) total_tokens: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct InputTokensDetails {
    pub(super) cached_tokens: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OutputTokensDetails {
    pub(super) reasoning_tokens: u64,
}
