//! Chat completions.
//!
//! [`request`], [`options`] and [`response`] are the wire; [`to_turn`] and [`to_overrides`] read requests with the
//! field table of [`fields`];
//! [`answer`] folds events into a whole answer and [`chunks`] into a stream.

pub mod answer;
pub mod chunks;
mod citations;
pub mod classic_tools;
pub mod fields;
pub mod options;
pub mod request;
pub mod response;
pub mod to_overrides;
pub mod to_turn;
pub mod tool_results;
pub mod user_parts;

/// What every part of one answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerHead {
    /// `chatcmpl-...`.
    pub id: String,
    /// Unix seconds.
    pub created: u64,
    /// The model as the client asked for it.
    pub model: String,
    /// The id with which the conversation can be continued, if it can.
    pub thread_id: Option<String>,
    /// Whether summaries of reasoning are shown.
    pub show_reasoning: bool,
}
