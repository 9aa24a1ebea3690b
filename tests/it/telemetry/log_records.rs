//! Log records over OTLP, and lines on standard output: each is told in one place.

use foundry_emulator::Behaviour;
use serde_json::{Value, json};

use crate::support::{Collector, Program, emulator};

#[tokio::test]
async fn records_are_sent_with_their_trace_and_are_not_on_standard_output_too() {
    let emulator = emulator(Behaviour::default()).await;
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let settings = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_METRICS_EXPORTER", "none"),
    ];
    let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    assert_eq!(client.ask("fail-server-error", "hi").await.status(), 502);
    let spans = collector.traces(2).await;
    let requests = |received: &crate::support::Received| {
        received
            .logs
            .iter()
            .filter(|log| log.body == "request")
            .count()
            == 2
    };
    let logs = collector.until(requests).await.logs;
    let failed = logs.iter().find(|log| log.level == "WARN").unwrap();
    let server =
        |span: &&crate::support::Span| span.trace_id == failed.trace_id && span.kind == "server";
    let span = spans.iter().find(server).unwrap();
    assert_eq!(span.text("error.type"), "upstream_failed");
    assert_eq!(failed.attributes["error.code"], "upstream_failed");
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout.lines().count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("listening"), "{}", ended.stdout);
}

#[tokio::test]
async fn where_only_spans_and_metrics_are_sent_every_line_is_on_standard_output() {
    let emulator = emulator(Behaviour::default()).await;
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let settings = [("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    collector.traces(1).await;
    let ended = program.terminate().await;
    assert_eq!(
        ended.stdout.matches("\"request\"").count() + ended.stdout.matches(" request ").count(),
        1,
        "{}",
        ended.stdout
    );
    assert!(collector.received().logs.is_empty());
}

#[tokio::test]
async fn the_line_of_a_turn_tells_its_own_time_the_services_and_the_tokens() {
    let emulator = emulator(Behaviour {
        first_delta_ms: 300,
        ..Behaviour::default()
    })
    .await;
    let settings = [
        ("FOUNDRY_PROJECT_ENDPOINT", emulator.project_endpoint()),
        ("FOUNDRY_ACCESS_TOKEN", "test-token".to_owned()),
        ("GATEWAY_API_KEYS", format!("test={}", crate::support::KEY)),
        ("PORT", "0".to_owned()),
        ("GATEWAY_LOG_FORMAT", "json".to_owned()),
    ];
    let borrowed: Vec<(&str, &str)> = settings
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let program = Program::start(&[], &borrowed);
    let started = program.until_stdout_has("listening").await;
    let started: Value = serde_json::from_str(started.lines().next().unwrap()).unwrap();
    let client = crate::support::Client::of(started["address"].as_str().unwrap().parse().unwrap());
    for (agent, streamed, error) in [
        ("echo", false, None),
        ("asst_echo", true, None),
        ("fail-cut", true, Some("upstream_broken_off")),
    ] {
        let answer = if streamed {
            client.ask_streamed(agent, "hi").await
        } else {
            client.ask(agent, "hi").await
        };
        drop(answer.text().await);
        let wanted = format!("\"agent\":\"{agent}\"");
        let log = program.until_stdout_has(&wanted).await;
        let line = log.lines().find(|line| line.contains(&wanted)).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        let number = |name: &str| {
            line[name]
                .as_f64()
                .unwrap_or_else(|| panic!("no {name}: {line}"))
        };
        assert!(300.0 <= number("upstream_ms"), "{line}");
        let sum = number("upstream_ms") + number("own_ms");
        assert!((sum - number("duration_ms")).abs() < 0.01, "{line}");
        assert_eq!(
            line["outcome"],
            if error.is_some() { "error" } else { "done" },
            "{line}"
        );
        assert_eq!(line["error.code"].as_str(), error, "{line}");
        if error.is_none() {
            assert!(
                0.0 < number("input_tokens") && 0.0 < number("output_tokens"),
                "{line}"
            );
            assert_eq!(
                (&line["cached_tokens"], &line["reasoning_tokens"]),
                (&json!(0), &json!(0))
            );
        }
    }
}
