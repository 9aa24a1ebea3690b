//! Where heads of conversations are remembered: rows under hashed keys, each with an expiry.
//!
//! One small trait, two stores: [`table`] (Azure Table Storage, shared by all instances and kept over restarts) and
//! [`memory`] (this process only). A store knows nothing about conversations; what keys and rows mean is decided by
//! its callers. It holds no text of a conversation and no key material.
//!
//! Losing a row is never an error: the caller replays the conversation. So a store answers within a budget or not at
//! all, and every doubt is resolved to "not there" or "somebody else's", never to a claim that may not hold.

pub mod clock;
mod error;
pub mod memory;
pub mod table;

use std::{fmt::Debug, sync::Arc};

use async_trait::async_trait;

pub use self::{clock::Clock, error::StoreError};
use self::{
    clock::SystemClock,
    memory::MemoryStore,
    table::{Authorization, TableStore},
};
use crate::{
    agent::turn::WaitingRun,
    config::{
        ConfigError,
        store::{StoreBackend, StoreConfig, TableAccess},
    },
    identity::Identity,
};

/// Remembers rows; an expired or unreadable row counts as not there.
#[async_trait]
pub trait ConversationStore: Send + Sync + Debug {
    /// The row under a key.
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError>;

    /// Creates a row where there is none, atomically.
    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError>;

    /// Replaces a row that has not changed since `version` was read.
    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError>;

    /// Removes a row that has not changed since `version` was read. Of any number of takers at most one is told
    /// [`Taken::Yes`].
    async fn take(&self, key: &Key, version: &Version) -> Result<Taken, StoreError>;

    /// Rows that have expired at `now` (Unix seconds), at most `limit` of them (1 to [`MAX_PAGE`]), after the place
    /// where an earlier page ended. A page may be empty and still have a next one. For the clean-up: it reads the
    /// whole table, and may take seconds.
    async fn expired(
        &self,
        now: u64,
        from: Option<Continuation>,
        limit: usize,
    ) -> Result<ExpiredPage, StoreError>;

    /// The word for this store in `/readyz` and in logs: `table` or `memory`.
    fn kind(&self) -> &'static str;
}

/// Where a row is; both parts are lower-case hex of hashes, at most 64 characters each.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Rows of one partition are served together; partitions spread over the service's machines.
    pub partition: String,
    /// The row within its partition.
    pub row: String,
}

/// What is remembered: ids, hashes and a time; no text of the conversation, no key material.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where the conversation goes on.
    pub upstream: Upstream,
    /// The agent, by its qualified name: `helper:3` or `asst_1` in the default project, `sales/helper:3` in another.
    pub agent: String,
    /// Whose conversation it is: the hash of the caller, in hex.
    pub scope: String,
    /// Digest of the system text that the upstream conversation was given, in hex; may be empty.
    pub instructions_digest: String,
    /// The id that the client was told for the conversation.
    pub thread_id: String,
    /// In the row of an id that names a response, and in those that name a run: where the row of the history that led
    /// to it is, or would be, if it is known.
    pub history: Option<Key>,
    /// The session of a hosted agent in which the conversation goes on.
    pub session: Option<String>,
    /// When the turn that left the row began, in milliseconds since 1970; 0 where that is not known. Of two turns at a
    /// time, the one that began later is the newer, whichever ends first.
    pub began_at: u64,
    /// From when on the row counts as not there, in Unix seconds.
    pub expires_at: u64,
}

impl Row {
    /// Whether the row counts as not there at `now`, in Unix seconds.
    pub fn is_expired_at(&self, now: u64) -> bool {
        self.expires_at <= now
    }
}

/// The head of an upstream conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    /// A response of a new agent, which never changes.
    Response {
        /// Id of the response.
        id: String,
    },
    /// A thread of a classic agent, which changes with every run.
    Thread {
        /// Id of the thread.
        id: String,
    },
    /// A run of a classic agent that waits for results of the client's functions.
    Run {
        /// The run and its thread.
        run: WaitingRun,
        /// Ids of the calls whose results it waits for, all at once.
        calls: Vec<String>,
    },
    /// Another row, which names the thread: a thread has one row, so that who takes the row has the thread.
    Row {
        /// Where that row is.
        key: Key,
    },
}

/// A row as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it says.
    pub row: Row,
    /// What must still hold for a [`ConversationStore::replace`] or [`ConversationStore::take`] to succeed.
    pub version: Version,
}

/// The state of a row at one time, opaque: an `ETag`, sent back as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(String);

