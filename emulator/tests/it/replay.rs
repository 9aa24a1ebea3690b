//! Recorded requests get answers of the recorded shape: the same events, the same keys in the same order, values of the
//! same types. Ids, times and texts differ.

mod session;
mod shape;

use serde_json::{Value, json};

use self::session::Replay;
use self::shape::differences;
use crate::support::{Event, Service, events, names};

fn fixture(path: &str) -> String {
    let path = format!("{}/tests/fixtures/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Added to the service's answers after those recordings of March 2026 were made; recorded in July 2026.
const NEWER_THAN_MARCH_2026: [&str; 9] = [
    "agent_guid",
    "blueprint",
    "blueprint_reference",
    "content_filters",
    "instance_identity",
    "prompt_cache_retention",
    "reasoning.context",
    "reasoning.effort",
    "agent.version.status",
];

/// Compares events with recorded ones: their names, and the shape of the first two of each run of equal names.
fn assert_same_events(actual: &[Event], recorded: &[Event]) {
    assert_eq!(names(actual), names(recorded));
    let groups = |events: &[Event]| -> Vec<Vec<Event>> {
        events
            .chunk_by(|one, other| one.name == other.name)
            .map(<[Event]>::to_vec)
            .collect()
    };
    for (actual, recorded) in groups(actual).iter().zip(groups(recorded)) {
        for (actual, recorded) in actual.iter().zip(&recorded).take(2) {
            if recorded.name == "done" {
                assert_eq!(actual.data, recorded.data);
                continue;
            }
            let found = differences(&recorded.json(), &actual.json(), &[]);
            assert_eq!(
                found,
                Vec::<String>::new(),
                "{}: {}",
                recorded.name,
                actual.data
            );
        }
    }
}

#[tokio::test]
async fn new_agents_conversations_and_responses() {
    let service = Service::start().await;
    Replay::new(&service)
        .ignoring(&NEWER_THAN_MARCH_2026)
        .run(&fixture("new/agent_responses_crud.v1.json"))
        .await;
}

#[tokio::test]
async fn a_function_tool_of_a_new_agent() {
    let service = Service::start().await;
    Replay::new(&service)
        .ignoring(&NEWER_THAN_MARCH_2026)
        .run(&fixture("new/function_tool.v1.json"))
        .await;
}

#[tokio::test]
async fn the_endpoint_of_a_new_agent() {
    let service = Service::start().await;
    Replay::new(&service)
        .run(&fixture("new/prompt_agent_endpoint_responses.v1.json"))
        .await;
}

#[tokio::test]
async fn the_stream_of_a_new_agent_in_the_preview() {
    let service = Service::start().await;
    let definition = json!({"definition": {
        "kind": "prompt",
        "model": "gpt-4o",
        "instructions": "You are a helpful assistant that answers general questions.",
    }});
    service
        .post(
            "/agents/PromptTestAgentStreaming/versions?api-version=v1",
            &definition,
        )
        .await
        .ok();
    let version = "api-version=2025-11-15-preview";
    let conversation = service
        .post(&format!("/openai/conversations?{version}"), &json!({}))
        .await
        .ok()
        .json();
    let body = json!({
        "conversation": conversation["id"],
        "input": "What is the capital of France?",
        "stream": true,
        "agent": {
            "name": "PromptTestAgentStreaming",
            "id": "PromptTestAgentStreaming:1",
            "type": "agent_reference",
        },
    });
    let actual = service
        .post(&format!("/openai/responses?{version}"), &body)
        .await
        .ok()
        .events();
    assert_same_events(
        &actual,
        &events(&fixture("new/prompt_agent_stream.preview.sse")),
    );
}

#[tokio::test]
async fn a_classic_session_with_a_stream() {
    let service = Service::start().await;
    Replay::new(&service)
        .run(&fixture("classic/create_stream.session.json"))
        .await;
}

#[tokio::test]
async fn a_classic_thread_and_run() {
    let service = Service::start().await;
    let assistant = json!({"model": "gpt-4o", "instructions": "You are helpful agent"});
    let assistant = service
        .post("/assistants?api-version=2025-05-15-preview", &assistant)
        .await
        .ok()
        .json();
    Replay::new(&service)
        .knowing(
            "asst_kJMLkrsU35CB3uKa5tdk4qvj",
            assistant["id"].as_str().unwrap(),
        )
        .run(&fixture("classic/create_thread_and_run.session.json"))
        .await;
}

#[tokio::test]
async fn classic_function_calls() {
    let service = Service::start().await;
    let version = "api-version=2025-05-15-preview";
    let assistant = json!({
        "model": "gpt-4o",
        "instructions": "You are helpful agent",
        "tools": [{"type": "function", "function": {
            "name": "fetch_current_datetime_recordings",
            "description": "Get the current time as a JSON string.",
            "parameters": {"type": "object", "properties": {}, "required": []},
        }}],
    });
    let assistant = service
        .post(&format!("/assistants?{version}"), &assistant)
        .await
        .ok()
        .json();
    let thread = service
        .post(&format!("/threads?{version}"), &json!({}))
        .await
        .ok()
        .json();
    let thread = thread["id"].as_str().unwrap();
    let message = json!({"role": "user", "content": "Hello, what time is it?"});
    service
        .post(&format!("/threads/{thread}/messages?{version}"), &message)
        .await
        .ok();
    let run = json!({"assistant_id": assistant["id"], "stream": true});
    let asked = service
        .post(&format!("/threads/{thread}/runs?{version}"), &run)
        .await
        .ok()
        .events();
    assert_same_events(
        &asked,
        &events(&fixture("classic/function_stream.partA.sse")),
    );

    let pending = crate::support::find(&asked, "thread.run.requires_action");
    let call = &pending["required_action"]["submit_tool_outputs"]["tool_calls"][0]["id"];
    let outputs = json!({
        "tool_outputs": [{"tool_call_id": call, "output": "{\"current_time\": \"2024-10-10 12:30:19\"}"}],
        "stream": true,
    });
    let run = pending["id"].as_str().unwrap();
    let path = format!("/threads/{thread}/runs/{run}/submit_tool_outputs?{version}");
    let answered = service.post(&path, &outputs).await.ok().events();
    // The recording has the first three frames only.
    let recorded = events(&fixture("classic/function_stream.partB.sse"));
    assert_same_events(&answered[..recorded.len()], &recorded);
    assert_eq!(answered.last().unwrap().data, "[DONE]");
}

#[tokio::test]
async fn a_classic_run_that_fails() {
    let service = Service::start().await;
    let actual = service.run_streaming("asst_fail_run_model", "Hello").await;
    assert_same_events(
        &actual,
        &events(&fixture("classic/thread_and_run_failed.sse")),
    );
}

#[test]
fn every_recording_is_replayed() {
    let source = include_str!("replay.rs");
    let referred = fixture("classic/create_stream.session.json");
    for folder in ["classic", "new"] {
        let path = format!("{}/tests/fixtures/{folder}", env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let replayed = source.contains(&format!("{folder}/{name}"));
            assert!(replayed || referred.contains(&name), "{name}");
        }
    }
    assert!(matches!(
        serde_json::from_str(&referred),
        Ok(Value::Object(_))
    ));
}
