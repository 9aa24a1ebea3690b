//! When an agent speaks.

use std::time::Duration;

use super::{HELD, PACED};

/// The waits of the agent `paced`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pacing {
    pub(super) first_delta: Duration,
    pub(super) between_deltas: Duration,
}

/// How one answer is paced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Everything at once.
    Instant,
    /// A wait before the first delta, and one before each of the others.
    Paced,
    /// Half of the deltas at once, the rest after the release.
    Held,
}

impl Pace {
    /// From the name of a new agent or the id of a classic one.
    pub(super) fn of(agent: &str) -> Self {
        match agent.strip_prefix("asst_").unwrap_or(agent) {
            PACED => Self::Paced,
            HELD => Self::Held,
            _ => Self::Instant,
        }
    }
}
