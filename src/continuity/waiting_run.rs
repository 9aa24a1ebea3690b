//! Runs of classic agents that wait for results of the client's functions: found again by the ids of their calls.
//!
//! A run is named by one row, under the first of its call ids; whoever takes the row submits, so that of two instances
//! with the same results one does and the other replays. The service takes the results of a run all at once.

use super::{
    conversation::{self, Conversations, Request, Unplaceable},
    digest::ScopeKey,
    finding::Found,
    store::{Key, Upstream},
};
use crate::agent::{AgentReference, Head, Message, Turn};

impl Conversations {
    /// The run of a classic agent that waits for the results with which `turn` ends; `None` where none does, or there
    /// are no results. `known` is where the row of the history before them would be.
    pub(super) async fn find_by_calls(
        &self,
        request: &Request<'_>,
        ids: &ScopeKey,
        known: Option<&(Key, usize)>,
        turn: &Turn,
    ) -> Result<Option<Found>, Unplaceable> {
        let tail = turn.after_last_answer();
        let is_classic = matches!(request.agent.reference, AgentReference::Classic { .. });
        let Some(first) = results(turn, tail).min().filter(|_| is_classic) else {
            return Ok(None);
        };
        let key = ids.call_key(first);
        match self.store.get(&key).await {
            Ok(stored) => Ok(stored
                .filter(|stored| request.id.is_none_or(|id| id == stored.row.thread_id))
                .map(|stored| Found {
                    by_history: stored.row.history.is_some()
                        && stored.row.history.as_ref() == known.map(|(key, _)| key),
                    key,
                    stored,
                    tail,
                })),
            Err(error) if conversation::is_replayable(request, turn) => Ok(self.give_up(&error)),
            Err(error) => Err(Unplaceable::StoreFailed(error)),
        }
    }
}

/// Whether everything that is new in a turn is the result of each of these calls.
pub(super) fn answers_all(upstream: &Upstream, turn: &Turn, tail: usize) -> bool {
    let Upstream::Run { calls, .. } = upstream else {
        return false;
    };
    let mut answered: Vec<_> = results(turn, tail).collect();
    let mut waited_for: Vec<_> = calls.iter().map(String::as_str).collect();
    answered.sort_unstable();
    waited_for.sort_unstable();
    only_results(turn, tail) && answered == waited_for
}

/// Refuses results that fit no call, for a turn that shows nothing else of its conversation. One that goes on without
/// any result gives the calls up.
pub(super) fn check_results(
    upstream: &Upstream,
    turn: &Turn,
    tail: usize,
) -> Result<(), Unplaceable> {
    let answered: Vec<_> = results(turn, tail).collect();
    let calls: &[String] = match upstream {
        Upstream::Run { calls, .. } => calls,
        Upstream::Thread { .. } => &[],
        // The service knows which calls a response holds.
        Upstream::Response { .. } | Upstream::Row { .. } => return Ok(()),
    };
    if answered.is_empty() {
        return Ok(());
    }
    if let Some(unknown) = answered
        .iter()
        .find(|id| !calls.iter().any(|call| call == *id))
    {
        return Err(Unplaceable::UnknownCall((*unknown).to_owned()));
    }
    let missing: Vec<_> = calls
        .iter()
        .filter(|call| !answered.contains(&call.as_str()))
        .cloned()
        .collect();
    if missing.is_empty() || !only_results(turn, tail) {
        return Ok(());
    }
    Err(Unplaceable::MissingResults(missing))
}

/// Of a turn that begins with results of calls which nobody waits for.
pub(super) fn unknown_call(turn: &Turn) -> Unplaceable {
    Unplaceable::UnknownCall(results(turn, 0).next().unwrap_or_default().to_owned())
}

/// What is sent to the run: the results alone, because its instructions hold until it ends.
pub(super) fn submission(whole: &Turn, head: Head, tail: usize) -> Turn {
    let is_result = |message: &&Message| matches!(message, Message::ToolResult { .. });
    let results = whole.messages.iter().skip(tail).filter(is_result);
    Turn {
        messages: results.cloned().collect(),
        continues: Some(head),
        ..whole.clone()
    }
}

/// Ids of the calls that are answered after `tail`.
fn results(turn: &Turn, tail: usize) -> impl Iterator<Item = &str> {
    turn.messages
        .iter()
        .skip(tail)
        .filter_map(|message| match message {
            Message::ToolResult { call_id, .. } => Some(call_id.as_str()),
            _ => None,
        })
}

fn only_results(turn: &Turn, tail: usize) -> bool {
    turn.messages.iter().skip(tail).all(|message| {
        matches!(
            message,
            Message::ToolResult { .. } | Message::Instruction { .. }
        )
    })
}
