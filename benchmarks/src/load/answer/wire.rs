//! What is read of answers: as little as tells a right one from a wrong one.

use std::borrow::Cow;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct ResponsesEvent<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) delta: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) response: Option<ResponseHead<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ResponseHead<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ResponseObject<'a> {
    #[serde(borrow)]
    pub(super) id: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) status: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) output: Vec<OutputItem<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutputItem<'a> {
    #[serde(borrow, default)]
    pub(super) content: Vec<OutputPart<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OutputPart<'a> {
    #[serde(borrow, default)]
    pub(super) text: Cow<'a, str>,
}

/// A whole chat completion or one chunk of it.
#[derive(Debug, Deserialize)]
pub(super) struct ChatObject<'a> {
    #[serde(borrow, default)]
    pub(super) choices: Vec<Choice<'a>>,
    #[serde(borrow)]
    pub(super) error: Option<ChatError<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Choice<'a> {
    #[serde(borrow)]
    pub(super) delta: Option<Said<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Said<'a>>,
    #[serde(borrow)]
    pub(super) finish_reason: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Said<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ChatError<'a> {
    #[serde(borrow, default)]
    pub(super) message: Cow<'a, str>,
}
