//! A panic of the gateway is the end of one answer: every other one goes on, the client of a broken stream sees that it
//! is broken, and the log does not blame the client.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use foundry_emulator::{Behaviour, Emulator};
use foundry_gateway::continuity::store::{
    Continuation, ConversationStore, ExpiredPage, Inserted, Key, Replaced, Row, StoreError, Stored,
    Taken, Version, clock::SystemClock, memory::MemoryStore,
};
use serde_json::json;

use crate::support::{CapturedLog, Gateway, SOON, emulator, error_of, text_of};

/// A store that panics when it is told to, once, and otherwise remembers.
#[derive(Debug)]
struct PanickingStore {
    rows: MemoryStore,
    plan: Mutex<Plan>,
}

/// What becomes of the next operation of a kind.
#[derive(Debug, Default, Clone, Copy)]
struct Plan {
    get: Option<Fate>,
    /// The writing of the row of an id.
    write_id: Option<Fate>,
}

#[derive(Debug, Clone, Copy)]
enum Fate {
    Panics,
    Fails,
}

impl PanickingStore {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            rows: MemoryStore::new(1_000, Arc::new(SystemClock)),
            plan: Mutex::default(),
        })
    }

    fn plan(&self, plan: Plan) {
        *self.plan.lock().unwrap() = plan;
    }

    fn meet(&self, of: impl FnOnce(&mut Plan) -> &mut Option<Fate>) -> Result<(), StoreError> {
        let fate = of(&mut self.plan.lock().unwrap()).take();
        match fate {
            None => Ok(()),
            Some(Fate::Fails) => Err(StoreError::Unavailable {
                detail: "a fault of the test".to_owned(),
            }),
            Some(Fate::Panics) => panic!("a panic of the test"),
        }
    }
}

#[async_trait]
impl ConversationStore for PanickingStore {
    async fn get(&self, key: &Key) -> Result<Option<Stored>, StoreError> {
        self.meet(|plan| &mut plan.get)?;
        self.rows.get(key).await
    }

    async fn insert(&self, key: &Key, row: &Row) -> Result<Inserted, StoreError> {
        // The row of an id says what led to its head; that of the history is what led to it.
        if row.history.is_some() {
            self.meet(|plan| &mut plan.write_id)?;
        }
        self.rows.insert(key, row).await
    }

    async fn replace(
        &self,
        key: &Key,
        row: &Row,
        version: &Version,
    ) -> Result<Replaced, StoreError> {
        self.meet(|plan| &mut plan.write_id)?;
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
        "panicking"
    }
}

/// Long enough for a panic while an answer is still to come.
const PAUSE_BEFORE_THE_TEXT_MS: u64 = 700;

async fn slow_agents() -> (Emulator, Gateway, Arc<PanickingStore>) {
    let emulator = emulator(Behaviour {
        first_delta_ms: PAUSE_BEFORE_THE_TEXT_MS,
        ..Behaviour::default()
    })
    .await;
    let store = PanickingStore::new();
    let gateway =
        Gateway::with_store(&emulator.project_endpoint(), &[], Arc::clone(&store) as _).await;
    (emulator, gateway, store)
}

/// The lines of chat completions, once there are so many at least.
async fn lines(log: &CapturedLog, count: usize) -> Vec<String> {
    let there = async {
        loop {
            let lines = log.lines_with("http.route=\"/v1/chat/completions\"");
            if count <= lines.len() {
                return lines;
            }
            tokio::task::yield_now().await;
        }
    };
    let lines = tokio::time::timeout(SOON, there).await;
    lines.unwrap_or_else(|_| panic!("not {count} lines: {log:?}"))
}

