//! The emulator's own endpoints, which need no token and are not recorded: a hello, the journal and the behaviour, for
//! tests in other languages.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, SERVER};
use http::{HeaderValue, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::body::AnswerBody;
use crate::service::Shared;

const HELLO: &str = "/";
const JOURNAL: &str = "/emulator/journal";
const BEHAVIOUR: &str = "/emulator/behaviour";

/// Whether a path is the emulator's own.
pub(crate) fn is_control(path: &str) -> bool {
    matches!(path, HELLO | JOURNAL | BEHAVIOUR)
}

/// Answers a request to one of those paths.
pub(crate) fn answer(
    shared: &Shared,
    method: &Method,
    path: &str,
    body: &Bytes,
) -> Response<AnswerBody> {
    let (status, body) = match (method.as_str(), path) {
        ("GET" | "HEAD", HELLO) => (
            StatusCode::OK,
            json!({
                "name": "foundry-emulator",
                "version": env!("CARGO_PKG_VERSION"),
                "project_endpoint_path": crate::emulator::PROJECT_PATH,
            }),
        ),
        ("GET", JOURNAL) => (StatusCode::OK, json!(shared.journal.requests())),
        ("DELETE", JOURNAL) => {
            shared.journal.clear();
            (StatusCode::NO_CONTENT, Value::Null)
        }
        ("GET", BEHAVIOUR) => (StatusCode::OK, json!(shared.behaviour.get())),
        ("PUT", BEHAVIOUR) => match serde_json::from_slice(body) {
            Ok(behaviour) => {
                shared.behaviour.set(behaviour);
                (StatusCode::OK, json!(shared.behaviour.get()))
            }
            Err(error) => (
                StatusCode::BAD_REQUEST,
                json!({"error": {"code": "InvalidBehaviour", "message": error.to_string()}}),
            ),
        },
        ("DELETE", BEHAVIOUR) => {
            shared.behaviour.reset();
            (StatusCode::NO_CONTENT, Value::Null)
        }
        _ => (
            StatusCode::METHOD_NOT_ALLOWED,
            json!({"error": {"code": "MethodNotAllowed", "message": format!("{path} does not support {method}.")}}),
        ),
    };
    let mut response = json_response(status, &body);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let methods = HeaderValue::from_static("GET, PUT, DELETE");
        response.headers_mut().insert(ALLOW, methods);
    }
    response
}

/// 413 for a request of any path, whose body was not read to its end and is not recorded.
pub(crate) fn body_too_large(limit: usize) -> Response<AnswerBody> {
    let body = json!({"error": {
        "code": "RequestEntityTooLarge",
        "message": format!("The emulator reads request bodies of at most {limit} bytes."),
    }});
    json_response(StatusCode::PAYLOAD_TOO_LARGE, &body)
}

fn json_response(status: StatusCode, body: &Value) -> Response<AnswerBody> {
    let bytes = if body.is_null() {
        Bytes::new()
    } else {
        Bytes::from(body.to_string())
    };
    let mut response = Response::new(AnswerBody::unrecorded(bytes));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(SERVER, HeaderValue::from_static("foundry-emulator"));
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
