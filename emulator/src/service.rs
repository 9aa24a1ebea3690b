//! One request from its bytes to its answer: journal, faults, sign-in, operation, response headers.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, SERVER};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::auth;
use crate::behaviour::{Behaviour, BehaviourCell, Fault, Stage};
use crate::body::{AnswerBody, Exchange};
use crate::clock::Clock;
use crate::control;
use crate::error::{ErrorBody, ServiceError};
use crate::ids;
use crate::journal::{Journal, RecordedRequest};
use crate::model_server::Thinker;
use crate::operations::{self, Handler, NoOperation, Target};
use crate::project::{ProjectHandle, Projects};
use crate::request::{Reply, ReplyBody, ServiceRequest};
use crate::server::connection::CloseMode;
use crate::stream::Halves;
use crate::stream::pump::{Delivery, pump};

/// The largest request body that is read.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// What all requests of an emulator share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) behaviour: BehaviourCell,
    pub(crate) journal: Journal,
    pub(crate) projects: Projects,
    pub(crate) access_token: Option<String>,
    pub(crate) thinker: Thinker,
}

/// What an operation may use.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) clock: Clock,
    /// The behaviour when the request arrived.
    pub(crate) behaviour: Behaviour,
    pub(crate) project: ProjectHandle,
    pub(crate) shared: Arc<Shared>,
}

/// Answers one request. An error closes the connection without an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    close_mode: CloseMode,
    request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => return Err(io::Error::other(error)),
    };
    if control::is_control(&path) {
        return Ok(control::answer(&shared, &head.method, &path, &body));
    }
    let started = Instant::now();
    let target = operations::find(&head.method, &path);
    let operation = target
        .as_ref()
        .and_then(|target| target.operation.ok())
        .map_or("unknown", |operation| operation.name);
    let exchange = Exchange::start(&shared, record(&shared, operation, &head, &body));
    let behaviour = shared.behaviour.get();
    let mut faults = shared.behaviour.take_faults(operation);
    tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    let request_id = ids::request();
    let reply = match commit_before_headers(&mut faults, &close_mode, &exchange).await? {
        Some(reply) => reply,
        None => {
            let outcome = match target {
                None => Err(not_found()),
                Some(target) => perform(&shared, &behaviour, target, &head, body.clone()).await,
            };
            let reply = outcome.unwrap_or_else(|error| refuse(error, &request_id));
            faults.extend(reply.faults.iter().cloned());
            match commit_before_headers(&mut faults, &close_mode, &exchange).await? {
                Some(other) => other,
                None => reply,
            }
        }
    };
    let delivery = Delivery {
        pace: behaviour.pace(),
        split_bytes: behaviour.split_bytes,
        faults,
        close_mode,
    };
    let status = reply.status;
    exchange.status(status);
    tracing::info!(
        method = %head.method,
        path,
        operation,
        status = status.as_u16(),
        duration_ms = started.elapsed().as_millis(),
        "answered"
    );
    Ok(respond(reply, delivery, exchange, &request_id, started))
}

