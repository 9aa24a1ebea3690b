//! When a request to the service may be sent again, and after how long.
//!
//! Starting a run is not idempotent: a repeated one may be billed twice. So a request is repeated only where
//! the service cannot have begun: no connection was made, or it said 429 or 503.
//! Waits are short; a longer one is for the client, which is told `Retry-After`.

use std::time::Duration;

use http::StatusCode;
use tokio::time::Instant;

/// Most repetitions of one request.
const MAX_RETRIES: u32 = 2;
/// Longest wait that a request is held for.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// Wait before the first repetition where the service names none; doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Whether a status says that the service has not begun.
pub(super) fn is_retriable_status(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
    )
}

/// How long to wait before repetition number `attempt` (from 0); `None` when it is not worth it:
/// tried often enough, asked to wait longer than a request is held, or no time left.
pub(super) fn wait_before(
    attempt: u32,
    asked: Option<Duration>,
    deadline: Instant,
) -> Option<Duration> {
    if MAX_RETRIES <= attempt {
        return None;
    }
    let wait = match asked {
        Some(asked) if asked <= LONGEST_WAIT => asked,
        Some(_) => return None,
        // Up to half more, so that clients that failed together do not return together.
        None => FIRST_WAIT.mul_f64(f64::from(1 << attempt) * (1.0 + fastrand::f64() / 2.0)),
    };
    (Instant::now() + wait < deadline).then_some(wait)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever the service asks for, and however long the request may still take.
        #[test]
        fn no_wait_is_longer_than_a_request_is_held_or_goes_on_past_its_deadline(
            attempt in any::<u32>(),
            asked in prop::option::of(any::<u64>().prop_map(Duration::from_millis)),
            left in 0_u64..10_000,
        ) {
            let deadline = Instant::now() + Duration::from_millis(left);
            if let Some(wait) = wait_before(attempt, asked, deadline) {
                prop_assert!(attempt < MAX_RETRIES);
                prop_assert!(wait <= LONGEST_WAIT && wait <= Duration::from_millis(left));
                prop_assert!(asked.is_none_or(|asked| asked == wait));
            }
        }
    }

    fn far() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn only_what_cannot_have_begun_is_repeated() {
        for status in [400, 401, 404, 408, 409, 500, 502, 504] {
            assert!(
                !is_retriable_status(StatusCode::from_u16(status).unwrap()),
                "{status}"
            );
        }
        assert!(is_retriable_status(StatusCode::TOO_MANY_REQUESTS));
        assert!(is_retriable_status(StatusCode::SERVICE_UNAVAILABLE));
    }

    #[test]
    fn waits_grow_and_stop() {
        let first = wait_before(0, None, far()).unwrap();
        let second = wait_before(1, None, far()).unwrap();
        assert!((100..=150).contains(&first.as_millis()), "{first:?}");
        assert!((200..=300).contains(&second.as_millis()), "{second:?}");
        assert_eq!(wait_before(2, None, far()), None);
    }

    #[test]
    fn a_short_wait_is_honoured_and_a_long_one_is_left_to_the_client() {
        let short = Duration::from_millis(1500);
        assert_eq!(wait_before(0, Some(short), far()), Some(short));
        assert_eq!(wait_before(0, Some(Duration::from_secs(7)), far()), None);
        assert_eq!(wait_before(0, Some(short), Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_ends_with_the_time_is_not_begun() {
        let wait = Duration::from_secs(1);
        let in_time = Instant::now() + wait + Duration::from_millis(1);
        assert_eq!(wait_before(0, Some(wait), in_time), Some(wait));
        assert_eq!(wait_before(0, Some(wait), Instant::now() + wait), None);
    }
}
