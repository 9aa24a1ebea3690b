//! Threads and runs, as far as the gateway speaks them.
//!
//! Requests follow section 1.2 of the SDK model (azure-ai-agents 1.1.0); events follow `create_stream.sse`,
//! `function_stream.partA.sse` and `thread_and_run_failed.sse` of the recordings. Fields that the gateway does
//! not use are not listed; unknown ones are skipped.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use crate::{
    agent::Json,
    foundry::{
        failures::RunError,
        lenient::{Lenient, null_as_default},
    },
};

/// `POST /threads/runs`.
#[derive(Debug, Serialize)]
pub(super) struct CreateThreadAndRun<'a> {
    pub(super) thread: CreateThread<'a>,
    #[serde(flatten)]
    pub(super) run: CreateRun<'a>,
}

/// `POST /threads`.
#[derive(Debug, Serialize)]
pub(super) struct CreateThread<'a> {
    pub(super) messages: Vec<ThreadMessage<'a>>,
}

/// A message of a thread: only users and assistants speak here.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ThreadMessage<'a> {
    pub(super) role: Role,
    pub(super) content: Vec<ContentBlock<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) attachments: Vec<Attachment<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Role {
    User,
    Assistant,
}

/// A block of an input message; its text is a plain string, unlike in answers.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ContentBlock<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
}

/// An image by its address or as a `data:` URL.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ImageUrl<'a> {
    pub(super) url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<&'a str>,
}

/// A file of a message, and the tools that read it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Attachment<'a> {
    pub(super) file_id: &'a str,
    pub(super) tools: [AttachmentTool; 1],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum AttachmentTool {
    FileSearch,
    CodeInterpreter,
}

/// `POST /threads/{id}/runs`.
#[derive(Debug, Serialize)]
pub(super) struct CreateRun<'a> {
    pub(super) assistant_id: &'a str,
    pub(super) stream: bool,
    /// Instead of the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) instructions: Option<&'a str>,
    /// Not part of `POST /threads/runs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) additional_instructions: Option<&'a str>,
    /// What is new on a thread that exists; not part of `POST /threads/runs` either.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) additional_messages: Vec<ThreadMessage<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_prompt_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) truncation_strategy: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) response_format: Option<ResponseFormat<'a>>,
    /// Instead of the agent's own tools.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tool_choice: Option<ToolChoice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) metadata: &'a BTreeMap<String, String>,
}

/// A tool of a run: one of the agent's own as the service tells it, or a function of the client.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Tool<'a> {
    Defined(&'a Json),
    Function(FunctionTool<'a>),
}

/// The form of chat completions.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
pub(super) struct FunctionTool<'a> {
    pub(super) function: Function<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct Function<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameters: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

/// `tool_choice` of a run; `required` is not among the words that the service knows.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum ToolChoice<'a> {
    Mode(&'static str),
    Function(ToolByName<'a>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
pub(super) struct ToolByName<'a> {
    pub(super) function: FunctionName<'a>,
}

#[derive(Debug, Serialize)]
pub(super) struct FunctionName<'a> {
    pub(super) name: &'a str,
}

/// `response_format` of a run.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ResponseFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: JsonSchema<'a> },
}

/// The SDK's model has no `strict`; the Assistants API, whose form this is, has.
#[derive(Debug, Serialize)]
pub(super) struct JsonSchema<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<&'a str>,
    pub(super) schema: &'a Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strict: Option<bool>,
}

/// `POST /threads/{id}/runs/{id}/submit_tool_outputs`: all that the run waits for, at once; approvals with the preview
/// version only.
#[derive(Debug, Serialize)]
pub(super) struct SubmitToolOutputs<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_outputs: Vec<ToolOutput<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tool_approvals: Vec<ToolApproval<'a>>,
    pub(super) stream: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ToolApproval<'a> {
    pub(super) tool_call_id: &'a str,
    pub(super) approve: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ToolOutput<'a> {
    pub(super) tool_call_id: &'a str,
    pub(super) output: &'a str,
}

/// The answer to `POST /threads`, and the data of `thread.created`.
#[derive(Debug, Deserialize)]
pub(super) struct CreatedThread {
    pub(super) id: String,
}

/// The data of `thread.run.*`.
#[derive(Debug, Deserialize)]
pub(super) struct Run {
    pub(super) id: String,
    pub(super) thread_id: String,
    #[serde(default)]
    pub(super) status: Lenient<Option<String>>,
    #[serde(default)]
    pub(super) model: Lenient<Option<String>>,
    #[serde(default)]
    pub(super) required_action: Option<Lenient<RequiredAction>>,
    #[serde(default)]
    pub(super) last_error: Option<RunError>,
    #[serde(default)]
    pub(super) incomplete_details: Option<IncompleteDetails>,
    #[serde(default)]
    pub(super) usage: Option<Usage>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RequiredAction {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) submit_tool_outputs: Option<PendingCalls>,
    pub(super) submit_tool_approval: Option<PendingCalls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PendingCalls {
    pub(super) tool_calls: Vec<Lenient<ToolCall>>,
}

/// A call of a run step or a required action; deltas leave out what did not change.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolCall {
    pub(super) index: usize,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) id: String,
    #[serde(rename = "type", deserialize_with = "null_as_default")]
    pub(super) kind: String,
    /// Name of an MCP tool; its server and arguments are beside it.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) server_label: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) arguments: String,
    pub(super) function: Option<FunctionCall>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionCall {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) arguments: String,
}

/// The data of `thread.run.step.delta`.
#[derive(Debug, Deserialize)]
pub(super) struct StepDelta {
    pub(super) delta: Lenient<StepDeltaBody>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StepDeltaBody {
    pub(super) step_details: PendingCalls,
}

/// The data of `thread.message.delta`.
#[derive(Debug, Deserialize)]
pub(super) struct MessageDelta {
    pub(super) delta: MessageContent,
}

/// The content of a message, whole or in part.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageContent {
    pub(super) content: Vec<Lenient<MessagePart>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessagePart {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) text: Option<MessageText>,
    /// An image that the code interpreter made.
    pub(super) image_file: Option<FileReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageText {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) value: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) annotations: Vec<Lenient<Annotation>>,
}

/// An annotation; which of its fields it has says its kind.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Annotation {
    /// The cited piece of the text: a marker, or a path in the code interpreter's sandbox.
    #[serde(deserialize_with = "null_as_default")]
    pub(super) text: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) start_index: usize,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) end_index: usize,
    pub(super) url_citation: Option<UrlCitation>,
    pub(super) file_citation: Option<FileReference>,
    pub(super) file_path: Option<FileReference>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UrlCitation {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) url: String,
    #[serde(deserialize_with = "null_as_default")]
    pub(super) title: String,
}

/// A file by its id.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct FileReference {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) file_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct IncompleteDetails {
    #[serde(deserialize_with = "null_as_default")]
    pub(super) reason: String,
}

/// Token counts; the details are in the singular, unlike OpenAI's.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
    pub(super) prompt_token_details: Option<PromptTokenDetails>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PromptTokenDetails {
    pub(super) cached_tokens: u64,
}
