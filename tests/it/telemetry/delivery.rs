//! Receivers that are slow, busy, strict or gone: requests do not notice, and what is lost is counted.

use std::time::Duration;

use serde_json::json;

use super::all_three;
use crate::support::{Answer, Collector, Gateway, SOON};

/// Only spans, so that every request to the receiver is one of theirs.
const SPANS_ONLY: (&str, &str) = ("OTEL_METRICS_EXPORTER", "none");

async fn until(condition: impl Fn() -> bool) {
    let met = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, met).await.unwrap();
}

fn lost(gateway: &Gateway) -> (u64, u64) {
    let losses = gateway.app.telemetry.losses();
    (losses.spans(), losses.exports())
}

#[tokio::test]
async fn bodies_are_protobuf_in_gzip_with_the_headers_that_were_asked_for() {
    let headers = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20secret");
    let (_emulator, collector, gateway) = all_three(&[headers]).await;
    gateway.ask("echo", "hi").await;
    let received = collector.until(|received| !received.spans.is_empty()).await;
    let (path, headers) = &received.requests[0];
    assert_eq!(path, "/v1/traces");
    assert_eq!(headers["content-type"], "application/x-protobuf");
    assert_eq!(headers["content-encoding"], "gzip");
    assert_eq!(headers["x-key"], "a secret");
    assert!(!headers.contains_key("authorization"));
    let plain = ("OTEL_EXPORTER_OTLP_COMPRESSION", "none");
    let (_emulator, collector, gateway) = all_three(&[plain]).await;
    gateway.ask("echo", "hi").await;
    let received = collector.until(|received| !received.spans.is_empty()).await;
    assert!(!received.requests[0].1.contains_key("content-encoding"));
}

#[tokio::test]
async fn what_a_receiver_takes_is_not_lost_and_is_sent_once() {
    for taken in [200, 202, 204] {
        let (_emulator, collector, gateway) = all_three(&[SPANS_ONLY]).await;
        collector.then(&[Answer::Status(taken)]);
        assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
        assert_eq!(collector.traces(1).await.len(), 4, "{taken}");
        assert_eq!(lost(&gateway), (0, 0), "{taken}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_busy_for_a_moment_gets_everything_in_the_end() {
    for busy in [
        Answer::Throttle(429, 1),
        Answer::Throttle(503, 1),
        Answer::Status(502),
        Answer::Status(503),
        Answer::Status(504),
    ] {
        let (_emulator, collector, gateway) = all_three(&[SPANS_ONLY]).await;
        collector.then(&[busy, Answer::Status(204)]);
        assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
        assert_eq!(collector.traces(1).await.len(), 4, "{busy:?}");
        assert_eq!(collector.received().requests.len(), 2, "{busy:?}");
        assert_eq!(lost(&gateway), (0, 0), "{busy:?}");
    }
}

#[tokio::test]
async fn what_a_receiver_refuses_is_counted_and_not_tried_again() {
    for refusal in [400, 401, 403, 404, 413, 500] {
        let (_emulator, collector, gateway) = all_three(&[SPANS_ONLY]).await;
        collector.then(&[Answer::Status(refusal), Answer::Status(204)]);
        assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
        until(|| lost(&gateway).1 == 1).await;
        let (spans, _) = lost(&gateway);
        assert!((1..=4).contains(&spans), "{refusal}: {spans}");
        // The receiver takes what comes later.
        assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
        collector.until(|received| 4 <= received.spans.len()).await;
        assert_eq!(lost(&gateway).1, 1, "{refusal}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_no_concern_of_requests() {
    let (emulator, collector, _) = all_three(&[]).await;
    let nowhere = collector.endpoint();
    drop(collector);
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", nowhere.as_str()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"),
        SPANS_ONLY,
    ];
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &settings).await;
    assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
    until(|| 0 < lost(&gateway).1).await;
}

/// The bound on spans that wait or are being sent.
const MAX_QUEUED_SPANS: u64 = 2048;

#[tokio::test]
async fn ten_thousand_requests_with_a_receiver_that_hangs_leave_a_bounded_queue_and_are_all_answered()
 {
    const REQUESTS: u64 = 10_000;
    const AT_ONCE: u64 = 20;
    // Longer than the test: the receiver never lets go of the first batch.
    let patience = ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000");
    let (_emulator, collector, gateway) = all_three(&[patience, SPANS_ONLY]).await;
    collector.then(&[Answer::Hang]);
    // The shortest of all requests that are traced: one span each.
    let ask = async || {
        let answer = gateway.http.get(gateway.url("/v1/models/x")).send().await;
        assert_eq!(answer.unwrap().status(), 401);
    };
    ask().await;
    until(|| !collector.received().requests.is_empty()).await;
    let before = resident_kilobytes();
    let client = async || {
        for _ in 0..REQUESTS / AT_ONCE {
            ask().await;
        }
    };
    futures_util::future::join_all((0..AT_ONCE).map(|_| client())).await;
    let (spans, exports) = lost(&gateway);
    // Nothing failed, nothing was sent but the first batch: what is not in the queue was turned away.
    assert_eq!(exports, 0);
    assert_eq!(collector.received().requests.len(), 1);
    assert_eq!(spans, REQUESTS + 1 - MAX_QUEUED_SPANS);
    // A turn after all of that is still answered, and whole.
    let answer = gateway
        .ask_streamed("echo", "still here")
        .await
        .text()
        .await;
    assert!(answer.unwrap().ends_with("[DONE]\n\n"));
    let grown = resident_kilobytes().saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB more");
}

/// Memory of this process, the emulator's and the receiver's included.
fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse().ok())
        .unwrap_or_default()
}

#[tokio::test]
async fn a_request_never_waits_for_the_receiver() {
    let (_emulator, collector, gateway) = all_three(&[SPANS_ONLY]).await;
    collector.then(&[Answer::Hang]);
    gateway
        .ask("echo", "the first, which the receiver takes hold of")
        .await;
    until(|| !collector.received().requests.is_empty()).await;
    // The receiver holds the exporter for ten seconds; fifty turns take a fraction of that.
    let turns = async {
        for _ in 0..50 {
            let body = json!({"model": "echo", "messages": [{"role": "user", "content": "hi"}]});
            assert_eq!(gateway.chat(body).await.status(), 200);
        }
    };
    tokio::time::timeout(Duration::from_secs(9), turns)
        .await
        .unwrap();
    assert_eq!(
        collector.received().requests.len(),
        1,
        "it still holds the first"
    );
    assert_eq!(lost(&gateway), (0, 0));
}

#[tokio::test]
async fn an_orderly_end_sends_what_is_left() {
    let emulator = crate::support::emulator(foundry_emulator::Behaviour::default()).await;
    let collector = Collector::start().await;
    let gateway = super::traced(&emulator, &collector, &[]).await;
    gateway.ask("echo", "hi").await;
    gateway.app.telemetry.clone().shut_down().await;
    let received = collector.received();
    assert_eq!(received.spans.len(), 4);
    assert!(!received.points.is_empty());
}