fn assert_tells_a_panic(line: &str) {
    assert!(line.contains(" WARN "), "{line}");
    for part in [
        "outcome=\"error\"",
        "error.code=\"internal_error\"",
        "the gateway panicked",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(
        !line.contains("a panic of the test"),
        "its message is kept: {line}"
    );
}

/// Nothing of a panic stays: every permit is back, and the next request is answered.
async fn assert_serves_on(gateway: Gateway) {
    let all = gateway.app.config.limits.concurrent_requests;
    let free = async {
        while gateway.app.in_flight.available_permits() < all {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, free).await.unwrap();
    assert_eq!(gateway.ask("echo", "still there?").await.status(), 200);
    // Background work that panicked is not waited for.
    tokio::time::timeout(SOON, gateway.stop()).await.unwrap();
}

#[tokio::test]
async fn a_panic_of_a_handler_is_a_500_and_open_streams_go_on() {
    let log = CapturedLog::of_this_thread();
    let (_emulator, gateway, store) = slow_agents().await;
    let open = gateway.ask_streamed("echo", "another one").await;
    store.plan(Plan {
        get: Some(Fate::Panics),
        ..Plan::default()
    });
    let history = json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "hello"},
        {"role": "user", "content": "go on"},
    ]);
    for stream in [false, true] {
        store.plan(Plan {
            get: Some(Fate::Panics),
            ..Plan::default()
        });
        let body = json!({"model": "echo", "stream": stream, "messages": history});
        let (status, error) = error_of(gateway.chat(body).await).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (500, Some("internal_error"))
        );
        assert!(!error.to_string().contains("a panic of the test"));
    }
    for line in lines(&log, 2).await {
        assert_tells_a_panic(&line);
    }
    let stream = open.text().await.unwrap();
    assert_eq!(text_of(&stream), "another one");
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    assert_serves_on(gateway).await;
}

#[tokio::test]
async fn a_panic_within_a_stream_breaks_that_stream_and_no_other() {
    let log = CapturedLog::of_this_thread();
    let (_emulator, gateway, store) = slow_agents().await;
    let mut broken = gateway.ask_streamed("echo", "to be broken").await;
    assert_eq!(broken.status(), 200);
    let other = gateway.ask_streamed("echo", "another one").await;
    // The row of the first one that ends is written while its body is polled.
    store.plan(Plan {
        write_id: Some(Fate::Panics),
        ..Plan::default()
    });
    let mut seen = String::new();
    let error = loop {
        match broken.chunk().await {
            Ok(Some(chunk)) => seen += std::str::from_utf8(&chunk).unwrap(),
            Ok(None) => panic!("a broken stream looks like a finished one: {seen}"),
            Err(error) => break error,
        }
    };
    assert!(error.is_body() || error.is_decode(), "{error:?}");
    assert!(!seen.contains("[DONE]"), "{seen}");
    assert!(!seen.contains("\"finish_reason\":\"stop\""), "{seen}");
    assert_tells_a_panic(&lines(&log, 1).await[0]);
    let stream = other.text().await.unwrap();
    assert_eq!(text_of(&stream), "another one");
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    assert!(lines(&log, 2).await[1].contains("outcome=\"done\""));
    assert_serves_on(gateway).await;
}

#[tokio::test]
async fn a_panic_at_the_end_of_an_answer_that_is_not_streamed_is_a_500() {
    let log = CapturedLog::of_this_thread();
    let (_emulator, gateway, store) = slow_agents().await;
    store.plan(Plan {
        write_id: Some(Fate::Panics),
        ..Plan::default()
    });
    let (status, error) = error_of(gateway.ask("echo", "hi").await).await;
    assert_eq!(
        (status, error["code"].as_str()),
        (500, Some("internal_error"))
    );
    assert_tells_a_panic(&lines(&log, 1).await[0]);
    assert_serves_on(gateway).await;
}

#[tokio::test]
async fn a_panic_of_background_work_leaves_everything_else_alone() {
    let (_emulator, gateway, store) = slow_agents().await;
    // What could not be written is tried again half a second later, behind the answer.
    store.plan(Plan {
        write_id: Some(Fate::Fails),
        get: Some(Fate::Panics),
    });
    assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
    let open = gateway.ask_streamed("echo", "another one").await;
    let panicked = async {
        while store.plan.lock().unwrap().get.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, panicked).await.unwrap();
    let stream = open.text().await.unwrap();
    assert!(stream.ends_with("data: [DONE]\n\n"), "{stream}");
    assert_serves_on(gateway).await;
}
