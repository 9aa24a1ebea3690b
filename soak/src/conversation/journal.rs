//! What happened in a conversation, for the report of a fault.

use std::{
    collections::VecDeque,
    fmt::Display,
    sync::{Mutex, PoisonError},
};

use tokio::time::Instant;

/// The newest requests of a conversation, and what became of them.
#[derive(Debug, Default)]
pub(super) struct Journal(Mutex<VecDeque<String>>);

/// Lines that are kept.
const KEPT: usize = 16;

impl Journal {
    /// Notes a request that began at `began` and has just ended.
    pub(super) fn note(&self, began: Instant, start: Instant, what: impl Display) {
        let seconds = |moment: Instant| moment.duration_since(start).as_secs_f64();
        let (from, to) = (seconds(began), seconds(Instant::now()));
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(format!("{from:.3} to {to:.3}: {what}"));
    }

    /// The lines, oldest first, each indented below what they explain.
    pub(super) fn lines(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for line in &*lines {
            text.push_str("\n      ");
            text.push_str(line);
        }
        text
    }
}
