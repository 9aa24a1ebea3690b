//! What was called: operations, streams, connections.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use serde::{Deserialize, Serialize};

/// The calls that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// `POST /openai/v1/responses`
    CreateResponse,
    /// `DELETE /openai/v1/responses/{id}`
    DeleteResponse,
    /// `POST /threads`
    CreateThread,
    /// `DELETE /threads/{id}`
    DeleteThread,
    /// `POST /threads/runs`
    CreateThreadAndRun,
    /// `POST /threads/{id}/runs`
    CreateRun,
    /// `GET /threads/{id}/runs/{id}`
    GetRun,
    /// `POST /threads/{id}/messages`
    CreateMessage,
    /// `GET /threads/{id}/messages`
    ListMessages,
    /// Anything else
    Other,
}

impl Operation {
    const ALL: [(Self, &'static str); 10] = [
        (Self::CreateResponse, "create_response"),
        (Self::DeleteResponse, "delete_response"),
        (Self::CreateThread, "create_thread"),
        (Self::DeleteThread, "delete_thread"),
        (Self::CreateThreadAndRun, "create_thread_and_run"),
        (Self::CreateRun, "create_run"),
        (Self::GetRun, "get_run"),
        (Self::CreateMessage, "create_message"),
        (Self::ListMessages, "list_messages"),
        (Self::Other, "other"),
    ];
}

/// Counters since the start or the last reset.
#[derive(Debug, Default)]
pub(super) struct Counts {
    calls: [AtomicU64; Operation::ALL.len()],
    continued: AtomicU64,
    open: AtomicU64,
    most_open: AtomicU64,
    finished: AtomicU64,
    dropped: AtomicU64,
    connections: AtomicU64,
}

/// Their values at one moment, as `GET /control/counts` gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CountsTaken {
    /// Calls by operation; those that were not called are left out.
    pub calls: BTreeMap<String, u64>,
    /// Calls that go on with an earlier response or thread.
    pub continued: u64,
    /// Streams that are open now.
    pub open: u64,
    /// Most streams that were open at a time.
    pub most_open: u64,
    /// Streams that were sent to their end.
    pub finished: u64,
    /// Streams whose reader went before the end.
    pub dropped: u64,
    /// TCP connections that were opened.
    pub connections: u64,
}

impl CountsTaken {
    /// All calls together.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

impl Counts {
    pub(super) fn call(&self, operation: Operation) {
        let mut known = Operation::ALL.iter().zip(&self.calls);
        if let Some((_, counter)) = known.find(|((known, _), _)| *known == operation) {
            counter.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn continued(&self) {
        self.continued.fetch_add(1, Relaxed);
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(super) fn stream_opened(&self) {
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.most_open.fetch_max(open, Relaxed);
    }

    pub(super) fn stream_closed(&self, finished: bool) {
        self.open.fetch_sub(1, Relaxed);
        let counter = if finished {
            &self.finished
        } else {
            &self.dropped
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn take(&self) -> CountsTaken {
        let calls = Operation::ALL.iter().zip(&self.calls);
        CountsTaken {
            calls: calls
                .map(|((_, name), calls)| ((*name).to_owned(), calls.load(Relaxed)))
                .filter(|(_, calls)| 0 < *calls)
                .collect(),
            continued: self.continued.load(Relaxed),
            open: self.open.load(Relaxed),
            most_open: self.most_open.load(Relaxed),
            finished: self.finished.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            connections: self.connections.load(Relaxed),
        }
    }

    /// Begins anew; streams that are open stay open.
    pub(super) fn reset(&self) {
        for counter in &self.calls {
            counter.store(0, Relaxed);
        }
        self.most_open.store(self.open.load(Relaxed), Relaxed);
        for counter in [
            &self.continued,
            &self.finished,
            &self.dropped,
            &self.connections,
        ] {
            counter.store(0, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_and_streams_are_counted_until_a_reset() {
        let counts = Counts::default();
        counts.call(Operation::CreateRun);
        counts.call(Operation::CreateRun);
        counts.call(Operation::Other);
        counts.stream_opened();
        counts.stream_opened();
        counts.stream_closed(true);
        counts.stream_closed(false);
        let taken = counts.take();
        let calls = BTreeMap::from([("create_run".to_owned(), 2), ("other".to_owned(), 1)]);
        assert_eq!((&taken.calls, taken.total()), (&calls, 3));
        assert_eq!((taken.open, taken.most_open), (0, 2));
        assert_eq!((taken.finished, taken.dropped), (1, 1));
        counts.reset();
        assert_eq!(counts.take(), CountsTaken::default());
    }
}
