//! One line, and one span, for each request, written when its body has ended or its client has left.

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::RequestId;
use crate::{
    app::AppState,
    error::{ApiError, ErrorCode, ErrorDetail},
    identity::callers::CallerName,
    server::client_stream,
    sse::end_of_body::{BodyEnd, EndOfBody},
    telemetry::{Outcome, RequestEnd, RequestFacts, RequestTelemetry, request::is_probe},
};

pub(super) async fn log(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let mut line = Line::begin(&app, &request);
    request.extensions_mut().insert(line.telemetry.clone());
    let telemetry = line.telemetry.clone();
    let response = telemetry.around(next.run(request)).await;
    line.answered(&response);
    let (parts, body) = response.into_parts();
    let body = EndOfBody::new(body, move |end, bytes| line.ended(end, bytes));
    Response::from_parts(parts, Body::new(body))
}

/// What the line will say. It is written when this is dropped, so that a client that leaves before there is an answer
/// is told of too.
struct Line {
    telemetry: RequestTelemetry,
    start: Instant,
    id: String,
    invocation_id: String,
    method: Method,
    route: String,
    /// Status and time of the answer, once there is one.
    answer: Option<(StatusCode, f64)>,
    caller: String,
    code: Option<ErrorCode>,
    detail: String,
    end: BodyEnd,
    bytes: u64,
}

impl Line {
    fn begin(app: &AppState, request: &Request) -> Self {
        // The route, not the path: paths of unknown routes are whatever a client makes up.
        let route = request.extensions().get::<MatchedPath>();
        let route = route.map_or_else(String::new, |route| route.as_str().to_owned());
        let id = request.extensions().get::<RequestId>();
        let id = id.map(|id| id.0.clone()).unwrap_or_default();
        let invocation_id = request
            .headers()
            .get("x-azure-functions-invocationid")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let telemetry = app.telemetry.request(&RequestFacts {
            method: request.method(),
            route: &route,
            id: &id,
            invocation_id: &invocation_id,
            headers: request.headers(),
        });
        Self {
            telemetry,
            start: Instant::now(),
            id,
            invocation_id,
            method: request.method().clone(),
            route,
            answer: None,
            caller: String::new(),
            code: None,
            detail: String::new(),
            end: BodyEnd::Cancelled,
            bytes: 0,
        }
    }

    fn answered(&mut self, response: &Response) {
        let extensions = response.extensions();
        self.answer = Some((response.status(), milliseconds(self.start.elapsed())));
        if let Some(CallerName(caller)) = extensions.get() {
            self.caller.clone_from(caller);
        }
        if let Some(ErrorDetail(detail)) = extensions.get() {
            self.detail.clone_from(detail);
        }
        self.code = extensions.get().cloned();
    }

    fn ended(mut self, end: BodyEnd, bytes: u64) {
        self.end = end;
        self.bytes = bytes;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let report = self.telemetry.report();
        let duration = self.start.elapsed();
        let status = self.answer.map(|(status, _)| status);
        let code = self.code.as_ref().map(|ErrorCode(code)| code.as_ref());
        let code = code.or(report.error);
        if self.caller.is_empty() {
            self.caller.clone_from(&report.caller);
        }
        let interruption = match self.end {
            BodyEnd::Cancelled => Interruption::of_now(),
            BodyEnd::Error | BodyEnd::Done => None,
        };
        let code = code.or(match interruption {
            Some(Interruption::Panic) => Some(ApiError::INTERNAL),
            _ => None,
        });
        if let Some(interruption) = interruption {
            interruption.tell(&mut self.detail);
        }
        let outcome = match self.end {
            BodyEnd::Cancelled if interruption == Some(Interruption::Panic) => Outcome::Error,
            BodyEnd::Cancelled => Outcome::Cancelled,
            BodyEnd::Error => Outcome::Error,
            BodyEnd::Done if code.is_some() => Outcome::Error,
            BodyEnd::Done => Outcome::Done,
        };
        let own = report
            .upstream
            .map(|upstream| duration.saturating_sub(upstream));
        let _current = self.telemetry.enter();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = self.id,
                    faas.invocation_id = self.invocation_id,
                    http.method = self.method.as_str(),
                    http.route = self.route,
                    http.status = status.unwrap_or(CLIENT_LEFT).as_u16(),
                    caller = self.caller,
                    agent = report.agent,
                    outcome = outcome.as_str(),
                    error.code = code,
                    bytes = self.bytes,
                    first_byte_ms = self.answer.map(|(_, first_byte)| first_byte),
                    duration_ms = milliseconds(duration),
                    upstream_ms = report.upstream.map(milliseconds),
                    own_ms = own.map(milliseconds),
                    input_tokens = report.usage.map(|usage| usage.input),
                    cached_tokens = report.usage.map(|usage| usage.cached_input),
                    output_tokens = report.usage.map(|usage| usage.output),
                    reasoning_tokens = report.usage.map(|usage| usage.reasoning_output),
                    detail = self.detail,
                    "request"
                )
            };
        }
        let is_own_failure = status.is_some_and(|status| status.is_server_error())
            || interruption == Some(Interruption::Panic);
        if is_own_failure {
            line!(warn);
        } else if is_probe(&self.route) {
            line!(debug);
        } else {
            line!(info);
        }
        self.telemetry.end(&RequestEnd {
            status,
            outcome,
            error: code,
            caller: &self.caller,
            duration,
        });
    }
}

/// Why an answer is dropped before its end, where it is not that the client left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interruption {
    /// The gateway failed while it answered.
    Panic,
    /// The client was there, but took nothing of its answer.
    StoppedReading,
}

impl Interruption {
    fn of_now() -> Option<Self> {
        if std::thread::panicking() {
            Some(Self::Panic)
        } else if client_stream::has_stopped_reading() {
            Some(Self::StoppedReading)
        } else {
            None
        }
    }

    fn tell(self, detail: &mut String) {
        let told = match self {
            Self::Panic => "the gateway panicked; this is a bug of the gateway",
            Self::StoppedReading => {
                "the client took nothing of its answer for longer than GATEWAY_WRITE_TIMEOUT_SECONDS"
            }
        };
        told.clone_into(detail);
    }
}

/// Nobody is told this status: the client left before there was one. The number is that of nginx.
const CLIENT_LEFT: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::BAD_REQUEST,
};

/// To the microsecond.
fn milliseconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}
