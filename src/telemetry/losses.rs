//! What could not be sent: counted, and told at most once a minute.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

/// Counts what is lost.
#[derive(Debug, Default)]
pub struct Losses {
    spans: AtomicU64,
    exports: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What went wrong last, in the words of whoever saw it nearest.
    problem: Option<String>,
    told_at: Option<Instant>,
}

/// Pause between two lines of the log.
const PAUSE: Duration = Duration::from_mins(1);

impl Losses {
    /// Spans lost so far: there was no room for them, or they could not be delivered.
    pub fn spans(&self) -> u64 {
        self.spans.load(Ordering::Relaxed)
    }

    /// Exports that failed so far, of spans, metrics and log records.
    pub fn exports(&self) -> u64 {
        self.exports.load(Ordering::Relaxed)
    }

    /// Keeps what a receiver said, for the line that [`Losses::export_failed`] writes.
    pub(super) fn note(&self, problem: String) {
        self.state().problem = Some(problem);
    }

    /// A span for which there was no room, because the receiver takes them too slowly.
    pub(super) fn span_dropped(&self) {
        self.spans.fetch_add(1, Ordering::Relaxed);
        self.tell("there is no room for more");
    }

    /// An export that failed for good, and with it `spans` spans.
    pub(super) fn export_failed(&self, spans: usize, error: &dyn std::fmt::Display) {
        self.spans.fetch_add(spans as u64, Ordering::Relaxed);
        self.exports.fetch_add(1, Ordering::Relaxed);
        self.tell(&error.to_string());
    }

    fn tell(&self, error: &str) {
        let problem = {
            let mut state = self.state();
            if state.told_at.is_some_and(|at| at.elapsed() < PAUSE) {
                return;
            }
            state.told_at = Some(Instant::now());
            state.problem.take()
        };
        tracing::warn!(
            lost_spans = self.spans(),
            failed_exports = self.exports(),
            detail = problem,
            "telemetry could not be delivered (told once a minute): {error}"
        );
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn everything_is_counted_and_little_is_told() {
        let losses = Losses::default();
        let told_at = |losses: &Losses| losses.state().told_at;
        losses.export_failed(512, &"no");
        let first = told_at(&losses).unwrap();
        losses.span_dropped();
        tokio::time::advance(PAUSE / 2).await;
        losses.span_dropped();
        assert_eq!(told_at(&losses), Some(first));
        tokio::time::advance(PAUSE).await;
        losses.export_failed(0, &"no");
        assert!(first < told_at(&losses).unwrap());
        assert_eq!((losses.spans(), losses.exports()), (514, 2));
    }
}
