//! Answers become responses.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use http::{HeaderMap, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::behaviour::Fault;
use crate::body::{AnswerBody, Exchange};
use crate::error::{ErrorBody, ServiceError};
use crate::ids;
use crate::request::{Reply, ReplyBody};
use crate::stream::Halves;
use crate::stream::pump::{Delivery, pump};

/// A refusal as an answer.
pub(super) fn refuse(error: ServiceError, request_id: &str) -> Reply {
    let mut reply = match *error.body {
        ErrorBody::Json(body) => Reply::json(body),
        ErrorBody::InvalidPayload {
            message,
            param,
            details,
        } => Reply::json(json!({"error": {
            "code": "invalid_payload",
            "message": message,
            "param": param,
            "type": "invalid_request_error",
            "details": details,
            "additionalInfo": {"request_id": request_id},
        }})),
        ErrorBody::Html(page) => Reply::file(Bytes::from_static(page.as_bytes()))
            .with_header("content-type", "text/html"),
    };
    reply.status = error.status;
    for (name, value) in error.headers {
        reply = reply.with_header(name, &value);
    }
    reply
}

/// An answer as a response, with the headers of every answer.
pub(super) fn respond(
    reply: Reply,
    delivery: Delivery,
    exchange: Exchange,
    request_id: &str,
    started: Instant,
) -> Response<AnswerBody> {
    let mut headers = reply.headers;
    let (content_type, body) = match reply.body {
        ReplyBody::Json(Value::Null) => (None, AnswerBody::whole(Bytes::new(), exchange)),
        ReplyBody::Json(json) => {
            let bytes = Bytes::from(json.to_string());
            (Some("application/json"), whole(bytes, delivery, exchange))
        }
        ReplyBody::File(bytes) => (
            Some("application/octet-stream"),
            whole(bytes, delivery, exchange),
        ),
        ReplyBody::Events(player) => (
            Some("text/event-stream; charset=utf-8"),
            AnswerBody::streamed(pump(player, delivery), exchange),
        ),
    };
    if let Some(content_type) = content_type
        && !headers.contains_key(CONTENT_TYPE)
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    add_service_headers(&mut headers, request_id, started);
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = headers;
    response
}

/// A whole body in one piece with its length, unless something is to happen in the middle of it.
fn whole(bytes: Bytes, mut delivery: Delivery, exchange: Exchange) -> AnswerBody {
    delivery.faults.retain(|(_, fault)| !fault.needs_events());
    for (_, fault) in &mut delivery.faults {
        // JSON that is cut off is malformed.
        if *fault == Fault::Malformed {
            *fault = Fault::Eof;
        }
    }
    if delivery.faults.is_empty() {
        AnswerBody::whole(bytes, exchange)
    } else {
        let halves = Box::new(Halves::new(&bytes));
        AnswerBody::streamed(pump(halves, delivery), exchange)
    }
}

/// The headers of every answer, as recorded; what a handler or a fault set stays.
fn add_service_headers(headers: &mut HeaderMap, request_id: &str, started: Instant) {
    let elapsed = started.elapsed();
    let fixed = [
        ("server", "foundry-emulator"),
        (
            "api-supported-versions",
            "1.0,2025-05-15-preview,2025-11-15-preview",
        ),
        ("openai-version", "2020-10-01"),
        ("x-ms-region", "Emulated"),
        ("x-ms-response-type", "standard"),
        ("x-ratelimit-limit-requests", "22700"),
        ("x-ratelimit-limit-tokens", "2270000"),
        ("x-ratelimit-remaining-requests", "22699"),
        ("x-ratelimit-remaining-tokens", "2269880"),
        ("x-ratelimit-reset-requests", "0"),
        ("x-ratelimit-reset-tokens", "0"),
    ];
    for (name, value) in fixed {
        let name = HeaderName::from_static(name);
        if name == SERVER || !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let told = [
        ("apim-request-id", ids::uuid()),
        ("x-request-id", request_id.to_owned()),
        ("openai-processing-ms", elapsed.as_millis().to_string()),
        ("x-request-time", format!("{:.3}", elapsed.as_secs_f64())),
    ];
    for (name, value) in told {
        if let Ok(value) = HeaderValue::try_from(value)
            && !headers.contains_key(name)
        {
            headers.insert(name, value);
        }
    }
}
