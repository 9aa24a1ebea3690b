//! Keeps callers within their policies: how often they come, and how many answers are in the making for each.
//!
//! In the memory of this process: each instance counts for itself.

use std::{
    num::{NonZeroU32, NonZeroUsize},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lru::LruCache;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{
    Caller,
    rate::{Rate, Taken},
};

/// Callers that are kept in mind; the one that came longest ago is forgotten first, and begins anew.
const MAX_CALLERS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(10_000 - 1);

/// What is known of limited callers.
#[derive(Debug)]
pub struct CallerLimits {
    known: Mutex<LruCache<Key, Known>>,
}

/// A caller under one policy: a user may come through applications with different ones.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    caller: String,
    requests_per_minute: Option<NonZeroU32>,
    concurrent_streams: Option<NonZeroU32>,
}

#[derive(Debug)]
struct Known {
    full_at: Instant,
    answers: Arc<Semaphore>,
}

/// What the policy says to a request.
#[derive(Debug)]
pub struct Admission {
    /// What is left of the minute; `None` where nobody counts.
    pub rate: Option<Taken>,
    /// Whether it may go on.
    pub outcome: Outcome,
}

/// Whether a request may go on.
#[derive(Debug)]
pub enum Outcome {
    /// It may; the permit, where answers are counted, is to be kept until the answer has ended.
    Admitted(Option<OwnedSemaphorePermit>),
    /// Too many requests in a minute.
    TooOften {
        /// Requests per minute.
        limit: u32,
        /// How long to wait for the next one.
        wait: Duration,
    },
    /// This many answers are in the making, which is all it may have.
    TooManyAtOnce(NonZeroU32),
}

impl Default for CallerLimits {
    fn default() -> Self {
        Self {
            known: Mutex::new(LruCache::new(MAX_CALLERS)),
        }
    }
}

impl CallerLimits {
    /// Counts a request of `caller` that came at `now`. One that finds too many answers in the making is not counted.
    pub fn admit(&self, caller: &Caller, now: Instant) -> Admission {
        let policy = &caller.policy;
        if policy.requests_per_minute.is_none() && policy.concurrent_streams.is_none() {
            return Admission {
                rate: None,
                outcome: Outcome::Admitted(None),
            };
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Key {
            caller: caller.name.0.clone(),
            requests_per_minute: policy.requests_per_minute,
            concurrent_streams: policy.concurrent_streams,
        };
        let known = known.get_or_insert_mut(key, || Known {
            full_at: now,
            answers: Arc::new(Semaphore::new(policy.concurrent_streams.map_or(0, permits))),
        });
        let rate = policy.requests_per_minute.map(Rate::per_minute);
        let permit = match policy.concurrent_streams {
            None => None,
            Some(most) => match Arc::clone(&known.answers).try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => {
                    return Admission {
                        rate: rate.map(|rate| rate.look(known.full_at, now)),
                        outcome: Outcome::TooManyAtOnce(most),
                    };
                }
            },
        };
        let taken = rate.map(|rate| rate.take(&mut known.full_at, now));
        Admission {
            rate: taken,
            outcome: match taken {
                Some(Taken {
                    limit,
                    wait: Some(wait),
                    ..
                }) => Outcome::TooOften { limit, wait },
                _ => Outcome::Admitted(permit),
            },
        }
    }
}

fn permits(most: NonZeroU32) -> usize {
    usize::try_from(most.get()).map_or(Semaphore::MAX_PERMITS, |most| {
        most.min(Semaphore::MAX_PERMITS)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::callers::policies::Policy, identity::callers::CallerName};

    fn caller(number: usize) -> Caller {
        let policy = Policy {
            agents: None,
            requests_per_minute: NonZeroU32::new(1),
            concurrent_streams: None,
        };
        Caller {
            name: CallerName(format!("caller-{number}")),
            bearer: None,
            policy: Arc::new(policy),
            token: None,
        }
    }

    #[test]
    fn so_many_callers_are_kept_in_mind_and_the_one_of_longest_ago_begins_anew() {
        let (limits, now) = (CallerLimits::default(), Instant::now());
        let may_come = |number| {
            let admission = limits.admit(&caller(number), now);
            matches!(admission.outcome, Outcome::Admitted(_))
        };
        for number in 0..MAX_CALLERS.get() {
            assert!(may_come(number));
        }
        assert!(
            !may_come(0),
            "its minute is used up, and it has just been seen"
        );
        assert!(may_come(MAX_CALLERS.get()));
        assert_eq!(limits.known.lock().unwrap().len(), MAX_CALLERS.get());
        assert!(!may_come(0));
        assert!(may_come(1), "it made room for the one before");
    }
}
