//! What goes wrong on a connection, and after how many bytes: drawn from the seed.

use std::time::Duration;

use fastrand::Rng;

/// What a connection suffers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Both sides are reset (TCP RST).
    Reset,
    /// Both sides are closed, as if that were the end.
    Truncate,
    /// Bytes that nobody sent, then the end.
    Garbage,
    /// Nothing for so long; then it goes on.
    Stall(Duration),
    /// A few bytes at a time for a while; then it goes on.
    Drip,
}

impl Fault {
    /// Its name in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::Reset => "reset",
            Fault::Truncate => "truncate",
            Fault::Garbage => "garbage",
            Fault::Stall(_) => "stall",
            Fault::Drip => "drip",
        }
    }
}

/// A fault, and how many bytes of its direction get through before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) after_bytes: u64,
    pub(crate) fault: Fault,
}

/// Longest stall; a server's client may give up sooner.
const LONGEST_STALL_MS: u64 = 4_000;
/// Of so many connections in foul weather, one is reset before anything.
const RESET_AT_CONNECT: u8 = 12;

/// Whether a new connection is reset at once.
pub(crate) fn resets_at_connect(rng: &mut Rng) -> bool {
    rng.u8(..RESET_AT_CONNECT) == 0
}

/// The next fault of what the server sends. `most_bytes` is about what passes between two faults.
pub(crate) fn towards_client(rng: &mut Rng, most_bytes: u64) -> Plan {
    let fault = match rng.u8(..10) {
        0 | 1 => Fault::Reset,
        2 | 3 => Fault::Truncate,
        4 | 5 => Fault::Garbage,
        6 | 7 => Fault::Stall(Duration::from_millis(rng.u64(100..LONGEST_STALL_MS))),
        _ => Fault::Drip,
    };
    Plan {
        after_bytes: after_bytes(rng, most_bytes),
        fault,
    }
}

/// The next fault of what the client sends: what was held back is never delivered later, because a client that gave
/// up must not be heard once it has gone on.
pub(crate) fn towards_server(rng: &mut Rng, most_bytes: u64) -> Plan {
    let fault = match rng.u8(..2) {
        0 => Fault::Reset,
        _ => Fault::Truncate,
    };
    Plan {
        after_bytes: after_bytes(rng, most_bytes),
        fault,
    }
}

/// Some faults come early, where heads of messages are; the others come anywhere.
fn after_bytes(rng: &mut Rng, most_bytes: u64) -> u64 {
    let most_bytes = most_bytes.max(2);
    if rng.u8(..3) != 0 {
        return rng.u64(1..most_bytes);
    }
    let bits = rng.u32(1..u64::BITS - most_bytes.leading_zeros());
    rng.u64(1..1 << bits)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let plans = |seed| {
            let mut rng = Rng::with_seed(seed);
            let plans = (0..50).map(|_| towards_client(&mut rng, 100_000));
            plans.collect::<Vec<_>>()
        };
        assert_eq!(plans(7), plans(7));
        assert_ne!(plans(7), plans(8));
    }

    #[test]
    fn every_fault_comes_early_and_late() {
        let mut rng = Rng::with_seed(1);
        let plans: Vec<_> = (0..1_000)
            .map(|_| towards_client(&mut rng, 100_000))
            .collect();
        let names: HashSet<_> = plans.iter().map(|plan| plan.fault.name()).collect();
        assert_eq!(names.len(), 5);
        assert!(plans.iter().any(|plan| plan.after_bytes < 100));
        assert!(plans.iter().any(|plan| 50_000 < plan.after_bytes));
        assert!(plans.iter().all(|plan| plan.after_bytes <= 100_000));
    }
}
