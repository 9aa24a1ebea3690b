//! The events of an answer, written before the first request.

use std::fmt::Display;

use super::template::Template;

/// The events of an answer in order, and which of them are the deltas.
#[derive(Debug)]
pub(super) struct Script {
    events: Vec<Template>,
    first_delta: usize,
    deltas: usize,
}

/// Where a stream is before it sends an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    BeforeFirstDelta,
    BetweenDeltas,
    HalfWay,
    Elsewhere,
}

impl Script {
    /// From the texts of the events: what comes before the deltas, the deltas, and what comes after.
    pub(super) fn new(before: &[String], deltas: &[String], after: &[String]) -> Self {
        let all = before.iter().chain(deltas).chain(after);
        Self {
            events: all.map(|event| Template::new(event)).collect(),
            first_delta: before.len(),
            deltas: deltas.len(),
        }
    }

    pub(super) fn event(&self, index: usize) -> Option<&Template> {
        self.events.get(index)
    }

    pub(super) fn place_before(&self, index: usize) -> Place {
        let delta = index.checked_sub(self.first_delta);
        match delta.filter(|delta| *delta < self.deltas) {
            Some(0) => Place::BeforeFirstDelta,
            Some(delta) if delta == self.deltas / 2 => Place::HalfWay,
            Some(_) => Place::BetweenDeltas,
            None => Place::Elsewhere,
        }
    }
}

/// One frame of a stream: `event: NAME`, `data: DATA`, an empty line.
pub(super) fn frame(name: &str, data: impl Display) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}
