//! How a turn's conversation was found, as far as what is sent tells it. Why a history is replayed that was looked
//! for is told by the spans of the store, and by the log.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use crate::agent::{Head, Message, Turn};

/// How a turn's conversation was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Recognition {
    /// Continuity is off.
    Off,
    /// It begins here, or its history is not looked up.
    New,
    /// Its head is known, and continued.
    Hit,
    /// The same, and this instance has continued that head before: an answer is regenerated, or a message edited.
    Fork,
    /// It is replayed: not known, in use, changed, or the store gave no answer.
    Miss,
    /// The request names a conversation that cannot be continued, and holds nothing to replay.
    Refused,
}

impl Recognition {
    /// The word for it in spans and metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::New => "new",
            Self::Hit => "hit",
            Self::Fork => "fork",
            Self::Miss => "miss",
            Self::Refused => "refused",
        }
    }
}

/// The heads of new agents that this instance has continued of late; a thread is continued once only.
#[derive(Debug, Default)]
pub(super) struct ContinuedHeads {
    state: Mutex<(HashSet<String>, VecDeque<String>)>,
}

/// Most heads that are remembered: a quarter of a megabyte.
const MOST: usize = 2048;

impl ContinuedHeads {
    /// How the conversation of `turn`, which is about to be sent, was found; `looked_up` where it was looked for.
    pub(super) fn recognition(&self, turn: &Turn, looked_up: bool) -> Recognition {
        let is_answer = |message: &Message| matches!(message, Message::Assistant { .. });
        match &turn.continues {
            Some(Head::Response(id)) => self.continued(id),
            Some(_) => Recognition::Hit,
            None if looked_up && turn.messages.iter().any(is_answer) => Recognition::Miss,
            None => Recognition::New,
        }
    }

    fn continued(&self, head: &str) -> Recognition {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, oldest_first) = &mut *state;
        if !known.insert(head.to_owned()) {
            return Recognition::Fork;
        }
        oldest_first.push_back(head.to_owned());
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

    fn answered(continues: Option<Head>) -> Turn {
        Turn {
            messages: vec![Message::Assistant {
                text: Some("a".to_owned()),
                tool_calls: Vec::new(),
            }],
            continues,
            ..Turn::default()
        }
    }

    #[test]
    fn what_is_sent_tells_how_the_conversation_was_found() {
        let heads = ContinuedHeads::default();
        let of = |turn: Turn, looked_up| heads.recognition(&turn, looked_up);
        let response = || answered(Some(Head::Response("resp_1".to_owned())));
        assert_eq!(of(response(), true), Recognition::Hit);
        assert_eq!(of(response(), true), Recognition::Fork);
        assert_eq!(
            of(answered(Some(Head::Thread("t".to_owned()))), true),
            Recognition::Hit
        );
        assert_eq!(of(answered(None), true), Recognition::Miss);
        assert_eq!(of(answered(None), false), Recognition::New);
        assert_eq!(of(Turn::default(), true), Recognition::New);
    }

    #[test]
    fn few_heads_are_remembered() {
        let heads = ContinuedHeads::default();
        for head in 0..=MOST {
            assert_eq!(heads.continued(&head.to_string()), Recognition::Hit);
        }
        assert_eq!(heads.continued("0"), Recognition::Hit, "forgotten");
        assert_eq!(heads.state.lock().unwrap().0.len(), MOST);
    }
}
