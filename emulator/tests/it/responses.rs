//! New agents answer.

use serde_json::{Value, json};

use crate::support::{Event, Service, ask_body, find, names, text_of};

const PATH: &str = "/openai/v1/responses";

fn output_text(response: &Value) -> &str {
    response["output"][0]["content"][0]["text"]
        .as_str()
        .unwrap()
}

fn message(role: &str, kind: &str, text: &str) -> Value {
    let mut part = json!({"type": kind, "text": text});
    if kind == "output_text" {
        part["annotations"] = json!([]);
    }
    json!({"type": "message", "role": role, "content": [part]})
}

fn assert_numbered(events: &[Event]) {
    for (number, event) in events.iter().enumerate() {
        let data = event.json();
        assert_eq!(data["type"], event.name);
        let last = data.as_object().unwrap().iter().next_back().unwrap();
        assert_eq!(last, (&"sequence_number".to_owned(), &json!(number)));
    }
}

#[tokio::test]
async fn text_is_streamed_in_the_recorded_order() {
    let service = Service::start().await;
    let events = service
        .ask_streaming(
            "assistant",
            &json!("repeat exactly: The capital of France is Paris."),
        )
        .await;
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events.len(), 15);
    assert_numbered(&events);
    let text = "The capital of France is Paris.";
    assert_eq!(text_of(&events), text);
    let delta = find(&events, "response.output_text.delta");
    assert_eq!(
        delta["delta"].as_str().unwrap().len() + delta["obfuscation"].as_str().unwrap().len(),
        16
    );
    let completed = find(&events, "response.completed");
    assert_eq!(output_text(&completed["response"]), text);
    assert_eq!(completed["response"]["usage"]["output_tokens"], 7);
    let usage = &completed["response"]["usage"];
    let sum = usage["input_tokens"].as_u64().unwrap() + usage["output_tokens"].as_u64().unwrap();
    assert_eq!(usage["total_tokens"], sum);
}

#[tokio::test]
async fn obfuscation_can_be_switched_off() {
    let service = Service::start().await;
    let mut body = ask_body("assistant", &json!("Hello"), true);
    body["stream_options"] = json!({"include_obfuscation": false});
    let events = service.post(PATH, &body).await.ok().events();
    assert_eq!(
        find(&events, "response.output_text.delta").get("obfuscation"),
        None
    );
}

#[tokio::test]
async fn the_whole_history_can_be_sent() {
    let service = Service::start().await;
    let input = json!([
        message("developer", "input_text", "Be kind."),
        message("user", "input_text", "My name is Ada."),
        message("assistant", "output_text", "Hello Ada."),
        {"type": "message", "role": "user", "content": "What is my name?"},
    ]);
    let answer = service.ask("assistant", &input).await.ok().json();
    assert_eq!(output_text(&answer), "Your name is Ada.");
}

#[tokio::test]
async fn a_response_is_continued_unless_it_was_not_stored() {
    let service = Service::start().await;
    let first = service
        .ask("assistant", &json!("My name is Ada"))
        .await
        .ok()
        .json();
    let mut body = ask_body("assistant", &json!("What is my name?"), false);
    body["previous_response_id"] = first["id"].clone();
    let second = service.post(PATH, &body).await.ok().json();
    assert_eq!(output_text(&second), "Your name is Ada.");
    assert_eq!(second["previous_response_id"], first["id"]);
    let id = second["id"].as_str().unwrap();
    assert_eq!(
        service.get(&format!("{PATH}/{id}")).await.ok().json(),
        second
    );
    let items = service
        .get(&format!("{PATH}/{id}/input_items"))
        .await
        .ok()
        .json();
    assert_eq!(items["data"][0]["content"][0]["text"], "What is my name?");

    let mut body = ask_body("assistant", &json!("My name is Grace"), false);
    body["store"] = json!(false);
    let unstored = service.post(PATH, &body).await.ok().json();
    let id = unstored["id"].as_str().unwrap();
    assert_eq!(service.get(&format!("{PATH}/{id}")).await.status, 404);
    let mut body = ask_body("assistant", &json!("What is my name?"), false);
    body["previous_response_id"] = json!(id);
    let (status, error) = service.post(PATH, &body).await.refusal();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("previous_response_not_found"))
    );
}

