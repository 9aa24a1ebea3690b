//! One request, from its headers to the last byte of its answer: the SERVER span, and what its turn reports for the
//! access log.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderMap, Method, StatusCode, header};
use opentelemetry::{
    Context, KeyValue,
    context::FutureExt,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer},
};

use super::{
    Telemetry, attributes,
    child::{Child, Family},
    propagation,
    recognition::Recognition,
};
use crate::{
    agent::{Usage, stream::BeforeEnd},
    continuity::conversation::Placed,
};

/// A request, as everybody who serves it shares it.
#[derive(Debug, Clone)]
pub struct RequestTelemetry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    telemetry: Telemetry,
    /// With the SERVER span, where traces are on.
    context: Option<Context>,
    report: Mutex<TurnReport>,
}

/// What a turn cost, for the access log.
#[derive(Debug, Clone, Default)]
pub struct TurnReport {
    /// The agent.
    pub agent: Option<String>,
    /// From the call of the agent to the end of its answer.
    pub upstream: Option<Duration>,
    /// Tokens, as the service counted them.
    pub usage: Option<Usage>,
    /// Why the turn failed: the code of its error.
    pub error: Option<&'static str>,
    /// Name of the caller.
    pub caller: String,
}

/// What is known of a request when it arrives.
#[derive(Debug)]
pub struct RequestFacts<'a> {
    /// Method.
    pub method: &'a Method,
    /// The route; empty for a path that is not served.
    pub route: &'a str,
    /// `x-request-id`.
    pub id: &'a str,
    /// The Functions host's id for the call; empty without a host.
    pub invocation_id: &'a str,
    /// All headers.
    pub headers: &'a HeaderMap,
}

/// What is known of a request when it is over.
#[derive(Debug)]
pub struct RequestEnd<'a> {
    /// Status of the answer; absent where the client left before there was one.
    pub status: Option<StatusCode>,
    /// How it ended.
    pub outcome: Outcome,
    /// Code of the error that the client was given.
    pub error: Option<&'a str>,
    /// Name of the caller; empty where it is not known.
    pub caller: &'a str,
    /// All of it.
    pub duration: Duration,
}

/// How a request or a turn ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Done,
    /// With an error that the client was told.
    Error,
    /// The client left.
    Cancelled,
}

impl Outcome {
    /// `done`, `error` or `cancelled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Routes that the host and load balancers ask all the time: they are not traced, and logged at level debug only.
const PROBES: [&str; 3] = ["/", "/healthz", "/readyz"];

/// Whether a route is a probe's.
pub fn is_probe(route: &str) -> bool {
    PROBES.contains(&route)
}

/// Longest text of a client's that is taken over into a span.
const MAX_USER_AGENT: usize = 200;

impl RequestTelemetry {
    pub(super) fn begin(telemetry: &Telemetry, facts: &RequestFacts<'_>) -> Self {
        let context = telemetry
            .tracer()
            .filter(|_| !is_probe(facts.route))
            .map(|tracer| {
                let parent = propagation::parent(facts.headers);
                let span = tracer.build_with_context(server_span(facts), &parent);
                parent.with_span(span).with_value(Family {
                    tracer: tracer.clone(),
                    main_agent: Arc::default(),
                })
            });
        Self(Arc::new(Inner {
            telemetry: telemetry.clone(),
            context,
            report: Mutex::default(),
        }))
    }

    /// Runs the request's future with its span as the current one.
    pub async fn around<F: Future>(&self, future: F) -> F::Output {
        match &self.0.context {
            Some(context) => future.with_context(context.clone()).await,
            None => future.await,
        }
    }

    /// Makes the span of the request the current one, for example while its line is written to the log.
    pub fn enter(&self) -> Option<opentelemetry::ContextGuard> {
        self.0.context.clone().map(Context::attach)
    }

    /// What its turn has reported so far.
    pub fn report(&self) -> TurnReport {
        self.report_mut(|report| report.clone())
    }

