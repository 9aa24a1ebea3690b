//! Which conversation a request belongs to, what of it has to be sent, and what is remembered afterwards.

use std::sync::Arc;

use super::{
    digest::{Chain, ScopeKey},
    finding::Found,
    recorder::Recorder,
    shown::chain_after,
    store::{Clock, ConversationStore, Key, Row, StoreError, Stored, Taken, Upstream},
    waiting_run,
};
use crate::{
    agent::{Head, Message, Turn, model_name::ResolvedAgent, turn::WaitingRun},
    hash::MacKey,
};

/// What a request says of the conversation it belongs to.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Name of the caller.
    pub caller: &'a str,
    /// The agent, and its project.
    pub agent: &'a ResolvedAgent,
    /// The name that a header or `metadata.conversation_id` gives it; may be empty.
    pub name: &'a str,
    /// The id that the client was told in an earlier answer.
    pub id: Option<&'a str>,
    /// Whether the history is looked up.
    pub recognise: bool,
}

/// Why a turn that names its conversation cannot be placed in it.
#[derive(Debug)]
pub enum Unplaceable {
    /// The id is unknown, expired or another caller's; which of these is not told.
    Unknown,
    /// Another turn has the conversation, or was the end of it, and there is no history to replay.
    InUse,
    /// The store does not answer, and there is no history to replay.
    StoreFailed(StoreError),
    /// A tool result belongs to no call that is waited for, and there is no history that says otherwise.
    UnknownCall(String),
    /// Results of these calls are missing.
    MissingResults(Vec<String>),
}

/// A turn with its place in a conversation.
#[derive(Debug)]
pub struct Placed {
    /// What is sent.
    pub turn: Turn,
    /// What is sent instead when the service does not know the head any more: the whole history.
    pub replay: Option<Turn>,
    /// Remembers the turn when it has ended well.
    pub recorder: Option<Box<Recorder>>,
    /// A run that waits for results which will not come, taken to be ended.
    pub given_up: Option<WaitingRun>,
}

impl Placed {
    /// A turn that belongs to no conversation: nothing is looked up and nothing is kept.
    pub fn stateless(turn: Turn) -> Self {
        Self {
            turn,
            replay: None,
            recorder: None,
            given_up: None,
        }
    }
}

/// Conversations, as far as the store remembers them.
#[derive(Debug)]
pub struct Conversations {
    pub(super) store: Arc<dyn ConversationStore>,
    clock: Arc<dyn Clock>,
    secret: MacKey,
    keep_seconds: u64,
}

impl Conversations {
    /// Conversations in `store`, under fingerprints keyed by `secret`, kept for `keep_seconds` after each turn.
    pub fn new(
        store: Arc<dyn ConversationStore>,
        clock: Arc<dyn Clock>,
        secret: Vec<u8>,
        keep_seconds: u64,
    ) -> Self {
        Self {
            store,
            clock,
            secret: MacKey::new(&secret),
            keep_seconds,
        }
    }

