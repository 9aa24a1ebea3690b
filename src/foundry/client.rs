//! Sends requests to one Foundry project over the one HTTP client of the process.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use http::{HeaderMap, HeaderValue, Method, header};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::{definitions::Definitions, failures, retry};
use crate::{
    agent::{
        Failure, FailureKind,
        stream::{ByteStream, Leftover},
    },
    config::limits::LimitsConfig,
    identity::TokenSource,
};

/// A Foundry project.
pub struct Foundry {
    http: reqwest::Client,
    /// Project endpoint without a slash at the end.
    endpoint: String,
    tokens: Arc<dyn TokenSource>,
    pub(super) limits: LimitsConfig,
    pub(super) tasks: TaskTracker,
    /// The service has refused `store: false` with an agent; it is not sent again.
    pub(super) refuses_store: AtomicBool,
    /// What agents are made of, as far as it had to be read.
    pub(super) definitions: Definitions,
}

impl fmt::Debug for Foundry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Foundry")
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}

/// What every request of one turn shares.
#[derive(Debug, Clone)]
pub struct Call {
    /// Id under which the client's request is logged; sent along, so that Azure's logs can be joined to ours.
    pub request_id: String,
    /// When the whole turn must be over.
    pub deadline: Instant,
}

/// One request to the service.
#[derive(Debug)]
pub(super) struct UpstreamRequest<'a> {
    pub(super) method: Method,
    /// Path below the project endpoint, with query.
    pub(super) path: &'a str,
    pub(super) body: Option<Bytes>,
    /// Preview features that the request needs.
    pub(super) features: Option<&'a str>,
}

/// Part of an error body that is read; the rest is not needed to tell what happened.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Size up to which a listing is read.
const MAX_JSON_BYTES: usize = 8 << 20;
/// How long to wait for the few bytes that end a finished stream, to keep its connection.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

