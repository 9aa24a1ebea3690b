//! Classic agents answer.

use foundry_emulator::Behaviour;
use serde_json::{Value, json};

use crate::support::{Service, find, names, run_body, text_of};

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
async fn a_thread_has_one_run_at_a_time() {
    let service = Service::start().await;
    let thread = thread(&service, "Hello").await;
    let active = run(&service, &thread, "asst_stall_created").await;
    let (thread_id, run_id) = (
        active["thread_id"].as_str().unwrap(),
        active["id"].as_str().unwrap(),
    );
    let body = json!({"assistant_id": "asst_assistant"});
    let second = service
        .post(&format!("{thread}/runs?{VERSION}"), &body)
        .await;
    assert_eq!(
        second.refusal(),
        (
            400,
            json!({
                "message": format!("Thread {thread_id} already has an active run {run_id}."),
                "type": "invalid_request_error",
                "param": null,
                "code": null,
            })
        )
    );
    let message = json!({"role": "user", "content": "More"});
    let (status, error) = service
        .post(&format!("{thread}/messages?{VERSION}"), &message)
        .await
        .refusal();
    assert_eq!(status, 400);
    assert_eq!(
        error["message"],
        format!("Can't add messages to {thread_id} while a run {run_id} is active.")
    );

    let cancelling = post(
        &service,
        &format!("{}/cancel", path_of(&active)),
        &Value::Null,
    )
    .await;
    assert_eq!(cancelling["status"], "cancelling");
    let cancelled = get(&service, &path_of(&active)).await;
    assert_eq!(cancelled["status"], "cancelled");
    assert!(cancelled["cancelled_at"].is_number());
    post(&service, &format!("{thread}/messages"), &message).await;
    let (status, error) = service
        .post(
            &format!("{}/cancel?{VERSION}", path_of(&active)),
            &Value::Null,
        )
        .await
        .refusal();
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("Cannot cancel run with status 'cancelled'."))
    );
}

#[tokio::test]
async fn a_streamed_run_can_be_cancelled() {
    let service = Service::with(Behaviour {
        token_delay_ms: 60_000,
        ..Behaviour::default()
    })
    .await;
    let thread = thread(&service, "Tell me something long").await;
    let body = json!({"assistant_id": "asst_assistant", "stream": true});
    let request = service.request(
        reqwest::Method::POST,
        &format!("{thread}/runs?{VERSION}"),
        &body,
    );
    let mut response = request.send().await.unwrap();
    let mut seen = String::new();
    while !seen.contains("thread.message.delta") {
        seen.push_str(std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap());
    }
    let active = get(&service, &format!("{thread}/runs")).await["data"][0].clone();
    assert_eq!(active["status"], "in_progress");
    post(
        &service,
        &format!("{}/cancel", path_of(&active)),
        &Value::Null,
    )
    .await;
    seen.push_str(&response.text().await.unwrap());
    let events = crate::support::events(&seen);
    let cut = names(&events)
        .iter()
        .position(|name| *name == "thread.run.cancelling")
        .unwrap();
    assert_eq!(
        names(&events)[cut..],
        [
            "thread.run.cancelling",
            "thread.message.incomplete",
            "thread.run.step.cancelled",
            "thread.run.cancelled",
            "done",
        ]
    );
}

#[tokio::test]
async fn a_run_goes_on_when_its_stream_is_dropped() {
    let service = Service::with(Behaviour {
        token_delay_ms: 5,
        ..Behaviour::default()
    })
    .await;
    let thread = thread(&service, "Hello").await;
    let body = json!({"assistant_id": "asst_assistant", "stream": true});
    let request = service.request(
        reqwest::Method::POST,
        &format!("{thread}/runs?{VERSION}"),
        &body,
    );
    let mut response = request.send().await.unwrap();
    response.chunk().await.unwrap();
    drop(response);
    let finished = async {
        loop {
            let run = get(&service, &format!("{thread}/runs")).await["data"][0].clone();
            if run["status"] == "completed" {
                break run;
            }
        }
    };
    let run = tokio::time::timeout(crate::support::PATIENCE, finished)
        .await
        .unwrap();
    assert!(run["usage"].is_object());
}

