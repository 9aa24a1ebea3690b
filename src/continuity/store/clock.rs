//! What time it is, for expiry and the order of turns; a test sets it.

use std::{
    fmt::Debug,
    time::{SystemTime, UNIX_EPOCH},
};

/// Tells the time.
pub trait Clock: Send + Sync + Debug {
    /// Milliseconds since 1970 began, UTC.
    fn unix_milliseconds(&self) -> u64;

    /// Seconds since 1970 began, UTC.
    fn unix_seconds(&self) -> u64 {
        self.unix_milliseconds() / 1000
    }
}

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_milliseconds(&self) -> u64 {
        // A clock before 1970 is broken; then nothing expires.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
