//! The memory of this process as a store: for trials and single instances. Bounded, and lost with the process.

use std::{
    collections::BTreeMap,
    ops::Bound,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

use super::{
    Clock, Continuation, ConversationStore, ExpiredPage, ExpiredRow, Inserted, Key, MAX_PAGE,
    Replaced, Row, StoreError, Stored, Taken, Version,
};

/// The word for this store in `/readyz` and in logs.
pub const KIND: &str = "memory";

/// Rows that are kept; beyond, those written longest ago go first. A row takes about 1 KiB, so about 20 MiB at most.
pub const CAPACITY: usize = 20_000;

/// Rows in memory.
#[derive(Debug)]
pub struct MemoryStore {
    capacity: usize,
    clock: Arc<dyn Clock>,
    contents: Mutex<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    rows: BTreeMap<Key, Entry>,
    /// Keys in the order in which their rows were written.
    by_age: BTreeMap<u64, Key>,
    writes: u64,
}

#[derive(Debug)]
struct Entry {
    row: Row,
    /// Number of the write that left this row; its version.
    write: u64,
}

impl Entry {
    fn version(&self) -> Version {
        Version(self.write.to_string())
    }
}

impl MemoryStore {
    /// An empty store for at most `capacity` rows.
    pub fn new(capacity: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            capacity,
            clock,
            contents: Mutex::default(),
        }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        // Nothing panics between two changes that belong together.
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn put(&mut self, key: &Key, row: &Row, capacity: usize) {
        self.remove(key);
        self.writes += 1;
        let entry = Entry {
            row: row.clone(),
            write: self.writes,
        };
        self.by_age.insert(entry.write, key.clone());
        self.rows.insert(key.clone(), entry);
        while capacity < self.rows.len() {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                break;
            };
            self.rows.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.rows.remove(key) {
            self.by_age.remove(&entry.write);
        }
    }

    fn is_at(&self, key: &Key, version: &Version) -> bool {
        self.rows
            .get(key)
            .is_some_and(|entry| entry.version() == *version)
    }
}

#[async_trait]
impl ConversationStore for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        let now = self.clock.unix_seconds();
        let contents = self.contents();
        let entry = contents.rows.get(key);
        Ok(entry
            .filter(|entry| !entry.row.is_expired_at(now))
            .map(|entry| Stored {
                row: entry.row.clone(),
                version: entry.version(),
            }))
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        let now = self.clock.unix_seconds();
        let mut contents = self.contents();
        if contents
            .rows
            .get(key)
            .is_some_and(|entry| !entry.row.is_expired_at(now))
        {
            return Ok(Inserted::AlreadyThere);
        }
        contents.put(key, row, self.capacity);
        Ok(Inserted::Yes)
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        let mut contents = self.contents();
        if !contents.is_at(key, version) {
            return Ok(Replaced::Changed);
        }
        contents.put(key, row, self.capacity);
        Ok(Replaced::Yes)
    }

    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError> {
        let mut contents = self.contents();
        if !contents.is_at(key, version) {
            return Ok(Taken::Gone);
        }
        contents.remove(key);
        Ok(Taken::Yes)
    }

    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let start = from.map_or(Bound::Unbounded, |from| {
            Bound::Included(Key {
                partition: from.partition,
                row: from.row.unwrap_or_default(),
            })
        });
        let contents = self.contents();
        let mut expired = contents
            .rows
            .range((start, Bound::Unbounded))
            .filter(|(_, entry)| entry.row.is_expired_at(now));
        let rows = expired
            .by_ref()
            .take(limit)
            .map(|(key, entry)| ExpiredRow {
                key: key.clone(),
                row: Some(entry.row.clone()),
                version: entry.version(),
            })
            .collect();
        let next = expired.next().map(|(key, _)| Continuation {
            partition: key.partition.clone(),
            row: Some(key.row.clone()),
        });
        Ok(ExpiredPage { rows, next })
    }

    fn kind(&self) -> &'static str {
        KIND
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuity::store::{Upstream, clock::SystemClock};

    fn key(row: &str) -> Key {
        Key {
            partition: "p".to_owned(),
            row: row.to_owned(),
        }
    }

    fn row() -> Row {
        Row {
            upstream: Upstream::Response {
                id: "resp_1".to_owned(),
            },
            agent: "helper:3".to_owned(),
            scope: "ab".to_owned(),
            instructions_digest: String::new(),
            thread_id: String::new(),
            history: None,
            session: None,
            began_at: 0,
            expires_at: u64::MAX,
        }
    }

    #[tokio::test]
    async fn the_rows_written_longest_ago_make_room() {
        let store = MemoryStore::new(2, Arc::new(SystemClock));
        store.insert(&key("a"), &row()).await.unwrap();
        store.insert(&key("b"), &row()).await.unwrap();
        let first = store.get(&key("a")).await.unwrap().unwrap();
        let replaced = store.replace(&key("a"), &row(), &first.version).await;
        assert_eq!(replaced.unwrap(), Replaced::Yes);
        store.insert(&key("c"), &row()).await.unwrap();
        assert!(store.get(&key("a")).await.unwrap().is_some());
        assert!(store.get(&key("b")).await.unwrap().is_none());
        assert!(store.get(&key("c")).await.unwrap().is_some());
        let contents = store.contents();
        assert_eq!((contents.rows.len(), contents.by_age.len()), (2, 2));
    }
}
