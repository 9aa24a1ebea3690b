//! The error table, row by row: what each upstream failure is to a client, as a status and in mid-stream.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::{emulator_and_gateway, error_of, events_of};

/// Agent, status, type, code, `Retry-After`.
type Row = (
    &'static str,
    u16,
    &'static str,
    &'static str,
    Option<&'static str>,
);

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";
const LIMIT: &str = "rate_limit_error";

/// Failures that come before the agent shows a sign of work.
const BEFORE_THE_FIRST_BYTE: &[Row] = &[
    ("no-such-agent", 404, INVALID, "model_not_found", None),
    ("asst_no_such_agent", 404, INVALID, "model_not_found", None),
    (
        "fail-rate-limit",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("7"),
    ),
    (
        "asst_fail_rate_limit",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("7"),
    ),
    (
        "fail-rate-limit-ms",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("2"),
    ),
    (
        "asst_fail_rate_limit_ms",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("2"),
    ),
    (
        "fail-rate-limit-x-ms",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("3"),
    ),
    (
        "asst_fail_rate_limit_x_ms",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("3"),
    ),
    (
        "fail-rate-limit-bare",
        429,
        LIMIT,
        "rate_limit_exceeded",
        None,
    ),
    (
        "asst_fail_rate_limit_bare",
        429,
        LIMIT,
        "rate_limit_exceeded",
        None,
    ),
    (
        "fail-run-rate-limit",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("60"),
    ),
    (
        "asst_fail_run_rate_limit",
        429,
        LIMIT,
        "rate_limit_exceeded",
        Some("60"),
    ),
    ("fail-run-server-error", 502, SERVER, "agent_failed", None),
    (
        "asst_fail_run_server_error",
        502,
        SERVER,
        "agent_failed",
        None,
    ),
    ("fail-run-model", 400, INVALID, "agent_misconfigured", None),
    (
        "asst_fail_run_model",
        400,
        INVALID,
        "agent_misconfigured",
        None,
    ),
    (
        "fail-permission",
        403,
        "permission_error",
        "permission_denied",
        None,
    ),
    (
        "asst_fail_permission",
        403,
        "permission_error",
        "permission_denied",
        None,
    ),
    (
        "fail-audience",
        502,
        SERVER,
        "upstream_authentication_failed",
        None,
    ),
    (
        "asst_fail_audience",
        502,
        SERVER,
        "upstream_authentication_failed",
        None,
    ),
    ("fail-content-filter", 400, INVALID, "content_filter", None),
    (
        "asst_fail_content_filter",
        400,
        INVALID,
        "content_filter",
        None,
    ),
    ("fail-error-event", 502, SERVER, "agent_failed", None),
    ("asst_fail_error_event", 502, SERVER, "agent_failed", None),
    ("fail-server-error", 502, SERVER, "upstream_failed", None),
    (
        "asst_fail_server_error",
        502,
        SERVER,
        "upstream_failed",
        None,
    ),
    (
        "fail-unavailable",
        503,
        SERVER,
        "upstream_unavailable",
        Some("1"),
    ),
    (
        "asst_fail_unavailable",
        503,
        SERVER,
        "upstream_unavailable",
        Some("1"),
    ),
    ("fail-html", 502, SERVER, "upstream_failed", None),
    ("asst_fail_html", 502, SERVER, "upstream_failed", None),
    ("fail-locked", 409, INVALID, "conversation_busy", None),
    ("asst_fail_locked", 409, INVALID, "conversation_busy", None),
    ("approval", 400, INVALID, "approval_required", None),
    (
        "consent",
        403,
        "permission_error",
        "oauth_consent_required",
        None,
    ),
];

