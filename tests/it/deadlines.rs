//! Deadlines over real TCP, scaled down; the rules themselves are tested on paused time beside the code.

mod background;

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::support::{Gateway, emulator_and_gateway, error_of, events_of};

const SHORT: &str = "0.3";
const LONG: Duration = Duration::from_secs(5);

async fn gateway_with(settings: &[(&str, &str)]) -> (foundry_emulator::Emulator, Gateway) {
    let (emulator, _) = emulator_and_gateway().await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), settings).await;
    (emulator, gateway)
}

async fn times_out(gateway: &Gateway, agent: &str) {
    let start = Instant::now();
    let response = gateway.ask(agent, "hi").await;
    assert_eq!(response.headers()["x-should-retry"], "false");
    let (status, error) = error_of(response).await;
    assert_eq!(
        (status, &error["code"]),
        (504, &"upstream_timeout".into()),
        "{agent}"
    );
    assert!(start.elapsed() < LONG, "{agent} took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_service_that_sends_no_headers_times_out() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS", SHORT)]).await;
    times_out(&gateway, "stall-headers").await;
    times_out(&gateway, "asst_stall_headers").await;
}

#[tokio::test]
async fn a_service_that_falls_silent_times_out() {
    let (_emulator, gateway) = gateway_with(&[("GATEWAY_IDLE_TIMEOUT_SECONDS", SHORT)]).await;
    for agent in [
        "stall-created",
        "stall-middle",
        "asst_stall_created",
        "asst_stall_middle",
    ] {
        times_out(&gateway, agent).await;
    }
}

#[tokio::test]
async fn a_whole_answer_is_bounded_streamed_or_not() {
    let settings = [
        ("GATEWAY_RESPONSE_TIMEOUT_SECONDS", SHORT),
        ("GATEWAY_STREAM_TIMEOUT_SECONDS", SHORT),
    ];
    let (_emulator, gateway) = gateway_with(&settings).await;
    for agent in ["stall-headers", "stall-created", "stall-middle"] {
        times_out(&gateway, agent).await;
    }
    let stream = gateway
        .ask_streamed("stall-middle", "hi")
        .await
        .text()
        .await
        .unwrap();
    assert!(
        events_of(&stream)
            .last()
            .unwrap()
            .contains("upstream_timeout"),
        "{stream}"
    );
}

#[tokio::test]
async fn a_silent_agent_commits_to_the_stream_and_is_kept_alive() {
    let settings = [
        ("GATEWAY_COMMIT_SECONDS", SHORT),
        ("GATEWAY_HEARTBEAT_SECONDS", "0.1"),
        ("GATEWAY_STREAM_TIMEOUT_SECONDS", "1.5"),
    ];
    let (_emulator, gateway) = gateway_with(&settings).await;
    for agent in [
        "stall-headers",
        "stall-created",
        "stall-middle",
        "asst_stall_headers",
    ] {
        let response = gateway.ask_streamed(agent, "hi").await;
        assert_eq!(response.status(), 200, "{agent}");
        let stream = response.text().await.unwrap();
        assert!(
            3 < stream.matches(": keep-alive\n\n").count(),
            "{agent}: {stream}"
        );
        assert!(
            events_of(&stream)
                .last()
                .unwrap()
                .contains("upstream_timeout"),
            "{agent}: {stream}"
        );
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_reached_is_told_at_once() {
    let gateway = Gateway::in_front_of("http://127.0.0.1:9/api/projects/none", &[]).await;
    let start = Instant::now();
    let body = json!({"model": "a", "messages": [{"role": "user", "content": "hi"}]});
    let (status, error) = error_of(gateway.chat(body).await).await;
    assert_eq!(
        (status, &error["code"]),
        (502, &"upstream_unreachable".into())
    );
    assert!(start.elapsed() < LONG);
}
