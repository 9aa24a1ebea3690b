//! The stores of conversations: one suite for memory and for Table Storage (Azurite, signed both ways), and what
//! only Table Storage can do wrong.

mod faults;
mod suite;
mod table;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use foundry_gateway::{
    config::{
        Environment,
        store::{StoreBackend, StoreConfig, TableAccess, TableConfig},
    },
    continuity::store::{
        Clock, ConversationStore, Key, Row, Upstream,
        memory::{self, MemoryStore},
        table::{Authorization, TableStore},
    },
    foundry::http_client,
    identity::token::StaticToken,
};

use crate::support::{Azurite, SOON, bearer_token};

/// A time that only the test moves.
#[derive(Debug)]
struct TestClock(AtomicU64);

impl TestClock {
    fn at(seconds: u64) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(seconds)))
    }

    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn unix_milliseconds(&self) -> u64 {
        self.0.load(Ordering::SeqCst) * 1000
    }
}

/// When the tests begin, in their own time.
const NOW: u64 = 1_800_000_000;
/// Generous, because Azurite on a busy machine is not what these tests measure.
const PATIENT: Duration = SOON;

/// A fresh, empty store of one kind for each part of the suite.
#[derive(Debug)]
enum Place {
    Memory,
    SharedKey(Azurite),
    BearerToken(Azurite),
}

impl Place {
    /// An empty store; `name` tells it from the others of the same Azurite.
    fn store(&self, name: &str, clock: Arc<dyn Clock>) -> Arc<dyn ConversationStore> {
        match self {
            Self::Memory => Arc::new(MemoryStore::new(memory::CAPACITY, clock)),
            Self::SharedKey(azurite) => {
                let connection_string = azurite.connection_string();
                let settings = [
                    ("THREADS_CONNECTION_STRING", connection_string.as_str()),
                    ("THREADS_TABLE_NAME", name),
                ];
                table_store(&settings, None, PATIENT, clock)
            }
            Self::BearerToken(azurite) => {
                let endpoint = azurite.endpoint();
                let settings = [
                    ("THREADS_TABLE_ENDPOINT", endpoint.as_str()),
                    ("THREADS_TABLE_NAME", name),
                ];
                let certificate = azurite.certificate_file();
                table_store(&settings, Some(&certificate), PATIENT, clock)
            }
        }
    }
}

/// The table that the settings name; with an endpoint alone, a token that Azurite takes stands for the identity.
fn table_store(
    settings: &[(&str, &str)],
    certificate_file: Option<&Path>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
) -> Arc<dyn ConversationStore> {
    let config = table_config(settings);
    let authorization = match &config.access {
        TableAccess::SharedKey(key) => Authorization::SharedKeyLite(key.clone()),
        TableAccess::Identity => {
            Authorization::Identity(Arc::new(StaticToken::new(&bearer_token().into()).unwrap()))
        }
    };
    let http = http_client::build(SOON, certificate_file).unwrap();
    Arc::new(TableStore::new(
        http,
        &config,
        authorization,
        timeout,
        clock,
    ))
}

fn table_config(settings: &[(&str, &str)]) -> TableConfig {
    let environment: Environment = settings.iter().copied().collect();
    match StoreConfig::from_environment(&environment).unwrap().backend {
        StoreBackend::Table(config) => config,
        StoreBackend::Memory => panic!("no table is configured"),
    }
}

fn key(partition: &str, row: &str) -> Key {
    Key {
        partition: partition.to_owned(),
        row: row.to_owned(),
    }
}

/// A row that lives for an hour.
fn row(response: &str) -> Row {
    Row {
        upstream: Upstream::Response {
            id: response.to_owned(),
        },
        agent: "helper:3".to_owned(),
        scope: "5c09e".to_owned(),
        instructions_digest: String::new(),
        thread_id: "thread_told".to_owned(),
        history: None,
        session: None,
        began_at: NOW * 1000 + 1,
        expires_at: NOW + 3600,
    }
}

#[tokio::test]
async fn the_suite_holds_in_memory() {
    suite::run(&Place::Memory).await;
}

#[tokio::test]
async fn the_suite_holds_on_azurite_with_an_account_key() {
    suite::run(&Place::SharedKey(Azurite::with_shared_key().await)).await;
}

#[tokio::test]
async fn the_suite_holds_on_azurite_over_https_with_a_bearer_token() {
    suite::run(&Place::BearerToken(Azurite::with_bearer_tokens().await)).await;
}
