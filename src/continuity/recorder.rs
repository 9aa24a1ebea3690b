//! Remembers where a finished turn can be continued.
//!
//! Rows are written before the end of the answer is told, so that the next turn finds them. What the store did not
//! take then is tried again in the background, as far as nobody can have taken it meanwhile; a response that it never
//! takes is deleted upstream.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    digest::{Link, ScopeKey},
    store::{ConversationStore, Inserted, Key, Replaced, Row, StoreError, Upstream, Version},
    thread_id,
};
use crate::{
    agent::{Head, Message, stream::Ended, turn::WaitingRun},
    foundry::{self, Foundry},
    random_id::random_id,
};

/// Pauses before what could not be written is tried again. Together they last as long as a store that throttles, and
/// less than a shutdown may.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(8),
];

/// How often the row of an id is looked at anew because another turn has written it.
const MAX_LOOKS: usize = 3;

/// Remembers one turn, if it ends well.
#[derive(Debug)]
pub struct Recorder {
    pub(super) store: Arc<dyn ConversationStore>,
    pub(super) scope: ScopeKey,
    /// The scope of ids, which mean the same under every name.
    pub(super) ids: ScopeKey,
    /// The conversation's root and the link before the answer; absent where the history is not known whole.
    pub(super) link: Option<(Link, Link)>,
    /// Whether the client showed that history, and not an id alone: only then it will come back to it by it.
    pub(super) shown: bool,
    pub(super) id_key: Key,
    /// What is known of the row there.
    pub(super) id_row: IdRow,
    pub(super) row: Row,
}

/// What is known of the row of an id before the turn is recorded.
#[derive(Debug)]
pub(super) enum IdRow {
    /// There is none.
    Absent,
    /// It was read in this state.
    At(Version),
    /// It was not looked at.
    Unread,
}

/// What of a turn is still to be written.
#[derive(Debug)]
struct Unwritten {
    /// The row that is found by the history.
    by_history: Option<(Key, Row)>,
    /// The row that is found by the id that the client was told.
    by_id: Option<Row>,
    /// Whether a row may name the upstream conversation already.
    named: bool,
    /// Why it is not written.
    error: StoreError,
}

impl Recorder {
    /// The id that the client is told.
    pub fn thread_id(&self) -> &str {
        &self.row.thread_id
    }

    /// The part of it that all turns of the conversation share.
    pub fn conversation_id(&self) -> &str {
        thread_id::conversation_of(&self.row.thread_id)
    }

