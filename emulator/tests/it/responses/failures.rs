//! The failing agents, and wrong requests.

use serde_json::{Value, json};

use super::{PATH, message};
use crate::support::{Service, ask_body, find, names, text_of};

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
async fn refusing_agents_refuse_before_the_stream() {
    let service = Service::start().await;
    let no_header = None::<(&str, &str)>;
    let cases = [
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
        ("fail-rate-limit-bare", 429, "too_many_requests", no_header),
        ("fail-permission", 401, "PermissionDenied", no_header),
        ("fail-audience", 401, "Unauthorized", no_header),
        ("fail-content-filter", 400, "content_filter", no_header),
        ("fail-server-error", 500, "server_error", no_header),
        (
            "fail-unavailable",
            503,
            "ServiceUnavailable",
            Some(("retry-after", "1")),
        ),
        ("fail-locked", 400, "conversation_locked", no_header),
        ("nobody", 404, "not_found", no_header),
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
