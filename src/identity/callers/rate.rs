//! Requests per minute: a bucket of tokens, told by the one instant at which it is full again. Pure; the clock is
//! passed in.

use std::{num::NonZeroU32, time::Duration};

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_mins(1);

/// So many requests a minute, all of which may come at once.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rate {
    limit: u32,
    /// Time in which one request is won back.
    interval: Duration,
}

/// What a request found, and what it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Requests per minute.
    pub limit: u32,
    /// Requests that may follow at once.
    pub remaining: u32,
    /// Until all of them may again.
    pub reset: Duration,
    /// How long to wait, where this one may not pass.
    pub wait: Option<Duration>,
}

impl Rate {
    pub(super) fn per_minute(limit: NonZeroU32) -> Self {
        Self {
            limit: limit.get(),
            interval: MINUTE / limit.get(),
        }
    }

    /// What is in the bucket that is full again at `full_at`.
    pub(super) fn look(self, full_at: Instant, now: Instant) -> Taken {
        let missing = full_at.saturating_duration_since(now);
        let left =
            self.whole().saturating_sub(missing).as_nanos() / self.interval.as_nanos().max(1);
        Taken {
            limit: self.limit,
            remaining: u32::try_from(left).unwrap_or(self.limit),
            reset: missing,
            wait: None,
        }
    }

    /// Takes one request out of it, unless none is left.
    pub(super) fn take(self, full_at: &mut Instant, now: Instant) -> Taken {
        let missing = full_at.saturating_duration_since(now) + self.interval;
        let wait = missing.saturating_sub(self.whole());
        if wait.is_zero() {
            *full_at = now + missing;
        }
        Taken {
            wait: (!wait.is_zero()).then_some(wait),
            ..self.look(*full_at, now)
        }
    }

    fn whole(self) -> Duration {
        self.interval * self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(per_minute: u32) -> Rate {
        Rate::per_minute(NonZeroU32::new(per_minute).unwrap())
    }

    #[test]
    fn a_full_bucket_gives_its_minute_at_once_and_then_one_at_a_time() {
        let now = Instant::now();
        let mut full_at = now;
        for remaining in (0..60).rev() {
            let taken = rate(60).take(&mut full_at, now);
            assert_eq!((taken.wait, taken.remaining), (None, remaining));
            assert_eq!(taken.reset, Duration::from_secs(u64::from(60 - remaining)));
        }
        let refused = rate(60).take(&mut full_at, now);
        assert_eq!(refused.wait, Some(Duration::from_secs(1)));
        assert_eq!((refused.limit, refused.remaining), (60, 0));
        let too_early = now + Duration::from_millis(400);
        let refused = rate(60).take(&mut full_at, too_early);
        assert_eq!(refused.wait, Some(Duration::from_millis(600)));
        let later = now + Duration::from_secs(1);
        assert_eq!(rate(60).take(&mut full_at, later).wait, None);
        assert!(rate(60).take(&mut full_at, later).wait.is_some());
    }

    #[test]
    fn a_refused_request_costs_nothing_and_a_bucket_is_never_more_than_full() {
        let now = Instant::now();
        let mut full_at = now;
        assert_eq!(rate(1).take(&mut full_at, now).wait, None);
        for _ in 0..100 {
            assert_eq!(rate(1).take(&mut full_at, now).wait, Some(MINUTE));
        }
        let much_later = now + 100 * MINUTE;
        assert_eq!(rate(1).take(&mut full_at, much_later).wait, None);
        assert_eq!(rate(1).take(&mut full_at, much_later).wait, Some(MINUTE));
    }

    #[test]
    fn every_limit_lets_exactly_that_many_pass_in_a_minute_after_the_first_burst() {
        for limit in [1, 7, 59, 61, 1000, 999_983, u32::MAX] {
            let now = Instant::now();
            let mut full_at = now;
            let first = rate(limit).take(&mut full_at, now);
            assert_eq!((first.wait, first.remaining), (None, limit - 1), "{limit}");
        }
        let start = Instant::now();
        let mut full_at = start;
        let pass =
            |full_at: &mut Instant, at: Duration| rate(7).take(full_at, start + at).wait.is_none();
        let burst = (0..100)
            .filter(|_| pass(&mut full_at, Duration::ZERO))
            .count();
        let minute = (1..=60_000)
            .filter(|ms| pass(&mut full_at, Duration::from_millis(*ms)))
            .count();
        assert_eq!((burst, minute), (7, 7));
    }
}
