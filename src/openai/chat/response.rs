//! Chat completions and chunks as they leave. Wire only.
//!
//! Required fields that may be null are written as null, as OpenAI's own clients demand in strict validation;
//! `system_fingerprint` and `service_tier` are left out, because they may not be null and nothing real is known.

use std::borrow::Cow;

use serde::Serialize;

/// A whole answer.
#[derive(Debug, Serialize)]
pub struct ChatCompletion<'a> {
    /// `chatcmpl-...`.
    pub id: &'a str,
    /// Always `chat.completion`.
    pub object: &'static str,
    /// Unix seconds.
    pub created: u64,
    /// The model as the client asked for it.
    pub model: &'a str,
    /// Always one.
    pub choices: [Choice<'a>; 1],
    /// What the answer cost, where the service said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The id with which the conversation can be continued; not a field of OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<&'a str>,
}

/// The one choice of a whole answer.
#[derive(Debug, Serialize)]
pub struct Choice<'a> {
    /// Always 0.
    pub index: u32,
    /// The message.
    pub message: AssistantMessage<'a>,
    /// Always null: the service gives none.
    pub logprobs: (),
    /// Why the answer ended.
    pub finish_reason: FinishReason,
}

/// The message of a whole answer.
#[derive(Debug, Serialize)]
pub struct AssistantMessage<'a> {
    /// Always `assistant`.
    pub role: &'static str,
    /// The text; null where there are only tool calls or a refusal.
    pub content: Option<&'a str>,
    /// A summary of the reasoning, where it is shown; not a field of OpenAI's, but widely read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// The refusal, if it is one.
    pub refusal: Option<&'a str>,
    /// Sources of the text.
    pub annotations: Vec<Annotation<'a>>,
    /// Functions to call.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall<'a>>,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The agent said all it had to say.
    Stop,
    /// The agent waits for tool results.
    ToolCalls,
    /// The token limit cut the answer.
    Length,
    /// A content filter cut the answer.
    ContentFilter,
}

/// A source of a stretch of text. All are of the one kind that chat completions know, so that every client reads
/// them; what is cited is told beside it, in the words of the Responses API.
#[derive(Debug, Clone, Serialize)]
pub struct Annotation<'a> {
    /// Always `url_citation`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The source.
    pub url_citation: UrlCitation<'a>,
    /// Of a document that the agent has read; not a field of OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_citation: Option<CitedFile<'a>>,
    /// Of a file that the agent made; not a field of OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_path: Option<CitedFile<'a>>,
}

/// Indices count Unicode code points.
#[derive(Debug, Clone, Serialize)]
pub struct UrlCitation<'a> {
    /// First code point.
    pub start_index: usize,
    /// The code point after the last.
    pub end_index: usize,
    /// Address of the source.
    pub url: Cow<'a, str>,
    /// Title of the source.
    pub title: &'a str,
}

/// A file that is cited.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CitedFile<'a> {
    /// Its id.
    pub file_id: &'a str,
    /// Its name.
    pub filename: &'a str,
}

/// A function to call.
#[derive(Debug, Serialize)]
pub struct ToolCall<'a> {
    /// Id to answer with.
    pub id: &'a str,
    /// Always `function`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The function.
    pub function: Function<'a>,
}

/// A function and its arguments.
#[derive(Debug, Serialize)]
pub struct Function<'a> {
    /// Name of the function.
    pub name: &'a str,
    /// Arguments, a JSON text as the model wrote it.
    pub arguments: &'a str,
}

/// Tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Tokens read.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// All tokens.
    pub total_tokens: u64,
    /// Of the tokens read.
    pub prompt_tokens_details: PromptTokensDetails,
    /// Of the tokens written.
    pub completion_tokens_details: CompletionTokensDetails,
}

/// Of the tokens read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PromptTokensDetails {
    /// From a cache.
    pub cached_tokens: u64,
}

/// Of the tokens written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CompletionTokensDetails {
    /// Spent on reasoning.
    pub reasoning_tokens: u64,
}

/// What every piece of a streamed answer begins with.
#[derive(Debug, Serialize)]
pub struct ChunkHead<'a> {
    /// The same in every chunk of an answer.
    pub id: &'a str,
    /// Always `chat.completion.chunk`.
    pub object: &'static str,
    /// The same in every chunk of an answer.
    pub created: u64,
    /// The model as the client asked for it.
    pub model: &'a str,
}

/// What follows in a piece of a streamed answer.
#[derive(Debug, Serialize)]
pub struct ChunkRest<'a> {
    /// One, or none in the usage chunk.
    pub choices: &'a [ChunkChoice<'a>],
    /// Absent unless asked for; then null in every chunk but the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<ChunkUsage>,
    /// In the first chunk: the id with which the conversation can be continued; not a field of OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread_id: Option<&'a str>,
}

/// Usage in a chunk.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum ChunkUsage {
    /// Null: it comes in the last chunk.
    NotYet,
    /// In the last chunk.
    Known(Usage),
}

/// The choice of a chunk.
#[derive(Debug, Serialize)]
pub struct ChunkChoice<'a> {
    /// Always 0.
    pub index: u32,
    /// What is new.
    pub delta: Delta<'a>,
    /// Always null: the service gives none.
    pub logprobs: (),
    /// Set in the last chunk with a choice.
    pub finish_reason: Option<FinishReason>,
}

/// What is new in a chunk.
#[derive(Debug, Default, Serialize)]
pub struct Delta<'a> {
    /// In the first chunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'static str>,
    /// More text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<&'a str>,
    /// More of a summary of the reasoning; not a field of OpenAI's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_content: Option<&'a str>,
    /// More of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<&'a str>,
    /// More sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<[Annotation<'a>; 1]>,
    /// More of a tool call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<[ToolCallDelta<'a>; 1]>,
}

/// More of a tool call.
#[derive(Debug, Serialize)]
pub struct ToolCallDelta<'a> {
    /// Position of the call.
    pub index: usize,
    /// In the call's first delta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<&'a str>,
    /// In the call's first delta.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
    /// What is new.
    pub function: FunctionDelta<'a>,
}

/// More of a function call.
#[derive(Debug, Serialize)]
pub struct FunctionDelta<'a> {
    /// In the call's first delta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// More of the arguments.
    pub arguments: &'a str,
}
