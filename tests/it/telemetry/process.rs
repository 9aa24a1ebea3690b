//! The program as a process: killed without notice, signed in to Azure, or with a connection string alone.

use std::{io::Read, time::Duration};

use flate2::read::GzDecoder;
use foundry_emulator::Behaviour;
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Answer, Client, Collector, Program, Received, ScriptedUpstream, emulator};

async fn serve(
    collector: &Collector,
    settings: &[(&str, &str)],
) -> (foundry_emulator::Emulator, Program, Client) {
    let emulator = emulator(Behaviour::default()).await;
    let endpoint = collector.endpoint();
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    all.extend_from_slice(settings);
    let (program, client) = Program::serve(&emulator.project_endpoint(), &all).await;
    (emulator, program, client)
}

/// What the Functions host leaves between the end of a turn and the end of the process, in the worst case that is
/// promised.
const GRACE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn spans_of_a_turn_have_left_a_second_after_its_end_when_the_process_is_killed() {
    let collector = Collector::start().await;
    let (_emulator, program, client) = serve(&collector, &[]).await;
    // Not the first batch, so that the moment within a period is any.
    client.ask("echo", "the first").await;
    collector.traces(1).await;
    let stream = client.ask_streamed("echo", "the last").await;
    assert!(stream.text().await.unwrap().ends_with("[DONE]\n\n"));
    let killed_at = Instant::now() + GRACE;
    tokio::time::sleep_until(killed_at).await;
    program.signal("KILL").await;
    let ended = program.ended().await;
    assert_eq!(ended.code, None);
    // Whatever arrives has been sent before the kill.
    let spans = collector.traces(2).await;
    let turns = spans.iter().filter(|span| span.kind == "client");
    assert_eq!(turns.count(), 2);
}

#[tokio::test]
async fn a_failing_receiver_is_told_once_and_with_what_to_do() {
    let collector = Collector::start().await;
    collector.then(&[Answer::Status(403)]);
    let (_emulator, program, client) =
        serve(&collector, &[("OTEL_METRIC_EXPORT_INTERVAL", "100")]).await;
    client.ask("echo", "hi").await;
    collector
        .until(|received| 20 <= received.requests.len())
        .await;
    let ended = program.terminate().await;
    let told: Vec<&str> = ended
        .stdout
        .lines()
        .filter(|line| line.contains("WARN"))
        .collect();
    assert_eq!(told.len(), 1, "{told:#?}");
    for part in [
        "telemetry could not be delivered",
        "403 Forbidden",
        "GATEWAY_OTLP_HEADERS",
    ] {
        assert!(told[0].contains(part), "{told:#?}");
    }
    assert_eq!(ended.stderr, "");
}

/// An endpoint of a managed identity that gives tokens.
async fn managed_identity() -> (ScriptedUpstream, String) {
    let identity = ScriptedUpstream::start().await;
    let expires = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs()
        + 3600;
    for token in ["token-1", "token-2"] {
        identity.then_json(
            200,
            serde_json::json!({"access_token": token, "expires_on": expires.to_string(),
                "resource": "r", "token_type": "Bearer"}),
        );
    }
    let endpoint = format!("{}/token", identity.project_endpoint());
    (identity, endpoint)
}

