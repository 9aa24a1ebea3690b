//! The trace that a request belongs to: read from its headers, and sent on to the service.
//!
//! `traceparent` and `tracestate` of W3C Trace Context. `baggage` is not passed on: it may hold anything.

use http::HeaderMap;
use opentelemetry::{Context, propagation::TextMapPropagator, trace::TraceContextExt};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;

/// The client's span, as the parent of ours; nothing where it sends none.
pub(super) fn parent(headers: &HeaderMap) -> Context {
    if !headers.contains_key("traceparent") {
        return Context::new();
    }
    TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers))
}

/// Tells the service which span calls it, where there is one; that it is not recorded is told too.
pub fn inject(headers: &mut HeaderMap) {
    Context::map_current(|context| {
        if context.has_active_span() {
            TraceContextPropagator::new().inject_context(context, &mut HeaderInjector(headers));
        }
    });
}
