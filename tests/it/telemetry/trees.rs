//! The spans of each kind of turn, on file as trees. `INSTA_UPDATE=always cargo test --test it trees` writes them
//! anew; the difference is the review.

use std::{collections::BTreeMap, fmt::Write};

use foundry_emulator::{Behaviour, Fault, FaultRule, Stage};
use serde_json::{Value, json};

use super::{all_three, traced};
use crate::support::{Collector, Gateway, Span, emulator};

/// Attributes that differ from run to run, or with the machine; that they are there counts.
const MASKED: [&str; 8] = [
    "gateway.request_id",
    "gen_ai.conversation.id",
    "gen_ai.response.id",
    "gen_ai.response.time_to_first_chunk",
    "microsoft.gen_ai.main_agent.conversation_id",
    "server.port",
    "user_agent.original",
    "gen_ai.usage.input_tokens",
];

/// All traces as trees, each with its attributes by name.
fn trees(spans: &[Span]) -> String {
    let mut children: BTreeMap<&str, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        children.entry(&span.parent_id).or_default().push(span);
    }
    let mut text = String::new();
    for root in &children[""] {
        write_tree(root, &children, 0, &mut text);
    }
    text
}

fn write_tree(span: &Span, children: &BTreeMap<&str, Vec<&Span>>, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    let failed = if span.failed { ", failed" } else { "" };
    writeln!(text, "{indent}{} ({}{failed})", span.name, span.kind).unwrap();
    for (name, value) in &span.attributes {
        let value = if MASKED.contains(&name.as_str()) {
            &Value::from("...")
        } else {
            value
        };
        writeln!(text, "{indent}  - {name} = {value}").unwrap();
    }
    for child in children.get(span.id.as_str()).into_iter().flatten() {
        write_tree(child, children, depth + 1, text);
    }
}

async fn assert_tree(name: &str, collector: &Collector, traces: usize) {
    let spans = collector.traces(traces).await;
    insta::assert_snapshot!(format!("tree-{name}"), trees(&spans));
}

fn said(role: &str, text: &str) -> Value {
    json!({"role": role, "content": text})
}

async fn answer_of(gateway: &Gateway, body: Value) -> String {
    let answer = gateway.chat(body).await;
    assert_eq!(answer.status(), 200);
    let answer: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
    answer["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn a_plain_turn() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
    assert_tree("plain", &collector, 1).await;
}

#[tokio::test]
async fn a_streamed_turn_of_a_pinned_version_with_options() {
    let (_emulator, collector, gateway) =
        all_three(&[("FOUNDRY_PROJECT_RESOURCE_ID", "/subscriptions/1/projects/p")]).await;
    let body = json!({"model": "echo:1", "stream": true, "max_tokens": 50, "messages": [said("user", "hi")]});
    let stream = gateway.chat(body).await.text().await.unwrap();
    assert!(stream.ends_with("[DONE]\n\n"), "{stream}");
    assert_tree("streamed", &collector, 1).await;
}

#[tokio::test]
async fn a_classic_turn() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    let body = json!({"model": "asst_echo", "stream": true, "temperature": 0.5, "top_p": 0.9,
        "messages": [said("system", "be kind"), said("user", "hi")]});
    drop(gateway.chat(body).await.text().await.unwrap());
    assert_tree("classic", &collector, 1).await;
}

#[tokio::test]
async fn a_turn_that_asks_for_a_function_and_the_one_that_brings_its_result() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    let question = said("user", "What is the weather in Paris?");
    let asked = gateway
        .chat(json!({"model": "weather", "messages": [question]}))
        .await;
    let asked: Value = serde_json::from_str(&asked.text().await.unwrap()).unwrap();
    let call = asked["choices"][0]["message"].clone();
    let result =
        json!({"role": "tool", "tool_call_id": call["tool_calls"][0]["id"], "content": "sunny"});
    answer_of(
        &gateway,
        json!({"model": "weather", "messages": [question, call, result]}),
    )
    .await;
    assert_tree("tool-loop", &collector, 2).await;
}

