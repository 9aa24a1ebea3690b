//! A store of conversations that fails as stores do, at random: before the work or after it. It counts what it is
//! asked, too.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use foundry_gateway::continuity::store::{
    Continuation, ConversationStore, ExpiredPage, Inserted, Key, Replaced, Row, StoreError, Stored,
    Taken, Version,
};

/// A store behind a bad network, shared by everybody who holds it.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn ConversationStore>,
    chance: Mutex<(fastrand::Rng, Weather)>,
    operations: AtomicUsize,
}

/// How likely an operation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Never.
    Fair,
    /// One in three, each in a way of its own.
    Foul,
    /// Always, as if the service were down.
    Down,
}

/// What happens to one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    /// It works, after a while.
    Late,
    /// Refused or throttled: nothing is done.
    Refused,
    /// It is done, and the caller is not told: too slow for its budget, or the connection broke.
    DoneUnheard,
    /// It is done, the answer is lost, and the second attempt finds it done: the precondition does not hold.
    DoneTwice,
    /// The row is lost, or cannot be read.
    Lost,
}

/// How late a late answer is.
const LATE: Duration = Duration::from_millis(2);

impl FaultyStore {
    pub(crate) fn around(inner: Arc<dyn ConversationStore>) -> Arc<Self> {
        let chance = Mutex::new((fastrand::Rng::with_seed(0), Weather::Fair));
        Arc::new(Self {
            inner,
            chance,
            operations: AtomicUsize::new(0),
        })
    }

    /// How many operations it was asked for so far, whatever became of them.
    pub(crate) fn operations(&self) -> usize {
        self.operations.load(Ordering::Relaxed)
    }

    /// From here on failures come as this seed has them.
    pub(crate) fn set(&self, seed: u64, weather: Weather) {
        *self.chance.lock().unwrap() = (fastrand::Rng::with_seed(seed), weather);
    }

    async fn fate(&self) -> Fate {
        self.operations.fetch_add(1, Ordering::Relaxed);
        let fate = {
            let (rng, weather) = &mut *self.chance.lock().unwrap();
            match weather {
                Weather::Fair => Fate::Well,
                Weather::Down => Fate::Refused,
                Weather::Foul if rng.u8(..3) != 0 => Fate::Well,
                Weather::Foul => [
                    Fate::Late,
                    Fate::Refused,
                    Fate::DoneUnheard,
                    Fate::DoneTwice,
                    Fate::Lost,
                ][rng.usize(..5)],
            }
        };
        if fate == Fate::Late {
            tokio::time::sleep(LATE).await;
        }
        fate
    }
}

fn unavailable() -> StoreError {
    StoreError::Unavailable {
        detail: "a fault of the test".to_owned(),
    }
}

#[async_trait]
impl ConversationStore for FaultyStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        match self.fate().await {
            Fate::Refused | Fate::DoneUnheard => Err(unavailable()),
            Fate::Lost => Ok(None),
            Fate::Well | Fate::Late | Fate::DoneTwice => self.inner.get(key).await,
        }
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        let fate = self.fate().await;
        if fate == Fate::Refused {
            return Err(unavailable());
        }
        if fate == Fate::Lost {
            return Ok(Inserted::Yes);
        }
        let done = self.inner.insert(key, row).await;
        match fate {
            Fate::DoneUnheard => Err(unavailable()),
            Fate::DoneTwice => Ok(Inserted::AlreadyThere),
            _ => done,
        }
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        let fate = self.fate().await;
        if fate == Fate::Refused {
            return Err(unavailable());
        }
        let done = self.inner.replace(key, row, version).await;
        match fate {
            Fate::DoneUnheard => Err(unavailable()),
            Fate::DoneTwice | Fate::Lost => Ok(Replaced::Changed),
            _ => done,
        }
    }

    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError> {
        let fate = self.fate().await;
        if fate == Fate::Refused {
            return Err(unavailable());
        }
        let done = self.inner.take(key, version).await;
        match fate {
            Fate::DoneUnheard => Err(unavailable()),
            Fate::DoneTwice | Fate::Lost => Ok(Taken::Gone),
            _ => done,
        }
    }

    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError> {
        match self.fate().await {
            Fate::Refused | Fate::DoneUnheard => Err(unavailable()),
            _ => self.inner.expired(now, from, limit).await,
        }
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
}
