//! What others write can neither begin a line of the log nor steer the terminal that shows it.

use std::fs;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Client, KEY, Program, ScriptedUpstream};

const FORGED: &str = "x\r\nforged line\u{1b}[2J\u{9b}31m";

/// `2026-11-21T17:05:18.123456Z  INFO ...`, as every line must begin.
fn is_own(line: &str) -> bool {
    let shape = |text: &str| -> String {
        text.chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect()
    };
    let (time, rest) = line.split_at_checked(27).unwrap_or((line, ""));
    let levels = ["ERROR", " WARN", " INFO", "DEBUG", "TRACE"];
    shape(time) == "0000-00-00T00:00:00.000000Z"
        && levels.iter().any(|level| rest[1..].starts_with(level))
}

/// A turn that continues another, which the service refuses in the client's words: the log repeats them.
async fn a_replay_after_a_refusal(upstream: &ScriptedUpstream, client: &Client) {
    let recorded =
        fs::read_to_string("tests/fixtures/recordings/new/prompt_agent_stream.preview.sse");
    let recorded = recorded.unwrap();
    upstream.then_stream(&recorded);
    let mut messages = vec![json!({"role": "user", "content": "hi"})];
    let first = client
        .chat(json!({"model": "echo", "messages": messages}))
        .await;
    let first: Value = serde_json::from_str(&first.text().await.unwrap()).unwrap();
    messages.push(first["choices"][0]["message"].clone());
    messages.push(json!({"role": "user", "content": FORGED}));
    upstream.then_json(
        400,
        json!({"error": {"code": "invalid", "message": FORGED}}),
    );
    upstream.then_stream(&recorded);
    let second = client
        .chat(json!({"model": "echo", "messages": messages}))
        .await;
    assert_eq!(second.status(), 200);
}

#[tokio::test]
async fn every_line_is_the_gateways_own_whatever_it_is_sent() {
    let upstream = ScriptedUpstream::start().await;
    let settings = [("GATEWAY_LOG", "info,foundry_gateway=trace")];
    let (program, client) = Program::serve(&upstream.project_endpoint(), &settings).await;
    // The service quotes the client, and is not careful either; with a history, the failure is logged and replayed.
    for status in [400, 404, 409, 500] {
        let error = json!({"error": {"code": FORGED, "message": FORGED, "param": FORGED}});
        upstream.then_json(status, error.clone());
        let (model, message) = ("echo", json!([{"role": "user", "content": FORGED}]));
        let body = json!({"model": model, "messages": message, "user": FORGED, "metadata": {"conversation_id": FORGED}});
        assert!(400 <= client.chat(body).await.status().as_u16());
        upstream.then_json(status, error);
        assert!(400 <= client.get("/v1/models").await.status().as_u16());
    }
    assert_eq!(client.ask(FORGED, "hi").await.status(), 404);
    a_replay_after_a_refusal(&upstream, &client).await;
    let path = "/v1/models/x%0d%0aforged%20line%1b%5b2J";
    assert!(400 <= client.get(path).await.status().as_u16());
    for (name, value) in [
        (
            "x-azure-functions-invocationid",
            "a\" forged=\"1\u{85}\u{9b}",
        ),
        ("x-request-id", "a\tb\" forged=1"),
        ("x-openwebui-chat-id", "\u{9b}2J\u{2028}forged"),
        ("user-agent", "\u{9b}2J"),
    ] {
        let head = format!(
            "GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n{name}: {value}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(client.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 "), "{name}");
    }
    let ended = program.terminate().await;
    assert_eq!(ended.stderr, "");
    assert!(
        ended.stdout.contains("the history is replayed: "),
        "something of it is told: {}",
        ended.stdout
    );
    for line in ended.stdout.lines() {
        assert!(is_own(line), "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}
