//! More than the gateway may serve: whoever is too many is told so at once, and the next one is served at once.

use std::time::Duration;

use foundry_emulator::Behaviour;
use foundry_gateway::server;
use futures_util::future::join_all;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{
    Gateway, KEY, Program, SOON, allow_open_files, emulator, emulator_and_gateway, error_of,
    limit_open_files,
};

const CLIENTS: usize = 1_000;
const LIMIT: usize = 64;
/// Both ends of each connection are in this process; what other tests have open comes on top.
const OPEN_FILES: usize = 2 * CLIENTS + 4 * LIMIT + 1_000;
/// Longer than a thousand clients need to come.
const PAUSE_BEFORE_THE_TEXT_MS: u64 = 400;

#[tokio::test]
async fn a_flood_is_answered_rightly_or_refused_and_over_at_once() {
    allow_open_files(OPEN_FILES);
    let emulator = emulator(Behaviour {
        first_delta_ms: PAUSE_BEFORE_THE_TEXT_MS,
        ..Behaviour::default()
    })
    .await;
    let limit = LIMIT.to_string();
    let settings = [("GATEWAY_MAX_CONCURRENT_REQUESTS", limit.as_str())];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let asked = (0..CLIENTS).map(async |number| {
        let question = format!("question {number}");
        let response = gateway.ask("echo", &question).await;
        if response.status() == 200 {
            let answer: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            assert_eq!(answer["choices"][0]["message"]["content"], question);
            return true;
        }
        assert_eq!(response.headers()["retry-after"], "1");
        let (status, error) = error_of(response).await;
        assert_eq!(
            (status, error["code"].as_str()),
            (503, Some("gateway_overloaded"))
        );
        false
    });
    let answered = tokio::time::timeout(SOON * 9, join_all(asked))
        .await
        .unwrap();
    let answered = answered.into_iter().filter(|answered| *answered).count();
    assert!((LIMIT..CLIENTS).contains(&answered), "{answered} answered");
    assert_eq!(
        emulator.journal().count("create_response"),
        answered,
        "nobody who was refused has cost anything"
    );
    assert_eq!(gateway.app.in_flight.available_permits(), LIMIT);
    emulator.behaviour().reset();
    assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
}

/// A connection that is open and says nothing.
async fn idle(gateway: &Gateway) -> TcpStream {
    TcpStream::connect(gateway.address).await.unwrap()
}

/// What a request gets on a connection of its own, until that is closed.
async fn answer_to(gateway: &Gateway, method: &str, path: &str) -> String {
    let mut connection = TcpStream::connect(gateway.address).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: gateway\r\napi-key: {KEY}\r\ncontent-length: 0\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let reading = connection.read_to_string(&mut answer);
    tokio::time::timeout(SOON, reading).await.unwrap().unwrap();
    answer
}

#[tokio::test]
async fn connections_over_the_limit_are_told_so_and_closed() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [("GATEWAY_MAX_CONNECTIONS", "2")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let first = idle(&gateway).await;
    let _second = idle(&gateway).await;
    let refused = answer_to(&gateway, "POST", "/v1/chat/completions").await;
    for part in [
        "HTTP/1.1 503 ",
        "\r\nretry-after: 1\r\n",
        "\r\nconnection: close\r\n",
        "gateway_overloaded",
        "GATEWAY_MAX_CONNECTIONS",
    ] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    assert_eq!(emulator.journal().requests(), []);
    // The process lives, and is not ready for more: so that it is neither killed nor sent more.
    let alive = answer_to(&gateway, "GET", "/healthz").await;
    assert!(alive.starts_with("HTTP/1.1 200 "), "{alive}");
    let ready = answer_to(&gateway, "GET", "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503 "), "{ready}");
    drop(first);
    let served = async { while gateway.ask("echo", "hi").await.status() != 200 {} };
    tokio::time::timeout(SOON, served).await.unwrap();
}

#[tokio::test]
async fn places_that_idle_connections_take_are_free_again_in_time() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [
        ("GATEWAY_MAX_CONNECTIONS", "2"),
        ("GATEWAY_HEADER_TIMEOUT_SECONDS", "0.3"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let _idle = (idle(&gateway).await, idle(&gateway).await);
    assert_eq!(gateway.ask("echo", "hi").await.status(), 503);
    let served = async { while gateway.ask("echo", "hi").await.status() != 200 {} };
    tokio::time::timeout(SOON, served).await.unwrap();
}

/// `LISTEN_BACKLOG`, or what the system allows of it.
fn backlog() -> usize {
    let most = std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap();
    most.trim().parse::<usize>().unwrap().min(1024)
}

/// Shorter than the second after which a client knocks again.
const AT_ONCE: Duration = Duration::from_millis(500);

#[tokio::test]
async fn the_queue_before_the_listener_is_as_long_as_it_should_be_and_no_longer() {
    allow_open_files(OPEN_FILES);
    let listener = server::bind(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut clients = Vec::new();
    while let Ok(client) = tokio::time::timeout(AT_ONCE, TcpStream::connect(address)).await {
        clients.push(client.unwrap());
    }
    // The system keeps one more than it was told.
    assert_eq!(clients.len(), backlog() + 1);
}

#[tokio::test]
async fn a_process_without_a_file_for_another_connection_goes_on_when_there_is_one() {
    let emulator = emulator(Behaviour::default()).await;
    let (program, client) = Program::serve(&emulator.project_endpoint(), &[]).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    limit_open_files(program.pid(), "30:30");
    let mut connections = Vec::new();
    for _ in 0..40 {
        connections.push(TcpStream::connect(client.address).await.unwrap());
    }
    program
        .until_stdout_has("no connection could be accepted")
        .await;
    drop(connections);
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[tokio::test]
async fn a_connection_that_is_to_be_refused_and_asks_nothing_is_closed() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [("GATEWAY_MAX_CONNECTIONS", "1")];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    let _served = idle(&gateway).await;
    let mut refused = idle(&gateway).await;
    // Only now is it certain that both were let in.
    let alive = answer_to(&gateway, "GET", "/healthz").await;
    assert!(alive.contains("\r\nconnection: close\r\n"), "{alive}");
    // Time jumps to whatever is waited for.
    tokio::time::pause();
    let start = tokio::time::Instant::now();
    assert_eq!(refused.read(&mut [0]).await.unwrap(), 0);
    let elapsed = start.elapsed();
    assert!(
        Duration::from_secs(1) < elapsed && elapsed <= Duration::from_millis(3_020),
        "{elapsed:?}"
    );
}
