//! Classic agents answer.

mod actions;
mod cancelling;
mod failures;

use foundry_emulator::Behaviour;
use serde_json::{Value, json};

use crate::support::{Service, find, text_of};

const VERSION: &str = "api-version=v1";

/// A thread with one user message.
async fn thread(service: &Service, text: &str) -> String {
    let body = json!({"messages": [{"role": "user", "content": text}]});
    let thread = service
        .post(&format!("/threads?{VERSION}"), &body)
        .await
        .ok()
        .json();
    format!("/threads/{}", thread["id"].as_str().unwrap())
}

async fn run(service: &Service, thread: &str, assistant: &str) -> Value {
    let body = json!({"assistant_id": assistant});
    service
        .post(&format!("{thread}/runs?{VERSION}"), &body)
        .await
        .ok()
        .json()
}

fn path_of(run: &Value) -> String {
    let id = |name: &str| run[name].as_str().unwrap().to_owned();
    format!("/threads/{}/runs/{}", id("thread_id"), id("id"))
}

async fn get(service: &Service, path: &str) -> Value {
    service.get(&format!("{path}?{VERSION}")).await.ok().json()
}

async fn post(service: &Service, path: &str, body: &Value) -> Value {
    service
        .post(&format!("{path}?{VERSION}"), body)
        .await
        .ok()
        .json()
}

#[tokio::test]
async fn a_run_progresses_by_itself() {
    let service = Service::start().await;
    let thread = thread(&service, "My name is Ada").await;
    let queued = run(&service, &thread, "asst_assistant").await;
    assert_eq!(
        (&queued["status"], &queued["usage"]),
        (&json!("queued"), &Value::Null)
    );
    assert_eq!(
        queued["expires_at"].as_u64().unwrap() - queued["created_at"].as_u64().unwrap(),
        600
    );
    let run = get(&service, &path_of(&queued)).await;
    assert_eq!(
        (&run["status"], &run["expires_at"]),
        (&json!("completed"), &Value::Null)
    );
    let usage = &run["usage"];
    assert_eq!(usage["prompt_token_details"], json!({"cached_tokens": 0}));
    assert!(usage["prompt_tokens"].as_u64().unwrap() > 53);

    let message = json!({"role": "user", "content": "What is my name?"});
    post(&service, &format!("{thread}/messages"), &message).await;
    let second = self::run(&service, &thread, "asst_assistant").await;
    get(&service, &path_of(&second)).await;
    let messages = get(&service, &format!("{thread}/messages")).await;
    assert_eq!(
        messages["data"][0]["content"][0]["text"]["value"],
        "Your name is Ada."
    );
    assert_eq!(messages["data"][0]["run_id"], second["id"]);
    let own = service
        .get(&format!(
            "{thread}/messages?{VERSION}&run_id={}",
            queued["id"].as_str().unwrap()
        ))
        .await
        .json();
    assert_eq!(own["data"].as_array().unwrap().len(), 1);
    let steps = get(&service, &format!("{}/steps", path_of(&second))).await;
    assert_eq!(
        steps["data"][0]["step_details"]["message_creation"]["message_id"],
        messages["data"][0]["id"]
    );
    let runs = get(&service, &format!("{thread}/runs")).await;
    assert_eq!(runs["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_slow_run_is_seen_in_progress() {
    let service = Service::with(Behaviour {
        first_delta_ms: 60_000,
        ..Behaviour::default()
    })
    .await;
    let thread = thread(&service, "Hello").await;
    let queued = run(&service, &thread, "asst_assistant").await;
    let run = get(&service, &path_of(&queued)).await;
    assert_eq!(
        (&run["status"], &run["usage"]),
        (&json!("in_progress"), &Value::Null)
    );
    assert!(run["started_at"].is_number());
}

#[tokio::test]
async fn a_run_has_options_of_its_own() {
    let service = Service::start().await;
    let thread = thread(&service, "Hello").await;
    let body = json!({
        "assistant_id": "asst_assistant",
        "additional_instructions": "Be brief.",
        "additional_messages": [{"role": "user", "content": [{"type": "text", "text": "What are your instructions?"}]}],
        "temperature": 0.3,
        "metadata": {"a": "b"},
        "max_completion_tokens": 4,
        "stream": true,
    });
    let events = service
        .post(&format!("{thread}/runs?{VERSION}"), &body)
        .await
        .ok()
        .events();
    assert_eq!(text_of(&events), "My instructions are:");
    let run = find(&events, "thread.run.incomplete");
    assert_eq!(
        run["incomplete_details"],
        json!({"reason": "max_completion_tokens"})
    );
    assert_eq!(
        (&run["temperature"], &run["metadata"]),
        (&json!(0.3), &json!({"a": "b"}))
    );
    assert!(
        run["instructions"]
            .as_str()
            .unwrap()
            .ends_with("\nBe brief.")
    );
    let message = find(&events, "thread.message.incomplete");
    assert_eq!(
        message["incomplete_details"],
        json!({"reason": "max_tokens"})
    );

    let schema =
        json!({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]});
    let body = json!({
        "assistant_id": "asst_assistant",
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}},
        "stream": true,
    });
    let events = service
        .post(&format!("{thread}/runs?{VERSION}"), &body)
        .await
        .ok()
        .events();
    let instance: Value = serde_json::from_str(&text_of(&events)).unwrap();
    assert!(instance["n"].is_i64());

    let body = json!({
        "assistant_id": "asst_assistant",
        "tools": [{"type": "function", "function": {"name": "roll_dice", "parameters": {"type": "object", "properties": {}}}}],
        "tool_choice": {"type": "function", "function": {"name": "roll_dice"}},
        "stream": true,
    });
    let events = service
        .post(&format!("{thread}/runs?{VERSION}"), &body)
        .await
        .ok()
        .events();
    let waiting = find(&events, "thread.run.requires_action");
    assert_eq!(
        waiting["required_action"]["submit_tool_outputs"]["tool_calls"][0]["function"]["name"],
        "roll_dice"
    );
    assert_eq!(waiting["tools"][0]["function"]["strict"], false);
}

