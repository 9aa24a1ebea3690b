//! Reads what went wrong: HTTP error bodies of both shapes, failed runs and responses, and error events.
//!
//! What the client is told is written here; what the service said goes to the log, except where only the
//! service's words help the client (a request it refuses, a content filter).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use crate::agent::{Failure, FailureKind};

/// An error as the service writes it, of either shape: OpenAI's (`message`, `type`, `param`, `code`) or the
/// front door's (`code`, `message`). Every field may be missing or null.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ServiceError {
    #[serde(deserialize_with = "text_or_nothing")]
    code: String,
    #[serde(deserialize_with = "text_or_nothing")]
    message: String,
    #[serde(deserialize_with = "text_or_nothing")]
    param: String,
    details: Vec<ErrorDetail>,
}

/// One entry of `details`, where "Invalid payload" names the field.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorDetail {
    #[serde(deserialize_with = "text_or_nothing")]
    message: String,
    #[serde(deserialize_with = "text_or_nothing")]
    param: String,
}

/// Part of the service's own words that the log keeps.
const MAX_DETAIL_CHARACTERS: usize = 300;

#[derive(Deserialize)]
struct ErrorBody {
    error: ServiceError,
}

/// Codes are texts, but a number or null has been seen: take any scalar.
fn text_or_nothing<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

impl ServiceError {
    /// Reads `{"error": {...}}` or the bare error object.
    fn parse(json: &[u8]) -> Option<Self> {
        serde_json::from_slice::<ErrorBody>(json)
            .map(|body| body.error)
            .or_else(|_| serde_json::from_slice(json))
            .ok()
            .filter(|error: &Self| !error.code.is_empty() || !error.message.is_empty())
    }

    /// The field that the service refuses, if it names one.
    fn refused_field(&self) -> Option<&str> {
        std::iter::once(self.param.as_str())
            .chain(self.details.iter().map(|detail| detail.param.as_str()))
            .find(|param| !param.is_empty())
    }

    /// For the log, and not at any length: a service may quote what it was sent.
    fn detail(&self) -> String {
        let message: String = self.message.chars().take(MAX_DETAIL_CHARACTERS).collect();
        format!("{}: {message}", self.code)
    }

    /// The service's own words, with the details that say which field is meant.
    fn words(&self) -> String {
        let mut words = self.message.clone();
        for detail in &self.details {
            if !detail.message.is_empty() {
                words = format!("{words} ({}: {})", detail.param, detail.message);
            }
        }
        words
    }
}

/// What an HTTP answer that is no success means.
pub(super) fn from_response(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
    let error = ServiceError::parse(body).unwrap_or_default();
    let detail = if error.message.is_empty() && error.code.is_empty() {
        format!("HTTP {status}, no readable error body")
    } else {
        format!("HTTP {status}, {}", error.detail())
    };
    let wait = retry_after(headers).or_else(|| seconds_in(&error.message));
    Failure {
        refused_field: error.refused_field().map(str::to_owned),
        ..from_status(status, &error)
            .with_detail(detail)
            .with_retry_after(wait)
    }
}

/// The same where the caller's own token was refused, and it is the caller who can do something about it.
pub(super) fn of_the_callers_own(failure: Failure) -> Failure {
    let (kind, message) = match failure.kind {
        FailureKind::CredentialRejected => (
            FailureKind::CallerTokenRejected,
            "the agent service did not accept your token; get a new one for https://ai.azure.com",
        ),
        FailureKind::PermissionDenied => (
            FailureKind::PermissionDenied,
            "you may not use agents of this project; ask for the role Foundry User on the project",
        ),
        _ => return failure,
    };
    Failure {
        kind,
        message: message.to_owned(),
        ..failure
    }
}

fn from_status(status: StatusCode, error: &ServiceError) -> Failure {
    match status.as_u16() {
        400 | 409 | 413 | 422 => from_refusal(error),
        401 if is_permission_denied(error) => permission_denied(),
        401 => credential_rejected(),
        403 => permission_denied(),
        404 => Failure::new(
            FailureKind::AgentNotFound,
            "the agent does not exist in the project, or this gateway may not see it",
        ),
        408 | 504 => timed_out(),
        429 => rate_limited(),
        503 => unavailable(),
        _ => service_failed(),
    }
}

/// What a 400 means; only its text tells an active run from a bad request.
fn from_refusal(error: &ServiceError) -> Failure {
    if error.code == "content_filter" {
        return content_filtered();
    }
    let busy = error.code == "conversation_locked"
        || error.message.contains("already has an active run")
        || error.message.contains("while a run");
    if busy {
        return Failure::new(
            FailureKind::ConversationBusy,
            "the conversation is in use by another request; try again in a few seconds",
        );
    }
    let words = error.words();
    let message = if words.is_empty() {
        "the agent service refused the request".to_owned()
    } else {
        format!("the agent service refused the request: {words}")
    };
    Failure::new(FailureKind::InvalidRequest, message)
}

