use http::HeaderValue;

use super::*;

fn of_body(status: u16, body: &str) -> Failure {
    from_response(
        StatusCode::from_u16(status).unwrap(),
        &HeaderMap::new(),
        body.as_bytes(),
    )
}

#[test]
fn every_http_status_has_a_meaning() {
    use FailureKind::*;
    let rows = [
        (
            400,
            r#"{"error":{"message":"bad","type":"invalid_request_error","param":null,"code":null}}"#,
            InvalidRequest,
        ),
        (
            400,
            r#"{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400}}"#,
            ContentFiltered,
        ),
        (
            400,
            r#"{"error":{"message":"Another process is currently operating on this conversation.","code":"conversation_locked","param":"conversation"}}"#,
            ConversationBusy,
        ),
        (
            400,
            r#"{"error":{"message":"Thread thread_X already has an active run run_Y.","type":"invalid_request_error","param":null,"code":null}}"#,
            ConversationBusy,
        ),
        (
            400,
            r#"{"error":{"message":"Can't add messages to thread_X while a run run_Y is active.","code":null}}"#,
            ConversationBusy,
        ),
        (
            401,
            r#"{"error":{"code":"PermissionDenied","message":"The principal lacks the required data action X"}}"#,
            PermissionDenied,
        ),
        (
            401,
            r#"{"error":{"code":"401","message":"audience is incorrect (https://ai.azure.com)"}}"#,
            CredentialRejected,
        ),
        (
            401,
            r#"{"error":{"code":"PermissionDenied","message":"no"}}"#,
            PermissionDenied,
        ),
        (
            401,
            r#"{"error":{"code":"401","message":"The principal lacks the required data action X"}}"#,
            PermissionDenied,
        ),
        (401, "", CredentialRejected),
        (403, "{}", PermissionDenied),
        (404, "{}", AgentNotFound),
        (408, "", TimedOut),
        (413, "", InvalidRequest),
        (
            429,
            r#"{"error":{"code":"RateLimitReached","message":"slow down"}}"#,
            RateLimited,
        ),
        (500, "oops", ServiceFailed),
        (502, "<html></html>", ServiceFailed),
        (503, "", Unavailable),
        (504, "", TimedOut),
        (302, "", ServiceFailed),
    ];
    for (status, body, kind) in rows {
        assert_eq!(of_body(status, body).kind, kind, "{status} {body}");
    }
}

#[test]
fn failed_runs_are_told_apart() {
    use FailureKind::*;
    let rows = [
        (
            "rate_limit_exceeded",
            "Rate limit is exceeded. Try again in 60 seconds.",
            RateLimited,
        ),
        ("server_error", "Sorry, something went wrong.", AgentFailed),
        (
            "invalid_engine_error",
            "No connection matching model: gpt-4-1106-preview",
            AgentMisconfigured,
        ),
        ("content_filter", "filtered", ContentFiltered),
        ("token_limit_exceeded", "too long", InvalidRequest),
        (
            "server_error",
            "PermissionDenied: The principal lacks ...",
            PermissionDenied,
        ),
        (
            "server_error",
            "Rate limit is exceeded. Try again in 9 seconds.",
            RateLimited,
        ),
        ("", "", AgentFailed),
    ];
    for (code, message, kind) in rows {
        assert_eq!(from_run_error(code, message).kind, kind, "{code}");
    }
    let limited = from_run_error(
        "rate_limit_exceeded",
        "Rate limit is exceeded. Try again in 60 seconds.",
    );
    assert_eq!(limited.retry_after, Some(Duration::from_secs(60)));
}

#[test]
fn each_retry_header_is_honoured() {
    let wait = |name: &'static str, value: &str| {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )]);
        from_response(StatusCode::TOO_MANY_REQUESTS, &headers, b"").retry_after
    };
    assert_eq!(wait("retry-after", "7"), Some(Duration::from_secs(7)));
    assert_eq!(
        wait("retry-after-ms", "1500"),
        Some(Duration::from_millis(1500))
    );
    assert_eq!(
        wait("x-ms-retry-after-ms", "2500"),
        Some(Duration::from_millis(2500))
    );
    let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(30));
    let seconds = wait("retry-after", &date).unwrap().as_secs();
    assert!((28..=30).contains(&seconds), "{seconds}");
    assert_eq!(wait("retry-after", "soon"), None);
}

#[test]
fn the_services_words_reach_the_client_only_where_they_help() {
    let refused = of_body(
        400,
        r#"{"error":{"code":"invalid_payload","message":"Invalid payload","details":[{"code":"ValidationError","message":"Not allowed when agent is specified.","param":"temperature"}]}}"#,
    );
    assert_eq!(
        refused.message,
        "the agent service refused the request: Invalid payload (temperature: Not allowed when agent is specified.)"
    );
    let denied = of_body(
        401,
        r#"{"error":{"code":"PermissionDenied","message":"principal 1234 lacks X"}}"#,
    );
    assert!(!denied.message.contains("1234"));
    assert!(denied.detail.unwrap().contains("1234"));
}

#[test]
fn the_refused_field_is_found_in_both_places() {
    let direct = ServiceError::parse(
        br#"{"error":{"code":"invalid_payload","message":"x","param":"store"}}"#,
    )
    .unwrap();
    assert_eq!(direct.refused_field(), Some("store"));
    let nested = ServiceError::parse(
        br#"{"error":{"code":"x","message":"x","param":null,"details":[{"param":"store"}]}}"#,
    )
    .unwrap();
    assert_eq!(nested.refused_field(), Some("store"));
}

#[test]
fn the_log_is_told_what_the_service_said_and_the_client_which_field_it_refused() {
    let detail = |body: &str| of_body(500, body).detail.unwrap();
    let failed = "HTTP 500 Internal Server Error, ";
    for (body, said) in [
        (r#"{"error":{"code":429,"message":"slow"}}"#, "429: slow"),
        (r#"{"error":{"code":"Busy"}}"#, "Busy: "),
        (r#"{"error":{"message":"slow"}}"#, ": slow"),
        (r#"{"code":"Busy","message":"slow"}"#, "Busy: slow"),
        (r#"{"error":{}}"#, "no readable error body"),
        ("<html>", "no readable error body"),
    ] {
        assert_eq!(detail(body), format!("{failed}{said}"), "{body}");
    }
    let refused = of_body(
        400,
        r#"{"error":{"code":"invalid_payload","message":"x","param":"store"}}"#,
    );
    assert_eq!(refused.refused_field.as_deref(), Some("store"));
    assert_eq!(of_body(400, "{}").refused_field, None);
}

#[test]
fn a_caller_whose_own_token_is_refused_is_told_what_to_do() {
    use FailureKind::*;
    let own = |kind| of_the_callers_own(Failure::new(kind, "as before").with_detail("for the log"));
    let rejected = own(CredentialRejected);
    assert_eq!(rejected.kind, CallerTokenRejected);
    assert!(
        rejected.message.contains("get a new one"),
        "{}",
        rejected.message
    );
    assert_eq!(rejected.detail.as_deref(), Some("for the log"));
    let denied = own(PermissionDenied);
    assert_eq!(denied.kind, PermissionDenied);
    assert!(
        denied.message.contains("ask for the role"),
        "{}",
        denied.message
    );
    let other = own(Unavailable);
    assert_eq!(other.kind, Unavailable);
    assert_eq!(other.message, "as before");
}
