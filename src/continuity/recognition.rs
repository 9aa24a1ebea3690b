//! How a turn's conversation was found, for whoever watches the gateway.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use super::store::Key;

/// How a turn's conversation was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recognition {
    /// Continuity is off.
    Off,
    /// It begins here, or its history is not looked up.
    New,
    /// Its head is known, and continued.
    Hit,
    /// Its head is known, and this instance has continued it before: an answer is regenerated, or a message edited.
    Fork,
    /// Its history is not known, and replayed.
    Miss,
    /// Its head was taken by another turn, and the history is replayed.
    Contended,
    /// Its system text was taken back, which a new agent cannot forget, and the history is replayed.
    InstructionsRemoved,
    /// The store gave no answer, and the history is replayed.
    StoreFailed,
}

impl Recognition {
    /// The word for it in spans and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::New => "new",
            Self::Hit => "hit",
            Self::Fork => "fork",
            Self::Miss => "miss",
            Self::Contended => "contended",
            Self::InstructionsRemoved => "instructions_removed",
            Self::StoreFailed => "store_failed",
        }
    }
}

/// The heads that this instance has continued of late.
#[derive(Debug, Default)]
pub(super) struct ContinuedHeads {
    state: Mutex<(HashSet<Key>, VecDeque<Key>)>,
}

/// Most heads that are remembered: half a megabyte.
const MOST: usize = 2048;

impl ContinuedHeads {
    /// Remembers a head; a fork where it was remembered before.
    pub(super) fn continued(&self, key: &Key) -> Recognition {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, oldest_first) = &mut *state;
        if !known.insert(key.clone()) {
            return Recognition::Fork;
        }
        oldest_first.push_back(key.clone());
        if MOST < oldest_first.len()
            && let Some(oldest) = oldest_first.pop_front()
        {
            known.remove(&oldest);
        }
        Recognition::Hit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_forks_when_it_is_continued_again_and_few_are_remembered() {
        let heads = ContinuedHeads::default();
        let key = |row: usize| Key {
            partition: "p".to_owned(),
            row: row.to_string(),
        };
        assert_eq!(heads.continued(&key(0)), Recognition::Hit);
        assert_eq!(heads.continued(&key(0)), Recognition::Fork);
        for row in 1..=MOST {
            assert_eq!(heads.continued(&key(row)), Recognition::Hit);
        }
        assert_eq!(heads.continued(&key(0)), Recognition::Hit, "forgotten");
        assert_eq!(heads.state.lock().unwrap().0.len(), MOST);
    }
}
