//! One request from its bytes to its answer: journal, faults, sign-in, operation, response headers.

mod early_faults;
mod respond;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use serde_json::{Map, Value};
use tokio::time::Instant;

use self::early_faults::commit;
use self::respond::{refuse, respond};
use crate::auth;
use crate::behaviour::{Behaviour, BehaviourCell};
use crate::body::{AnswerBody, Exchange};
use crate::clock::Clock;
use crate::control;
use crate::error::ServiceError;
use crate::ids;
use crate::journal::{Journal, RecordedRequest};
use crate::operations::{self, Handler, NoOperation, Target};
use crate::project::{ProjectHandle, Projects};
use crate::request::{Reply, ServiceRequest};
use crate::server::connection::CloseMode;
use crate::stream::pump::Delivery;
use crate::thinker::Thinker;

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

#[cfg(test)]
impl Context {
    /// A project of its own, thought for by the built-in rules.
    pub(crate) fn for_test() -> Context {
        let clock = Clock::start();
        let shared = Arc::new(Shared {
            clock,
            behaviour: BehaviourCell::default(),
            journal: Journal::new(),
            projects: Projects::default(),
            access_token: None,
            thinker: Thinker::Rules,
        });
        Context {
            clock,
            behaviour: Behaviour::default(),
            project: shared.projects.open("test", clock),
            shared,
        }
    }
}

/// Answers one request. An error closes the connection without an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    close_mode: CloseMode,
    request: Request<Incoming>,
) -> io::Result<Response<AnswerBody>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path().to_owned();
    if body.size_hint().lower() > BODY_LIMIT as u64 {
        return Ok(control::body_too_large(BODY_LIMIT));
    }
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Ok(control::body_too_large(BODY_LIMIT));
        }
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
    let exchange = Exchange::start(
        &shared,
        record(&shared, operation, &head, &body),
        body.len(),
    );
    let behaviour = shared.behaviour.get();
    let mut faults = shared.behaviour.take_faults(operation);
    let request_id = ids::request();
    if behaviour.latency_ms > 0 {
        tokio::time::sleep(Duration::from_millis(behaviour.latency_ms)).await;
    }
    let reply = if let Some(instead) = commit(&mut faults, &close_mode, &exchange).await? {
        instead
    } else {
        let performed = perform(&shared, &behaviour, target, &head, body).await;
        let performed = performed.unwrap_or_else(|error| refuse(error, &request_id));
        faults.extend(performed.faults.iter().cloned());
        let instead = commit(&mut faults, &close_mode, &exchange).await?;
        instead.unwrap_or(performed)
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
    target: Option<Target>,
    head: &http::request::Parts,
    body: Bytes,
) -> Result<Reply, ServiceError> {
    let target = target.ok_or_else(not_found)?;
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
