//! The refusals that both dialects share, and those of the failing built-in agents.

use http::StatusCode;
use serde_json::json;

use crate::catalogue::Dialect;
use crate::error::{ErrorBody, ServiceError};

/// 429 of the front door; the caller adds the retry header.
pub(crate) fn rate_limit() -> ServiceError {
    ServiceError::front_door(
        StatusCode::TOO_MANY_REQUESTS,
        "RateLimitReached",
        "Your requests to gpt-emulated have exceeded the token rate limit of your current tier.",
    )
}

/// 429 without any retry header.
pub(crate) fn too_many_requests() -> ServiceError {
    ServiceError::front_door(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too Many Requests",
    )
}

/// 401 `PermissionDenied` for the operation that runs an agent.
pub(crate) fn permission_denied(dialect: Dialect) -> ServiceError {
    let path = match dialect {
        Dialect::Responses => "/openai/*",
        Dialect::Threads => "/threads/*",
    };
    crate::auth::permission_denied("POST", path)
}

/// 400 of the content filter about the prompt. `type` is null, as in the reference.
pub(crate) fn content_filter() -> ServiceError {
    let severity =
        |filtered: bool, severity: &str| json!({"filtered": filtered, "severity": severity});
    ServiceError::with_body(
        StatusCode::BAD_REQUEST,
        ErrorBody::Json(json!({"error": {
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please modify your prompt and retry.",
            "type": null,
            "param": "prompt",
            "code": "content_filter",
            "status": 400,
            "innererror": {
                "code": "ResponsibleAIPolicyViolation",
                "content_filter_result": {
                    "hate": severity(false, "safe"),
                    "self_harm": severity(false, "safe"),
                    "sexual": severity(false, "safe"),
                    "violence": severity(true, "medium"),
                    "jailbreak": {"filtered": false, "detected": false},
                },
            },
        }})),
    )
}

/// 500.
pub(crate) fn server_error() -> ServiceError {
    ServiceError::openai(
        StatusCode::INTERNAL_SERVER_ERROR,
        "server_error",
        Some("server_error"),
        None,
        "The server had an error while processing your request. Sorry about that!",
    )
}

/// 503 with `Retry-After: 1`.
pub(crate) fn unavailable() -> ServiceError {
    ServiceError::front_door(
        StatusCode::SERVICE_UNAVAILABLE,
        "ServiceUnavailable",
        "The service is temporarily unable to process your request. Please try again later.",
    )
    .with_header("retry-after", "1")
}

/// 502 with a proxy's HTML page.
pub(crate) fn bad_gateway_page() -> ServiceError {
    ServiceError::html(
        StatusCode::BAD_GATEWAY,
        "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
    )
}

/// 400: another response is being made in this conversation.
pub(crate) fn conversation_locked() -> ServiceError {
    ServiceError::invalid_request(
        Some("conversation_locked"),
        Some("conversation"),
        "Another process is currently operating on this conversation. Please retry in a few seconds.",
    )
}

/// 400: a second run on a thread whose run is not over. Only the text tells this refusal from others.
pub(crate) fn active_run(thread_id: &str, run_id: &str) -> ServiceError {
    ServiceError::invalid_request(
        None,
        None,
        format!("Thread {thread_id} already has an active run {run_id}."),
    )
}

/// 400: a message for a thread whose run is not over.
pub(crate) fn messages_locked(thread_id: &str, run_id: &str) -> ServiceError {
    ServiceError::invalid_request(
        None,
        None,
        format!("Can't add messages to {thread_id} while a run {run_id} is active."),
    )
}
