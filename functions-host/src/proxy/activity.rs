//! When something last moved in an exchange, in either direction.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A clock that every byte sets back. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    last: Arc<Mutex<Instant>>,
    limit: Duration,
}

impl Activity {
    /// Starts now.
    pub(crate) fn new(limit: Duration) -> Self {
        Self {
            last: Arc::new(Mutex::new(Instant::now())),
            limit,
        }
    }

    /// Something moved.
    pub(crate) fn touch(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether nothing has moved for longer than the limit.
    pub(crate) fn is_silent(&self) -> bool {
        self.deadline() <= Instant::now()
    }

    /// Waits until nothing has moved for longer than the limit.
    pub(crate) async fn silence(&self) {
        while !self.is_silent() {
            tokio::time::sleep_until(self.deadline()).await;
        }
    }

    fn deadline(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) + self.limit
    }
}
