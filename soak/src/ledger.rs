//! What became of every request: counted, and told where it should not be.

use std::{
    collections::{BTreeMap, HashMap},
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
    /// that it could not remember the newest one of that id; documented in `docs/conversations.md`.
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

/// What the store lost, as the gateways' logs tell, or because it was emptied.
#[derive(Debug, Default)]
pub(crate) struct StoreTrouble(Mutex<Troubles>);

#[derive(Debug, Default)]
struct Troubles {
    /// When it was last emptied.
    emptied: Option<Instant>,
    /// When a gateway last said that it could not remember a turn, by the ids that the turns' clients were told.
    forgotten: HashMap<String, Instant>,
    /// Turns that could not be remembered or looked up.
    turns: u64,
}

impl StoreTrouble {
    /// The store is empty from now on, or loses what is just being written.
    pub(crate) fn note_emptied(&self) {
        self.lock().emptied = Some(Instant::now());
    }

    /// A turn could not be remembered, or not be looked up: then there is no id.
    pub(crate) fn note(&self, thread_id: Option<&str>) {
        let mut troubles = self.lock();
        troubles.turns += 1;
        if let Some(id) = thread_id {
            troubles.forgotten.insert(id.to_owned(), Instant::now());
        }
    }

    /// Whether a turn of this id may have been lost from `moment` on.
    pub(crate) fn since(&self, moment: Instant, thread_id: &str) -> bool {
        let troubles = self.lock();
        let forgotten = troubles.forgotten.get(thread_id);
        let last = troubles.emptied.max(forgotten.copied());
        last.is_some_and(|last| moment <= last)
    }

    pub(crate) fn turns(&self) -> u64 {
        self.lock().turns
    }

    fn lock(&self) -> MutexGuard<'_, Troubles> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_the_id_that_is_told_is_forgotten_but_an_empty_store_knows_none() {
        let trouble = StoreTrouble::default();
        let before = Instant::now();
        trouble.note(Some("thread_1"));
        trouble.note(None);
        assert!(trouble.since(before, "thread_1"));
        assert!(!trouble.since(before, "thread_2"));
        let after = Instant::now() + Duration::from_millis(1);
        assert!(!trouble.since(after, "thread_1"));
        trouble.note_emptied();
        assert!(trouble.since(before, "thread_2"));
        assert!(!trouble.since(after + Duration::from_secs(1), "thread_2"));
        assert_eq!(trouble.turns(), 2);
    }
}
