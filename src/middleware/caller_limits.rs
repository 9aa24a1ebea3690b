//! Keeps each caller within the requests and answers of its policy, and tells it how much is left.

use std::time::Duration;

use axum::{
    Extension,
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::{
    app::AppState,
    error::ApiError,
    identity::callers::{Caller, Taken, limits::Outcome},
    sse::end_of_body::EndOfBody,
};

pub(super) async fn limit(
    State(app): State<AppState>,
    Extension(caller): Extension<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let admission = app.caller_limits.admit(&caller, Instant::now());
    let mut response = match admission.outcome {
        Outcome::Admitted(None) => next.run(request).await,
        Outcome::Admitted(Some(permit)) => next
            .run(request)
            .await
            .map(|body| Body::new(EndOfBody::new(body, move |_, _| drop(permit)))),
        Outcome::TooOften { limit, wait } => ApiError::too_often(limit, wait).into_response(),
        Outcome::TooManyAtOnce(most) => ApiError::too_many_at_once(most.get()).into_response(),
    };
    if let Some(rate) = admission.rate {
        tell(response.headers_mut(), &rate);
    }
    response
}

/// OpenAI's headers, which its clients and many proxies read.
fn tell(headers: &mut HeaderMap, rate: &Taken) {
    headers.insert("x-ratelimit-limit-requests", HeaderValue::from(rate.limit));
    headers.insert(
        "x-ratelimit-remaining-requests",
        HeaderValue::from(rate.remaining),
    );
    if let Ok(reset) = HeaderValue::try_from(written(rate.reset)) {
        headers.insert("x-ratelimit-reset-requests", reset);
    }
}

/// A duration as OpenAI writes it: `20ms`, `1.5s`, `1m0s`; up to a millisecond too long rather than too short.
fn written(duration: Duration) -> String {
    let milliseconds = duration.as_nanos().div_ceil(1_000_000);
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let seconds = match (rest / 1000, rest % 1000) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, part) => format!("{seconds}.{}s", format!("{part:03}").trim_end_matches('0')),
    };
    match (minutes, rest) {
        (0, 1..1000) => format!("{rest}ms"),
        (0, _) => seconds,
        _ => format!("{minutes}m{seconds}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_does() {
        let rows = [
            (0, "0s"),
            (1, "1ms"),
            (20_000, "20ms"),
            (20_001, "21ms"),
            (1_000_000, "1s"),
            (1_500_000, "1.5s"),
            (8_640_000, "8.64s"),
            (60_000_000, "1m0s"),
            (360_000_000, "6m0s"),
            (61_005_000, "1m1.005s"),
        ];
        for (microseconds, expected) in rows {
            assert_eq!(written(Duration::from_micros(microseconds)), expected);
        }
    }
}
