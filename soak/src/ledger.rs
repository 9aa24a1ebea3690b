//! What became of every request: counted, and told where it should not be.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::time::Instant;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// The agent was given exactly the client's history, and the answer is whole.
    Right,
    /// An error that the documents name.
    Failed,
    /// The client did not wait.
    Left,
    /// A client that named its conversation by an id alone got on from an earlier turn, after a gateway had logged
    /// that it could not remember the later one; documented in `docs/conversations.md`.
    Earlier,
    /// Not a valid answer, stream or error.
    Malformed,
    /// An error that no client of this load should see.
    Unexpected,
    /// An answer to something else than what was sent.
    Wrong,
    /// An answer from a history in which a message is missing, or a conversation that is not there any more.
    Lost,
    /// An answer from a history with something of another conversation.
    Mixed,
    /// No answer in time.
    Unanswered,
}

impl Outcome {
    /// Those that a run must not have.
    pub const FAULTS: [Self; 6] = [
        Self::Malformed,
        Self::Unexpected,
        Self::Wrong,
        Self::Lost,
        Self::Mixed,
        Self::Unanswered,
    ];
}

/// Everything that is counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
    /// Documented errors by their codes; those within streams have `in a stream` behind it.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Right answers by the way in which the request named its conversation.
    pub(crate) ways: BTreeMap<&'static str, u64>,
    pub(crate) conversations: u64,
    /// The first faults, for people.
    pub(crate) details: Vec<String>,
}

/// The book of a run.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    counts: Mutex<Counts>,
}

/// More details than this help nobody.
const MOST_DETAILS: usize = 20;

impl Ledger {
    pub(crate) fn count(&self, outcome: Outcome) {
        *self.lock().outcomes.entry(outcome).or_default() += 1;
    }

    pub(crate) fn count_right(&self, way: &'static str) {
        self.count(Outcome::Right);
        *self.lock().ways.entry(way).or_default() += 1;
    }

    pub(crate) fn count_error(&self, status: u16, code: &str) {
        self.count(Outcome::Failed);
        let place = if status == 200 { " in a stream" } else { "" };
        let name = format!("{code}{place}");
        *self.lock().errors.entry(name).or_default() += 1;
    }

    pub(crate) fn count_conversation(&self) {
        self.lock().conversations += 1;
    }

    /// Counts what should not be, and keeps what it was.
    pub(crate) fn count_fault(&self, outcome: Outcome, detail: impl FnOnce() -> String) {
        self.count(outcome);
        let mut counts = self.lock();
        if counts.details.len() < MOST_DETAILS {
            counts.details.push(format!("{outcome:?}: {}", detail()));
        }
    }

    /// How many requests had this outcome so far.
    pub(crate) fn number_of(&self, outcome: Outcome) -> u64 {
        let counts = self.lock();
        counts.outcomes.get(&outcome).copied().unwrap_or_default()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// When the store last lost something, as the gateways' logs tell, or because it was emptied.
#[derive(Debug, Default)]
pub(crate) struct StoreTrouble {
    last: Mutex<Option<Instant>>,
    times: Mutex<u64>,
}

impl StoreTrouble {
    pub(crate) fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    /// Whether there was any from `moment` on.
    pub(crate) fn since(&self, moment: Instant) -> bool {
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| moment <= last)
    }

    pub(crate) fn times(&self) -> u64 {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
