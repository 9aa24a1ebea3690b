//! A store that carries writes out late: after the gateway has given them up.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use foundry_gateway::continuity::store::{
    Continuation, ConversationStore, ExpiredPage, Inserted, Key, Replaced, Row, StoreError, Stored,
    Taken, Version,
};

/// While it holds writes, each is told as failed and kept, until [`LateStore::carry_out`].
#[derive(Debug)]
pub(crate) struct LateStore {
    inner: Arc<dyn ConversationStore>,
    /// Writes that are kept; `None` where they are carried out at once.
    kept: Mutex<Option<Vec<Write>>>,
    written: AtomicUsize,
}

#[derive(Debug)]
enum Write {
    Insert(Key, Row),
    Replace(Key, Row, Version),
}

impl LateStore {
    pub(crate) fn around(inner: Arc<dyn ConversationStore>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            kept: Mutex::new(None),
            written: AtomicUsize::new(0),
        })
    }

    /// Keeps every write from here on.
    pub(crate) fn hold(&self) {
        *self.kept.lock().unwrap() = Some(Vec::new());
    }

    /// Carries writes out at once again; gives those that were kept.
    pub(crate) fn let_go(&self) -> KeptWrites {
        KeptWrites(self.kept.lock().unwrap().take().unwrap())
    }

    /// Carries out what was kept, whoever still wants it.
    pub(crate) async fn carry_out(&self, kept: KeptWrites) {
        for write in kept.0 {
            // What becomes of it, nobody hears.
            match write {
                Write::Insert(key, row) => drop(self.inner.insert(&key, &row).await),
                Write::Replace(key, row, version) => {
                    drop(self.inner.replace(&key, &row, &version).await);
                }
            }
        }
    }

    /// How many writes were carried out at once.
    pub(crate) fn written(&self) -> usize {
        self.written.load(Ordering::Relaxed)
    }

    fn keep(&self, write: impl FnOnce() -> Write) -> Result<(), StoreError> {
        if let Some(kept) = &mut *self.kept.lock().unwrap() {
            kept.push(write());
            return Err(StoreError::Unavailable {
                detail: "a write that is carried out late".to_owned(),
            });
        }
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Writes that a store was asked for and did not carry out.
#[derive(Debug)]
pub(crate) struct KeptWrites(Vec<Write>);

impl KeptWrites {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[async_trait]
impl ConversationStore for LateStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.inner.get(key).await
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        self.keep(|| Write::Insert(key.clone(), row.clone()))?;
        self.inner.insert(key, row).await
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        self.keep(|| Write::Replace(key.clone(), row.clone(), version.clone()))?;
        self.inner.replace(key, row, version).await
    }

    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError> {
        self.inner.take(key, version).await
    }

    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError> {
        self.inner.expired(now, from, limit).await
    }

    fn kind(&self) -> &'static str {
        self.inner.kind()
    }
}
