//! Azure Table Storage as a store, over its REST interface (version 2019-02-02).
//!
//! Each operation is one request in the common case. [`request`] writes it, [`client`] sends it within the budget and
//! repeats it where that can help, [`answer`] reads what came back, [`entity`] turns rows into columns and back.
//!
//! An insert that meets an expired or unreadable row replaces it, on the condition that it has not changed: three
//! requests instead of one. The first request of all may find the table missing, and makes it: two more.

mod answer;
mod authorization;
mod client;
mod entity;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod request;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::time::Instant;

pub use self::authorization::Authorization;
use self::{
    answer::Answer,
    client::TableClient,
    entity::{Listing, Reading},
    request::TableRequest,
};
use super::{
    Clock, Continuation, ConversationStore, ExpiredPage, Inserted, Key, MAX_PAGE, Replaced, Row,
    StoreError, Stored, Taken, Version,
};
use crate::config::store::TableConfig;

/// A table with rows of conversations.
#[derive(Debug)]
pub struct TableStore {
    client: TableClient,
    /// Name of the table.
    table: String,
    /// Bounds each operation that a request waits for.
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

/// Bounds the reading of a page of expired rows, which no request waits for; the service itself takes up to 30 s.
const PAGE_TIMEOUT: Duration = Duration::from_secs(40);

impl TableStore {
    /// The table that `config` names; `timeout` bounds each operation but [`ConversationStore::expired`].
    pub fn new(
        http: reqwest::Client,
        config: &TableConfig,
        authorization: Authorization,
        timeout: Duration,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            client: TableClient::new(http, &config.endpoint, &config.name, authorization),
            table: config.name.clone(),
            timeout,
            clock,
        }
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Whatever stands under a key, expired and unreadable rows included.
    async fn read(&self, key: &Key, deadline: Instant) -> Result<Option<Found>, StoreError> {
        let request = TableRequest::get(&self.table, key);
        match self.client.send(&request, deadline).await? {
            Answer::Success(success) => Ok(Some(Found {
                version: success.version()?,
                reading: entity::read(&success.body)?,
            })),
            Answer::Absent => Ok(None),
            other => Err(other.unexpected()),
        }
    }

    async fn put(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
        deadline: Instant,
    ) -> Result<Replaced, StoreError> {
        let request = TableRequest::replace(&self.table, key, row, version);
        match self.client.send(&request, deadline).await? {
            Answer::Success(_) => Ok(Replaced::Yes),
            Answer::Absent | Answer::Changed => Ok(Replaced::Changed),
            other => Err(other.unexpected()),
        }
    }

    /// The row, if it counts as there.
    fn living(&self, key: &Key, found: Found) -> Option<Stored> {
        match found.reading {
            Reading::Row(row) => {
                (!row.is_expired_at(self.clock.unix_seconds())).then_some(Stored {
                    row: *row,
                    version: found.version,
                })
            }
            Reading::Unreadable(reason) => {
                log_unreadable(key, reason);
                None
            }
        }
    }
}

struct Found {
    version: Version,
    reading: Reading,
}

#[async_trait]
impl ConversationStore for TableStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let found = self.read(key, self.deadline()).await?;
        Ok(found.and_then(|found| self.living(key, found)))
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        let deadline = self.deadline();
        let request = TableRequest::insert(&self.table, key, row);
        match self.client.send(&request, deadline).await? {
            Answer::Success(_) => return Ok(Inserted::Yes),
            Answer::AlreadyThere => {}
            other => return Err(other.unexpected()),
        }
        // Removed in between: by somebody who is at this conversation too.
        let Some(found) = self.read(key, deadline).await? else {
            return Ok(Inserted::AlreadyThere);
        };
        let version = found.version.clone();
        if self.living(key, found).is_some() {
            return Ok(Inserted::AlreadyThere);
        }
        match self.put(key, row, &version, deadline).await? {
            Replaced::Yes => Ok(Inserted::Yes),
            Replaced::Changed => Ok(Inserted::AlreadyThere),
        }
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        self.put(key, row, version, self.deadline()).await
    }

    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError> {
        let request = TableRequest::take(&self.table, key, version);
        match self.client.send(&request, self.deadline()).await? {
            Answer::Success(_) => Ok(Taken::Yes),
            Answer::Absent | Answer::Changed => Ok(Taken::Gone),
            other => Err(other.unexpected()),
        }
    }

    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let request = TableRequest::expired(&self.table, now, from.as_ref(), limit);
        let deadline = Instant::now() + PAGE_TIMEOUT;
        match self.client.send(&request, deadline).await? {
            Answer::Success(success) => {
                let Listing { rows, unreadable } = entity::read_listing(&success.body)?;
                for (key, reason) in &unreadable {
                    log_unreadable(key, reason);
                }
                Ok(ExpiredPage {
                    rows,
                    next: success.continuation,
                })
            }
            other => Err(other.unexpected()),
        }
    }

    fn kind(&self) -> &'static str {
        "table"
    }
}

fn log_unreadable(key: &Key, reason: &str) {
    tracing::warn!(
        partition = key.partition,
        row = key.row,
        reason,
        "a stored conversation cannot be read and counts as not there"
    );
}
