//! The ids that clients are told for their conversations, as `thread_id`. Pure but for randomness.
//!
//! `thread_` and the conversation's 28 letters and digits. Who names no id and is recognised by the history is told
//! another one each time: the conversation's, and `_` and 12 letters and digits more. The same history may have been
//! said in another conversation of the same caller, which has gone on since, or will: an id that both were told would
//! lead one of them, once it shows nothing else, into what the other has said.

use crate::random_id::{random_id, random_letters};

const PREFIX: &str = "thread_";
/// Letters and digits that tell the turns of a conversation apart; as good as never twice the same.
const LETTERS: usize = 12;

/// The id of a conversation that begins.
pub(super) fn of_new_conversation() -> String {
    random_id(PREFIX)
}

/// Another id for what goes on from where `id` was told.
pub(super) fn beside(id: &str) -> String {
    let mut beside = conversation_of(id).to_owned();
    beside.push('_');
    beside.extend(random_letters(LETTERS));
    beside
}

/// The part of an id that is the same in all turns of a conversation: what stands before the second `_`.
pub(super) fn conversation_of(id: &str) -> &str {
    let turn = id.match_indices('_').nth(1);
    turn.map_or(id, |(at, _)| id.split_at(at).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_a_conversation_differ_and_begin_alike() {
        let first = of_new_conversation();
        let second = beside(&first);
        let third = beside(&second);
        assert_eq!(conversation_of(&first), first);
        for later in [&second, &third] {
            assert_eq!(conversation_of(later), first);
            assert_eq!(later.len(), first.len() + 1 + LETTERS);
        }
        assert_ne!(second, third);
    }

    #[test]
    fn an_id_of_another_form_is_cut_at_its_second_underscore_or_whole() {
        for (id, conversation) in [
            ("", ""),
            ("thread_", "thread_"),
            ("resp-1", "resp-1"),
            ("thread_é_é_é", "thread_é"),
            ("__", "_"),
        ] {
            assert_eq!(conversation_of(id), conversation, "{id}");
        }
    }
}
