//! Which conversation a request belongs to, what of it has to be sent, and what is remembered afterwards.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    digest::{Chain, Link, ScopeKey},
    recognition::{ContinuedHeads, Recognition},
    store::{
        Clock, ConversationStore, Inserted, Key, Row, StoreError, Stored, Taken, Upstream, Version,
    },
};
use crate::{
    agent::{AgentReference, Head, Message, Turn, stream::Ended},
    random_id::random_id,
};

/// What a request says of the conversation it belongs to.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// Name of the caller.
    pub caller: &'a str,
    /// The agent.
    pub agent: &'a AgentReference,
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
}

/// A turn with its place in a conversation.
#[derive(Debug)]
pub struct Placed {
    /// What is sent.
    pub turn: Turn,
    /// What is sent instead when the service does not know the head any more: the whole history.
    pub replay: Option<Turn>,
    /// Remembers the turn when it has ended well.
    pub recorder: Option<Recorder>,
    /// How the conversation was found.
    pub recognition: Recognition,
}

impl Placed {
    /// A turn that belongs to no conversation: nothing is looked up and nothing is kept.
    pub fn stateless(turn: Turn) -> Self {
        Self {
            turn,
            replay: None,
            recorder: None,
            recognition: Recognition::Off,
        }
    }
}

/// Conversations, as far as the store remembers them.
#[derive(Debug)]
pub struct Conversations {
    store: Arc<dyn ConversationStore>,
    clock: Arc<dyn Clock>,
    secret: Vec<u8>,
    keep_seconds: u64,
    continued_heads: ContinuedHeads,
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
            secret,
            keep_seconds,
            continued_heads: ContinuedHeads::default(),
        }
    }

    /// Finds the conversation of `turn`. A store that does not answer is no reason to fail: the history is replayed.
    /// Only a request that names a conversation and shows nothing of it has no history to replay.
    pub async fn place(&self, request: &Request<'_>, turn: Turn) -> Result<Placed, Unplaceable> {
        let agent = request.agent.to_string();
        let scope = ScopeKey::new(&self.secret, request.caller, &agent, request.name);
        // An id means the same under every name.
        let ids = ScopeKey::new(&self.secret, request.caller, &agent, "");
        let chain = Chain::of(&turn, &scope);
        let found = match (request.id, &chain) {
            (Some(id), _) => {
                let key = ids.id_key(id);
                match self.store.get(&key).await {
                    Ok(Some(stored)) => Ok((key, stored, after_last_answer(&turn))),
                    Ok(None) => return Err(Unplaceable::Unknown),
                    Err(error) => {
                        if !shows_an_answer(&turn) {
                            return Err(Unplaceable::StoreFailed(error));
                        }
                        Err(self.give_up(&error))
                    }
                }
            }
            (
                None,
                Some(Chain {
                    root,
                    known: Some((link, tail)),
                    ..
                }),
            ) if request.recognise => {
                let key = scope.key(*root, *link);
                match self.store.get(&key).await {
                    Ok(Some(stored)) => Ok((key, stored, *tail)),
                    Ok(None) => Err(Recognition::Miss),
                    Err(error) => Err(self.give_up(&error)),
                }
            }
            _ => Err(Recognition::New),
        };
        let mut instructions = ids.instructions(&turn);
        if let (Some(_), Ok((_, stored, _)), true) = (request.id, &found, instructions.is_empty()) {
            // Who names a conversation need not repeat its system text.
            instructions.clone_from(&stored.row.instructions_digest);
        }
        let thread_id = match (&request.id, &found) {
            (Some(id), _) => (*id).to_owned(),
            (None, Ok((_, stored, _))) if !stored.row.thread_id.is_empty() => {
                stored.row.thread_id.clone()
            }
            _ => random_id("thread_"),
        };
        let recorder = Recorder {
            store: Arc::clone(&self.store),
            link: chain
                .filter(|_| request.id.is_none())
                .map(|chain| (chain.root, chain.all)),
            id_key: ids.id_key(&thread_id),
            row: Row {
                upstream: Upstream::Response { id: String::new() },
                agent,
                scope: ids.public(),
                instructions_digest: instructions.clone(),
                thread_id,
                expires_at: self.clock.unix_seconds() + self.keep_seconds,
            },
            scope,
        };
        let replayable = request.id.is_none() || shows_an_answer(&turn);
        let whole = Turn { keep: true, ..turn };
        let head = match found {
            Ok((_, stored, _)) if holds_taken_back_instructions(&stored.row, &instructions) => {
                Err(Recognition::InstructionsRemoved)
            }
            Ok((key, stored, tail)) => {
                let claimed = self.claim(&key, stored).await;
                claimed
                    .map(|(head, known)| (head, known, tail, self.continued_heads.continued(&key)))
            }
            Err(recognition) => Err(recognition),
        };
        Ok(match head {
            Ok((head, known_instructions, tail, recognition)) => Placed {
                turn: continued(&whole, head, known_instructions == instructions, tail),
                replay: replayable.then_some(whole),
                recorder: Some(recorder),
                recognition,
            },
            Err(_) if !replayable => return Err(Unplaceable::InUse),
            Err(recognition) => Placed {
                turn: whole,
                replay: None,
                recorder: Some(recorder),
                recognition,
            },
        })
    }

    /// Takes a head: a response may be continued by many, a thread by one.
    async fn claim(&self, key: &Key, stored: Stored) -> Result<(Head, String), Recognition> {
        let Row {
            upstream,
            instructions_digest,
            ..
        } = stored.row;
        match upstream {
            Upstream::Response { id } => Ok((Head::Response(id), instructions_digest)),
            Upstream::Thread { id } => {
                let id = self.take_thread(key, &stored.version, id).await?;
                Ok((Head::Thread(id), instructions_digest))
            }
            Upstream::Row { key } => {
                let stored = match self.store.get(&key).await {
                    Ok(stored) => stored.ok_or(Recognition::Contended)?,
                    Err(error) => return Err(self.give_up(&error)),
                };
                let Upstream::Thread { id } = stored.row.upstream else {
                    return Err(Recognition::Miss);
                };
                let id = self.take_thread(&key, &stored.version, id).await?;
                Ok((Head::Thread(id), instructions_digest))
            }
        }
    }

    async fn take_thread(
        &self,
        key: &Key,
        version: &Version,
        id: String,
    ) -> Result<String, Recognition> {
        match self.store.take(key, version).await {
            Ok(Taken::Yes) => Ok(id),
            Ok(Taken::Gone) => Err(Recognition::Contended),
            Err(error) => Err(self.give_up(&error)),
        }
    }

    fn give_up(&self, error: &dyn std::error::Error) -> Recognition {
        tracing::warn!(
            store = self.store.kind(),
            "the history is replayed, because the store failed: {error}"
        );
        Recognition::StoreFailed
    }
}

