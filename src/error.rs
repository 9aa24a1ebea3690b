//! The one error that leaves the gateway, in OpenAI's shape, and the one table that says which failure becomes
//! which status, type and code.

mod callers;
mod table;

use std::{borrow::Cow, time::Duration};

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::agent::{Failure, FailureKind};

/// An error for the client, with what only the log may know beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// `type` of the error.
    pub kind: &'static str,
    /// `code` of the error.
    pub code: Option<Cow<'static, str>>,
    /// The request field that is to blame.
    pub param: Option<String>,
    /// What happened and what to do.
    pub message: String,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Whether OpenAI's SDKs should repeat the request; `None` leaves it to their own rules.
    pub should_retry: Option<bool>,
    /// What `WWW-Authenticate` says of a token, beside the word `Bearer`.
    pub challenge: Option<Box<str>>,
    /// For the log only.
    pub detail: Option<String>,
}

/// Put into a response's extensions, so that the access log and spans can tell which error it is.
#[derive(Debug, Clone)]
pub struct ErrorCode(pub Cow<'static, str>);

/// Put into a response's extensions, so that the access log can tell why it failed.
#[derive(Debug, Clone)]
pub struct ErrorDetail(pub String);

const INVALID_REQUEST: &str = "invalid_request_error";
const SERVER_ERROR: &str = "server_error";

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            code: Some(Cow::Borrowed(code)),
            param: None,
            message: message.into(),
            retry_after: None,
            should_retry: None,
            challenge: None,
            detail: None,
        }
    }

    /// A request that cannot be served as it is; `param` names the field.
    pub fn bad_request(
        code: &'static str,
        param: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, code, message)
        }
    }

    /// A body that is not JSON.
    pub fn invalid_json(problem: impl std::fmt::Display) -> Self {
        let message = format!("the request body is not valid JSON: {problem}");
        Self::new(
            StatusCode::BAD_REQUEST,
            INVALID_REQUEST,
            "invalid_json",
            message,
        )
    }

    /// A body over the limit.
    pub fn body_too_large(limit: usize) -> Self {
        let message = format!(
            "the request body is larger than {limit} bytes, the limit of this gateway (GATEWAY_MAX_BODY_BYTES)"
        );
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            INVALID_REQUEST,
            "request_too_large",
            message,
        )
    }

    /// An uploaded file over the limit.
    pub fn file_too_large(limit: u64) -> Self {
        let message = format!(
            "the file is larger than {limit} bytes, the limit of this gateway (GATEWAY_MAX_FILE_BYTES)"
        );
        Self {
            param: Some("file".to_owned()),
            ..Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                INVALID_REQUEST,
                "file_too_large",
                message,
            )
        }
    }

    /// A body that does not arrive.
    pub fn body_timed_out() -> Self {
        let message = "the request body did not arrive in time";
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            INVALID_REQUEST,
            "request_timeout",
            message,
        )
    }

    /// A body that breaks off.
    pub fn body_broken_off() -> Self {
        let message = "the request body broke off";
        Self::new(
            StatusCode::BAD_REQUEST,
            INVALID_REQUEST,
            "incomplete_body",
            message,
        )
    }

    /// A model that names no agent.
    pub fn model_not_found(model: &str) -> Self {
        let message =
            format!("the model {model:?} does not exist; GET /v1/models lists those that do");
        Self {
            param: Some("model".to_owned()),
            ..Self::new(
                StatusCode::NOT_FOUND,
                INVALID_REQUEST,
                "model_not_found",
                message,
            )
        }
    }

    /// An id that names no conversation of this caller, for whatever reason.
    pub fn conversation_not_found() -> Self {
        Self {
            param: Some("thread_id".to_owned()),
            ..Self::new(
                StatusCode::NOT_FOUND,
                INVALID_REQUEST,
                "conversation_not_found",
                "there is no such conversation, or it has expired; send the whole history without an id",
            )
        }
    }

    /// An id that names no file of this caller, for whatever reason.
    pub fn file_not_found(id: &str, param: impl Into<String>) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::new(
                StatusCode::NOT_FOUND,
                INVALID_REQUEST,
                "file_not_found",
                format!(
                    "there is no file {id:?} for this API key; GET /v1/files lists those that were uploaded"
                ),
            )
        }
    }

    /// A path that is not served.
    pub fn unknown_path(method: &http::Method, path: &str) -> Self {
        let message = format!("unknown request URL: {method} {path}");
        Self::new(
            StatusCode::NOT_FOUND,
            INVALID_REQUEST,
            "unknown_url",
            message,
        )
    }

    /// A path that is served, but not with this method.
    pub fn method_not_allowed(method: &http::Method, path: &str) -> Self {
        let message = format!("{path} does not take {method}");
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            INVALID_REQUEST,
            "method_not_allowed",
            message,
        )
    }

    /// More answers in the making than the limit.
    pub fn too_many_requests_in_flight() -> Self {
        Self {
            retry_after: Some(Duration::from_secs(1)),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                SERVER_ERROR,
                "gateway_overloaded",
                "this gateway is answering as many requests as it may; try again shortly",
            )
        }
    }

    /// The store of conversations, where nothing can go on without it.
    pub fn store_failed(detail: String) -> Self {
        let message = "the store of conversations does not answer; try again, or send the whole history without an id";
        Self {
            detail: Some(detail),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                SERVER_ERROR,
                "store_unavailable",
                message,
            )
        }
    }

    /// The `code` of a bug.
    pub const INTERNAL: &'static str = "internal_error";

    /// A bug.
    pub fn internal() -> Self {
        let message = "the gateway failed; its log tells more under this request's x-request-id";
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            SERVER_ERROR,
            Self::INTERNAL,
            message,
        )
    }

    /// The `code` that a failure of this kind has.
    pub fn code_of(kind: FailureKind) -> &'static str {
        table::row(kind).2
    }

    /// The body that OpenAI's clients read.
    pub fn body(&self) -> Vec<u8> {
        let body = ErrorBody {
            error: ErrorObject {
                message: &self.message,
                kind: self.kind,
                param: self.param.as_deref(),
                code: self.code.as_deref(),
            },
        };
        serde_json::to_vec(&body).unwrap_or_default()
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let (status, kind, code) = table::row(failure.kind);
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
            kind,
            code: Some(Cow::Borrowed(code)),
            param: match failure.kind {
                FailureKind::AgentNotFound => Some("model".to_owned()),
                FailureKind::ConversationGone => Some("thread_id".to_owned()),
                _ => None,
            },
            message: failure.message,
            retry_after: failure.retry_after,
            should_retry: table::should_retry(failure.kind),
            challenge: callers::challenge(failure.kind, failure.claims.as_deref()),
            detail: failure.detail,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let Some(wait) = self.retry_after {
            let milliseconds = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(milliseconds.div_ceil(1000)),
            );
            headers.insert("retry-after-ms", HeaderValue::from(milliseconds));
        }
        if let Some(should_retry) = self.should_retry {
            let value = if should_retry { "true" } else { "false" };
            headers.insert("x-should-retry", HeaderValue::from_static(value));
        }
        let challenge = self.challenge.as_deref().map(|it| format!("Bearer {it}"));
        let challenge = challenge.and_then(|text| HeaderValue::try_from(text).ok());
        if self.status == StatusCode::UNAUTHORIZED || challenge.is_some() {
            let bare = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, challenge.unwrap_or(bare));
        }
        let mut response = (self.status, headers, Bytes::from(self.body())).into_response();
        if let Some(code) = self.code {
            response.extensions_mut().insert(ErrorCode(code));
        }
        if let Some(detail) = self.detail {
            response.extensions_mut().insert(ErrorDetail(detail));
        }
        response
    }
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

/// All four fields are always there: clients read them without asking.
#[derive(Serialize)]
struct ErrorObject<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

#[cfg(test)]
mod tests;