    /// Stores the head that `ended` leaves behind in `foundry`. A failure costs a replay later, nothing now.
    pub fn record(self: Box<Self>, ended: Ended, foundry: Arc<Foundry>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let upstream = match (ended.ids.thread_id, ended.ids.run_id) {
                (Some(thread_id), Some(run_id)) if !ended.tool_calls.is_empty() => Upstream::Run {
                    run: WaitingRun { thread_id, run_id },
                    calls: ended
                        .tool_calls
                        .iter()
                        .map(|call| call.call_id.clone())
                        .collect(),
                },
                (Some(id), _) => Upstream::Thread { id },
                (None, Some(id)) => Upstream::Response { id },
                (None, None) => return,
            };
            let row = Row {
                upstream,
                session: ended.ids.session,
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
                Upstream::Run { ref calls, .. } => self.record_run(by_history, calls, &row).await,
                _ => self.record_response(by_history, &row).await,
            };
            if let Err(unwritten) = recorded {
                tracing::warn!(
                    store = self.store.kind(),
                    thread_id = self.row.thread_id,
                    "a turn is not remembered yet, the next one would be a replay: {}",
                    unwritten.error
                );
                let later = self.record_later(unwritten, row.upstream, Arc::clone(&foundry));
                foundry.background().spawn(later);
            }
        })
    }

    /// A response may be named by any number of rows, because it never changes.
    async fn record_response(&self, by_history: Option<Key>, row: &Row) -> Result<(), Unwritten> {
        let shown = by_history.clone().filter(|_| self.shown);
        let insert = async {
            match &shown {
                Some(key) => self.store.insert(key, row).await.map(drop),
                None => Ok(()),
            }
        };
        let named = Row {
            history: by_history,
            ..row.clone()
        };
        let (inserted, written) = tokio::join!(insert, self.write_id(&named, &self.id_row));
        let is_named = shown.is_some() && inserted.is_ok() || matches!(written, Ok(true));
        let by_history = shown
            .filter(|_| inserted.is_err())
            .map(|key| (key, row.clone()));
        let by_id = written.is_err().then_some(named);
        inserted
            .and_then(|()| written.map(drop))
            .map_err(|error| Unwritten {
                by_history,
                by_id,
                named: is_named,
                error,
            })
    }

    /// A thread is named by one row, found by the history or by the way of the id: two would let two turns run on
    /// it, and one of them on a history that is not its own.
    async fn record_thread(&self, by_history: Option<Key>, row: &Row) -> Result<(), Unwritten> {
        if let Some(key) = by_history.as_ref().filter(|_| self.shown) {
            let inserted = self.insert_thread(key, row).await?;
            // A row that is there already is this very one, whose first writing went unheard, or one of the same
            // answer to the same history on another thread.
            if inserted == Inserted::Yes || self.may_name(key, &row.upstream).await {
                return Ok(());
            }
        }
        let key = self.scope.id_key(&random_id("head_"));
        let row = Row {
            history: by_history,
            ..row.clone()
        };
        self.insert_thread(&key, &row).await.map(drop)
    }

    /// A run is found by the ids of its calls, whatever the history, or by the way of the id.
    async fn record_run(
        &self,
        by_history: Option<Key>,
        calls: &[String],
        row: &Row,
    ) -> Result<(), Unwritten> {
        let first = calls.iter().min().map(String::as_str).unwrap_or_default();
        let row = Row {
            history: by_history,
            ..row.clone()
        };
        self.insert_thread(&self.ids.call_key(first), &row)
            .await
            .map(drop)
    }

    /// Names the thread in the row of `key`, to which the row of the id points.
    async fn insert_thread(&self, key: &Key, row: &Row) -> Result<Inserted, Unwritten> {
        let pointer = Row {
            upstream: Upstream::Row { key: key.clone() },
            ..row.clone()
        };
        let (inserted, written) = tokio::join!(
            self.store.insert(key, row),
            self.write_id(&pointer, &self.id_row)
        );
        let by_id = written.is_err().then_some(pointer);
        inserted
            .and_then(|inserted| written.map(|_| inserted))
            .map_err(|error| Unwritten {
                // The row may be there although the store did not say so, and another turn may have taken it since
                // and gone on: written again, it would name a thread that knows more than its history. And deleted,
                // the thread would be taken from under that turn.
                by_history: None,
                by_id,
                named: true,
                error,
            })
    }

    /// Writes the row of the id, unless it names the head of a turn that began later; whether the row is there now.
    ///
    /// A store may carry out a write late, when the gateway has given it up and the conversation has gone on: it must
    /// not put an older head back. So no write is without a condition on what was there before it.
    async fn write_id(&self, row: &Row, known: &IdRow) -> Result<bool, StoreError> {
        if self.put_id(row, known).await? {
            return Ok(true);
        }
        for _ in 0..MAX_LOOKS {
            let found = match self.store.get(&self.id_key).await? {
                None => IdRow::Absent,
                // Written after all, when the store's answer was lost.
                Some(stored) if stored.row == *row => return Ok(true),
                Some(stored) if row.began_at < stored.row.began_at => return Ok(false),
                Some(stored) => IdRow::At(stored.version),
            };
            if self.put_id(row, &found).await? {
                return Ok(true);
            }
        }
        // Turns at the same time as this one have each written since it began to: one of theirs is as good.
        Ok(false)
    }

    async fn put_id(&self, row: &Row, known: &IdRow) -> Result<bool, StoreError> {
        Ok(match known {
            IdRow::Absent => self.store.insert(&self.id_key, row).await? == Inserted::Yes,
            IdRow::At(version) => {
                self.store.replace(&self.id_key, row, version).await? == Replaced::Yes
            }
            IdRow::Unread => false,
        })
    }

    /// Tries again what could not be written, and in the end deletes a response that no row names.
    async fn record_later(
        self,
        mut unwritten: Unwritten,
        upstream: Upstream,
        foundry: Arc<Foundry>,
    ) {
        for pause in PAUSES {
            tokio::time::sleep(pause).await;
            if let Some((key, row)) = &unwritten.by_history
                && let Ok(inserted) = self.store.insert(key, row).await
            {
                unwritten.named |= inserted == Inserted::Yes || self.may_name(key, &upstream).await;
                unwritten.by_history = None;
            }
            if let Some(row) = &unwritten.by_id
                && let Ok(written) = self.write_id(row, &IdRow::Unread).await
            {
                unwritten.named |= written;
                unwritten.by_id = None;
            }
            if unwritten.by_history.is_none() && unwritten.by_id.is_none() {
                break;
            }
        }
        if !unwritten.named
            && let Upstream::Response { id } = upstream
        {
            foundry::forget(&foundry, Head::Response(id), random_id("forget_"));
        }
    }

    /// Whether the row of `key` names `upstream`, as far as the store tells.
    async fn may_name(&self, key: &Key, upstream: &Upstream) -> bool {
        let stored = self.store.get(key).await;
        stored.map_or(true, |stored| {
            stored.is_some_and(|stored| stored.row.upstream == *upstream)
        })
    }
}

#[cfg(test)]
mod tests;
