//! What an agent does, as it happens.

use super::{
    Failure,
    approval::Decision,
    file::{Download, MadeFile},
};

/// One step of an agent's answer; exactly one [`Event::End`] comes, and it comes last.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The agent works: what fails from here on has consumed something.
    Started,
    /// More text of the answer.
    Text(String),
    /// More text of a refusal.
    Refusal(String),
    /// More of a summary of the agent's reasoning, which is no part of the answer.
    Reasoning(String),
    /// A kind of item that the gateway does not know; [`AnswerStream`](super::AnswerStream) logs it.
    Unknown(String),
    /// A source for a stretch of the answer's text.
    Citation(Citation),
    /// A file that the agent made, and that its text does not cite.
    File(MadeFile),
    /// The agent begins to ask for a function of the client.
    ToolCall {
        /// Position among the calls of this answer, from 0.
        index: usize,
        /// Id to answer with.
        call_id: String,
        /// Name of the function.
        name: String,
    },
    /// More of a call's arguments.
    ToolCallArguments {
        /// Position of the call.
        index: usize,
        /// The next piece of a JSON text.
        delta: String,
    },
    /// The agent waits for approvals that the policy has decided; [`AnswerStream`](super::AnswerStream) tells it, and
    /// passes on what follows.
    Decided(Vec<Decision>),
    /// What the answer cost, as the service counted it.
    Usage(Usage),
    /// The end.
    End(End),
}

/// What stands between two messages of one answer.
pub const MESSAGE_SEPARATOR: &str = "\n\n";

/// How an answer ended.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// The agent said all it had to say.
    Completed,
    /// The agent waits for results of the client's functions.
    ToolCalls,
    /// The answer was cut at its token limit.
    Length,
    /// The answer was cut by a content filter.
    ContentFilter,
    /// The answer is not to be used.
    Failed(Failure),
}

/// What backs a stretch of text, or is meant by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citation {
    /// First code point of the stretch, counted from the start of the whole answer.
    pub start: usize,
    /// The code point after the stretch.
    pub end: usize,
    /// What is cited.
    pub source: Source,
}

/// What is cited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A page.
    Url {
        /// Its address.
        url: String,
        /// Its title; empty where the service gives none.
        title: String,
    },
    /// A document that the agent has read. Being told of it is no right to read it whole.
    Document {
        /// The service's id of the file.
        file_id: String,
        /// Its name; empty where the service gives none.
        name: String,
    },
    /// A file that the agent made, as the service knows it.
    Made(MadeFile),
    /// A file that the agent made, as its caller can download it.
    Download(Download),
}

/// Tokens, as the service counted them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub input: u64,
    /// Tokens of the input that came from a cache.
    pub cached_input: u64,
    /// Tokens written, reasoning included.
    pub output: u64,
    /// Tokens of the output spent on reasoning.
    pub reasoning_output: u64,
    /// All tokens.
    pub total: u64,
}

impl std::ops::AddAssign for Usage {
    /// The service's numbers may be any: a sum ends at the largest there is.
    fn add_assign(&mut self, other: Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.input, other.input);
        add(&mut self.cached_input, other.cached_input);
        add(&mut self.output, other.output);
        add(&mut self.reasoning_output, other.reasoning_output);
        add(&mut self.total, other.total);
    }
}