impl Foundry {
    /// A project at `endpoint`; background work is tracked by `tasks`.
    pub fn new(
        http: reqwest::Client,
        endpoint: &url::Url,
        tokens: Arc<dyn TokenSource>,
        limits: LimitsConfig,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            http,
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            tokens,
            limits,
            tasks,
            refuses_store: AtomicBool::new(false),
            definitions: Definitions::default(),
        }
    }

    /// Where background work belongs, so that shutdown waits for it.
    pub fn background(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Host name and port of the project, for `/readyz`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends a request until it is answered with success, as far as [`retry`] allows. A refused token is replaced,
    /// and the request sent with the new one, once.
    pub(super) async fn send(
        &self,
        request: UpstreamRequest<'_>,
        call: &Call,
    ) -> Result<reqwest::Response, Failure> {
        let mut authorization = within(call.deadline, self.tokens.authorization()).await??;
        let mut replaced = false;
        let mut attempt = 0;
        loop {
            let outcome = self.send_once(&request, call, &authorization).await;
            let (failure, retriable) = match outcome {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let status = response.status();
                    (
                        read_failure(response).await,
                        retry::is_retriable_status(status),
                    )
                }
                Err(SendError::Connect(failure)) => (failure, true),
                Err(SendError::Other(failure)) => (failure, false),
            };
            if failure.kind == FailureKind::CredentialRejected && !replaced {
                replaced = true;
                let new = within(call.deadline, self.tokens.refused(&authorization)).await;
                if let Ok(Some(new)) = new {
                    authorization = new;
                    continue;
                }
            }
            let wait = retriable
                .then(|| retry::wait_before(attempt, failure.retry_after, call.deadline))
                .flatten();
            let Some(wait) = wait else {
                return Err(failure);
            };
            tracing::info!(
                attempt,
                wait_ms = wait.as_millis(),
                path = request.path,
                detail = failure.detail,
                "the agent service is asked again"
            );
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }

    async fn send_once(
        &self,
        request: &UpstreamRequest<'_>,
        call: &Call,
        authorization: &HeaderValue,
    ) -> Result<reqwest::Response, SendError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, authorization.clone());
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            headers.insert("x-ms-client-request-id", id);
        }
        let features = request.features.map(HeaderValue::from_str);
        if let Some(Ok(features)) = features {
            headers.insert("foundry-features", features);
        }
        let mut builder = self
            .http
            .request(
                request.method.clone(),
                format!("{}{}", self.endpoint, request.path),
            )
            .headers(headers);
        if let Some(body) = &request.body {
            builder = builder
                .header(header::CONTENT_TYPE, "application/json")
                .body(body.clone());
        }
        let limit = call.deadline.min(Instant::now() + self.limits.first_byte);
        match tokio::time::timeout_at(limit, builder.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(not_answered(&error)),
            Err(_) => Err(SendError::Other(Failure::timed_out(
                "no response headers within the limit",
            ))),
        }
    }

    /// Sends a request and reads its JSON answer.
    pub(super) async fn get_json<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        call: &Call,
    ) -> Result<T, Failure> {
        let request = UpstreamRequest {
            method: Method::GET,
            path,
            body: None,
            features: None,
        };
        read_json(self.send(request, call).await?, call.deadline).await
    }

    /// Deletes what `path` names, unless it is gone already.
    pub(super) async fn delete(&self, path: &str, call: &Call) -> Result<(), Failure> {
        let request = UpstreamRequest {
            method: Method::DELETE,
            path,
            body: None,
            features: None,
        };
        match self.send(request, call).await {
            Ok(_) => Ok(()),
            Err(failure) if failure.kind == FailureKind::AgentNotFound => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Reads the rest of a finished stream in the background, so that its connection can be used again.
    pub(super) fn keep_connection(&self, leftover: Leftover) {
        if let Some(mut rest) = leftover.rest {
            self.tasks.spawn(async move {
                let drained = async { while rest.next().await.is_some() {} };
                // Not draining in time costs a connection, nothing else.
                drop(tokio::time::timeout(DRAIN_TIMEOUT, drained).await);
            });
        }
    }
}

/// Gives up a wait for a token when the turn must be over.
async fn within<T>(deadline: Instant, token: impl Future<Output = T>) -> Result<T, Failure> {
    tokio::time::timeout_at(deadline, token)
        .await
        .map_err(|_| Failure::timed_out("no token within the limit"))
}

enum SendError {
    /// No connection was made: nothing was sent, so sending again is safe.
    Connect(Failure),
    Other(Failure),
}

fn not_answered(error: &reqwest::Error) -> SendError {
    let failed = |kind, message| Failure::new(kind, message).with_detail(full_text(error));
    if error.is_connect() {
        SendError::Connect(failed(
            FailureKind::Unreachable,
            "the agent service cannot be reached",
        ))
    } else {
        // The request was on its way, so that the agent may have run.
        SendError::Other(failed(
            FailureKind::BrokenOff,
            "the agent service closed the connection without an answer",
        ))
    }
}

/// An error with its causes; reqwest's own text leaves them out.
pub(crate) fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The body of a response as a stream whose errors are told in full.
pub(super) fn byte_stream(response: reqwest::Response) -> ByteStream {
    Box::pin(
        response
            .bytes_stream()
            .map_err(|error| full_text(&error).into()),
    )
}

async fn read_failure(response: reqwest::Response) -> Failure {
    let status = response.status();
    let headers = response.headers().clone();
    let body = tokio::time::timeout(DRAIN_TIMEOUT, read_body(response, MAX_ERROR_BYTES)).await;
    failures::from_response(status, &headers, &body.unwrap_or_default())
}

/// Reads at most `limit` bytes of a body; what was read before an error counts.
async fn read_body(response: reqwest::Response, limit: usize) -> Vec<u8> {
    let mut body = Vec::new();
    let mut stream = response.bytes_stream();
    while let Some(Ok(chunk)) = stream.next().await {
        let room = limit - body.len();
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() == limit {
            break;
        }
    }
    body
}

pub(super) async fn read_json<T: serde::de::DeserializeOwned>(
    response: reqwest::Response,
    deadline: Instant,
) -> Result<T, Failure> {
    let body = tokio::time::timeout_at(deadline, read_body(response, MAX_JSON_BYTES))
        .await
        .map_err(|_| Failure::timed_out("no whole body within the limit"))?;
    serde_json::from_slice(&body).map_err(|error| Failure::unreadable(error.to_string()))
}