    pub(super) fn report_mut<T>(&self, change: impl FnOnce(&mut TurnReport) -> T) -> T {
        change(&mut self.0.report.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    pub(super) fn context(&self) -> Option<&Context> {
        self.0.context.as_ref()
    }

    /// Finds a conversation, told as a span with how that went: whether continuity is on, and whether an earlier turn is
    /// looked for, is up to the request.
    pub async fn placing<E>(
        &self,
        placing: impl Future<Output = Result<Box<Placed>, E>>,
        on: bool,
        looked_up: bool,
    ) -> Result<Box<Placed>, E> {
        let telemetry = &self.0.telemetry;
        let Some(heads) = telemetry.continued_heads() else {
            return placing.await;
        };
        let child = Child::begin("continuity", SpanKind::Internal);
        let placed = child.around(placing).await;
        let how = match &placed {
            Ok(_) if !on => Recognition::Off,
            Ok(placed) => heads.recognition(&placed.turn, looked_up),
            Err(_) => Recognition::Refused,
        };
        child.set(attributes::CONTINUITY, how.as_str());
        if let Some(metrics) = telemetry.metrics() {
            metrics.placed(how.as_str());
        }
        placed
    }

    /// What is done before a good end of the turn, told as a span of the request.
    pub fn recording(&self, before_end: BeforeEnd) -> BeforeEnd {
        let Some(context) = self.0.context.clone() else {
            return before_end;
        };
        Box::new(move |ended| {
            let child = Child::below(&context, "continuity record");
            let recording = before_end(ended);
            Box::pin(async move { child.around(recording).await })
        })
    }

    /// Ends the span.
    pub fn end(&self, end: &RequestEnd<'_>) {
        let Some(context) = &self.0.context else {
            return self.count(end);
        };
        let span = context.span();
        if span.is_recording() {
            let mut attributes = vec![KeyValue::new(attributes::OUTCOME, end.outcome.as_str())];
            if let Some(status) = end.status {
                attributes.push(KeyValue::new(
                    attributes::HTTP_STATUS,
                    i64::from(status.as_u16()),
                ));
            }
            if !end.caller.is_empty() {
                attributes.push(KeyValue::new(attributes::CALLER, end.caller.to_owned()));
            }
            if let Some(error) = end.error {
                attributes.push(KeyValue::new(attributes::ERROR_TYPE, error.to_owned()));
            }
            span.set_attributes(attributes);
            // A request that could not be served as it was is no failure of the server's.
            let refused = end.status.is_some_and(|status| status.is_client_error());
            if end.outcome == Outcome::Error && !refused {
                span.set_status(Status::error(end.error.unwrap_or_default().to_owned()));
            }
        }
        span.end();
        self.count(end);
    }

    fn count(&self, end: &RequestEnd<'_>) {
        if let Some(metrics) = self.0.telemetry.metrics()
            && let Some(upstream) = self.report_mut(|report| report.upstream)
        {
            metrics.request_ended(end.duration.saturating_sub(upstream));
        }
    }
}

fn server_span(facts: &RequestFacts<'_>) -> SpanBuilder {
    let method = known_method(facts.method);
    let name = match facts.route {
        "" => Cow::Borrowed(method),
        route => Cow::Owned(format!("{method} {route}")),
    };
    let mut attributes = vec![
        KeyValue::new(attributes::HTTP_METHOD, method),
        KeyValue::new(attributes::URL_SCHEME, "http"),
        KeyValue::new(attributes::REQUEST_ID, facts.id.to_owned()),
    ];
    if !facts.route.is_empty() {
        attributes.push(KeyValue::new(
            attributes::HTTP_ROUTE,
            facts.route.to_owned(),
        ));
    }
    if !facts.invocation_id.is_empty() {
        attributes.push(KeyValue::new(attributes::FAAS_TRIGGER, "http"));
        attributes.push(KeyValue::new(
            attributes::FAAS_INVOCATION_ID,
            facts.invocation_id.to_owned(),
        ));
    }
    let user_agent = facts.headers.get(header::USER_AGENT);
    if let Some(program) = user_agent.and_then(|value| value.to_str().ok()) {
        let program: String = program.chars().take(MAX_USER_AGENT).collect();
        attributes.push(KeyValue::new(attributes::USER_AGENT, program));
    }
    SpanBuilder::from_name(name)
        .with_kind(SpanKind::Server)
        .with_attributes(attributes)
}

/// Methods that nobody serves are whatever a client makes up.
const fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "_OTHER",
    }
}
