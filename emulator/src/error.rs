//! What the service answers when it refuses, in its two error shapes.
//!
//! The front door (gateway, authorisation) answers `{"error":{"code","message"}}`; the OpenAI part answers
//! `{"error":{"message","type","param","code"}}`, and schema refusals of new agents add `details` and `additionalInfo`.

use http::StatusCode;
use serde_json::{Value, json};

/// A refusal: HTTP status, extra headers and body.
#[derive(Debug)]
pub(crate) struct ServiceError {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Headers besides the usual ones, such as `retry-after`.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// What the body holds.
    pub(crate) body: Box<ErrorBody>,
}

/// The body of a refusal.
#[derive(Debug)]
pub(crate) enum ErrorBody {
    /// A complete JSON body.
    Json(Value),
    /// A schema refusal of a new agent; the request id is filled in when it is answered.
    InvalidPayload {
        message: String,
        param: Value,
        details: Vec<Value>,
    },
    /// A page of a proxy that is not JSON at all.
    Html(&'static str),
}

impl ServiceError {
    /// A refusal by the front door: `{"error":{"code","message"}}`.
    pub(crate) fn front_door(
        status: StatusCode,
        code: &str,
        message: impl Into<String>,
    ) -> ServiceError {
        let message: String = message.into();
        ServiceError::with_body(
            status,
            ErrorBody::Json(json!({"error": {"code": code, "message": message}})),
        )
    }

    /// A refusal by the OpenAI part: `{"error":{"message","type","param","code"}}`; `param` and `code` may be null.
    pub(crate) fn openai(
        status: StatusCode,
        kind: &str,
        code: Option<&str>,
        param: Option<&str>,
        message: impl Into<String>,
    ) -> ServiceError {
        let message: String = message.into();
        ServiceError::with_body(
            status,
            ErrorBody::Json(
                json!({"error": {"message": message, "type": kind, "param": param, "code": code}}),
            ),
        )
    }

    /// A 400 of the OpenAI part with type `invalid_request_error`.
    pub(crate) fn invalid_request(
        code: Option<&str>,
        param: Option<&str>,
        message: impl Into<String>,
    ) -> ServiceError {
        ServiceError::openai(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            code,
            param,
            message,
        )
    }

    /// A 404 of the OpenAI part with type `invalid_request_error`.
    pub(crate) fn not_found(message: impl Into<String>) -> ServiceError {
        ServiceError::openai(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            None,
            None,
            message,
        )
    }

    /// A 404 of the new agents' management: code `not_found`.
    pub(crate) fn agent_not_found(message: impl Into<String>) -> ServiceError {
        let message: String = message.into();
        ServiceError::with_body(
            StatusCode::NOT_FOUND,
            ErrorBody::Json(json!({"error": {
                "code": "not_found",
                "message": message,
                "param": null,
                "type": "invalid_request_error",
                "details": [],
            }})),
        )
    }

    /// The 400 with code `invalid_payload` that new agents answer to a request that breaks their schema.
    pub(crate) fn invalid_payload(
        message: impl Into<String>,
        param: Option<&str>,
        details: Vec<Value>,
    ) -> ServiceError {
        ServiceError::with_body(
            StatusCode::BAD_REQUEST,
            ErrorBody::InvalidPayload {
                message: message.into(),
                param: json!(param),
                details,
            },
        )
    }

    /// A parameter the operation does not know.
    pub(crate) fn unknown_parameter(name: &str) -> ServiceError {
        ServiceError::invalid_request(
            Some("unknown_parameter"),
            Some(name),
            format!("Unknown parameter: '{name}'."),
        )
    }

    /// A parameter the operation needs and did not get.
    pub(crate) fn missing_parameter(name: &str) -> ServiceError {
        ServiceError::invalid_request(
            Some("missing_required_parameter"),
            Some(name),
            format!("Missing required parameter: '{name}'."),
        )
    }

    /// A parameter with a value of the wrong kind; `expected` reads like "an integer".
    pub(crate) fn invalid_type(name: &str, expected: &str) -> ServiceError {
        ServiceError::invalid_request(
            Some("invalid_type"),
            Some(name),
            format!("Invalid type for '{name}': expected {expected}."),
        )
    }

    /// An operation of the real service that the emulator does not have.
    pub(crate) fn not_emulated(operation: &str) -> ServiceError {
        ServiceError::front_door(
            StatusCode::NOT_IMPLEMENTED,
            "NotEmulated",
            format!(
                "foundry-emulator does not emulate '{operation}'; see its README for what it does."
            ),
        )
    }

    /// The refusal with one more response header.
    pub(crate) fn with_header(
        mut self,
        name: &'static str,
        value: impl Into<String>,
    ) -> ServiceError {
        self.headers.push((name, value.into()));
        self
    }

    /// A refusal with this body.
    pub(crate) fn with_body(status: StatusCode, body: ErrorBody) -> ServiceError {
        ServiceError {
            status,
            headers: Vec::new(),
            body: Box::new(body),
        }
    }

    /// A proxy's HTML page.
    pub(crate) fn html(status: StatusCode, page: &'static str) -> ServiceError {
        ServiceError::with_body(status, ErrorBody::Html(page))
    }
}

/// One line of an `invalid_payload` refusal: what is wrong at which JSON pointer.
pub(crate) fn validation_error(param: &str, message: &str) -> Value {
    json!({"code": "ValidationError", "message": message, "param": param, "type": "error"})
}
