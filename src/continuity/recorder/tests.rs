use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::{
    continuity::store::{
        Continuation, ExpiredPage, Stored, Taken, clock::SystemClock, memory::MemoryStore,
    },
    hash::MacKey,
};

/// A store in which somebody else is always a moment earlier.
#[derive(Debug)]
struct ContendedStore {
    rows: MemoryStore,
    replaces: AtomicUsize,
}

#[async_trait]
impl ConversationStore for ContendedStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.rows.get(key).await
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        self.rows.insert(key, row).await
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        self.replaces.fetch_add(1, Ordering::Relaxed);
        let other = row_of("resp_other", 0);
        self.rows.replace(key, &other, version).await?;
        self.rows.replace(key, row, version).await
    }

    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError> {
        self.rows.take(key, version).await
    }

    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError> {
        self.rows.expired(now, from, limit).await
    }

    fn kind(&self) -> &'static str {
        "contended"
    }
}

fn row_of(response: &str, began_at: u64) -> Row {
    Row {
        upstream: Upstream::Response {
            id: response.to_owned(),
        },
        agent: "helper:3".to_owned(),
        scope: "ab".to_owned(),
        instructions_digest: String::new(),
        thread_id: "thread_1".to_owned(),
        history: None,
        session: None,
        began_at,
        expires_at: u64::MAX,
    }
}

fn recorder(store: Arc<dyn ConversationStore>) -> Recorder {
    let scope = ScopeKey::new(&MacKey::new(b"secret"), "caller", "helper:3", "");
    Recorder {
        store,
        id_key: scope.id_key("thread_1"),
        ids: scope.clone(),
        scope,
        link: None,
        shown: false,
        id_row: IdRow::Unread,
        row: row_of("", 0),
    }
}

fn memory() -> MemoryStore {
    MemoryStore::new(10, Arc::new(SystemClock))
}

async fn response_of_the_id(recorder: &Recorder) -> Upstream {
    let stored = recorder.store.get(&recorder.id_key).await.unwrap();
    stored.unwrap().row.upstream
}

#[tokio::test]
async fn the_row_of_an_id_names_the_turn_that_began_last_in_whatever_order_they_end() {
    let (earlier, later) = (row_of("resp_1", 1_000), row_of("resp_2", 1_001));
    for (first, second) in [(&earlier, &later), (&later, &earlier)] {
        let recorder = recorder(Arc::new(memory()));
        assert!(recorder.write_id(first, &IdRow::Absent).await.unwrap());
        // Both came upon an id without a row.
        let written = recorder.write_id(second, &IdRow::Absent).await.unwrap();
        assert_eq!(written, second == &later);
        assert_eq!(response_of_the_id(&recorder).await, later.upstream);
    }
}

#[tokio::test]
async fn a_row_whose_writing_went_unheard_is_found_to_be_there() {
    let recorder = recorder(Arc::new(memory()));
    let row = row_of("resp_1", 1_000);
    for known in [IdRow::Unread, IdRow::Absent, IdRow::Unread] {
        assert!(recorder.write_id(&row, &known).await.unwrap());
        assert_eq!(response_of_the_id(&recorder).await, row.upstream);
    }
}

#[tokio::test]
async fn a_row_that_others_write_all_the_time_is_left_to_them_after_some_looks() {
    let store = Arc::new(ContendedStore {
        rows: memory(),
        replaces: AtomicUsize::new(0),
    });
    let recorder = recorder(Arc::clone(&store) as _);
    let other = row_of("resp_other", 0);
    store.insert(&recorder.id_key, &other).await.unwrap();
    let row = row_of("resp_1", 1_000);
    assert!(!recorder.write_id(&row, &IdRow::Unread).await.unwrap());
    assert_eq!(store.replaces.load(Ordering::Relaxed), MAX_LOOKS);
}
