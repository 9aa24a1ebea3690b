//! What a load generator measured.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{answer::Problem, exchange::Times};
use crate::numbers::{Spread, real};

/// Measurements of one worker.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    first_byte: Vec<f64>,
    first_text: Vec<f64>,
    total: Vec<f64>,
    wrong: BTreeMap<String, u64>,
    example: Option<String>,
    latest_start: f64,
}

/// What came of a plan. Times are in milliseconds, and of right answers only.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// From the first request to the end of the last answer.
    pub seconds: f64,
    /// Right answers.
    pub right: u64,
    /// Answers that are not right, by what is wrong with them.
    pub wrong: BTreeMap<String, u64>,
    /// One of them in full.
    pub example: Option<String>,
    /// Right answers a second.
    pub rate: f64,
    /// Until the first byte of the body.
    pub first_byte: Option<Spread>,
    /// Until the first text of a stream.
    pub first_text: Option<Spread>,
    /// Until the end of the answer.
    pub total: Option<Spread>,
    /// How far behind the plan of an open loop the generator itself fell at most.
    pub latest_start: f64,
    /// Processor time of the generator itself, in nanoseconds.
    pub processor_nanoseconds: f64,
}

impl Summary {
    /// All answers, right or not.
    pub fn answers(&self) -> u64 {
        self.right + self.not_right()
    }

    /// Answers that are not right, of whatever kind.
    pub fn not_right(&self) -> u64 {
        self.wrong.values().sum()
    }
}

impl Recorder {
    pub(super) fn record(&mut self, outcome: Result<Times, Problem>) {
        match outcome {
            Ok(times) => {
                self.first_byte.push(times.first_byte);
                self.first_text.extend(times.first_text);
                self.total.push(times.total);
            }
            Err(problem) => {
                *self.wrong.entry(problem.kind().to_owned()).or_default() += 1;
                self.example.get_or_insert_with(|| problem.to_string());
            }
        }
    }

    pub(super) fn started_late_by(&mut self, milliseconds: f64) {
        self.latest_start = self.latest_start.max(milliseconds);
    }

    pub(super) fn add(&mut self, other: Self) {
        self.first_byte.extend(other.first_byte);
        self.first_text.extend(other.first_text);
        self.total.extend(other.total);
        for (kind, count) in other.wrong {
            *self.wrong.entry(kind).or_default() += count;
        }
        self.example = self.example.take().or(other.example);
        self.started_late_by(other.latest_start);
    }

    pub(super) fn summary(self, seconds: f64) -> Summary {
        let right = u64::try_from(self.total.len()).unwrap_or_default();
        Summary {
            seconds,
            right,
            wrong: self.wrong,
            example: self.example,
            rate: real(right) / seconds,
            first_byte: Spread::of(self.first_byte),
            first_text: Spread::of(self.first_text),
            total: Spread::of(self.total),
            latest_start: self.latest_start,
            processor_nanoseconds: 0.0,
        }
    }
}