#[tokio::test]
async fn a_conversation_that_goes_on_and_one_that_forks() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    let mut history = vec![said("user", "one")];
    let first = answer_of(&gateway, json!({"model": "echo", "messages": history})).await;
    history.push(said("assistant", &first));
    for next in ["two", "another two"] {
        let mut messages = history.clone();
        messages.push(said("user", next));
        answer_of(&gateway, json!({"model": "echo", "messages": messages})).await;
    }
    let unknown = [said("user", "a"), said("assistant", "b"), said("user", "c")];
    answer_of(&gateway, json!({"model": "echo", "messages": unknown})).await;
    let spans = collector.traces(4).await;
    let found: Vec<&str> = spans
        .iter()
        .filter(|span| span.name == "continuity")
        .map(|span| span.text("gateway.continuity"))
        .collect();
    assert_eq!(found, ["new", "hit", "fork", "miss"]);
    let conversations: Vec<&str> = spans
        .iter()
        .filter(|span| span.kind == "client")
        .map(|span| span.text("gen_ai.conversation.id"))
        .collect();
    assert_eq!(conversations[0], conversations[1]);
    assert_eq!(conversations[0], conversations[2]);
    assert_ne!(conversations[0], conversations[3]);
    insta::assert_snapshot!("tree-fork", trees(&spans));
}

#[tokio::test]
async fn turns_that_fail_before_and_after_their_first_byte() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    let rows = [
        ("fail-server-error", 502),
        ("fail-content-filter", 400),
        ("nobody", 404),
    ];
    for (agent, status) in rows {
        assert_eq!(gateway.ask(agent, "hi").await.status(), status);
    }
    let stream = gateway.ask_streamed("fail-error-event-middle", "hi").await;
    assert_eq!(stream.status(), 200);
    assert!(stream.text().await.unwrap().contains("\"error\""));
    assert_tree("failed", &collector, 4).await;
}

#[tokio::test]
async fn turns_whose_client_leaves_before_and_after_the_first_byte() {
    let (emulator, collector, gateway) = all_three(&[]).await;
    let arrived = emulator
        .journal()
        .wait_for(|requests| !requests.is_empty(), crate::support::SOON);
    tokio::select! {
        answer = gateway.ask("stall-headers", "hi") => panic!("{answer:?}"),
        arrived = arrived => assert!(arrived),
    }
    collector.traces(1).await;
    let mut stream = gateway.ask_streamed("stall-middle", "hi").await;
    stream.chunk().await.unwrap().unwrap();
    drop(stream);
    assert_tree("cancelled", &collector, 2).await;
}

#[tokio::test]
async fn turns_under_a_rate_limit_one_of_which_succeeds_after_a_pause() {
    let busy_once = Behaviour {
        faults: vec![FaultRule {
            operation: "create_response".to_owned(),
            stage: Stage::Headers,
            fault: Fault::Status {
                status: 429,
                headers: [("retry-after-ms".to_owned(), "1".to_owned())].into(),
                body: json!({"error": {"code": "too_many_requests", "message": "slow down"}}),
            },
            times: Some(1),
        }],
        ..Behaviour::default()
    };
    let emulator = emulator(busy_once).await;
    let collector = Collector::start().await;
    let gateway = traced(&emulator, &collector, &[]).await;
    assert_eq!(gateway.ask("echo", "hi").await.status(), 200);
    assert_eq!(gateway.ask("fail-rate-limit", "hi").await.status(), 429);
    assert_tree("rate-limited", &collector, 2).await;
}

#[tokio::test]
async fn requests_that_never_come_to_an_agent() {
    let (_emulator, collector, gateway) = all_three(&[]).await;
    let stranger = gateway.http.post(gateway.url("/v1/chat/completions"));
    assert_eq!(
        stranger.bearer_auth("wrong").send().await.unwrap().status(),
        401
    );
    assert_eq!(gateway.chat(json!({"model": "echo"})).await.status(), 400);
    assert_eq!(gateway.get("/v1/secret-of-hunter2").await.status(), 404);
    assert_eq!(gateway.get("/v1/models").await.status(), 200);
    for probe in ["/", "/healthz", "/readyz"] {
        gateway.get(probe).await;
    }
    let invoked = gateway.http.get(gateway.url("/v1/models/nobody"));
    let invoked = invoked
        .bearer_auth(crate::support::KEY)
        .header("x-azure-functions-invocationid", "invocation-1");
    assert_eq!(invoked.send().await.unwrap().status(), 404);
    assert_tree("without-turn", &collector, 5).await;
}
