//! How long is waited for what no client waits for, or what has a limit of its own that no setting moves.
//!
//! The service really stalls, and then time is paused: it jumps to whatever is waited for, so that the test takes no
//! time and the limit is hit exactly.

use std::{net::Ipv4Addr, sync::Arc};

use foundry_emulator::{Emulator, Fault, Stage};
use foundry_gateway::continuity::store::{
    ConversationStore, Key, Row, Upstream, clock::SystemClock, memory::MemoryStore,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::task::TaskTracker;

use super::*;
use crate::support::{SOON, ScriptedUpstream, always};

/// Time jumps by whole milliseconds.
const NOTICED: Duration = Duration::from_millis(20);

/// The limit may have begun a moment before time was paused.
fn assert_lasted(elapsed: Duration, limit: Duration) {
    assert!(
        limit / 2 < elapsed && elapsed <= limit + NOTICED,
        "{elapsed:?} instead of {limit:?}"
    );
}

/// What `work` gives, and how long it lasts from now on in time that jumps.
async fn in_jumping_time<T>(work: impl Future<Output = T>) -> (Duration, T) {
    tokio::time::pause();
    let start = Instant::now();
    let outcome = work.await;
    let elapsed = start.elapsed();
    tokio::time::resume();
    (elapsed, outcome)
}

async fn until_asked(emulator: &Emulator, operation: &str) {
    let asked = |requests: &[foundry_emulator::RecordedRequest]| {
        requests
            .iter()
            .any(|request| request.operation == operation)
    };
    assert!(
        emulator.journal().wait_for(asked, SOON).await,
        "{operation}"
    );
}

/// A service that takes `operation` and never answers it.
async fn stalling(operation: &str, settings: &[(&str, &str)]) -> (Emulator, Gateway) {
    let emulator = crate::support::emulator(always(operation, Stage::Headers, Fault::Stall)).await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), settings).await;
    (emulator, gateway)
}

/// How long `request` lasts once the service has been asked for `operation`, and how it is answered.
async fn stalled(
    emulator: &Emulator,
    operation: &str,
    request: impl Future<Output = reqwest::Response>,
) -> (Duration, reqwest::Response) {
    let mut request = std::pin::pin!(request);
    tokio::select! {
        answered = &mut request => panic!("{operation}: {answered:?}"),
        () = until_asked(emulator, operation) => {}
    }
    in_jumping_time(request).await
}

#[tokio::test]
async fn cleaning_up_after_a_client_that_left_is_given_up_in_time() {
    let rows = [
        ("asst_stall_middle", "cancel_run"),
        ("stall-middle", "delete_response"),
    ];
    for (agent, operation) in rows {
        let (emulator, gateway) = stalling(operation, &[]).await;
        let mut stream = gateway.ask_streamed(agent, "hi").await;
        stream.chunk().await.unwrap().unwrap();
        drop(stream);
        until_asked(&emulator, operation).await;
        // Stopping waits for it: 20 s, less than it would wait.
        let (elapsed, ()) = in_jumping_time(gateway.stop()).await;
        assert_lasted(elapsed, Duration::from_secs(20));
    }
}

#[tokio::test]
async fn looks_at_the_service_are_given_up_in_time() {
    let rows = [
        ("/readyz", 503, Duration::from_secs(5)),
        ("/v1/models", 504, Duration::from_secs(30)),
    ];
    for (path, status, limit) in rows {
        let (emulator, gateway) = stalling("list_agents", &[]).await;
        let asked = gateway.get(path);
        let (elapsed, answer) = stalled(&emulator, "list_agents", asked).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_lasted(elapsed, limit);
    }
}

#[tokio::test]
async fn the_reading_of_a_definition_is_given_up_in_time() {
    let (emulator, gateway) = stalling("get_agent", &[]).await;
    let tool = json!({"type": "function", "function": {"name": "f", "parameters": {}}});
    let body =
        json!({"model": "echo", "tools": [tool], "messages": [{"role": "user", "content": "hi"}]});
    let (elapsed, answer) = stalled(&emulator, "get_agent", gateway.chat(body)).await;
    assert_eq!(answer.status(), 504);
    assert_lasted(elapsed, Duration::from_secs(20));
}

fn expired(number: usize) -> (Key, Row) {
    let key = Key {
        partition: "conversation".to_owned(),
        row: format!("{number:08}"),
    };
    let row = Row {
        upstream: Upstream::Response {
            id: format!("resp_{number}"),
        },
        agent: "echo".to_owned(),
        scope: String::new(),
        instructions_digest: String::new(),
        thread_id: format!("thread_{number}"),
        history: None,
        session: None,
        began_at: 0,
        expires_at: 1,
    };
    (key, row)
}

async fn with_expired_rows(endpoint: &str, count: usize) -> Gateway {
    let store = Arc::new(MemoryStore::new(10_000, Arc::new(SystemClock)));
    for (key, row) in (0..count).map(expired) {
        store.insert(&key, &row).await.unwrap();
    }
    Gateway::with_store(endpoint, &[], store).await
}

