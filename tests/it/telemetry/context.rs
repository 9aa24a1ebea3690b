//! Which trace a turn belongs to, and who is told.

use serde_json::json;

use super::{all_three, traced};
use crate::support::{Collector, Gateway, KEY, ScriptedUpstream};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

const ANSWER: &str =
    "event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n";

/// One turn of a client that sends these headers; what the service was sent as `traceparent`.
async fn turn(
    upstream: &ScriptedUpstream,
    gateway: &Gateway,
    headers: &[(&str, String)],
) -> Option<String> {
    upstream.then_stream(ANSWER);
    let mut request = gateway
        .http
        .post(gateway.url("/v1/chat/completions"))
        .bearer_auth(KEY)
        .body(
            json!({"model": "echo", "messages": [{"role": "user", "content": "hi"}]}).to_string(),
        );
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    assert_eq!(request.send().await.unwrap().status(), 200);
    let received = upstream.received();
    let headers = &received.last().unwrap().headers;
    assert!(!headers.contains_key("baggage"), "{headers:?}");
    let traceparent = headers.get("traceparent")?;
    Some(traceparent.to_str().unwrap().to_owned())
}

async fn scripted(settings: &[(&str, &str)]) -> (ScriptedUpstream, Collector, Gateway) {
    let upstream = ScriptedUpstream::start().await;
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    all.extend_from_slice(settings);
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &all).await;
    (upstream, collector, gateway)
}

#[tokio::test]
async fn a_turn_is_part_of_its_clients_trace_and_the_service_is_told() {
    let (upstream, collector, gateway) = scripted(&[]).await;
    let headers = [
        ("traceparent", format!("00-{TRACE}-{PARENT}-01")),
        ("tracestate", "vendor=1".to_owned()),
        ("baggage", "secret=1".to_owned()),
    ];
    let told = turn(&upstream, &gateway, &headers).await.unwrap();
    let spans = collector.traces(1).await;
    assert!(
        spans.iter().all(|span| span.trace_id == TRACE),
        "{spans:#?}"
    );
    let of_kind = |kind: &str| spans.iter().find(|span| span.kind == kind).unwrap();
    assert_eq!(of_kind("server").parent_id, PARENT);
    assert_eq!(of_kind("client").parent_id, of_kind("server").id);
    assert_eq!(told, format!("00-{TRACE}-{}-01", of_kind("client").id));
    let received = upstream.received();
    assert_eq!(received[0].headers["tracestate"], "vendor=1");
}

#[tokio::test]
async fn a_trace_that_its_client_does_not_record_is_not_recorded_here_but_goes_on() {
    let (upstream, collector, gateway) = scripted(&[]).await;
    let unsampled = [("traceparent", format!("00-{TRACE}-{PARENT}-00"))];
    let told = turn(&upstream, &gateway, &unsampled).await.unwrap();
    assert!(
        told.starts_with(&format!("00-{TRACE}-")) && told.ends_with("-00"),
        "{told}"
    );
    // A recorded one after it shows that the first would have arrived.
    let sampled = [("traceparent", format!("00-{}-{PARENT}-01", "1".repeat(32)))];
    turn(&upstream, &gateway, &sampled).await;
    let spans = collector.traces(1).await;
    assert!(
        spans.iter().all(|span| span.trace_id != TRACE),
        "{spans:#?}"
    );
}

#[tokio::test]
async fn the_ratio_decides_on_traces_that_begin_here_only() {
    let (upstream, collector, gateway) = scripted(&[("GATEWAY_TRACE_SAMPLE_RATIO", "0")]).await;
    for _ in 0..5 {
        let told = turn(&upstream, &gateway, &[]).await.unwrap();
        assert!(told.ends_with("-00"), "{told}");
    }
    let sampled = [("traceparent", format!("00-{TRACE}-{PARENT}-01"))];
    turn(&upstream, &gateway, &sampled).await;
    let spans = collector.traces(1).await;
    assert!(
        spans.iter().all(|span| span.trace_id == TRACE),
        "{spans:#?}"
    );

    let (upstream, collector, gateway) = scripted(&[("GATEWAY_TRACE_SAMPLE_RATIO", "0.5")]).await;
    let mut recorded = 0;
    for _ in 0..100 {
        let told = turn(&upstream, &gateway, &[]).await.unwrap();
        recorded += usize::from(told.ends_with("-01"));
    }
    // Once in 10^9 runs this is wrong.
    assert!((20..=80).contains(&recorded), "{recorded}");
    let spans = collector.traces(recorded).await;
    assert_eq!(
        spans.iter().filter(|span| span.kind == "server").count(),
        recorded
    );
}

#[tokio::test]
async fn what_cannot_be_read_as_a_parent_begins_a_new_trace() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    for parent in [
        "",
        "hunter2",
        "00-00000000000000000000000000000000-0000000000000000-01",
    ] {
        let request = gateway.http.get(gateway.url("/v1/models"));
        let request = request.bearer_auth(KEY).header("traceparent", parent);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let spans = collector.traces(3).await;
    assert!(
        spans
            .iter()
            .all(|span| span.kind != "server" || span.parent_id.is_empty())
    );
}

#[tokio::test]
async fn without_a_receiver_nothing_is_made_and_nothing_is_sent() {
    let upstream = ScriptedUpstream::start().await;
    let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &[]).await;
    assert!(!gateway.app.telemetry.is_on());
    let headers = [("traceparent", format!("00-{TRACE}-{PARENT}-01"))];
    assert_eq!(turn(&upstream, &gateway, &headers).await, None);
}

#[tokio::test]
async fn everything_names_its_sender() {
    let (emulator, collector, _) = all_three(&[]).await;
    let gateway = traced(
        &emulator,
        &collector,
        &[
            ("OTEL_SERVICE_NAME", "the-host"),
            ("WEBSITE_SITE_NAME", "my-app"),
            ("GATEWAY_SERVICE_NAME", "my-gateway"),
        ],
    )
    .await;
    gateway.get("/v1/models").await;
    let spans = collector.traces(1).await;
    assert_eq!(spans[0].resource["service.name"], "my-gateway");
    assert_eq!(spans[0].resource["faas.name"], "my-app");
    assert_eq!(
        spans[0].resource["service.version"],
        env!("CARGO_PKG_VERSION")
    );
}
