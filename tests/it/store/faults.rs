//! A table service that fails: within the budget, repeated where that helps, and told for what it is.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use foundry_gateway::continuity::store::{ConversationStore, Row, StoreError, Upstream};
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::Instant,
};

use super::{NOW, PATIENT, TestClock, key, row, table_store};
use crate::support::ScriptedUpstream;

/// The default of `GATEWAY_STORE_TIMEOUT_SECONDS`.
const BUDGET: Duration = Duration::from_millis(500);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(2);

fn store_at(endpoint: &str, timeout: Duration) -> Arc<dyn ConversationStore> {
    let connection_string = format!("AccountName=acc;AccountKey=a2V5;TableEndpoint={endpoint}");
    let settings = [("THREADS_CONNECTION_STRING", connection_string.as_str())];
    table_store(&settings, None, timeout, TestClock::at(NOW))
}

/// A listener that does one thing with every connection, and counts them.
struct Broken {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Broken {
    /// Accepts, and never says a word.
    async fn silent() -> Self {
        let mut kept = Vec::new();
        Self::start(move |connection| kept.push(connection)).await
    }

    /// Closes as soon as a request arrives; what was not read makes it a reset.
    async fn resetting() -> Self {
        Self::start(drop).await
    }

    async fn start(mut treat: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        #[expect(
            clippy::disallowed_methods,
            reason = "the listener's own task, aborted on drop"
        )]
        let listening = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                connection.readable().await.unwrap();
                treat(connection);
            }
        });
        Self {
            address,
            connections,
            listening,
        }
    }

    fn store(&self) -> Arc<dyn ConversationStore> {
        store_at(&format!("http://{}/acc", self.address), BUDGET)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Every operation that a request waits for fails within the budget, as unavailable.
async fn all_are_unavailable_in_time(store: &dyn ConversationStore) {
    let (key, row) = (key("aa", "bb"), row("resp_1"));
    let version = version().await;
    let start = Instant::now();
    let errors = tokio::join!(
        async { store.get(&key).await.unwrap_err() },
        async { store.insert(&key, &row).await.unwrap_err() },
        async { store.replace(&key, &row, &version).await.unwrap_err() },
        async { store.take(&key, &version).await.unwrap_err() },
    );
    let took = start.elapsed();
    assert!(took < BUDGET + SLACK, "{took:?}");
    for error in [errors.0, errors.1, errors.2, errors.3] {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(!error.to_string().contains("PartitionKey"), "{error}");
    }
}

/// Any version; only stores make them.
async fn version() -> foundry_gateway::continuity::store::Version {
    let store = super::Place::Memory.store("version", TestClock::at(NOW));
    store
        .insert(&key("aa", "bb"), &row("resp_1"))
        .await
        .unwrap();
    store.get(&key("aa", "bb")).await.unwrap().unwrap().version
}

#[tokio::test]
async fn a_service_that_never_answers_costs_no_more_than_the_budget() {
    let broken = Broken::silent().await;
    all_are_unavailable_in_time(&*broken.store()).await;
}

#[tokio::test]
async fn a_service_that_resets_connections_is_asked_a_few_times() {
    let broken = Broken::resetting().await;
    let store = broken.store();
    all_are_unavailable_in_time(&*store).await;
    assert!(
        (6..=20).contains(&broken.connections()),
        "five operations made {} connections",
        broken.connections()
    );
}

#[tokio::test]
async fn a_service_that_is_not_there_is_unavailable() {
    let broken = Broken::silent().await;
    let address = broken.address;
    broken.listening.abort();
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    all_are_unavailable_in_time(&*broken.store()).await;
}

#[tokio::test]
async fn a_busy_service_is_asked_again_and_serves() {
    let upstream = ScriptedUpstream::start().await;
    let busy = json!({"odata.error": {"code": "ServerBusy", "message": {"lang": "en-US", "value": "Busy."}}});
    upstream.then_json(503, busy.clone());
    upstream.then_json(500, busy);
    upstream.then_json(200, json!({}));
    let store = store_at(&upstream.project_endpoint(), PATIENT);
    store
        .insert(&key("aa", "bb"), &row("resp_1"))
        .await
        .unwrap();
    let received = upstream.received();
    assert_eq!(received.len(), 3);
    assert_eq!(received[0].body, received[2].body, "the same request");
}

/// A request that was given up may be carried out last, when the row has been made by another one and taken since.
#[tokio::test]
async fn a_row_that_names_a_thread_is_asked_for_once() {
    let upstream = ScriptedUpstream::start().await;
    upstream.then_json(500, json!({}));
    upstream.then_json(200, json!({}));
    let store = store_at(&upstream.project_endpoint(), PATIENT);
    let thread = Row {
        upstream: Upstream::Thread {
            id: "thread_1".to_owned(),
        },
        ..row("")
    };
    let error = store.insert(&key("aa", "bb"), &thread).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert_eq!(upstream.received().len(), 1);
}

#[tokio::test]
async fn a_service_that_stays_busy_is_asked_four_times_at_most() {
    let upstream = ScriptedUpstream::start().await;
    for _ in 0..10 {
        upstream.then_json(503, json!({}));
    }
    let store = store_at(&upstream.project_endpoint(), PATIENT);
    let error = store.get(&key("aa", "bb")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("HTTP 503"), "{error}");
    assert_eq!(upstream.received().len(), 4);
}

#[tokio::test]
async fn refusals_are_not_repeated() {
    let rows = [
        (401, "Denied"),
        (403, "Denied"),
        (400, "Misconfigured"),
        (404, "Misconfigured"),
        (302, "Misconfigured"),
    ];
    for (status, kind) in rows {
        let upstream = ScriptedUpstream::start().await;
        upstream.then_json(status, json!({}));
        let store = store_at(&upstream.project_endpoint(), PATIENT);
        let error = store.get(&key("aa", "bb")).await.unwrap_err();
        assert!(
            format!("{error:?}").starts_with(kind),
            "{status}: {error:?}"
        );
        assert_eq!(upstream.received().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_unreadable_and_its_size_is_bounded() {
    let upstream = ScriptedUpstream::start().await;
    let store = store_at(&upstream.project_endpoint(), PATIENT);
    upstream.then_json(200, json!({"filler": "x".repeat(100_000)}));
    let error = store.get(&key("aa", "bb")).await.unwrap_err();
    assert!(
        error.to_string().contains("more than 65536 bytes"),
        "{error}"
    );
    upstream.then_json(200, json!({}));
    let error = store.get(&key("aa", "bb")).await.unwrap_err();
    assert!(error.to_string().contains("without ETag"), "{error}");
    upstream.then_stream("<html>");
    let error = store.expired(NOW, None, 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}
