//! Who gets in, and how far.

mod agents;
mod limits;

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Gateway, KEY, SOON, emulator_and_gateway, error_of};

async fn models_with(gateway: &Gateway, header: Option<(&str, &str)>) -> reqwest::Response {
    let request = gateway.http.get(gateway.url("/v1/models"));
    let request = match header {
        Some((name, value)) => request.header(name, value),
        None => request,
    };
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_key_is_accepted_in_either_header_and_nothing_else_is() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let bearer = format!("Bearer {KEY}");
    assert_eq!(
        models_with(&gateway, Some(("authorization", &bearer)))
            .await
            .status(),
        200
    );
    assert_eq!(
        models_with(&gateway, Some(("api-key", KEY))).await.status(),
        200
    );
    let rows = [
        (None, "missing_api_key"),
        (
            Some(("authorization", "Bearer wrong-key-0123456789")),
            "invalid_api_key",
        ),
        (Some(("api-key", "wrong-key-0123456789")), "invalid_api_key"),
        (Some(("authorization", "Basic dGVzdA==")), "missing_api_key"),
    ];
    for (header, code) in rows {
        let response = models_with(&gateway, header).await;
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        let (status, error) = error_of(response).await;
        assert_eq!((status, &error["code"]), (401, &code.into()));
        assert!(!error.to_string().contains("0123456789"), "{error}");
    }
}

#[tokio::test]
async fn no_agent_is_asked_for_a_caller_who_is_not_known() {
    let (emulator, gateway) = emulator_and_gateway().await;
    let body = r#"{"model":"echo","messages":[{"role":"user","content":"hi"}]}"#;
    let response = gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(emulator.journal().requests().len(), 0);
}

#[tokio::test]
async fn the_gateway_is_open_only_when_asked_to_be() {
    let (emulator, _) = emulator_and_gateway().await;
    let settings = [
        ("GATEWAY_API_KEYS", ""),
        ("GATEWAY_ALLOW_ANONYMOUS", "true"),
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    assert_eq!(models_with(&gateway, None).await.status(), 200);
}

#[tokio::test]
async fn request_ids_are_echoed_and_made_where_missing() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let with_id = |id: &str| {
        gateway
            .http
            .get(gateway.url("/healthz"))
            .header("x-request-id", id)
            .send()
    };
    assert_eq!(
        with_id("abc-123").await.unwrap().headers()["x-request-id"],
        "abc-123"
    );
    let longest = "x".repeat(128);
    assert_eq!(
        with_id(&longest).await.unwrap().headers()["x-request-id"],
        longest
    );
    for unusable in ["a b\"<script>", &"x".repeat(129)] {
        let replaced = with_id(unusable).await.unwrap();
        let id = replaced.headers()["x-request-id"].to_str().unwrap();
        assert!(id.starts_with("req_"), "{id}");
    }
}

/// Status line and `connection` header of each answer on one connection.
async fn raw_answers(gateway: &Gateway, pieces: &[&str], answers: usize) -> Vec<(String, bool)> {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    let mut seen = String::new();
    let heads = |seen: &str| seen.matches("HTTP/1.1 ").count();
    for piece in pieces {
        stream.write_all(piece.as_bytes()).await.unwrap();
        // Time for the server to answer the head before the rest comes.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while heads(&seen) < answers {
        let mut buffer = [0; 4096];
        let length = tokio::time::timeout(SOON, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
        assert!(0 < length, "closed after {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    let answers = seen.split("HTTP/1.1 ").skip(1);
    answers
        .map(|answer| (answer[..3].to_owned(), answer.contains("connection: close")))
        .collect()
}

#[tokio::test]
async fn a_refused_request_leaves_its_connection_usable_or_says_that_it_does_not() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let head = "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: wrong-key-0123456789\r\ncontent-length: 2\r\n\r\n";
    let next = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let answers = raw_answers(&gateway, &[head, "{}", next], 2).await;
    assert_eq!(
        answers,
        [("401".to_owned(), false), ("200".to_owned(), false)]
    );
    let never_sent = raw_answers(&gateway, &[head], 1).await;
    assert_eq!(never_sent, [("401".to_owned(), true)]);
    let huge = head.replace("content-length: 2", "content-length: 999999999");
    assert_eq!(
        raw_answers(&gateway, &[&huge], 1).await,
        [("401".to_owned(), true)]
    );
}
