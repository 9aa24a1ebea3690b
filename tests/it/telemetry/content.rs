//! What users and agents say is in spans only when an operator wants it there; secrets never are.

use serde_json::{Value, json};

use super::all_three;
use crate::support::{Collector, Gateway, KEY};

const PROMPT: &str = "the prompt of hunter2";
const CAPTURE: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";

/// One turn with system text, one that fails, and requests with the prompt where it does not belong.
async fn turns(gateway: &Gateway) -> usize {
    let messages =
        json!([{"role": "system", "content": PROMPT}, {"role": "user", "content": PROMPT}]);
    for agent in [
        "echo",
        "asst_echo",
        "fail-malformed",
        "fail-content-filter",
        "hunter2-of-nobody",
    ] {
        for stream in [false, true] {
            let body =
                json!({"model": agent, "stream": stream, "messages": messages, "user": PROMPT});
            drop(gateway.chat(body).await.text().await);
        }
    }
    drop(
        gateway
            .post(format!("{{\"model\": \"echo\", {PROMPT}"))
            .await,
    );
    drop(gateway.get("/v1/hunter2?key=hunter2").await);
    12
}

async fn everything(collector: &Collector, traces: usize) -> String {
    collector.traces(traces).await;
    let points = |received: &crate::support::Received| !received.points.is_empty();
    let received = collector.until(points).await;
    format!("{:?} {:?}", received.spans, received.points)
}

#[tokio::test]
async fn prompts_answers_and_secrets_are_nowhere_by_default() {
    let settings = [
        ("FOUNDRY_ACCESS_TOKEN", "a-token-of-hunter2"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a-header-of-hunter2"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "200"),
    ];
    let (_emulator, collector, gateway) = all_three(&settings).await;
    let traces = turns(&gateway).await;
    let all = everything(&collector, traces).await;
    // The name of the agent that nobody has is no secret, and is on the span of its turn.
    let all = all.replace("hunter2-of-nobody", "");
    assert!(!all.contains("hunter2"), "{all}");
    assert!(!all.contains(KEY), "{all}");
}

#[tokio::test]
async fn what_is_said_is_on_the_span_of_the_turn_when_it_is_asked_for() {
    let (_emulator, collector, gateway) = all_three(&[(CAPTURE, "true")]).await;
    let messages =
        json!([{"role": "system", "content": "be kind"}, {"role": "user", "content": PROMPT}]);
    let body = json!({"model": "echo", "stream": true, "messages": messages});
    drop(gateway.chat(body).await.text().await);
    let spans = collector.traces(1).await;
    let span = spans.iter().find(|span| span.kind == "client").unwrap();
    let read = |name: &str| serde_json::from_str::<Value>(span.text(name)).unwrap();
    let text = |text: &str| json!([{"type": "text", "content": text}]);
    assert_eq!(read("gen_ai.system_instructions"), text("be kind"));
    assert_eq!(
        read("gen_ai.input.messages"),
        json!([{"role": "user", "parts": text(PROMPT)}])
    );
    assert_eq!(
        read("gen_ai.output.messages"),
        json!([{"role": "assistant", "parts": text(PROMPT), "finish_reason": "stop"}])
    );
    let elsewhere = spans.iter().filter(|span| span.kind != "client");
    for span in elsewhere {
        assert!(!format!("{span:?}").contains("hunter2"), "{span:?}");
    }
}
