//! One line for each request, written when its body has ended.

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    middleware::Next,
    response::Response,
};
use http::StatusCode;
use tokio::time::Instant;

use super::RequestId;
use crate::{
    error::ErrorDetail,
    identity::callers::CallerName,
    sse::end_of_body::{BodyEnd, EndOfBody},
};

pub(super) async fn log(request: Request, next: Next) -> Response {
    let start = Instant::now();
    let method = request.method().clone();
    // The route, not the path: paths of unknown routes are whatever a client makes up.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(String::new, |route| route.as_str().to_owned());
    let id = request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let invocation_id = request
        .headers()
        .get("x-azure-functions-invocationid")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let response = next.run(request).await;
    let first_byte = start.elapsed();
    let status = response.status();
    let caller = response
        .extensions()
        .get::<CallerName>()
        .map(|caller| caller.0.clone())
        .unwrap_or_default();
    let detail = response
        .extensions()
        .get::<ErrorDetail>()
        .map(|detail| detail.0.clone())
        .unwrap_or_default();
    let (parts, body) = response.into_parts();
    let body = EndOfBody::new(body, move |end, bytes| {
        let line = Line {
            id: &id,
            invocation_id: &invocation_id,
            method: method.as_str(),
            route: &route,
            status,
            caller: &caller,
            detail: &detail,
            end,
            bytes,
            first_byte_ms: first_byte.as_secs_f64() * 1e3,
            duration_ms: start.elapsed().as_secs_f64() * 1e3,
        };
        line.write();
    });
    Response::from_parts(parts, Body::new(body))
}

struct Line<'a> {
    id: &'a str,
    invocation_id: &'a str,
    method: &'a str,
    route: &'a str,
    status: StatusCode,
    caller: &'a str,
    detail: &'a str,
    end: BodyEnd,
    bytes: u64,
    first_byte_ms: f64,
    duration_ms: f64,
}

/// Routes that the host and load balancers ask all the time.
const PROBES: [&str; 3] = ["/", "/healthz", "/readyz"];

impl Line<'_> {
    fn write(&self) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    request.id = self.id,
                    faas.invocation_id = self.invocation_id,
                    http.method = self.method,
                    http.route = self.route,
                    http.status = self.status.as_u16(),
                    caller = self.caller,
                    outcome = outcome(self.end),
                    bytes = self.bytes,
                    first_byte_ms = self.first_byte_ms,
                    duration_ms = self.duration_ms,
                    detail = self.detail,
                    "request"
                )
            };
        }
        if self.status.is_server_error() {
            line!(warn);
        } else if PROBES.contains(&self.route) {
            line!(debug);
        } else {
            line!(info);
        }
    }
}

const fn outcome(end: BodyEnd) -> &'static str {
    match end {
        BodyEnd::Done => "done",
        BodyEnd::Error => "error",
        BodyEnd::Cancelled => "cancelled",
    }
}