async fn clean_up(gateway: &Gateway) -> reqwest::Response {
    gateway
        .http
        .post(gateway.url("/thread-cleanup"))
        .header("x-azure-functions-invocationid", "i")
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_run_of_the_cleanup_has_so_many_rows_and_so_much_time() {
    let upstream = ScriptedUpstream::start().await;
    let gateway = with_expired_rows(&upstream.project_endpoint(), 501).await;
    for said in [
        "500 expired rows removed, 500 conversations deleted upstream, 0 could not be deleted, more to come",
        "1 expired rows removed, 1 conversations deleted upstream, 0 could not be deleted\"",
    ] {
        let text = clean_up(&gateway).await.text().await.unwrap();
        assert!(text.contains(said), "{text}");
    }
    let stalls = always("delete_response", Stage::Headers, Fault::Stall);
    let emulator = crate::support::emulator(stalls).await;
    let gateway = with_expired_rows(&emulator.project_endpoint(), 10).await;
    let cleaning = clean_up(&gateway);
    let (elapsed, answer) = stalled(&emulator, "delete_response", cleaning).await;
    assert_lasted(elapsed, Duration::from_secs(120));
    let text = answer.text().await.unwrap();
    assert!(
        text.contains("2 could not be deleted, more to come"),
        "{text}"
    );
}

/// A server that takes connections and what is sent over them, answers with `answer`, and nothing more.
async fn silent_after(answer: &'static str) -> (String, Arc<tokio::sync::Notify>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(tokio::sync::Notify::new());
    let (tells, tasks) = (Arc::clone(&asked), TaskTracker::new());
    tasks.clone().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let tells = Arc::clone(&tells);
            tasks.spawn(async move {
                let mut request = vec![0; 64 << 10];
                assert_ne!(stream.read(&mut request).await.unwrap(), 0);
                stream.write_all(answer.as_bytes()).await.unwrap();
                tells.notify_one();
                while stream.read(&mut request).await.is_ok_and(|read| 0 < read) {}
            });
        }
    });
    (address.to_string(), asked)
}

#[tokio::test]
async fn a_page_of_expired_rows_is_waited_for_so_long() {
    let (address, asked) = silent_after("").await;
    let account = format!(
        "AccountName=devstoreaccount1;AccountKey=a2V5;TableEndpoint=http://{address}/devstoreaccount1"
    );
    let settings = [("THREADS_CONNECTION_STRING", account.as_str())];
    let (_emulator, gateway) = gateway_with(&settings).await;
    let mut cleaning = std::pin::pin!(clean_up(&gateway));
    tokio::select! {
        answer = &mut cleaning => panic!("{answer:?}"),
        () = asked.notified() => {}
    }
    let (elapsed, answer) = in_jumping_time(cleaning).await;
    assert_eq!(answer.status(), 503);
    assert_lasted(elapsed, Duration::from_secs(40));
}

const WHOLE_ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"output\":[]}}\n\n";

#[tokio::test]
async fn the_end_of_a_body_is_waited_for_behind_the_answer_and_not_for_long() {
    let (address, _asked) = silent_after(WHOLE_ANSWER).await;
    let endpoint = format!("http://{address}/api/projects/silent");
    let gateway = Gateway::in_front_of(&endpoint, &[("GATEWAY_CONTINUITY", "off")]).await;
    let answer = gateway.ask("echo", "hi").await;
    assert_eq!(answer.status(), 200);
    let (elapsed, ()) = in_jumping_time(gateway.stop()).await;
    assert_lasted(elapsed, Duration::from_secs(2));
}

const HALF_A_FAILURE: &str =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n\r\n{\"error\":";

#[tokio::test]
async fn the_body_of_a_failure_is_waited_for_so_long_and_read_so_far() {
    let (address, asked) = silent_after(HALF_A_FAILURE).await;
    let endpoint = format!("http://{address}/api/projects/silent");
    let gateway = Gateway::in_front_of(&endpoint, &[]).await;
    let mut asking = std::pin::pin!(gateway.ask("echo", "hi"));
    tokio::select! {
        answer = &mut asking => panic!("{answer:?}"),
        () = asked.notified() => {}
    }
    let (elapsed, answer) = in_jumping_time(asking).await;
    assert_eq!(answer.status(), 400);
    assert_lasted(elapsed, Duration::from_secs(2));

    let upstream = ScriptedUpstream::start().await;
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &[]).await;
    // What is beyond the limit is not read, so that this is no JSON, and no words of the service are told.
    let long = "x".repeat(70_000);
    upstream.then_json(
        400,
        json!({"error": {"code": "invalid_payload", "message": long}}),
    );
    let (status, error) = error_of(gateway.ask("echo", "hi").await).await;
    assert_eq!(status, 400);
    assert!(error.to_string().len() < 1_000, "{error}");
}

