//! All that was measured, and the questions that are asked of it. Pure.

use serde::Serialize;

use super::{
    cell::Cell,
    conditions::Conditions,
    standing::{Held, Starts},
    subject::Subject,
    window::Window,
};
use crate::numbers::{Spread, median, smallest};

/// Everything of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) conditions: Conditions,
    pub(crate) starts: Vec<Starts>,
    pub(crate) held: Vec<Held>,
    pub(crate) windows: Vec<Window>,
}

impl Results {
    pub(crate) fn new(conditions: Conditions) -> Self {
        Self {
            conditions,
            starts: Vec::new(),
            held: Vec::new(),
            windows: Vec::new(),
        }
    }

    /// The windows of a subject in a cell, one for each round.
    pub(crate) fn of(&self, subject: Subject, cell: Cell) -> impl Iterator<Item = &Window> {
        let windows = self.windows.iter();
        windows.filter(move |window| window.subject == subject && window.cell == cell)
    }

    pub(crate) fn has(&self, subject: Subject, cell: Cell) -> bool {
        self.of(subject, cell).next().is_some()
    }

    /// The median over the rounds.
    pub(crate) fn median(
        &self,
        subject: Subject,
        cell: Cell,
        look: impl Fn(&Window) -> Option<f64>,
    ) -> Option<f64> {
        median(self.of(subject, cell).filter_map(look))
    }

    /// The least of all rounds.
    pub(crate) fn least(
        &self,
        subject: Subject,
        cell: Cell,
        look: impl Fn(&Window) -> Option<f64>,
    ) -> Option<f64> {
        smallest(self.of(subject, cell).filter_map(look))
    }

    /// How two subjects compare: `compare` sees both windows of a round, and the median over the rounds counts, so
    /// that what else the machine did in one round meets both.
    pub(crate) fn compared(
        &self,
        subject: Subject,
        base: Subject,
        cell: Cell,
        compare: impl Fn(&Window, &Window) -> Option<f64>,
    ) -> Option<f64> {
        median(self.of(subject, cell).filter_map(|window| {
            let mut bases = self.of(base, cell);
            let base = bases.find(|base| base.round == window.round)?;
            compare(window, base)
        }))
    }

    /// Processor time for each answer as a multiple of the floor's.
    pub(crate) fn times_the_floor(&self, subject: Subject, cell: Cell) -> Option<f64> {
        self.times(subject, Subject::Floor, cell)
    }

    /// Processor time for each answer as a multiple of what another subject takes for it.
    pub(crate) fn times(&self, subject: Subject, base: Subject, cell: Cell) -> Option<f64> {
        self.compared(subject, base, cell, |window, base| {
            Some(window.processor? / base.processor?)
        })
    }

    /// Milliseconds that a subject adds to the floor's.
    pub(crate) fn added_to_the_floor(
        &self,
        subject: Subject,
        cell: Cell,
        look: impl Fn(&Window) -> Option<Spread>,
    ) -> Option<f64> {
        self.compared(subject, Subject::Floor, cell, |window, base| {
            Some(look(window)?.median - look(base)?.median)
        })
    }

    /// The windows and held streams that had answers which were not right, in words.
    pub(crate) fn wrong_answers(&self) -> Vec<String> {
        let windows = self.windows.iter().map(|window| {
            let place = format!("{}, {}", window.subject.title(), window.cell.name());
            (place, &window.summary)
        });
        let held = self.held.iter().map(|held| {
            let place = format!(
                "{}, {} streams at a time",
                held.subject.title(),
                held.streams
            );
            (place, &held.summary)
        });
        windows
            .chain(held)
            .filter(|(_, summary)| 0 < summary.not_right())
            .map(|(place, summary)| {
                let example = summary.example.as_deref().unwrap_or_default();
                format!(
                    "{place}: {} of {}, such as: {example:.300}",
                    summary.not_right(),
                    summary.answers()
                )
            })
            .collect()
    }
}
