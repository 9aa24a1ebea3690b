//! A store of conversations whose operations are timed, and spans where they belong to a request.

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;

use crate::{
    continuity::store::{
        Continuation, ConversationStore, ExpiredPage, Inserted, Key, Replaced, Row, StoreError,
        Stored, Taken, Version,
    },
    telemetry::{Child, Telemetry, attributes},
};

/// A store, watched.
#[derive(Debug)]
pub(in crate::telemetry) struct ObservedStore {
    store: Arc<dyn ConversationStore>,
    telemetry: Telemetry,
}

impl ObservedStore {
    /// Watches `store`.
    pub(in crate::telemetry) fn new(
        store: Arc<dyn ConversationStore>,
        telemetry: Telemetry,
    ) -> Self {
        Self { store, telemetry }
    }

    async fn watch<T>(
        &self,
        operation: &'static str,
        span: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let started = Instant::now();
        let child = Child::begin(span, SpanKind::Client);
        child.set(attributes::STORE_KIND, self.store.kind());
        let result = work.await;
        let outcome = match &result {
            Ok(_) => "done",
            Err(error) => {
                let kind = kind_of(error);
                child.fail(kind);
                kind
            }
        };
        if let Some(metrics) = self.telemetry.metrics() {
            metrics.store_answered(operation, outcome, started.elapsed());
        }
        result
    }
}

const fn kind_of(error: &StoreError) -> &'static str {
    match error {
        StoreError::Unavailable { .. } => "unavailable",
        StoreError::Denied { .. } => "denied",
        StoreError::Unreadable { .. } => "unreadable",
        StoreError::Misconfigured { .. } => "misconfigured",
    }
}

#[async_trait]
impl ConversationStore for ObservedStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.watch("get", "store get", self.store.get(key)).await
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        self.watch("insert", "store insert", self.store.insert(key, row))
            .await
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        let work = self.store.replace(key, row, version);
        self.watch("replace", "store replace", work).await
    }

    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError> {
        self.watch("take", "store take", self.store.take(key, version))
            .await
    }

    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError> {
        let work = self.store.expired(now, from, limit);
        self.watch("expired", "store expired", work).await
    }

    fn kind(&self) -> &'static str {
        self.store.kind()
    }
}