/// A page of a list that has `names` and goes on.
fn page(names: &[String]) -> Value {
    let agents: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "id": name, "filename": name, "bytes": 1, "created_at": 1, "purpose": "p"}))
        .collect();
    json!({"data": agents, "last_id": names.last(), "has_more": true})
}

#[tokio::test]
async fn lists_that_do_not_end_are_followed_so_far() {
    let rows = [
        ("/v1/models", "/agents?", 200),
        ("/v1/files", "/openai/v1/files?", 100),
    ];
    for (path, asked, pages) in rows {
        let upstream = ScriptedUpstream::start().await;
        let settings = [("GATEWAY_CLASSIC_AGENTS", "false")];
        let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &settings).await;
        for number in 0..pages + 10 {
            upstream.then_json(200, page(&[format!("agent-{number}")]));
        }
        assert_eq!(gateway.get(path).await.status(), 200, "{path}");
        let received = upstream.received();
        assert_eq!(received.len(), pages, "{path}");
        assert!(
            received
                .iter()
                .all(|request| request.path.starts_with(asked))
        );
    }
}

#[tokio::test]
async fn messages_of_a_thread_are_looked_through_so_far_and_it_is_deleted_all_the_same() {
    let upstream = ScriptedUpstream::start().await;
    let store = Arc::new(MemoryStore::new(10, Arc::new(SystemClock)));
    let (key, row) = expired(1);
    let thread = Row {
        upstream: Upstream::Thread {
            id: "thread_1".to_owned(),
        },
        agent: "asst_1".to_owned(),
        ..row
    };
    store.insert(&key, &thread).await.unwrap();
    let gateway = Gateway::with_store(&upstream.project_endpoint(), &[], store).await;
    for number in 0..30 {
        let last = format!("msg_{number}");
        upstream.then_json(200, json!({"data": [], "last_id": last, "has_more": true}));
    }
    assert_eq!(clean_up(&gateway).await.status(), 200);
    let received = upstream.received();
    let pages = received
        .iter()
        .filter(|request| request.path.starts_with("/threads/thread_1/messages?"));
    assert_eq!(pages.count(), 20);
    let last = received.last().unwrap();
    assert_eq!((last.method.as_str(), received.len()), ("DELETE", 21));
}

/// A listener that takes no connection any more: whoever wants one hears nothing.
async fn full_listener() -> (TcpListener, Vec<TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    let at_once = Duration::from_millis(300);
    while let Ok(client) = tokio::time::timeout(at_once, TcpStream::connect(address)).await {
        waiting.push(client.unwrap());
    }
    (listener, waiting)
}

#[tokio::test]
async fn a_connection_that_is_not_made_is_given_up_in_time_and_tried_again() {
    let (listener, _waiting) = full_listener().await;
    let address = listener.local_addr().unwrap();
    let endpoint = format!("http://{address}/api/projects/full");
    let settings = [("GATEWAY_CONNECT_TIMEOUT_SECONDS", "0.2")];
    let gateway = Gateway::in_front_of(&endpoint, &settings).await;
    let start = Instant::now();
    let (status, error) = error_of(gateway.ask("echo", "hi").await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_unreachable".into())
    );
    let elapsed = start.elapsed();
    // Three tries, and the pauses between them.
    let least = Duration::from_millis(3 * 200 + 300);
    assert!(least <= elapsed && elapsed < LONG, "{elapsed:?}");
}

#[tokio::test]
async fn what_was_seen_is_believed_so_long_and_no_longer() {
    let asked_again = async |path: &str, seconds: u64| {
        let (emulator, gateway) = emulator_and_gateway().await;
        let count = || emulator.journal().count("list_agents");
        gateway.get(path).await;
        let once = count();
        assert_ne!(once, 0, "{path}");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds) / 4).await;
        tokio::time::resume();
        gateway.get(path).await;
        assert_eq!(count(), once, "{path}");
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(seconds)).await;
        tokio::time::resume();
        gateway.get(path).await;
        let again = |requests: &[foundry_emulator::RecordedRequest]| {
            let lists = requests
                .iter()
                .filter(|request| request.operation == "list_agents");
            once < lists.count()
        };
        assert!(emulator.journal().wait_for(again, SOON).await, "{path}");
    };
    asked_again("/readyz", 10).await;
    asked_again("/v1/models", 60).await;
    asked_again("/v1/models/nobody", 5).await;
}

#[tokio::test]
async fn a_list_that_is_too_large_is_told_as_one_that_cannot_be_read() {
    let upstream = ScriptedUpstream::start().await;
    let settings = [("GATEWAY_CLASSIC_AGENTS", "false")];
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &settings).await;
    upstream.then_json(200, json!({"data": [], "filler": "x".repeat(8 << 20)}));
    let (status, error) = error_of(gateway.get("/v1/models").await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_unreadable".into())
    );
}