    /// Finds the conversation of `turn`. A store that does not answer is no reason to fail: the history is replayed.
    /// Only a request that names a conversation and shows nothing of it has no history to replay.
    ///
    /// Boxed, like the recorder in it, because it is passed on through futures, and each would have room for it.
    pub async fn place(
        &self,
        request: &Request<'_>,
        turn: Turn,
    ) -> Result<Box<Placed>, Unplaceable> {
        let agent = request.agent.qualified_name();
        let scope = ScopeKey::new(&self.secret, request.caller, &agent, request.name);
        // An id means the same under every name.
        let ids = match request.name {
            "" => scope.clone(),
            _ => ScopeKey::new(&self.secret, request.caller, &agent, ""),
        };
        let chain = Chain::of(&turn, &scope);
        let known = chain
            .as_ref()
            .and_then(|chain| Some((chain.root, chain.known?)))
            .map(|(root, (link, tail))| (scope.key(root, link), tail));
        let replayable = is_replayable(request, &turn);
        let (found, told) = self.find(request, &ids, known, &turn, replayable).await?;
        let mut instructions = ids.instructions(&turn);
        if let (Some(_), Some(found), true) = (request.id, &found, instructions.is_empty()) {
            // Who names a conversation need not repeat its system text.
            instructions.clone_from(&found.stored.row.instructions_digest);
        }
        let by_history = found.as_ref().is_none_or(|found| found.by_history);
        let recorder = Box::new(Recorder {
            store: Arc::clone(&self.store),
            // The history that goes with an id may be a part of the conversation only: then it does not stand for it.
            // Without any, the turn goes on from what led to the newest head.
            link: match &found {
                Some(found) if !by_history => chain_after(&found.stored.row, &turn, &scope),
                _ => chain.map(|chain| (chain.root, chain.all)),
            },
            shown: by_history,
            id_key: ids.id_key(&told.id),
            id_row: told.row,
            row: Row {
                upstream: Upstream::Response { id: String::new() },
                agent,
                scope: ids.public(),
                instructions_digest: instructions.clone(),
                thread_id: told.id,
                history: None,
                session: None,
                began_at: self.clock.unix_milliseconds(),
                expires_at: self.clock.unix_seconds() + self.keep_seconds,
            },
            scope,
            ids,
        });
        let found = match found {
            Some(found) => self.unless_replayable(replayable, self.follow(found).await)?,
            None => None,
        };
        let session = found
            .as_ref()
            .and_then(|found| found.stored.row.session.clone());
        let mut answers_run = false;
        if let Some(Found { stored, tail, .. }) = &found {
            answers_run = waiting_run::answers_all(&stored.row.upstream, &turn, *tail);
            if !replayable {
                waiting_run::check_results(&stored.row.upstream, &turn, *tail)?;
            }
        }
        let whole = Turn { keep: true, ..turn };
        let head = match found {
            Some(found) if holds_taken_back_instructions(&found.stored.row, &instructions) => None,
            Some(found) => {
                let claimed = self.claim(&found.key, found.stored).await;
                self.unless_replayable(replayable, claimed)?
                    .map(|(head, known)| (head, known, found.tail))
            }
            None => None,
        };
        Ok(Box::new(match head {
            Some((head, _, tail)) if answers_run => Placed {
                turn: waiting_run::submission(&whole, head, tail),
                replay: replayable.then_some(whole),
                recorder: Some(recorder),
                given_up: None,
            },
            // The thread holds what the client may have taken back, so that a new one takes its place.
            Some((Head::Run(run), _, _)) if replayable => Placed {
                turn: whole,
                replay: None,
                recorder: Some(recorder),
                given_up: Some(run),
            },
            Some((head, known_instructions, tail)) => Placed {
                turn: Turn {
                    session,
                    ..continued(&whole, head, known_instructions == instructions, tail)
                },
                replay: replayable.then_some(whole),
                recorder: Some(recorder),
                given_up: None,
            },
            None if !replayable && request.id.is_none() => {
                return Err(waiting_run::unknown_call(&whole));
            }
            None if !replayable => return Err(Unplaceable::InUse),
            None => Placed {
                turn: whole,
                replay: None,
                recorder: Some(recorder),
                given_up: None,
            },
        }))
    }

    /// Takes a head: a response may be continued by many, a thread by one.
    async fn claim(&self, key: &Key, stored: Stored) -> Result<Option<(Head, String)>, StoreError> {
        let Row {
            upstream,
            instructions_digest,
            ..
        } = stored.row;
        let head = match upstream {
            Upstream::Response { id } => {
                return Ok(Some((Head::Response(id), instructions_digest)));
            }
            Upstream::Thread { id } => Head::Thread(id),
            Upstream::Run { run, .. } => Head::Run(run),
            Upstream::Row { .. } => return Ok(None),
        };
        let taken = self.store.take(key, &stored.version).await?;
        Ok((taken == Taken::Yes).then_some((head, instructions_digest)))
    }

    /// A store that fails is no reason to fail where the history can be replayed.
    fn unless_replayable<T>(
        &self,
        replayable: bool,
        found: Result<Option<T>, StoreError>,
    ) -> Result<Option<T>, Unplaceable> {
        match found {
            Ok(found) => Ok(found),
            Err(error) if replayable => Ok(self.give_up(&error)),
            Err(error) => Err(Unplaceable::StoreFailed(error)),
        }
    }

    pub(super) fn give_up<T>(&self, error: &dyn std::error::Error) -> Option<T> {
        tracing::warn!(
            store = self.store.kind(),
            "the history is replayed, because the store failed: {error}"
        );
        None
    }
}

/// Whether the upstream conversation has system text where the client has none any more: what was said to a new
/// agent cannot be unsaid. A classic run's instructions ended with it.
fn holds_taken_back_instructions(row: &Row, instructions: &str) -> bool {
    matches!(row.upstream, Upstream::Response { .. })
        && instructions.is_empty()
        && !row.instructions_digest.is_empty()
}

/// Whether the request holds its conversation, and not only what is new: one that names a conversation need not, and
/// one that begins with results of calls does not.
pub(super) fn is_replayable(request: &Request<'_>, turn: &Turn) -> bool {
    match turn.conversation().next() {
        Some(Message::ToolResult { .. }) => false,
        _ => request.id.is_none() || 0 < turn.after_last_answer(),
    }
}

/// What is new. Instructions travel again when they have changed; those of a classic run hold for that run only.
fn continued(whole: &Turn, head: Head, same_instructions: bool, tail: usize) -> Turn {
    let resend = !same_instructions || matches!(head, Head::Thread(_) | Head::Run(_));
    let is_instruction = |message: &&Message| matches!(message, Message::Instruction { .. });
    let earlier = whole
        .messages
        .iter()
        .take(tail)
        .filter(|message| resend && is_instruction(message));
    let new = whole
        .messages
        .iter()
        .skip(tail)
        .filter(|message| resend || !is_instruction(message));
    Turn {
        messages: earlier.chain(new).cloned().collect(),
        continues: Some(head),
        ..whole.clone()
    }
}
