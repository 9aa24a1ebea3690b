//! Every bound on what clients send, hit.

use std::time::Duration;

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Gateway, KEY, SOON, emulator_and_gateway, error_of};

async fn gateway_with(settings: &[(&str, &str)]) -> (foundry_emulator::Emulator, Gateway) {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), settings).await;
    (emulator, gateway)
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_MAX_BODY_BYTES", "5000")]).await;
    let (status, error) = error_of(gateway.ask("echo", &"x".repeat(6000)).await).await;
    assert_eq!((status, &error["code"]), (413, &"request_too_large".into()));
    assert_eq!(gateway.ask("echo", &"x".repeat(4000)).await.status(), 200);
}

#[tokio::test]
async fn a_body_of_many_megabytes_passes_by_default() {
    let (_emulator, gateway) = gateway_with(&[]).await;
    let text = "0123456789".repeat(500_000);
    let answer = gateway.ask("echo", &text).await.text().await.unwrap();
    assert!(answer.contains(&text));
}

#[tokio::test]
async fn requests_over_the_limit_in_flight_are_refused_and_told_when_to_come_back() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_MAX_CONCURRENT_REQUESTS", "1")]).await;
    let mut held = gateway.ask_streamed("stall-middle", "hi").await;
    held.chunk().await.unwrap().unwrap();
    let refused = gateway.ask("echo", "hi").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    let (status, error) = error_of(refused).await;
    assert_eq!(
        (status, &error["code"]),
        (503, &"gateway_overloaded".into())
    );
    assert_eq!(
        gateway.get("/healthz").await.status(),
        200,
        "probes are not counted"
    );
}

/// Sends `request` and gives what comes back until the gateway closes the connection.
async fn raw_until_closed(gateway: &Gateway, request: &str) -> String {
    let mut stream = TcpStream::connect(gateway.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(SOON, stream.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn half_sent_headers_and_idle_connections_are_closed() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_HEADER_TIMEOUT_SECONDS", "0.3")]).await;
    assert_eq!(
        raw_until_closed(
            &gateway,
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n"
        )
        .await,
        ""
    );
    let answer = raw_until_closed(&gateway, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn a_body_that_does_not_arrive_times_out() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_BODY_TIMEOUT_SECONDS", "0.3")]).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\napi-key: {KEY}\r\ncontent-length: 50\r\n\r\n{{"
    );
    let answer = raw_until_closed(&gateway, &head).await;
    assert!(
        answer.starts_with("HTTP/1.1 408 ") && answer.contains("request_timeout"),
        "{answer}"
    );
}

#[tokio::test]
async fn bad_bodies_are_told_in_openais_shape() {
    let (emulator, gateway) = gateway_with(&[]).await;
    let rows = [
        ("", "invalid_json"),
        ("nonsense", "invalid_json"),
        ("[]", "invalid_json"),
        ("{\"model\":\"echo\",", "invalid_json"),
        ("{}", "missing_required_parameter"),
        ("{\"model\":\"echo\"}", "missing_required_parameter"),
        ("{\"model\":\"echo\",\"messages\":{}}", "invalid_type"),
        ("{\"model\":[],\"messages\":[]}", "invalid_type"),
    ];
    for (body, code) in rows {
        let (status, error) = error_of(gateway.post(body).await).await;
        assert_eq!((status, &error["code"]), (400, &code.into()), "{body}");
    }
    let not_utf8 =
        b"{\"model\":\"echo\",\"messages\":[{\"role\":\"user\",\"content\":\"\xff\"}]}".to_vec();
    let (status, _) = error_of(gateway.post(not_utf8).await).await;
    assert_eq!(status, 400);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let body = format!("{{\"model\":\"echo\",\"messages\":{deep}}}");
    let (status, _) = error_of(gateway.post(body).await).await;
    assert_eq!(status, 400);
    assert_eq!(emulator.journal().requests().len(), 0);
}

#[tokio::test]
async fn a_slow_reader_holds_back_the_agent_and_gets_every_byte() {
    let (_emulator, gateway) = gateway_with(&[]).await;
    let text = "word ".repeat(20_000);
    let body =
        json!({"model": "echo", "stream": true, "messages": [{"role": "user", "content": text}]});
    let mut response = gateway.chat(body).await;
    let mut stream = Vec::new();
    let mut reads = 0;
    while let Some(chunk) = response.chunk().await.unwrap() {
        stream.extend_from_slice(&chunk);
        reads += 1;
        if reads % 50 == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let stream = String::from_utf8(stream).unwrap();
    assert_eq!(crate::support::text_of(&stream), text);
    assert!(stream.ends_with("data: [DONE]\n\n"));
}

#[tokio::test]
async fn names_of_ignored_fields_fill_no_header() {
    let (_emulator, gateway) = gateway_with(&[]).await;
    let mut body = json!({"model": "echo", "messages": [{"role": "user", "content": "hi"}]});
    for number in 0..1000 {
        let name = format!("unknown_{number}_{}", "x".repeat(100));
        body.as_object_mut().unwrap().insert(name, json!(1));
    }
    let response = gateway.chat(body).await;
    assert_eq!(response.status(), 200);
    let names = response.headers()["x-ignored-params"].to_str().unwrap();
    let names: Vec<&str> = names.split(',').collect();
    assert_eq!(names.len(), 65);
    assert!(names.iter().all(|name| name.len() <= 64));
    assert_eq!(names.last(), Some(&"..."), "that there are more is told");
}

#[tokio::test]
async fn an_answer_over_the_limit_is_told_as_one_that_cannot_be_read() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_MAX_ANSWER_BYTES", "20000")]).await;
    let long = "word ".repeat(2_000);
    let (status, error) = error_of(gateway.ask("echo", &long).await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_unreadable".into())
    );
    let stream = gateway.ask_streamed("echo", &long).await;
    let stream = stream.text().await.unwrap();
    assert!(stream.contains("upstream_unreadable"), "{stream}");
    assert!(!stream.contains("[DONE]"));
    assert_eq!(gateway.ask("echo", "short").await.status(), 200);
}

#[tokio::test]
async fn what_a_classic_agent_would_not_take_is_not_sent() {
    let (emulator, gateway) = gateway_with(&[]).await;
    let too_long = "x".repeat(1_500_001);
    let too_many: Vec<_> = (0..100_001)
        .map(|_| json!({"role": "user", "content": "x"}))
        .collect();
    let rows = [
        (json!([{"role": "user", "content": too_long}]), "1500000"),
        (json!(too_many), "100000"),
    ];
    for (messages, limit) in rows {
        let body = json!({"model": "asst_echo", "messages": messages});
        let (status, error) = error_of(gateway.chat(body).await).await;
        assert_eq!((status, &error["code"]), (400, &"invalid_request".into()));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(limit), "{message}");
    }
    assert_eq!(emulator.journal().requests(), []);
}