#[tokio::test]
async fn objects_are_changed_and_deleted() {
    let service = Service::start().await;
    let created = post(
        &service,
        "/assistants",
        &json!({"model": "gpt-4o", "name": "a"}),
    )
    .await;
    let path = format!("/assistants/{}", created["id"].as_str().unwrap());
    let changed = post(
        &service,
        &path,
        &json!({"name": "b", "metadata": {"k": "v"}}),
    )
    .await;
    assert_eq!(
        (&changed["name"], &changed["model"]),
        (&json!("b"), &json!("gpt-4o"))
    );
    assert_eq!(get(&service, &path).await, changed);
    service.delete(&format!("{path}?{VERSION}")).await.ok();
    assert_eq!(service.get(&format!("{path}?{VERSION}")).await.status, 404);

    let thread = thread(&service, "Hello").await;
    let changed = post(&service, &thread, &json!({"metadata": {"k": "v"}})).await;
    assert_eq!(changed["metadata"], json!({"k": "v"}));
    let messages = get(&service, &format!("{thread}/messages")).await;
    let message = format!(
        "{thread}/messages/{}",
        messages["first_id"].as_str().unwrap()
    );
    let changed = post(&service, &message, &json!({"metadata": {"k": "v"}})).await;
    assert_eq!(get(&service, &message).await, changed);
    let deleted = service
        .delete(&format!("{message}?{VERSION}"))
        .await
        .ok()
        .json();
    assert_eq!(deleted["object"], "thread.message.deleted");
    let run = run(&service, &thread, "asst_assistant").await;
    let changed = post(&service, &path_of(&run), &json!({"metadata": {"k": "v"}})).await;
    assert_eq!(changed["metadata"], json!({"k": "v"}));
    assert!(
        get(&service, "/threads").await["data"]
            .as_array()
            .unwrap()
            .len()
            == 1
    );
    service.delete(&format!("{thread}?{VERSION}")).await.ok();
    assert_eq!(
        service.get(&format!("{thread}?{VERSION}")).await.status,
        404
    );
}

#[tokio::test]
async fn citations_are_markers_in_the_text() {
    let service = Service::start().await;
    let events = service.run_streaming("asst_cites", "Hello").await;
    let message = find(&events, "thread.message.completed");
    let text = &message["content"][0]["text"];
    let letters: Vec<char> = text["value"].as_str().unwrap().chars().collect();
    for (annotation, kind) in text["annotations"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["url_citation", "file_citation"])
    {
        let place = |name: &str| usize::try_from(annotation[name].as_u64().unwrap()).unwrap();
        let cited: String = letters[place("start_index")..place("end_index")]
            .iter()
            .collect();
        assert_eq!(annotation["text"], cited);
        assert_eq!(annotation["type"], kind);
        assert!(cited.starts_with('【'), "{cited}");
    }
    assert_eq!(text_of(&events), text["value"].as_str().unwrap());
}
