//! What others write can neither begin a line of the log nor steer the terminal that shows it.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{KEY, Program, ScriptedUpstream};

const FORGED: &str =
    "x\r\n2026-01-01T00:00:00.000000Z  INFO foundry_gateway: forged\u{1b}[2J\u{9b}31m";

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
    let path = "/v1/models/x%0d%0a2026-01-01T00:00:00.000000Z%20%20INFO%20forged%1b%5b2J";
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
        ended.stdout.contains("forged"),
        "something of it is told: {}",
        ended.stdout
    );
    for line in ended.stdout.lines() {
        assert!(is_own(line), "{line:?}");
        assert!(!line.contains(char::is_control), "{line:?}");
    }
}