/// Runs the operation, after the front door's checks.
async fn perform(
    shared: &Arc<Shared>,
    behaviour: &Behaviour,
    target: Target,
    head: &http::request::Parts,
    body: Bytes,
) -> Result<Reply, ServiceError> {
    let path = target.operation.map_or("", |operation| operation.path);
    let openai = target.preview || !target.needs_api_version || target.endpoint_agent.is_some();
    let shown_path = if openai {
        "/openai/*".to_owned()
    } else {
        format!("/{path}")
    };
    auth::check(
        &head.headers,
        shared.access_token.as_deref(),
        head.method.as_str(),
        &shown_path,
    )?;
    let operation = target.operation.map_err(|reason| match reason {
        NoOperation::UnknownPath => not_found(),
        NoOperation::WrongMethod => ServiceError::front_door(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("The path does not support the method {}.", head.method),
        ),
    })?;
    let request = ServiceRequest {
        segments: target.segments,
        endpoint_agent: target.endpoint_agent,
        preview: target.preview,
        query: form_urlencoded::parse(head.uri.query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        headers: head.headers.clone(),
        body,
    };
    check_api_version(&request, target.needs_api_version)?;
    let context = Context {
        clock: shared.clock,
        behaviour: behaviour.clone(),
        project: shared.projects.open(&target.project, shared.clock),
        shared: Arc::clone(shared),
    };
    match operation.handler {
        Handler::Now(handler) => handler(&context, &request),
        Handler::Later(handler) => handler(&context, &request).await,
        Handler::NotEmulated => Err(ServiceError::not_emulated(operation.name)),
    }
}

fn check_api_version(request: &ServiceRequest, needed: bool) -> Result<(), ServiceError> {
    match (request.query("api-version"), needed) {
        (None | Some(""), true) => Err(ServiceError::front_door(
            StatusCode::BAD_REQUEST,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )),
        (Some(version), true) if !is_api_version(version) => Err(ServiceError::front_door(
            StatusCode::BAD_REQUEST,
            "UnsupportedApiVersion",
            format!(
                "The HTTP resource that matches the request URI does not support the API version '{version}'."
            ),
        )),
        _ => Ok(()),
    }
}

/// `v1`, or a date with or without `-preview`.
fn is_api_version(version: &str) -> bool {
    let date = version.strip_suffix("-preview").unwrap_or(version);
    let is_date = date.len() == 10
        && date
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
    version == "v1" || is_date
}

fn not_found() -> ServiceError {
    ServiceError::front_door(StatusCode::NOT_FOUND, "404", "Resource not found")
}

/// Commits the faults of the stage before the headers: the answer that replaces the real one, or an error that closes
/// the connection.
async fn commit_before_headers(
    faults: &mut Vec<(Stage, Fault)>,
    close_mode: &CloseMode,
    exchange: &Exchange,
) -> io::Result<Option<Reply>> {
    for (stage, fault) in faults.iter() {
        if *stage != Stage::Headers {
            continue;
        }
        match fault {
            Fault::Reset | Fault::Close | Fault::Eof => {
                if *fault == Fault::Reset {
                    close_mode.reset();
                }
                exchange.end_by_fault();
                return Err(io::Error::other("fault: no answer"));
            }
            Fault::Stall => std::future::pending().await,
            Fault::Status {
                status,
                headers,
                body,
            } => {
                let mut reply = match body {
                    Value::String(text) => Reply::file(Bytes::from(text.clone())),
                    body => Reply::json(body.clone()),
                };
                reply.status =
                    StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                for (name, value) in headers {
                    if let (Ok(name), Ok(value)) =
                        (HeaderName::try_from(name), HeaderValue::try_from(value))
                    {
                        reply.headers.insert(name, value);
                    }
                }
                faults.clear();
                return Ok(Some(reply));
            }
            // These need a body; the pump commits them before its first byte.
            Fault::Slow
            | Fault::Malformed
            | Fault::UnknownEvent
            | Fault::Oversized { .. }
            | Fault::ErrorEvent => {}
        }
    }
    Ok(None)
}

fn refuse(error: ServiceError, request_id: &str) -> Reply {
    let mut reply = match error.body {
        ErrorBody::Json(body) => Reply::json(body),
        ErrorBody::InvalidPayload {
            message,
            param,
            details,
        } => Reply::json(serde_json::json!({"error": {
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

fn respond(
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
fn whole(bytes: Bytes, delivery: Delivery, exchange: Exchange) -> AnswerBody {
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

fn record(
    shared: &Shared,
    operation: &str,
    head: &http::request::Parts,
    body: &Bytes,
) -> RecordedRequest {
    let mut headers = Map::new();
    for name in head.headers.keys() {
        let values: Vec<_> = head
            .headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect();
        headers.insert(name.as_str().to_owned(), Value::String(values.join(", ")));
    }
    let body = if body.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(body)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
    };
    RecordedRequest {
        number: 0,
        operation: operation.to_owned(),
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
        status: None,
        ending: None,
        started_ms: shared.clock.unix_milliseconds(),
        ended_ms: None,
    }
}
