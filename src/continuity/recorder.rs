//! What is remembered of a turn that ended well: where it can be continued.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{
    digest::{Link, ScopeKey},
    store::{ConversationStore, Inserted, Key, Row, StoreError, Upstream},
};
use crate::{
    agent::{Message, stream::Ended, turn::WaitingRun},
    random_id::random_id,
};

/// Remembers where a finished turn can be continued.
#[derive(Debug)]
pub struct Recorder {
    pub(super) store: Arc<dyn ConversationStore>,
    /// The scope of the history, under the conversation's name if it has one.
    pub(super) scope: ScopeKey,
    /// The scope of ids, which mean the same under every name.
    pub(super) ids: ScopeKey,
    /// The conversation's root and the link before the answer; absent where the history is not known whole.
    pub(super) link: Option<(Link, Link)>,
    /// Where the row of the id is that the client is told.
    pub(super) id_key: Key,
    /// What is stored, but for the head.
    pub(super) row: Row,
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
                Upstream::Run { ref calls, .. } => self.record_run(calls, &row).await,
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

    /// A run is found by the ids of its calls, whatever the history, or by the way of the id.
    async fn record_run(&self, calls: &[String], row: &Row) -> Result<(), StoreError> {
        let first = calls.iter().min().map(String::as_str).unwrap_or_default();
        let (inserted, pointed) = self.insert_thread(&self.ids.call_key(first), row).await;
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