#[tokio::test]
async fn a_deleted_response_is_gone() {
    let service = Service::start().await;
    let response = service.ask("assistant", &json!("Hello")).await.ok().json();
    let path = format!("{PATH}/{}", response["id"].as_str().unwrap());
    assert_eq!(service.delete(&path).await.ok().json()["deleted"], true);
    assert_eq!(service.delete(&path).await.status, 404);
}

#[tokio::test]
async fn a_conversation_remembers() {
    let service = Service::start().await;
    let conversation = service
        .post("/openai/v1/conversations", &json!({"metadata": {"a": "b"}}))
        .await
        .ok()
        .json();
    let id = conversation["id"].as_str().unwrap();
    for (text, expected) in [
        ("My name is Ada", None),
        ("What is my name?", Some("Your name is Ada.")),
    ] {
        let mut body = ask_body("assistant", &json!(text), expected.is_some());
        body["conversation"] = json!({"id": id});
        let answer = service.post(PATH, &body).await.ok();
        if let Some(expected) = expected {
            assert_eq!(text_of(&answer.events()), expected);
        }
    }
    let path = format!("/openai/v1/conversations/{id}");
    let items = service
        .get(&format!("{path}/items?order=asc"))
        .await
        .ok()
        .json();
    let roles: Vec<&str> = items["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["user", "assistant", "user", "assistant"]);
    let item = format!("{path}/items/{}", items["first_id"].as_str().unwrap());
    assert_eq!(
        service.get(&item).await.ok().json()["content"][0]["text"],
        "My name is Ada"
    );
    service.delete(&item).await.ok();
    assert_eq!(service.get(&item).await.status, 404);
    let deleted = service.delete(&path).await.ok().json();
    assert_eq!(deleted["object"], "conversation.deleted");
    let mut body = ask_body("assistant", &json!("Hello"), false);
    body["conversation"] = json!(id);
    assert_eq!(service.post(PATH, &body).await.status, 404);
}

#[tokio::test]
async fn a_conversation_in_use_is_locked() {
    let service = Service::start().await;
    let conversation = service
        .post("/openai/v1/conversations", &json!({}))
        .await
        .ok()
        .json();
    let mut body = ask_body("stall-middle", &json!("Hello"), true);
    body["conversation"] = conversation["id"].clone();
    let mut stalled = service
        .request(reqwest::Method::POST, PATH, &body)
        .send()
        .await
        .unwrap();
    stalled.chunk().await.unwrap();
    let mut second = ask_body("assistant", &json!("Hello"), false);
    second["conversation"] = conversation["id"].clone();
    let (status, error) = service.post(PATH, &second).await.refusal();
    assert_eq!(
        (status, &error["code"]),
        (400, &json!("conversation_locked"))
    );
    drop(stalled);
    let closed = |requests: &[foundry_emulator::RecordedRequest]| {
        requests
            .iter()
            .any(|request| request.ending == Some(foundry_emulator::Ending::ClientClosed))
    };
    assert!(
        service
            .emulator
            .journal()
            .wait_for(closed, crate::support::PATIENCE)
            .await
    );
    service.post(PATH, &second).await.ok();
}

#[tokio::test]
async fn functions_are_called_and_answered() {
    let service = Service::start().await;
    let events = service
        .ask_streaming("weather", &json!("What's the weather in Paris and Rome?"))
        .await;
    assert_eq!(
        names(&events),
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.output_item.added",
            "response.function_call_arguments.delta",
            "response.function_call_arguments.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    let response = &find(&events, "response.completed")["response"];
    assert_eq!(response["status"], "completed");
    let calls = response["output"].as_array().unwrap();
    let arguments: Vec<&Value> = calls.iter().map(|call| &call["arguments"]).collect();
    assert_eq!(
        arguments,
        ["{\"location\":\"Paris\"}", "{\"location\":\"Rome\"}"]
    );

    // Statelessly: the whole history with the calls and their outputs.
    let mut input = vec![message(
        "user",
        "input_text",
        "What's the weather in Paris and Rome?",
    )];
    for call in calls {
        input.push(json!({"type": "function_call", "call_id": call["call_id"], "name": "get_weather", "arguments": call["arguments"]}));
    }
    let unanswered = service.ask("weather", &json!(input)).await;
    assert_eq!(unanswered.status, 400);
    for (call, output) in calls.iter().zip(["sunny", "rainy"]) {
        input.push(
            json!({"type": "function_call_output", "call_id": call["call_id"], "output": output}),
        );
    }
    let answer = service.ask("weather", &json!(input)).await.ok().json();
    assert_eq!(
        output_text(&answer),
        "get_weather returned: sunny\nget_weather returned: rainy"
    );
    let lonely = json!([{"type": "function_call_output", "call_id": "call_x", "output": "?"}]);
    let (status, error) = service.ask("weather", &lonely).await.refusal();
    assert_eq!(status, 400);
    assert!(
        error["message"].as_str().unwrap().contains("call_x"),
        "{error}"
    );
}

#[tokio::test]
async fn the_model_itself_honours_the_request() {
    let service = Service::start().await;
    let tool = json!({"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}});
    let body = json!({
        "model": "gpt-4o",
        "instructions": "Be brief.",
        "input": "Hello",
        "temperature": 0.2,
        "tools": [tool],
        "tool_choice": "required",
    });
    let called = service.post(PATH, &body).await.ok().json();
    assert_eq!(called["output"][0]["name"], "get_time");
    assert_eq!(
        (&called["temperature"], &called["model"]),
        (&json!(0.2), &json!("gpt-4o"))
    );
    assert_eq!(called.get("agent_reference"), None);
    let schema = json!({"type": "object", "properties": {"city": {"type": "string"}, "sunny": {"type": "boolean"}}, "required": ["city", "sunny"], "additionalProperties": false});
    let body = json!({
        "model": "gpt-4o",
        "input": "Is it sunny in Paris?",
        "text": {"format": {"type": "json_schema", "name": "weather", "schema": schema}},
    });
    let answer = service.post(PATH, &body).await.ok().json();
    let instance: Value = serde_json::from_str(output_text(&answer)).unwrap();
    assert_eq!(instance, json!({"city": "Paris", "sunny": true}));
    let (status, error) = service
        .post(PATH, &json!({"input": "Hello"}))
        .await
        .refusal();
    assert_eq!((status, &error["param"]), (400, &json!("model")));
}

#[tokio::test]
async fn the_answer_is_cut_at_the_limit() {
    let service = Service::start().await;
    let mut body = ask_body(
        "assistant",
        &json!("repeat exactly: one two three four"),
        true,
    );
    body["max_output_tokens"] = json!(2);
    let events = service.post(PATH, &body).await.ok().events();
    assert_eq!(text_of(&events), "one two");
    let response = &find(&events, "response.incomplete")["response"];
    assert_eq!(response["status"], "incomplete");
    assert_eq!(
        response["incomplete_details"],
        json!({"reason": "max_output_tokens"})
    );
    assert_eq!(response["usage"]["output_tokens"], 2);
    assert_eq!(response["output"][0]["status"], "incomplete");
}

#[tokio::test]
async fn a_background_response_is_fetched_later_or_cancelled() {
    let service = Service::start().await;
    let mut body = ask_body("assistant", &json!("repeat exactly: done"), false);
    body["background"] = json!(true);
    let started = service.post(PATH, &body).await.ok().json();
    assert_eq!(
        (&started["status"], &started["background"]),
        (&json!("in_progress"), &json!(true))
    );
    let path = format!("{PATH}/{}", started["id"].as_str().unwrap());
    let finished = service.get(&path).await.ok().json();
    assert_eq!(finished["status"], "completed");
    assert_eq!(output_text(&finished), "done");
    let started = service.post(PATH, &body).await.ok().json();
    let path = format!("{PATH}/{}", started["id"].as_str().unwrap());
    let cancelled = service
        .post(&format!("{path}/cancel"), &Value::Null)
        .await
        .ok()
        .json();
    assert_eq!(cancelled["status"], "cancelled");
    assert_eq!(service.get(&path).await.ok().json()["status"], "cancelled");
    let whole = service.ask("assistant", &json!("Hello")).await.json();
    let path = format!("{PATH}/{}/cancel", whole["id"].as_str().unwrap());
    assert_eq!(service.post(&path, &Value::Null).await.status, 400);
}

#[tokio::test]
async fn wrong_input_is_refused_with_details() {
    let service = Service::start().await;
    let cases = [
        (
            json!([{"role": "user", "content": "x"}]),
            "/input/0",
            "[\"type\"]",
        ),
        (
            json!([{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}]),
            "/input/0/content/0",
            "[\"annotations\"]",
        ),
        (
            json!([{"type": "message", "role": "assistant", "content": "x"}]),
            "/input/0/content",
            "array",
        ),
        (
            json!([{"type": "message", "role": "tool", "content": "x"}]),
            "/input/0/role",
            "enum",
        ),
        (
            json!([message("user", "output_text", "x")]),
            "/input/0/content/0",
            "expected schema",
        ),
        (
            json!([{"type": "reasoning", "id": "rs_1", "summary": []}]),
            "/input/0/type",
            "does not match the expected schema",
        ),
        (
            json!([{"type": "function_call_output", "output": "x"}]),
            "/input/0",
            "[\"call_id\"]",
        ),
    ];
    for (input, pointer, message) in cases {
        let (status, error) = service.ask("assistant", &input).await.refusal();
        assert_eq!(
            (status, &error["code"]),
            (400, &json!("invalid_payload")),
            "{input}"
        );
        let details = error["details"].as_array().unwrap();
        assert_eq!(details[0]["param"], "/input");
        assert_eq!(details[1]["param"], pointer, "{input}");
        assert!(
            details[1]["message"].as_str().unwrap().contains(message),
            "{}",
            details[1]
        );
    }
    for (body, param) in [
        (json!({"seed": 1}), "seed"),
        (json!({"messages": []}), "messages"),
        (json!({"agent": {"name": "x"}}), "agent"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"max_output_tokens": 0}), "max_output_tokens"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (
            json!({"conversation": "conv_x", "previous_response_id": "resp_x"}),
            "conversation",
        ),
        (json!({"input": null}), "input"),
    ] {
        let mut asked = ask_body("assistant", &json!("Hello"), false);
        for (key, value) in body.as_object().unwrap() {
            asked[key] = value.clone();
        }
        let (status, error) = service.post(PATH, &asked).await.refusal();
        assert_eq!((status, &error["param"]), (400, &json!(param)), "{error}");
    }
    let (status, error) = service.ask("nobody", &json!("Hello")).await.refusal();
    assert_eq!((status, &error["code"]), (404, &json!("not_found")));
}

#[tokio::test]
async fn citations_are_annotations_with_code_points() {
    let service = Service::start().await;
    let events = service.ask_streaming("cites", &json!("Hello")).await;
    let added: Vec<Value> = events
        .iter()
        .filter(|event| event.name == "response.output_text.annotation.added")
        .map(|event| event.json()["annotation"].clone())
        .collect();
    let response = &find(&events, "response.completed")["response"];
    assert_eq!(
        response["output"][0]["content"][0]["annotations"],
        json!(added)
    );
    let text: Vec<char> = output_text(response).chars().collect();
    let place = |name: &str| usize::try_from(added[0][name].as_u64().unwrap()).unwrap();
    let cited: String = text[place("start_index")..place("end_index")]
        .iter()
        .collect();
    assert_eq!(cited, "the π page");
    assert!(
        text[..place("start_index")]
            .iter()
            .any(|letter| !letter.is_ascii())
    );
    assert_eq!(added[1]["type"], "file_citation");
}

#[tokio::test]
async fn an_approval_is_asked_for_and_given() {
    let service = Service::start().await;
    let first = service
        .ask("approval", &json!("Find lamps"))
        .await
        .ok()
        .json();
    let request = &first["output"][0];
    assert_eq!(
        (&request["type"], &request["server_label"]),
        (&json!("mcp_approval_request"), &json!("catalogue"))
    );
    assert!(request["id"].as_str().unwrap().starts_with("mcpr_"));
    let approval = json!([{"type": "mcp_approval_response", "approval_request_id": request["id"], "approve": true}]);
    let mut body = ask_body("approval", &approval, false);
    body["previous_response_id"] = first["id"].clone();
    let second = service.post(PATH, &body).await.ok().json();
    assert_eq!(output_text(&second), "search_catalogue returned: approved");
}

#[tokio::test]
async fn other_items_have_their_events() {
    let service = Service::start().await;
    let consent = service.ask("consent", &json!("Hello")).await.ok().json();
    assert_eq!(consent["output"][0]["type"], "oauth_consent_request");
    assert!(
        consent["output"][0]["consent_link"]
            .as_str()
            .unwrap()
            .starts_with("https://")
    );

    let refusal = service.ask_streaming("refuses", &json!("Hello")).await;
    assert!(names(&refusal).contains(&"response.refusal.delta"));
    let content = &find(&refusal, "response.completed")["response"]["output"][0]["content"][0];
    assert_eq!(
        content["refusal"],
        find(&refusal, "response.refusal.done")["refusal"]
    );

    let two = service
        .ask("two-messages", &json!("Hello"))
        .await
        .ok()
        .json();
    assert_eq!(two["output"].as_array().unwrap().len(), 2);

    let reasons = service
        .ask("reasons", &json!("repeat exactly: yes"))
        .await
        .ok()
        .json();
    assert_eq!(reasons["output"][0]["type"], "reasoning");
    assert_eq!(reasons["output"][1]["content"][0]["text"], "yes");
    assert_eq!(
        reasons["usage"]["output_tokens_details"]["reasoning_tokens"],
        64
    );
    assert_eq!(reasons["usage"]["output_tokens"], 65);

    let unknown = service
        .ask_streaming("unknown-events", &json!("repeat exactly: yes"))
        .await;
    assert_numbered(&unknown);
    assert_eq!(text_of(&unknown), "yes");
    let output = &find(&unknown, "response.completed")["response"]["output"];
    assert_eq!(output[0]["type"], "emulator_future_call");
    assert_eq!(names(&unknown).last(), Some(&"response.completed"));
}

#[tokio::test]
async fn refusing_agents_refuse_before_the_stream() {
    let service = Service::start().await;
    let cases: [(&str, u16, &str, Option<(&str, &str)>); 11] = [
        (
            "fail-rate-limit",
            429,
            "RateLimitReached",
            Some(("retry-after", "7")),
        ),
        (
            "fail-rate-limit-ms",
            429,
            "RateLimitReached",
            Some(("retry-after-ms", "1500")),
        ),
        (
            "fail-rate-limit-x-ms",
            429,
            "RateLimitReached",
            Some(("x-ms-retry-after-ms", "2500")),
        ),
        ("fail-rate-limit-bare", 429, "too_many_requests", None),
        ("fail-permission", 401, "PermissionDenied", None),
        ("fail-audience", 401, "Unauthorized", None),
        ("fail-content-filter", 400, "content_filter", None),
        ("fail-server-error", 500, "server_error", None),
        (
            "fail-unavailable",
            503,
            "ServiceUnavailable",
            Some(("retry-after", "1")),
        ),
        ("fail-locked", 400, "conversation_locked", None),
        ("nobody", 404, "not_found", None),
    ];
    for (agent, status, code, header) in cases {
        for stream in [false, true] {
            let answer = service
                .post(PATH, &ask_body(agent, &json!("Hello"), stream))
                .await;
            let (got, error) = answer.refusal();
            assert_eq!((got, &error["code"]), (status, &json!(code)), "{agent}");
            match header {
                Some((name, value)) => assert_eq!(answer.header(name), Some(value), "{agent}"),
                None => assert_eq!(answer.header("retry-after"), None, "{agent}"),
            }
        }
    }
    let page = service.ask("fail-html", &json!("Hello")).await;
    assert_eq!(
        (page.status.as_u16(), page.header("content-type")),
        (502, Some("text/html"))
    );
    assert!(page.text.starts_with("<html>"));
    let mut body = ask_body("refuses-store", &json!("Hello"), false);
    service.post(PATH, &body).await.ok();
    body["store"] = json!(false);
    let (status, error) = service.post(PATH, &body).await.refusal();
    assert_eq!((status, &error["param"]), (400, &json!("store")));
}

#[tokio::test]
async fn failing_agents_fail_after_the_headers() {
    let service = Service::start().await;
    for (agent, code, message) in [
        (
            "fail-run-rate-limit",
            "rate_limit_exceeded",
            "Rate limit is exceeded. Try again in 60 seconds.",
        ),
        (
            "fail-run-server-error",
            "server_error",
            "Sorry, something went wrong.",
        ),
        (
            "fail-run-model",
            "invalid_engine_error",
            "No connection matching model: gpt-emulated",
        ),
    ] {
        let events = service.ask_streaming(agent, &json!("Hello")).await;
        assert_eq!(
            names(&events),
            [
                "response.created",
                "response.in_progress",
                "response.failed"
            ]
        );
        let response = &find(&events, "response.failed")["response"];
        assert_eq!(response["status"], "failed");
        assert_eq!(response["error"], json!({"code": code, "message": message}));
        let whole = service.ask(agent, &json!("Hello")).await.ok().json();
        assert_eq!(
            (&whole["status"], &whole["error"]["code"]),
            (&json!("failed"), &json!(code))
        );
    }
    for (agent, reason) in [
        ("fail-content-filter-output", "content_filter"),
        ("fail-length", "max_output_tokens"),
    ] {
        let events = service.ask_streaming(agent, &json!("Hello")).await;
        assert!(!text_of(&events).is_empty());
        let response = &find(&events, "response.incomplete")["response"];
        assert_eq!(response["incomplete_details"]["reason"], reason);
    }
    for (agent, with_text) in [
        ("fail-error-event", false),
        ("fail-error-event-middle", true),
    ] {
        let events = service.ask_streaming(agent, &json!("Hello")).await;
        assert_eq!(names(&events).last(), Some(&"error"));
        assert_eq!(!text_of(&events).is_empty(), with_text);
        assert_eq!(service.ask(agent, &json!("Hello")).await.status, 500);
    }
    let cut = service.ask_streaming("fail-cut", &json!("Hello")).await;
    assert_eq!(names(&cut).last(), Some(&"response.output_text.delta"));
    let malformed = service
        .ask_streaming("fail-malformed", &json!("Hello"))
        .await;
    assert!(
        malformed
            .iter()
            .any(|event| serde_json::from_str::<Value>(&event.data).is_err())
    );
    for (agent, input) in [
        ("fail-reset", "Hello"),
        ("assistant", "Please fail in the middle"),
    ] {
        let body = ask_body(agent, &json!(input), true);
        let (raw, ended) = service.raw_post(PATH, &body).await;
        assert!(raw.contains("response.output_text.delta") && !raw.contains("response.completed"));
        assert!(!raw.ends_with("0\r\n\r\n"));
        assert_eq!(ended.is_err(), agent == "fail-reset");
    }
}
