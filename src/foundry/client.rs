//! Sends requests to one Foundry project.

mod address;
mod bodies;

use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Method, Request, Response, header};
use opentelemetry::trace::SpanKind;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

pub(super) use self::bodies::{byte_stream, read_json, read_rest};
use self::{address::Address, bodies::read_failure};
use super::{
    connections::{Connections, NotAnswered, RequestBody, UpstreamBody},
    definitions::Definitions,
    failures, retry,
};
use crate::{
    agent::{Failure, FailureKind, stream::Leftover},
    config::limits::LimitsConfig,
    error::ApiError,
    identity::TokenSource,
    telemetry::{Child, attributes, propagation},
};

/// A Foundry project.
pub struct Foundry {
    connections: Arc<Connections>,
    address: Arc<Address>,
    tokens: Arc<dyn TokenSource>,
    /// Whether `tokens` are a caller's, and not the gateway's.
    acts_for_a_caller: bool,
    pub(super) limits: LimitsConfig,
    pub(super) tasks: TaskTracker,
    /// The service has refused `store: false` with an agent; it is not sent again.
    pub(super) refuses_store: Arc<AtomicBool>,
    /// What agents are made of, as far as it had to be read.
    pub(super) definitions: Definitions,
}

impl fmt::Debug for Foundry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Foundry")
            .field("endpoint", &self.address.endpoint)
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

/// How the gateway calls itself to everybody whom it asks.
pub(super) const USER_AGENT: &str = concat!("foundry-gateway/", env!("CARGO_PKG_VERSION"));

impl Foundry {
    /// A project at `endpoint`; background work is tracked by `tasks`.
    pub fn new(
        connections: Connections,
        endpoint: &url::Url,
        tokens: Arc<dyn TokenSource>,
        limits: LimitsConfig,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            connections: Arc::new(connections),
            address: Arc::new(Address::of(endpoint)),
            tokens,
            limits,
            tasks,
            refuses_store: Arc::default(),
            acts_for_a_caller: false,
            definitions: Definitions::default(),
        }
    }

    /// The same project, called with the tokens of one caller. It shares nothing that was read with the tokens of
    /// others.
    #[must_use]
    pub fn on_behalf_of(&self, tokens: Arc<dyn TokenSource>) -> Self {
        Self {
            connections: Arc::clone(&self.connections),
            address: Arc::clone(&self.address),
            tokens,
            acts_for_a_caller: true,
            limits: self.limits.clone(),
            tasks: self.tasks.clone(),
            refuses_store: Arc::clone(&self.refuses_store),
            definitions: Definitions::default(),
        }
    }

    /// Host and port, for spans.
    pub fn server(&self) -> (&str, u16) {
        let (host, port) = &self.address.server;
        (host, *port)
    }

    /// Where background work belongs, so that shutdown waits for it.
    pub fn background(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Host name and port of the project, for `/readyz`.
    pub fn endpoint(&self) -> &str {
        &self.address.endpoint
    }

    /// Sends a request until it is answered with success, as far as [`retry`] allows. A refused token is replaced,
    /// and the request sent with the new one, once.
    ///
    /// Boxed, because it is a part of every longer future, and is over when an answer begins.
    pub(super) fn send<'a>(
        &'a self,
        request: UpstreamRequest<'a>,
        call: &'a Call,
    ) -> BoxFuture<'a, Result<Response<UpstreamBody>, Failure>> {
        Box::pin(self.send_until_answered(request, call))
    }

    async fn send_until_answered(
        &self,
        request: UpstreamRequest<'_>,
        call: &Call,
    ) -> Result<Response<UpstreamBody>, Failure> {
        let mut authorization = within(call.deadline, self.tokens.authorization()).await??;
        let mut replaced = false;
        let mut attempt = 0;
        // From the failure to the answer of the repetition.
        let mut repetition = Child::default();
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
                repetition.fail(ApiError::code_of(failure.kind));
                return Err(if self.acts_for_a_caller {
                    failures::of_the_callers_own(failure)
                } else {
                    failure
                });
            };
            repetition = Child::begin("retry", SpanKind::Client);
            repetition.set(attributes::HTTP_RESEND_COUNT, i64::from(attempt) + 1);
            repetition.set(attributes::RETRY_REASON, ApiError::code_of(failure.kind));
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
    ) -> Result<Response<UpstreamBody>, SendError> {
        let body = RequestBody::whole(request.body.clone().unwrap_or_default());
        let mut signed = self
            .signed_request(
                request.method.clone(),
                request.path,
                authorization,
                call,
                body,
            )
            .map_err(SendError::Other)?;
        let features = request.features.map(HeaderValue::from_str);
        if let Some(Ok(features)) = features {
            signed.headers_mut().insert("foundry-features", features);
        }
        if request.body.is_some() {
            signed.headers_mut().insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        let limit = call.deadline.min(Instant::now() + self.limits.first_byte);
        match tokio::time::timeout_at(limit, self.connections.send(signed)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(not_answered(error)),
            Err(_) => Err(SendError::Other(Failure::timed_out(
                "no response headers within the limit",
            ))),
        }
    }

    /// Posts a body that streams, and therefore once. Its own time counts, too: only the call's deadline bounds it.
    pub(super) async fn send_stream(
        &self,
        path: &str,
        content_type: HeaderValue,
        body: RequestBody,
        call: &Call,
    ) -> Result<Response<UpstreamBody>, Failure> {
        let authorization = within(call.deadline, self.tokens.authorization()).await??;
        let mut signed = self.signed_request(Method::POST, path, &authorization, call, body)?;
        signed
            .headers_mut()
            .insert(header::CONTENT_TYPE, content_type);
        match tokio::time::timeout_at(call.deadline, self.connections.send(signed)).await {
            Ok(Ok(response)) if response.status().is_success() => Ok(response),
            Ok(Ok(response)) => Err(read_failure(response).await),
            Ok(Err(error)) => match not_answered(error) {
                SendError::Connect(failure) | SendError::Other(failure) => Err(failure),
            },
            Err(_) => Err(Failure::timed_out("no response headers within the limit")),
        }
    }

    fn signed_request(
        &self,
        method: Method,
        path: &str,
        authorization: &HeaderValue,
        call: &Call,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, Failure> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = self.address.uri(path)?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.address.host.clone());
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::AUTHORIZATION, authorization.clone());
        if let Ok(id) = HeaderValue::from_str(&call.request_id) {
            headers.insert("x-ms-client-request-id", id);
        }
        propagation::inject(headers);
        Ok(request)
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
        let child = Child::begin("GET", SpanKind::Client);
        let read = async { read_json(self.send(request, call).await?, call.deadline).await };
        // Boxed like every request, because few turns need one.
        child
            .around(Box::pin(read))
            .await
            .inspect_err(|failure| child.fail(ApiError::code_of(failure.kind)))
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
        if let Some(rest) = leftover.rest {
            self.tasks.spawn(read_rest(rest));
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

fn not_answered(error: NotAnswered) -> SendError {
    match error {
        NotAnswered::Unreachable(error) => SendError::Connect(
            Failure::new(
                FailureKind::Unreachable,
                "the agent service cannot be reached",
            )
            .with_detail(full_text(&*error)),
        ),
        // The agent may have run.
        NotAnswered::BrokenOff(error) => SendError::Other(
            Failure::new(
                FailureKind::BrokenOff,
                "the agent service closed the connection without an answer",
            )
            .with_detail(full_text(&*error)),
        ),
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
