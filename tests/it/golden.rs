//! Whole translations on file: what each request becomes upstream, and what each upstream stream becomes for a
//! client. `INSTA_UPDATE=always cargo test --test it golden` writes them anew; the difference is the review.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Gateway, ScriptedUpstream};

/// Continuity has tests of its own.
const STATELESS: [(&str, &str); 1] = [("GATEWAY_CONTINUITY", "off")];

/// Takes out what differs from run to run.
fn masked(text: &str, answer: &Value) -> String {
    let id = answer["id"].as_str().unwrap_or("none");
    let created = format!("\"created\":{}", answer["created"]);
    text.replace(id, "chatcmpl-masked")
        .replace(&created, "\"created\":0")
}

#[tokio::test]
async fn requests() {
    let mut cases = Vec::new();
    for entry in fs::read_dir("tests/fixtures/requests").unwrap() {
        cases.push(entry.unwrap().path());
    }
    cases.sort();
    assert!(5 <= cases.len());
    for path in cases {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let request: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for (kind, model) in [("new", "helper"), ("classic", "asst_helper")] {
            let upstream = ScriptedUpstream::start().await;
            let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &STATELESS).await;
            if kind == "classic" && offers_tools(&request) {
                upstream.then_json(200, assistant());
            }
            if kind == "classic" && has_instructions(&request) {
                upstream.then_json(200, json!({"id": "thread_1"}));
            }
            if kind == "new" && overrides_the_definition(&request) {
                upstream.then_json(200, agent());
            }
            upstream.then_stream(minimal_answer(kind));
            let mut request = request.clone();
            request["model"] = model.into();
            let response = gateway.chat(request).await;
            let status = response.status().as_u16();
            let ignored = response
                .headers()
                .get("x-ignored-params")
                .map(|value| value.to_str().unwrap().to_owned());
            let error = match status {
                200 => Value::Null,
                _ => serde_json::from_str(&response.text().await.unwrap()).unwrap(),
            };
            let sent: Vec<_> = upstream
                .received()
                .into_iter()
                .filter(|received| received.method == http::Method::POST)
                .map(|received| json!({"path": received.path, "body": received.body}))
                .collect();
            let outcome =
                json!({"status": status, "ignored": ignored, "error": error, "upstream": sent});
            insta::assert_json_snapshot!(format!("request-{name}-{kind}"), outcome);
        }
    }
}

fn has_instructions(request: &Value) -> bool {
    let messages = request["messages"].as_array().unwrap();
    messages
        .iter()
        .any(|message| message["role"] == "system" || message["role"] == "developer")
}

fn overrides_the_definition(request: &Value) -> bool {
    offers_tools(request) || request["response_format"]["type"] == "json_schema"
}

fn offers_tools(request: &Value) -> bool {
    let tools = request["tools"].as_array();
    tools.is_some_and(|tools| !tools.is_empty())
}

/// As `GET /assistants/{id}` tells it.
fn assistant() -> Value {
    json!({"object": "assistant", "id": "asst_helper", "model": "gpt-5", "instructions": "Be kind.",
        "tools": [{"type": "file_search"}]})
}

/// As `GET /agents/{name}` tells it.
fn agent() -> Value {
    let definition = json!({"kind": "prompt", "model": "gpt-5", "instructions": "Be kind.", "temperature": 0.7,
        "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]});
    json!({"object": "agent", "id": "helper", "name": "helper", "state": "enabled",
        "versions": {"latest": {"version": "3", "definition": definition}}})
}

fn minimal_answer(kind: &str) -> &'static str {
    match kind {
        "new" => "event: response.completed\ndata: {\"response\":{\"status\":\"completed\"}}\n\n",
        _ => {
            "event: thread.run.completed\ndata: {\"id\":\"run_1\",\"thread_id\":\"thread_1\",\"status\":\"completed\"}\n\n"
        }
    }
}

#[tokio::test]
async fn answers() {
    let recordings = [
        (
            "new-text",
            "helper",
            "recordings/new/prompt_agent_stream.preview.sse",
        ),
        (
            "new-function-calls",
            "helper",
            "streams/new_function_calls.sse",
        ),
        ("new-citations", "helper", "streams/new_citations.sse"),
        ("new-refusal", "helper", "streams/new_refusal.sse"),
        ("new-workflow", "helper", "streams/new_workflow.sse"),
        ("new-broken-off", "helper", "streams/new_broken_off.sse"),
        (
            "classic-text",
            "asst_helper",
            "recordings/classic/create_stream.sse",
        ),
        (
            "classic-function-call",
            "asst_helper",
            "recordings/classic/function_stream.partA.sse",
        ),
        (
            "classic-failed",
            "asst_helper",
            "recordings/classic/thread_and_run_failed.sse",
        ),
        (
            "classic-citations",
            "asst_helper",
            "streams/classic_citations.sse",
        ),
    ];
    for (name, model, file) in recordings {
        let events = fs::read_to_string(Path::new("tests/fixtures").join(file)).unwrap();
        let upstream = ScriptedUpstream::start().await;
        let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &STATELESS).await;
        upstream.then_stream(&events);
        let response = gateway.ask(model, "hi").await;
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        let answer: Value = serde_json::from_str(&text).unwrap();
        let whole: Value = serde_json::from_str(&masked(&text, &answer)).unwrap();
        insta::assert_json_snapshot!(
            format!("answer-{name}-whole"),
            json!({"status": status, "body": whole})
        );
        let upstream = ScriptedUpstream::start().await;
        let gateway = Gateway::in_front_of(&upstream.project_endpoint(), &STATELESS).await;
        upstream.then_stream(&events);
        let body = json!({"model": model, "stream": true, "stream_options": {"include_usage": true},
            "messages": [{"role": "user", "content": "hi"}]});
        let stream = gateway.chat(body).await.text().await.unwrap();
        let first = stream
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("data: ")
            .to_owned();
        let first: Value = serde_json::from_str(&first).unwrap_or_default();
        insta::assert_snapshot!(format!("answer-{name}-stream"), masked(&stream, &first));
    }
}