/// What the error of a failed run, a failed response or an `error` event means.
fn from_run_error(code: &str, message: &str) -> Failure {
    let failure = match code {
        "rate_limit_exceeded" | "too_many_requests" | "RateLimitReached" => rate_limited(),
        "content_filter" => content_filtered(),
        "invalid_engine_error" | "model_not_found" | "DeploymentNotFound" => Failure::new(
            FailureKind::AgentMisconfigured,
            "the agent names a model that is not deployed in its project; its owner has to correct the agent",
        ),
        "token_limit_exceeded"
        | "context_length_exceeded"
        | "message_limit_exceeded"
        | "content_size_exceeded" => Failure::new(
            FailureKind::InvalidRequest,
            "the conversation is too long for the agent",
        ),
        // Seen as an error event with the code of a failure: azure-sdk-for-python#44842.
        _ if message.contains("PermissionDenied") => permission_denied(),
        _ if message.starts_with("Rate limit is exceeded") => rate_limited(),
        _ => Failure::new(FailureKind::AgentFailed, "the agent failed"),
    };
    let wait = (failure.kind == FailureKind::RateLimited)
        .then(|| seconds_in(message))
        .flatten();
    failure
        .with_detail(format!("{code}: {message}"))
        .with_retry_after(wait)
}

/// An approval that nobody may give; `tools` are `server/tool`.
pub(super) fn approval_required<'a>(tools: impl IntoIterator<Item = &'a str>) -> Failure {
    let tools: Vec<_> = tools.into_iter().collect();
    Failure::new(
        FailureKind::ApprovalRequired,
        format!(
            "the agent asks for approval to call {}; its owner can set the tool's require_approval to never, or the \
             gateway's operator can list it under `approvals` of an alias or set GATEWAY_APPROVALS=surface",
            tools.join(", ")
        ),
    )
}

/// Why a run or a response failed, and the data of an `error` event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RunError {
    code: Option<String>,
    message: Option<String>,
    /// The body of the event was not found recorded: the SDKs' models allow the bare error and a nested one.
    error: Option<Box<RunError>>,
}

impl RunError {
    /// What it means.
    pub(super) fn failure(&self) -> Failure {
        match &self.error {
            Some(nested) => nested.failure(),
            None => from_run_error(
                self.code.as_deref().unwrap_or_default(),
                self.message.as_deref().unwrap_or_default(),
            ),
        }
    }
}

/// 401 is the answer both to a missing role and to a bad token; the code or the text tells.
fn is_permission_denied(error: &ServiceError) -> bool {
    error.code == "PermissionDenied" || error.message.contains("lacks the required data action")
}

fn permission_denied() -> Failure {
    Failure::new(
        FailureKind::PermissionDenied,
        "the gateway's identity may not use agents of this project; \
         its operator has to assign the role Foundry User on the project",
    )
}

fn credential_rejected() -> Failure {
    Failure::new(
        FailureKind::CredentialRejected,
        "the agent service did not accept the gateway's sign-in; its operator has to check identity and token scope",
    )
}

fn content_filtered() -> Failure {
    Failure::new(
        FailureKind::ContentFiltered,
        "the content filter of the agent's model stopped the request; change the messages and try again",
    )
}

fn rate_limited() -> Failure {
    Failure::new(
        FailureKind::RateLimited,
        "the rate limit of the agent's model is reached; try again later",
    )
}

fn unavailable() -> Failure {
    Failure::new(
        FailureKind::Unavailable,
        "the agent service is not available now; try again later",
    )
}

fn service_failed() -> Failure {
    Failure::new(FailureKind::ServiceFailed, "the agent service failed")
}

fn timed_out() -> Failure {
    Failure::new(
        FailureKind::TimedOut,
        "the agent service did not answer in time",
    )
}

/// The wait that the service asks for, in each of the three headers that Azure's own clients honour.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    for name in ["retry-after-ms", "x-ms-retry-after-ms"] {
        if let Some(milliseconds) = text(name).and_then(|text| text.trim().parse().ok()) {
            return Some(Duration::from_millis(milliseconds));
        }
    }
    let text = text(header::RETRY_AFTER.as_str())?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

/// The N of "Try again in N seconds", where a rate limit comes as a failed run without a header.
fn seconds_in(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let (_, after) = lower
        .split_once("try again in ")
        .or_else(|| lower.split_once("retry after "))?;
    let (number, unit) = after.split_once(' ')?;
    let seconds = unit.starts_with("second").then(|| number.parse().ok())??;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