#[tokio::test]
async fn functions_are_called_and_answered_by_polling() {
    let service = Service::start().await;
    let thread = thread(&service, "weather in Paris and Rome").await;
    let queued = run(&service, &thread, "asst_weather").await;
    let path = path_of(&queued);
    let waiting = get(&service, &path).await;
    assert_eq!(
        (&waiting["status"], &waiting["usage"]),
        (&json!("requires_action"), &Value::Null)
    );
    assert_eq!(
        waiting["expires_at"].as_u64().unwrap() - waiting["created_at"].as_u64().unwrap(),
        36_000
    );
    let calls = waiting["required_action"]["submit_tool_outputs"]["tool_calls"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(calls[1]["function"]["arguments"], "{\"location\":\"Rome\"}");

    let output = |call: &Value, output: &str| json!({"tool_call_id": call["id"], "output": output});
    let some = json!({"tool_outputs": [output(&calls[0], "sunny")]});
    let submit = format!("{path}/submit_tool_outputs?{VERSION}");
    let (status, error) = service.post(&submit, &some).await.refusal();
    assert_eq!(status, 400);
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains(calls[1]["id"].as_str().unwrap())
    );
    let strange = json!({"tool_outputs": [output(&calls[0], "a"), output(&calls[1], "b"), {"tool_call_id": "call_x", "output": "c"}]});
    assert_eq!(service.post(&submit, &strange).await.status, 400);
    let all = json!({"tool_outputs": [output(&calls[0], "sunny"), output(&calls[1], "rainy")]});
    let resumed = service.post(&submit, &all).await.ok().json();
    assert_eq!(
        (&resumed["status"], &resumed["required_action"]),
        (&json!("queued"), &Value::Null)
    );
    assert_eq!(service.post(&submit, &all).await.status, 400);

    assert_eq!(get(&service, &path).await["status"], "completed");
    let messages = get(&service, &format!("{thread}/messages")).await;
    assert_eq!(
        messages["data"][0]["content"][0]["text"]["value"],
        "get_weather returned: sunny\nget_weather returned: rainy"
    );
    let steps = get(&service, &format!("{path}/steps")).await;
    let kinds: Vec<&str> = steps["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["message_creation", "tool_calls"]);
    assert_eq!(
        steps["data"][1]["step_details"]["tool_calls"][0]["function"]["output"],
        "sunny"
    );
    let step = format!("{path}/steps/{}", steps["data"][1]["id"].as_str().unwrap());
    assert_eq!(get(&service, &step).await, steps["data"][1]);
}

#[tokio::test]
async fn an_approval_announces_the_run_once_more() {
    let service = Service::start().await;
    let asked = service.run_streaming("asst_approval", "Find lamps").await;
    let waiting = find(&asked, "thread.run.requires_action");
    assert_eq!(waiting["required_action"]["type"], "submit_tool_approval");
    let call = &waiting["required_action"]["submit_tool_approval"]["tool_calls"][0];
    assert_eq!(
        (&call["type"], &call["server_label"]),
        (&json!("mcp"), &json!("catalogue"))
    );
    let body =
        json!({"tool_approvals": [{"tool_call_id": call["id"], "approve": true}], "stream": true});
    let path = format!(
        "{}/submit_tool_outputs?api-version=2025-05-15-preview",
        path_of(&waiting)
    );
    let answered = service.post(&path, &body).await.ok().events();
    assert_eq!(
        names(&answered)[..4],
        [
            "thread.run.queued",
            "thread.run.created",
            "thread.run.queued",
            "thread.run.in_progress"
        ]
    );
    assert_eq!(text_of(&answered), "search_catalogue returned: approved");
    assert_eq!(names(&answered).last(), Some(&"done"));
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
