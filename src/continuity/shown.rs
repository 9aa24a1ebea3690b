//! What of a conversation that is named by its id a request shows, beside what the row of the id knows. Pure.

use super::{
    digest::{Link, ScopeKey, links_of},
    store::{Key, Row, Upstream},
};
use crate::agent::Turn;

/// How the history that is shown stands to the newest head of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// It is what led to the head.
    Whole,
    /// It has the same beginning and another end: an answer was regenerated, or a message edited.
    Elsewhere,
    /// Nothing, or a part that does not tell.
    Unknown,
}

/// Compares with the row of the id, which names the newest head.
pub(super) fn compare(row: &Row, shown: Option<&Key>) -> Shown {
    match (newest_history(row), shown) {
        (Some(newest), Some(shown)) if newest == shown => Shown::Whole,
        (Some(newest), Some(shown)) if newest.partition == shown.partition => Shown::Elsewhere,
        _ => Shown::Unknown,
    }
}

/// What led to the newest head, as far as the row of the id tells.
fn newest_history(row: &Row) -> Option<&Key> {
    match (&row.history, &row.upstream) {
        (Some(history), _) => Some(history),
        (None, Upstream::Row { key }) => Some(key),
        (None, _) => None,
    }
}

/// The conversation's root and the link after `turn`, which shows no answer and so only goes on from the newest head;
/// `None` where it is not known what led to that.
pub(super) fn chain_after(row: &Row, turn: &Turn, scope: &ScopeKey) -> Option<(Link, Link)> {
    if 0 < turn.after_last_answer() {
        return None;
    }
    let (root, before) = links_of(newest_history(row)?)?;
    let after = turn
        .conversation()
        .fold(before, |link, message| scope.after(link, message));
    Some((root, after))
}

#[cfg(test)]
mod tests;
