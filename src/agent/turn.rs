//! What the client said and asked for.

use std::{collections::BTreeMap, sync::Arc};

use super::{Definition, Overrides, file::UpstreamFile};

use crate::config::{approvals::ApprovalPolicy, endpoint::AgentEndpoint};

/// One request to an agent, free of any client's or service's wire format.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Turn {
    /// The whole conversation in the client's order, instructions included.
    ///
    /// Instructions stay where the client put them, so that a replay is faithful;
    /// [`Turn::instructions`] and [`Turn::conversation`] tell the two apart.
    pub messages: Vec<Message>,
    /// Whether the client reads the text as the agent writes it. Where it does not, it may come in larger pieces.
    pub streamed: bool,
    /// Most tokens the answer may have.
    pub max_output_tokens: Option<u32>,
    /// What the client asks beyond the agent's definition. A new agent heeds it only with a `definition`.
    pub overrides: Overrides,
    /// With which a new agent's turn is run instead of by its name, because the service takes no overrides by name.
    pub definition: Option<Arc<Definition>>,
    /// The upstream conversation that `messages` continue; `None` where they are the whole history.
    pub continues: Option<Head>,
    /// Whether the service keeps the turn, so that it can be continued.
    pub keep: bool,
    /// How the agent is reached.
    pub endpoint: AgentEndpoint,
    /// The session of a hosted agent in which the conversation goes on.
    pub session: Option<String>,
    /// What becomes of the agent's requests for approvals.
    pub approvals: ApprovalPolicy,
    /// Pairs to keep with the upstream response or run.
    pub metadata: BTreeMap<String, String>,
}

impl Turn {
    /// System and developer texts, in order.
    pub fn instructions(&self) -> impl Iterator<Item = &str> {
        self.messages.iter().filter_map(|message| match message {
            Message::Instruction { text } => Some(text.as_str()),
            _ => None,
        })
    }

    /// The index after the last assistant message; 0 without any.
    pub fn after_last_answer(&self) -> usize {
        self.messages
            .iter()
            .rposition(|message| matches!(message, Message::Assistant { .. }))
            .map_or(0, |index| index + 1)
    }

    /// Everything but instructions, in order.
    pub fn conversation(&self) -> impl Iterator<Item = &Message> {
        self.messages
            .iter()
            .filter(|message| !matches!(message, Message::Instruction { .. }))
    }
}

/// Where an upstream conversation goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Head {
    /// A response of a new agent.
    Response(String),
    /// A thread of a classic agent, not in use by anybody else.
    Thread(String),
    /// A run of a classic agent that waits for results, not in use by anybody else.
    Run(WaitingRun),
}

/// A run of a classic agent that waits for the results of its calls. Until it has them, or is cancelled, or ends after
/// ten hours, its thread takes no other run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRun {
    /// `thread_...`.
    pub thread_id: String,
    /// `run_...`.
    pub run_id: String,
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// System or developer text.
    Instruction {
        /// The text.
        text: String,
    },
    /// What the user said.
    User {
        /// Its parts, in order; never empty.
        parts: Vec<UserPart>,
    },
    /// What the assistant answered before.
    Assistant {
        /// The text; `None` where the message held tool calls only.
        text: Option<String>,
        /// Functions it asked the client to call.
        tool_calls: Vec<ToolCall>,
    },
    /// What a function of the client gave.
    ToolResult {
        /// Id of the call this answers.
        call_id: String,
        /// The output.
        output: String,
    },
}

/// A part of what a user said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserPart {
    /// Text.
    Text(String),
    /// An image.
    Image {
        /// Its address, or a `data:` URL.
        url: String,
        /// How closely it is looked at: `auto`, `low` or `high`.
        detail: Option<String>,
    },
    /// A file that was uploaded before.
    File(UpstreamFile),
    /// A file with its content.
    FileContent {
        /// Its name.
        name: String,
        /// The content as a `data:` URL or in base64, as the client sent it.
        data: String,
    },
}

/// A function call that an assistant asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Id of the call.
    pub call_id: String,
    /// Name of the function.
    pub name: String,
    /// Arguments, a JSON text as the model wrote it.
    pub arguments: String,
}
