//! What an answer leaves behind when it is over or given up.

use std::fmt;

use super::ByteStream;
use crate::agent::End;

/// The service's names for one turn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamIds {
    /// `thread_...` of a classic turn.
    pub thread_id: Option<String>,
    /// `run_...` of a classic turn, `resp_...` of a new one.
    pub run_id: Option<String>,
    /// The session of a hosted agent.
    pub session: Option<String>,
    /// The model that answers.
    pub model: Option<String>,
    /// The version of a new agent that answers.
    pub agent_version: Option<String>,
}

/// What is left when an answer is over or given up.
pub struct Leftover {
    /// The service's names for the turn.
    pub ids: UpstreamIds,
    /// Whether the service had ended the turn; otherwise the client left, or a deadline passed.
    pub ended_by_service: bool,
    /// What the turn left behind upstream.
    pub state: LeftState,
    /// The rest of the body, where the turn ended before the body did.
    pub rest: Option<ByteStream>,
}

/// What a turn left behind upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftState {
    /// A conversation that can go on: the agent said all it had to say, or was cut at a limit of length.
    Continuable,
    /// An agent that waits for results of the client's functions.
    AwaitingToolResults,
    /// Nothing to go on from: the turn failed, was filtered or was given up.
    Unusable,
}

impl LeftState {
    pub(super) const fn after(end: &End) -> Self {
        match end {
            End::Completed | End::Length => Self::Continuable,
            End::ToolCalls => Self::AwaitingToolResults,
            End::ContentFilter | End::Failed(_) => Self::Unusable,
        }
    }
}

impl fmt::Debug for Leftover {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Leftover")
            .field("ids", &self.ids)
            .field("ended_by_service", &self.ended_by_service)
            .field("state", &self.state)
            .field("rest", &self.rest.is_some())
            .finish()
    }
}
