//! Time as the emulator sees it.
//!
//! Timestamps are wall-clock seconds, but they move with the runtime's clock, so that a test that pauses and
//! advances time also moves run expiry and created-at values.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Reads the time; cheap to copy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_unix: Duration,
}

impl Clock {
    /// A clock that agrees with the wall clock now and follows the runtime's clock from here on.
    pub(crate) fn start() -> Self {
        let started_unix = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self {
            started: Instant::now(),
            started_unix,
        }
    }

    /// Seconds since 1970.
    pub(crate) fn unix_seconds(self) -> u64 {
        (self.started_unix + self.started.elapsed()).as_secs()
    }

    /// Milliseconds since 1970.
    pub(crate) fn unix_milliseconds(self) -> u64 {
        let now = self.started_unix + self.started.elapsed();
        now.as_secs() * 1000 + u64::from(now.subsec_millis())
    }
}
