//! The failing assistants, and wrong requests.

use serde_json::{Value, json};

use super::{VERSION, get, path_of, post, thread};
use crate::support::{Service, find, names, run_body, text_of};

#[tokio::test]
async fn wrong_requests_are_refused() {
    let service = Service::start().await;
    let thread = thread(&service, "Hello").await;
    let runs = format!("{thread}/runs?{VERSION}");
    let with = |extra: Value| {
        let mut body = json!({"assistant_id": "asst_assistant"});
        for (key, value) in extra.as_object().unwrap() {
            body[key] = value.clone();
        }
        body
    };
    for (extra, param) in [
        (json!({"seed": 1}), "seed"),
        (json!({"thread": {}}), "thread"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (json!({"response_format": "none"}), "response_format"),
        (
            json!({"max_completion_tokens": -1}),
            "max_completion_tokens",
        ),
        (
            json!({"additional_messages": [{"role": "system", "content": "x"}]}),
            "role",
        ),
        (
            json!({"tools": [{"type": "function", "function": {}}]}),
            "tools[0].function.name",
        ),
        (json!({"assistant_id": null}), "assistant_id"),
    ] {
        let (status, error) = service.post(&runs, &with(extra)).await.refusal();
        assert_eq!((status, &error["param"]), (400, &json!(param)), "{error}");
    }
    let together = format!("/threads/runs?{VERSION}");
    for field in ["additional_instructions", "additional_messages"] {
        let (status, error) = service
            .post(&together, &with(json!({field: "x"})))
            .await
            .refusal();
        assert_eq!((status, &error["param"]), (400, &json!(field)));
    }
    let messages = format!("{thread}/messages?{VERSION}");
    for (body, param) in [
        (json!({"role": "tool", "content": "x"}), "role"),
        (json!({"role": "user"}), "content"),
        (
            json!({"role": "user", "content": [{"type": "input_text", "text": "x"}]}),
            "content",
        ),
        (
            json!({"role": "user", "content": "x", "name": "Ada"}),
            "name",
        ),
        (
            json!({"role": "user", "content": "x".repeat(1_500_001)}),
            "content",
        ),
    ] {
        let (status, error) = service.post(&messages, &body).await.refusal();
        assert_eq!((status, &error["param"]), (400, &json!(param)), "{error}");
    }
    for path in [
        "/threads/thread_x",
        "/threads/thread_x/messages",
        "/threads/thread_x/runs/run_x",
    ] {
        let (status, error) = service.get(&format!("{path}?{VERSION}")).await.refusal();
        assert_eq!(
            (status, &error["message"]),
            (404, &json!("No thread found with id 'thread_x'."))
        );
    }
    let (status, error) = service
        .post(&runs, &json!({"assistant_id": "asst_x"}))
        .await
        .refusal();
    assert_eq!(
        (status, &error["message"]),
        (404, &json!("No assistant found with id 'asst_x'."))
    );
}

#[tokio::test]
async fn failing_runs_fail_and_still_say_done() {
    let service = Service::start().await;
    for (assistant, end) in [
        ("asst_fail_run_rate_limit", "thread.run.failed"),
        ("asst_fail_run_server_error", "thread.run.failed"),
        ("asst_fail_run_model", "thread.run.failed"),
        ("asst_fail_content_filter_output", "thread.run.incomplete"),
        ("asst_fail_length", "thread.run.incomplete"),
        ("asst_fail_cancelled", "thread.run.cancelled"),
        ("asst_fail_expired", "thread.run.expired"),
        ("asst_fail_error_event", "error"),
        ("asst_fail_error_event_middle", "error"),
    ] {
        let events = service.run_streaming(assistant, "Hello").await;
        let names = names(&events);
        assert_eq!(names[names.len() - 2..], [end, "done"], "{assistant}");
        // Polled, the same run ends in the same state, and an error event is a failed run.
        let queued = post(
            &service,
            "/threads/runs",
            &run_body(assistant, "Hello", false),
        )
        .await;
        let run = get(&service, &path_of(&queued)).await;
        let status = end.strip_prefix("thread.run.").unwrap_or("failed");
        assert_eq!(run["status"], status, "{assistant}");
    }
    let failed = find(
        &service
            .run_streaming("asst_fail_run_rate_limit", "Hello")
            .await,
        "thread.run.failed",
    );
    assert_eq!(
        failed["last_error"],
        json!({"code": "rate_limit_exceeded", "message": "Rate limit is exceeded. Try again in 60 seconds."})
    );
    let cut = service.run_streaming("asst_fail_cut", "Hello").await;
    assert_eq!(names(&cut).last(), Some(&"thread.message.delta"));
    let unknown = service
        .run_streaming("asst_unknown_events", "repeat exactly: yes")
        .await;
    assert!(names(&unknown).contains(&"thread.run.emulator_future"));
    assert_eq!(text_of(&unknown), "yes");
}

#[tokio::test]
async fn refusing_assistants_refuse_the_run() {
    let service = Service::start().await;
    for (assistant, status, code) in [
        ("asst_fail_rate_limit", 429, json!("RateLimitReached")),
        ("asst_fail_permission", 401, json!("PermissionDenied")),
        ("asst_fail_content_filter", 400, json!("content_filter")),
        ("asst_fail_server_error", 500, json!("server_error")),
        ("asst_fail_locked", 400, Value::Null),
    ] {
        let answer = service
            .post(
                "/threads/runs?api-version=v1",
                &run_body(assistant, "Hello", true),
            )
            .await;
        let (got, error) = answer.refusal();
        assert_eq!((got, &error["code"]), (status, &code), "{assistant}");
    }
    // A refused run leaves no thread behind.
    assert_eq!(get(&service, "/threads").await["data"], json!([]));
}