/// Whether the upstream conversation has system text where the client has none any more: what was said to a new
/// agent cannot be unsaid. A classic run's instructions ended with it.
fn holds_taken_back_instructions(row: &Row, instructions: &str) -> bool {
    matches!(row.upstream, Upstream::Response { .. })
        && instructions.is_empty()
        && !row.instructions_digest.is_empty()
}

/// Whether the request holds more of its conversation than what is new.
fn shows_an_answer(turn: &Turn) -> bool {
    0 < after_last_answer(turn)
}

/// The index after the last assistant message.
fn after_last_answer(turn: &Turn) -> usize {
    turn.messages
        .iter()
        .rposition(|message| matches!(message, Message::Assistant { .. }))
        .map_or(0, |index| index + 1)
}

/// What is new. Instructions travel again when they have changed; those of a classic run hold for that run only.
fn continued(whole: &Turn, head: Head, same_instructions: bool, tail: usize) -> Turn {
    let resend = !same_instructions || matches!(head, Head::Thread(_));
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

/// Remembers where a finished turn can be continued.
#[derive(Debug)]
pub struct Recorder {
    store: Arc<dyn ConversationStore>,
    scope: ScopeKey,
    /// The conversation's root and the link before the answer; absent where the history is not known whole.
    link: Option<(Link, Link)>,
    id_key: Key,
    row: Row,
}

impl Recorder {
    /// The id that the client is told.
    pub fn thread_id(&self) -> &str {
        &self.row.thread_id
    }

    /// Stores the head that `ended` leaves behind. A failure costs a replay later, nothing now.
    pub fn record(self, ended: Ended) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let upstream = match (ended.ids.thread_id, ended.ids.run_id) {
                // A classic run that waits for tool results is not continued but replayed: its thread is deleted.
                (Some(_), _) if !ended.tool_calls.is_empty() => return,
                (Some(id), _) => Upstream::Thread { id },
                (None, Some(id)) => Upstream::Response { id },
                (None, None) => return,
            };
            let row = Row {
                upstream,
                ..self.row.clone()
            };
            let answer = Message::Assistant {
                text: Some(ended.text)
                    .filter(|text| !text.is_empty() || ended.tool_calls.is_empty()),
                tool_calls: ended.tool_calls,
            };
            let by_history = self
                .link
                .map(|(root, before)| self.scope.key(root, self.scope.after(before, &answer)));
            let recorded = match row.upstream {
                Upstream::Thread { .. } => self.record_thread(by_history, &row).await,
                _ => self.record_response(by_history, &row).await,
            };
            if let Err(error) = recorded {
                tracing::warn!(
                    store = self.store.kind(),
                    "the next turn will be a replay: {error}"
                );
            }
        })
    }

    /// A response may be named by any number of rows, because it never changes.
    async fn record_response(&self, by_history: Option<Key>, row: &Row) -> Result<(), StoreError> {
        let insert = async {
            match &by_history {
                Some(key) => self.store.insert(key, row).await.map(drop),
                None => Ok(()),
            }
        };
        let (inserted, upserted) = tokio::join!(insert, self.store.upsert(&self.id_key, row));
        inserted.and(upserted)
    }

    /// A thread is named by one row, found by the history or by the way of the id: two would let two turns run on
    /// it, and one of them on a history that is not its own.
    async fn record_thread(&self, by_history: Option<Key>, row: &Row) -> Result<(), StoreError> {
        if let Some(key) = by_history {
            let (inserted, pointed) = self.insert_thread(&key, row).await;
            let there_already = inserted? == Inserted::AlreadyThere;
            if !there_already {
                return pointed;
            }
            // Either this very row, or the same answer to the same history on another thread.
            let stored = self.store.get(&key).await?;
            if stored.is_none_or(|stored| stored.row.upstream == row.upstream) {
                return pointed;
            }
        }
        let key = self.scope.id_key(&random_id("head_"));
        let (inserted, pointed) = self.insert_thread(&key, row).await;
        inserted.and(pointed)
    }

    /// Names the thread in the row of `key`, to which the row of the id points.
    async fn insert_thread(
        &self,
        key: &Key,
        row: &Row,
    ) -> (Result<Inserted, StoreError>, Result<(), StoreError>) {
        let pointer = Row {
            upstream: Upstream::Row { key: key.clone() },
            ..row.clone()
        };
        tokio::join!(
            self.store.insert(key, row),
            self.store.upsert(&self.id_key, &pointer)
        )
    }
}
