//! What the agent service says of a failure: statuses, headers and bodies, and `error` events.

use std::time::Duration;

use axum::response::IntoResponse;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::{agent::Failure, error::ApiError, foundry::fuzzing};

/// Input: lines of `status`, `retry-after`, `retry-after-ms` and `x-ms-retry-after-ms`, then the body.
///
/// - Every failure becomes an answer of 4xx or 5xx with a message, never of success.
/// - What the service says reaches the client only where it refuses the request.
/// - `Retry-After` is told where the service named a wait, and says the same in seconds and milliseconds.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn service_errors(input: &[u8]) {
    let mut parts = input.splitn(5, |byte| *byte == b'\n');
    let mut line = || parts.next().unwrap_or_default();
    let status = std::str::from_utf8(line()).ok();
    let Some(status) = status.and_then(|status| status.parse::<u16>().ok()) else {
        return;
    };
    let Some(status) = StatusCode::from_u16(status)
        .ok()
        .filter(|status| !status.is_success())
    else {
        return;
    };
    let mut headers = HeaderMap::new();
    for name in ["retry-after", "retry-after-ms", "x-ms-retry-after-ms"] {
        let value = line();
        if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_bytes(value)) {
            headers.insert(name, value);
        }
    }
    let body = line();
    check(fuzzing::failure(status, &headers, body), body);
    let event = std::str::from_utf8(body).ok();
    if let Some(failure) = event.and_then(fuzzing::event_failure) {
        check(failure, body);
    }
}

fn check(failure: Failure, body: &[u8]) {
    let wait = failure.retry_after;
    let is_refusal = failure.message.contains("refused the request");
    let longest = failure.message.len();
    assert!(is_refusal || longest < 300, "{failure:?}");
    assert!(!failure.message.is_empty(), "{failure:?}");
    assert!(
        longest <= body.len() * 4 + 300,
        "a longer message than body"
    );
    let response = ApiError::from(failure).into_response();
    let status = response.status();
    assert!(
        status.is_client_error() || status.is_server_error(),
        "{status}"
    );
    let told = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        value.parse::<u64>().ok()
    };
    let (seconds, milliseconds) = (told("retry-after"), told("retry-after-ms"));
    assert_eq!(wait.is_some(), seconds.is_some(), "a wait is lost");
    assert_eq!(seconds, milliseconds.map(|wait| wait.div_ceil(1000)));
    let shorter = wait.filter(|wait| wait.as_millis() < u128::from(u64::MAX));
    if let Some(wait) = shorter {
        assert!(wait <= Duration::from_millis(milliseconds.unwrap_or_default() + 1));
    }
}
