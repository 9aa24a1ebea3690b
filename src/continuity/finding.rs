//! Which row leads to the head that a turn goes on from, by the ids of calls, by an id, or by the history; and which
//! id the client is told.

use super::{
    conversation::{Conversations, Request, Unplaceable},
    digest::ScopeKey,
    recorder::IdRow,
    shown::{Shown, compare},
    store::{Key, StoreError, Stored, Upstream},
    thread_id,
};
use crate::agent::Turn;

/// The id that the client is told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) id: String,
    /// What is known of its row.
    pub(super) row: IdRow,
}

/// A row that leads to a head.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: Key,
    pub(super) stored: Stored,
    /// How many messages the upstream conversation has already, instructions counted.
    pub(super) tail: usize,
    /// Whether the history led to it, and so is the history of the whole upstream conversation.
    pub(super) by_history: bool,
}

impl Conversations {
    /// The head from which the turn goes on, if there is one, and the id that the client is told. `known` is where the
    /// row of the history would be, and how many messages it stands for.
    pub(super) async fn find(
        &self,
        request: &Request<'_>,
        ids: &ScopeKey,
        known: Option<(Key, usize)>,
        turn: &Turn,
        replayable: bool,
    ) -> Result<(Option<Found>, Told), Unplaceable> {
        let by_calls = self.find_by_calls(request, ids, known.as_ref(), turn);
        if let Some(found) = by_calls.await? {
            // The calls were told to this client alone, and so was the id.
            let told = Told {
                id: found.stored.row.thread_id.clone(),
                row: IdRow::Unread,
            };
            return Ok((Some(found), told));
        }
        if let Some(id) = request.id {
            let by_id = self.find_by_id(id, ids, known, turn, replayable);
            let (found, row) = by_id.await?;
            let id = id.to_owned();
            return Ok((found, Told { id, row }));
        }
        let found = if request.recognise {
            self.find_by_history(known).await
        } else {
            None
        };
        let told = Told {
            id: match &found {
                Some(found) => thread_id::beside(&found.stored.row.thread_id),
                None => thread_id::of_new_conversation(),
            },
            row: IdRow::Absent,
        };
        Ok((found, told))
    }

    /// The head that the history leads to.
    async fn find_by_history(&self, known: Option<(Key, usize)>) -> Option<Found> {
        let (key, tail) = known?;
        match self.store.get(&key).await {
            Ok(stored) => stored.map(|stored| Found {
                key,
                stored,
                tail,
                by_history: true,
            }),
            Err(error) => self.give_up(&error),
        }
    }

    /// The head that the history leads to within the conversation `id`; where the history leads nowhere, because it
    /// is not shown or only a part of it, the newest head; and the state of the id's row. No head where the whole history
    /// has to be replayed.
    async fn find_by_id(
        &self,
        id: &str,
        ids: &ScopeKey,
        known: Option<(Key, usize)>,
        turn: &Turn,
        replayable: bool,
    ) -> Result<(Option<Found>, IdRow), Unplaceable> {
        let id_key = ids.id_key(id);
        let shown = known.as_ref().map(|(key, _)| key.clone());
        let (by_id, by_history) =
            tokio::join!(self.store.get(&id_key), self.find_by_history(known));
        let id_row = match &by_id {
            Ok(Some(stored)) => IdRow::At(stored.version.clone()),
            Ok(None) => IdRow::Absent,
            Err(_) => IdRow::Unread,
        };
        let of_this_conversation = |found: &Found| {
            let told = thread_id::conversation_of(&found.stored.row.thread_id);
            told == thread_id::conversation_of(id)
        };
        if let Some(found) = by_history.filter(of_this_conversation) {
            return Ok((Some(found), id_row));
        }
        let found = match by_id {
            Ok(Some(stored)) => match compare(&stored.row, shown.as_ref()) {
                Shown::Elsewhere => None,
                shown => Some(Found {
                    key: id_key,
                    stored,
                    tail: turn.after_last_answer(),
                    by_history: shown == Shown::Whole,
                }),
            },
            Ok(None) => return Err(Unplaceable::Unknown),
            Err(error) if replayable => self.give_up(&error),
            Err(error) => return Err(Unplaceable::StoreFailed(error)),
        };
        Ok((found, id_row))
    }

    /// From the row of an id to the one that names the thread.
    pub(super) async fn follow(&self, found: Found) -> Result<Option<Found>, StoreError> {
        let Upstream::Row { key } = found.stored.row.upstream else {
            return Ok(Some(found));
        };
        let stored = self.store.get(&key).await?;
        Ok(stored.map(|stored| Found {
            key,
            stored,
            ..found
        }))
    }
}