#[tokio::test]
async fn azure_monitor_gets_a_token_of_the_gateways_identity_and_nobody_else_does() {
    let (identity, identity_endpoint) = managed_identity().await;
    let azure = Collector::start().await;
    let other = Collector::start().await;
    let rule = format!("{}/dataCollectionRules/dcr-1/streams", azure.endpoint());
    let traces = format!("{rule}/Microsoft-OTLP-Traces/otlp/v1/traces");
    let metrics = format!("{rule}/Custom-Metrics-Otel/otlp/v1/metrics");
    let settings = [
        ("GATEWAY_OTLP_TRACES_ENDPOINT", traces.as_str()),
        ("GATEWAY_OTLP_METRICS_ENDPOINT", metrics.as_str()),
        ("GATEWAY_OTLP_AUTH", "entra"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-other"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
        ("FOUNDRY_ACCESS_TOKEN", ""),
        ("IDENTITY_ENDPOINT", identity_endpoint.as_str()),
        ("IDENTITY_HEADER", "secret"),
    ];
    let (_emulator, _program, client) = serve(&other, &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let spans = azure.traces(1).await;
    // The sign-in to Foundry, which the turn had to wait for.
    let signed_in = |received: &Received| {
        let mut points = received.points.iter();
        points.any(|point| point.metric == "gateway.token.acquisition.duration")
    };
    let received = azure.until(signed_in).await;
    for (path, headers) in &received.requests {
        assert!(
            path.starts_with("/dataCollectionRules/dcr-1/streams/"),
            "{path}"
        );
        let token = headers["authorization"].to_str().unwrap();
        assert!(token.starts_with("Bearer token-"), "{token}");
        assert!(!headers.contains_key("x-key"));
    }
    let histograms = received.points.iter().filter(|point| point.exponential);
    assert!(0 < histograms.count());
    assert!(
        received
            .points
            .iter()
            .all(|point| point.delta || point.metric == "gateway.streams.active")
    );
    let asked: Vec<String> = identity
        .received()
        .iter()
        .map(|asked| asked.path.clone())
        .collect();
    assert!(
        asked.iter().any(|path| path.contains("monitor.azure.com")),
        "{asked:?}"
    );
    let logs = other.until(|received| !received.logs.is_empty()).await;
    let (_, headers) = &logs.requests[0];
    assert_eq!(headers["x-key"], "of-the-other");
    assert!(!headers.contains_key("authorization"));
    let sign_in = spans.iter().find(|span| span.name == "sign in").unwrap();
    let parent = spans
        .iter()
        .find(|span| span.id == sign_in.parent_id)
        .unwrap();
    assert_eq!(parent.name, "invoke_agent echo");
    assert_eq!(sign_in.text("microsoft.gen_ai.main_agent.name"), "echo");
}

#[tokio::test]
async fn a_connection_string_alone_brings_spans_into_application_insights_once_the_gateway_is_told_to()
 {
    for (told_to, expected) in [("true", true), ("false", false)] {
        // The library speaks to Application Insights over HTTPS only.
        let (insights, certificate) = ScriptedUpstream::start_https().await;
        let folder = tempfile::tempdir().unwrap();
        let trusted = folder.path().join("certificate.pem");
        std::fs::write(&trusted, certificate).unwrap();
        let accepted = serde_json::json!({"itemsReceived": 1, "itemsAccepted": 1, "errors": []});
        insights.then_json(200, accepted);
        let string = format!(
            "InstrumentationKey=11111111-1111-1111-1111-111111111111;IngestionEndpoint={}/",
            insights.origin()
        );
        let emulator = emulator(Behaviour::default()).await;
        let settings = [
            ("APPLICATIONINSIGHTS_CONNECTION_STRING", string.as_str()),
            ("GATEWAY_APPLICATION_INSIGHTS", told_to),
            ("SSL_CERT_FILE", trusted.to_str().unwrap()),
        ];
        let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
        assert_eq!(client.ask("echo", "hi").await.status(), 200);
        let ended = program.terminate().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let received = insights.received();
        assert_eq!(!received.is_empty(), expected, "{told_to}");
        if !expected {
            continue;
        }
        let items = items(&received[0].bytes);
        let kinds: Vec<&str> = items
            .iter()
            .map(|item| item["data"]["baseType"].as_str().unwrap())
            .collect();
        assert!(
            kinds.contains(&"RequestData") && kinds.contains(&"RemoteDependencyData"),
            "{kinds:?}"
        );
        let turn = items
            .iter()
            .find(|item| item["data"]["baseData"]["name"] == "invoke_agent echo")
            .unwrap();
        let properties = &turn["data"]["baseData"]["properties"];
        assert_eq!(properties["gen_ai.agent.name"], "echo", "{turn}");
        assert_eq!(turn["tags"]["ai.cloud.role"], "foundry-gateway", "{turn}");
    }
}

fn items(body: &[u8]) -> Vec<Value> {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn demo_and_plain_runs_send_nothing_and_say_nothing_of_it() {
    let emulator = emulator(Behaviour::default()).await;
    let (program, client) = Program::serve(&emulator.project_endpoint(), &[]).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let threads = std::fs::read_dir(format!("/proc/{}/task", program.pid())).unwrap();
    let names: Vec<String> = threads
        .map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap())
        .collect();
    assert!(
        !names.iter().any(|name| name.contains("OpenTelemetry")),
        "{names:?}"
    );
    let ended = program.terminate().await;
    assert!(
        ended.stdout.contains("telemetry=\"none\""),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.stdout.lines().count(), 2, "{}", ended.stdout);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_up_the_end_of_the_process_no_longer_than_its_limit() {
    let emulator = emulator(Behaviour::default()).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    let settings = [
        ("GATEWAY_OTLP_TRACES_ENDPOINT", endpoint.as_str()),
        // Nothing but the limit ends the wait.
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
    ];
    let (program, client) = Program::serve(&emulator.project_endpoint(), &settings).await;
    assert_eq!(client.ask("echo", "hi").await.status(), 200);
    let start = tokio::time::Instant::now();
    let ended = program.terminate().await;
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    // It waited, and gave up; a program that does not end within a bound fails above.
    assert!(Duration::from_secs(2) < start.elapsed());
}
