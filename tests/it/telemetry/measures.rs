//! Metrics of turns, of the store and of sign-ins.

use super::{all_three, traced};
use crate::support::{Azurite, Collector, Gateway, Received, emulator};
use foundry_emulator::Behaviour;
use serde_json::json;

const OFTEN: (&str, &str) = ("OTEL_METRIC_EXPORT_INTERVAL", "200");

/// The newest point of a metric whose attributes are these, among others.
fn newest(received: &Received, metric: &str, attributes: &[(&str, &str)]) -> Option<(f64, u64)> {
    let fits = |point: &&crate::support::Point| {
        point.metric == metric
            && attributes
                .iter()
                .all(|(name, value)| point.attributes.get(*name).is_some_and(|it| it == value))
    };
    let point = received.points.iter().rev().find(fits)?;
    Some((point.sum, point.count))
}

async fn until_counted(
    collector: &Collector,
    metric: &str,
    attributes: &[(&str, &str)],
    count: u64,
) -> f64 {
    let received = collector
        .until(|received| {
            newest(received, metric, attributes).is_some_and(|(_, so_far)| so_far == count)
        })
        .await;
    newest(&received, metric, attributes).unwrap().0
}

#[tokio::test]
async fn turns_are_counted_by_caller_agent_and_outcome() {
    let (_emulator, collector, gateway) = all_three(&[OFTEN]).await;
    for _ in 0..3 {
        assert_eq!(gateway.ask("echo", "one two three").await.status(), 200);
    }
    assert_eq!(gateway.ask("fail-rate-limit", "hi").await.status(), 429);
    assert_eq!(gateway.ask("nobody", "hi").await.status(), 404);
    let echo = [("gen_ai.agent.name", "echo"), ("gateway.caller", "test")];
    let tokens = "gen_ai.client.token.usage";
    let of_type = |kind| [echo[0], echo[1], ("gen_ai.token.type", kind)];
    assert!(until_counted(&collector, tokens, &of_type("input"), 3).await > 0.0);
    assert!(until_counted(&collector, tokens, &of_type("output"), 3).await > 0.0);
    let duration = "gen_ai.client.operation.duration";
    let whole = until_counted(&collector, duration, &echo, 3).await;
    let first = "gen_ai.client.operation.time_to_first_chunk";
    let first = until_counted(&collector, first, &echo, 3).await;
    assert!(0.0 < first && first <= whole, "{first} of {whole}");
    let limited = [
        ("error.type", "rate_limit_exceeded"),
        ("gateway.outcome", "error"),
    ];
    until_counted(&collector, duration, &limited, 1).await;
    until_counted(
        &collector,
        duration,
        &[("error.type", "model_not_found")],
        1,
    )
    .await;
    assert!(until_counted(&collector, "gateway.request.overhead", &[], 5).await > 0.0);
    until_counted(
        &collector,
        "gateway.continuity.turns",
        &[("gateway.continuity", "new")],
        1,
    )
    .await;
    let points = collector.received().points;
    let nobody = points
        .iter()
        .find(|point| format!("{point:?}").contains("nobody"));
    assert!(
        nobody.is_none(),
        "names that clients make up are no labels: {nobody:?}"
    );
    assert!(points.iter().all(|point| !point.delta));
}

#[tokio::test]
async fn streams_in_the_making_are_counted_until_their_clients_leave() {
    let (_emulator, collector, gateway) = all_three(&[OFTEN]).await;
    let active = |count: f64| {
        move |received: &Received| {
            newest(received, "gateway.streams.active", &[])
                .is_some_and(|(sum, _)| (sum - count).abs() < 0.5)
        }
    };
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = gateway.ask_streamed("stall-middle", "hi").await;
        stream.chunk().await.unwrap().unwrap();
        streams.push(stream);
    }
    collector.until(active(3.0)).await;
    drop(streams);
    collector.until(active(0.0)).await;
}

#[tokio::test]
async fn the_table_is_timed_and_its_operations_are_spans_of_the_turn() {
    let azurite = Azurite::with_shared_key().await;
    let string = azurite.connection_string();
    let emulator = emulator(Behaviour::default()).await;
    let collector = Collector::start().await;
    let table = ("THREADS_CONNECTION_STRING", string.as_str());
    // The first operation of all makes the table.
    let patient = ("GATEWAY_STORE_TIMEOUT_SECONDS", "10");
    let gateway = traced(&emulator, &collector, &[OFTEN, table, patient]).await;
    ask_twice(&gateway).await;
    let spans = collector.traces(2).await;
    let named = |name: &str| spans.iter().filter(|span| span.name == name).count();
    assert_eq!((named("store get"), named("store insert")), (1, 4));
    for span in spans.iter().filter(|span| span.name.starts_with("store ")) {
        let parent = spans
            .iter()
            .find(|other| other.id == span.parent_id)
            .unwrap();
        let expected = match span.name.as_str() {
            "store get" => "continuity",
            _ => "continuity record",
        };
        assert_eq!(parent.name, expected);
        assert_eq!(
            (span.kind, span.text("gateway.store.kind")),
            ("client", "table")
        );
    }
    let duration = "gateway.store.operation.duration";
    let done = |operation| {
        [
            ("gateway.store.operation", operation),
            ("gateway.outcome", "done"),
        ]
    };
    until_counted(&collector, duration, &done("insert"), 4).await;
    until_counted(&collector, duration, &done("get"), 1).await;
}

#[tokio::test]
async fn a_store_that_is_down_is_told_by_span_and_metric() {
    let emulator = emulator(Behaviour::default()).await;
    let collector = Collector::start().await;
    let down = ("THREADS_CONNECTION_STRING", "UseDevelopmentStorage=true;");
    let nowhere = "AccountName=a;AccountKey=aGk=;TableEndpoint=http://127.0.0.1:9/a;";
    let gateway = traced(&emulator, &collector, &[OFTEN, (down.0, nowhere)]).await;
    ask_twice(&gateway).await;
    let spans = collector.traces(2).await;
    let get = spans.iter().find(|span| span.name == "store get").unwrap();
    assert!(get.failed);
    assert_eq!(get.text("error.type"), "unavailable");
    let found = spans.iter().filter(|span| span.name == "continuity");
    let found: Vec<&str> = found.map(|span| span.text("gateway.continuity")).collect();
    assert_eq!(found, ["new", "miss"]);
    // What is stored is tried again in the background, so that there may be more than one.
    let failed = [
        ("gateway.store.operation", "get"),
        ("gateway.outcome", "unavailable"),
    ];
    let duration = "gateway.store.operation.duration";
    collector
        .until(|received| newest(received, duration, &failed).is_some())
        .await;
}

/// A conversation of two turns.
async fn ask_twice(gateway: &Gateway) {
    assert_eq!(gateway.ask("echo", "one").await.status(), 200);
    let messages = json!([
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "two"},
    ]);
    let second = gateway
        .chat(json!({"model": "echo", "messages": messages}))
        .await;
    assert_eq!(second.status(), 200);
}