/// Where a page of expired rows ended, opaque.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    partition: String,
    row: Option<String>,
}

/// Expired rows, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredPage {
    /// The rows of this page.
    pub rows: Vec<ExpiredRow>,
    /// Where the next page begins, unless this was the last.
    pub next: Option<Continuation>,
}

/// An expired row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredRow {
    /// Where it is.
    pub key: Key,
    /// What it says; `None` when this version of the gateway cannot read it, and there is only the row itself to remove.
    pub row: Option<Row>,
    /// For [`ConversationStore::take`].
    pub version: Version,
}

/// Outcome of [`ConversationStore::insert`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// The row was created.
    Yes,
    /// There is a row, which was left alone. It may be this very one, when the store's answer to the first attempt
    /// was lost.
    AlreadyThere,
}

/// Outcome of [`ConversationStore::replace`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// The row was replaced.
    Yes,
    /// The row has changed or gone; also when the store's answer to a first, successful attempt was lost.
    Changed,
}

/// Outcome of [`ConversationStore::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The row was removed, by this call alone.
    Yes,
    /// The row has changed or gone; also when the store's answer to a first, successful attempt was lost.
    Gone,
}

/// Most rows of one page of [`ConversationStore::expired`]: the limit of Table Storage.
pub const MAX_PAGE: usize = 1000;

/// The scope of tokens for Table Storage, the same in every cloud.
const STORAGE_SCOPE: &str = "https://storage.azure.com/.default";

/// Builds the store of the configuration; nothing is sent yet.
pub fn build(
    config: &StoreConfig,
    identity: &Identity,
    http: &reqwest::Client,
) -> Result<Arc<dyn ConversationStore>, ConfigError> {
    let clock = Arc::new(SystemClock);
    let table = match &config.backend {
        StoreBackend::Memory => return Ok(Arc::new(MemoryStore::new(memory::CAPACITY, clock))),
        StoreBackend::Table(table) => table,
    };
    let authorization = match &table.access {
        TableAccess::SharedKey(key) => Authorization::SharedKeyLite(key.clone()),
        TableAccess::Identity => {
            if identity.opens_foundry_only() {
                return Err(ConfigError::invalid(
                    "THREADS_TABLE_ENDPOINT",
                    "the gateway signs in with FOUNDRY_ACCESS_TOKEN, which opens Foundry only; \
                     set THREADS_CONNECTION_STRING instead, or sign in with an identity",
                ));
            }
            Authorization::Identity(identity.tokens(STORAGE_SCOPE))
        }
    };
    Ok(Arc::new(TableStore::new(
        http.clone(),
        table,
        authorization,
        config.timeout,
        clock,
    )))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::{
        config::{Environment, identity::IdentityConfig},
        foundry::http_client,
    };

    fn build_from(settings: &[(&str, &str)]) -> Result<&'static str, String> {
        let environment: Environment = settings.iter().copied().collect();
        let config = StoreConfig::from_environment(&environment).unwrap();
        let identity = IdentityConfig::from_environment(&environment).unwrap();
        let http = http_client::build(Duration::from_secs(1), None).unwrap();
        let identity = Identity::new(&identity, &http, &TaskTracker::new()).unwrap();
        build(&config, &identity, &http)
            .map(|store| store.kind())
            .map_err(|error| error.to_string())
    }

    const ENDPOINT: (&str, &str) = (
        "THREADS_TABLE_ENDPOINT",
        "https://acc.table.core.windows.net",
    );
    const FOUNDRY_TOKEN: (&str, &str) = ("FOUNDRY_ACCESS_TOKEN", "x");

    #[test]
    fn the_settings_choose_the_store() {
        let managed_identity = ("FOUNDRY_CREDENTIAL", "managed-identity");
        let azurite = ("THREADS_CONNECTION_STRING", "UseDevelopmentStorage=true");
        assert_eq!(build_from(&[managed_identity]).unwrap(), "memory");
        assert_eq!(build_from(&[managed_identity, ENDPOINT]).unwrap(), "table");
        assert_eq!(build_from(&[FOUNDRY_TOKEN, azurite]).unwrap(), "table");
    }

    #[test]
    fn a_token_for_foundry_is_not_tried_on_table_storage() {
        let error = build_from(&[FOUNDRY_TOKEN, ENDPOINT]).unwrap_err();
        assert!(
            error.contains("FOUNDRY_ACCESS_TOKEN, which opens Foundry only"),
            "{error}"
        );
    }
}