/// Failures that come after some text.
const AFTER_THE_FIRST_BYTE: &[Row] = &[
    ("asst_approval", 400, INVALID, "approval_required", None),
    ("fail-error-event-middle", 502, SERVER, "agent_failed", None),
    (
        "asst_fail_error_event_middle",
        502,
        SERVER,
        "agent_failed",
        None,
    ),
    ("fail-cut", 502, SERVER, "upstream_broken_off", None),
    ("asst_fail_cut", 502, SERVER, "upstream_broken_off", None),
    ("fail-reset", 502, SERVER, "upstream_broken_off", None),
    ("asst_fail_reset", 502, SERVER, "upstream_broken_off", None),
    ("fail-malformed", 502, SERVER, "upstream_unreadable", None),
    (
        "asst_fail_malformed",
        502,
        SERVER,
        "upstream_unreadable",
        None,
    ),
];

async fn check_status(row: &Row, response: reqwest::Response) {
    let (agent, status, kind, code, retry_after) = *row;
    let headers = response.headers().clone();
    assert!(headers.contains_key("x-request-id"), "{agent}");
    let told = headers
        .get("retry-after")
        .map(|value| value.to_str().unwrap());
    assert_eq!(response.status(), status, "{agent}");
    let (got, error) = error_of(response).await;
    assert_eq!(
        (got, &error["type"], &error["code"]),
        (status, &kind.into(), &code.into()),
        "{agent}: {error}"
    );
    assert_eq!(told, retry_after, "{agent}");
    assert!(error.get("param").is_some(), "{agent}");
    let message = error["message"].as_str().unwrap();
    assert!(
        !message.is_empty() && !message.contains("run_") && !message.contains("thread_"),
        "{agent}: {message}"
    );
}

#[tokio::test]
async fn failures_before_the_first_byte_are_http_errors() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let gateway = &gateway;
    // Side by side, because some rows are worth a repetition after a second or two.
    let rows = BEFORE_THE_FIRST_BYTE.iter().map(|row| async move {
        check_status(row, gateway.ask(row.0, "hi").await).await;
        check_status(row, gateway.ask_streamed(row.0, "hi").await).await;
    });
    join_all(rows).await;
}

#[tokio::test]
async fn failures_after_the_first_byte_are_one_error_event_without_done() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    for row in AFTER_THE_FIRST_BYTE {
        check_status(row, gateway.ask(row.0, "hi").await).await;
        let (agent, _, kind, code, _) = *row;
        let response = gateway.ask_streamed(agent, "hi").await;
        assert_eq!(response.status(), 200, "{agent}");
        let stream = response.text().await.unwrap();
        let events = events_of(&stream);
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        let error = &last["error"];
        assert_eq!(
            (&error["type"], &error["code"]),
            (&kind.into(), &code.into()),
            "{agent}: {stream}"
        );
        let errors = events
            .iter()
            .filter(|event| event.starts_with("{\"error\""))
            .count();
        assert_eq!((errors, stream.contains("[DONE]")), (1, false), "{agent}");
        assert!(!stream.contains("\"finish_reason\":\"stop\""), "{agent}");
    }
}

#[tokio::test]
async fn runs_that_the_service_ended_are_errors() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let rows = [
        ("asst_fail_cancelled", 502, "upstream_cancelled"),
        ("asst_fail_expired", 504, "upstream_expired"),
    ];
    for (agent, status, code) in rows {
        let response = gateway.ask(agent, "hi").await;
        assert_eq!(response.headers()["x-should-retry"], "false", "{agent}");
        let (got, error) = error_of(response).await;
        assert_eq!((got, &error["code"]), (status, &code.into()), "{agent}");
    }
}

#[tokio::test]
async fn paths_and_methods_that_are_not_served_are_told_in_openais_shape() {
    let (_emulator, gateway) = emulator_and_gateway().await;
    let rows = [
        ("POST", "/v1/embeddings", 404, "unknown_url"),
        ("GET", "/nothing", 404, "unknown_url"),
        ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
        ("DELETE", "/v1/models", 405, "method_not_allowed"),
        ("POST", "/healthz", 405, "method_not_allowed"),
    ];
    for (method, path, status, code) in rows {
        let method = method.parse().unwrap();
        let response = gateway
            .http
            .request(method, gateway.url(path))
            .bearer_auth(crate::support::KEY)
            .send()
            .await;
        let (got, error) = error_of(response.unwrap()).await;
        assert_eq!((got, &error["code"]), (status, &code.into()), "{path}");
    }
}
