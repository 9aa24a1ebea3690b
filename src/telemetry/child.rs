//! Spans below that of a request.
//!
//! The parent is the current context of OpenTelemetry, which the request's future carries along. Code that waits for
//! something needs no handle of telemetry, and without telemetry a child is nothing.

use std::{borrow::Cow, future::Future, sync::Arc};

use opentelemetry::{
    Context, KeyValue,
    context::FutureExt,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt, Tracer},
};
use opentelemetry_sdk::trace::SdkTracer;

use super::attributes;

/// What children need, in the context.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) tracer: SdkTracer,
    /// The agent of the turn, which the Agents view wants on every span below it.
    pub(super) main_agent: Arc<Vec<KeyValue>>,
}

/// A span that ends when this is dropped; nothing where nothing is recorded.
#[derive(Debug, Default)]
pub struct Child(Option<Context>);

impl Child {
    /// Begins a span below the current one.
    pub fn begin(name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Self {
        let name = name.into();
        Self(Context::map_current(|context| begin(context, name, kind)))
    }

    /// Begins a span below that of `context`.
    pub(super) fn below(context: &Context, name: &'static str) -> Self {
        Self(begin(context, name.into(), SpanKind::Internal))
    }

    /// Sets an attribute.
    pub fn set(&self, name: &'static str, value: impl Into<opentelemetry::Value>) {
        if let Some(context) = &self.0 {
            context.span().set_attribute(KeyValue::new(name, value));
        }
    }

    /// Marks the span as failed; `error` is of low cardinality.
    pub fn fail(&self, error: &'static str) {
        if let Some(context) = &self.0 {
            let span = context.span();
            span.set_attribute(KeyValue::new(attributes::ERROR_TYPE, error));
            span.set_status(Status::error(error));
        }
    }

    /// Runs `future` with this span as the current one.
    pub async fn around<F: Future>(&self, future: F) -> F::Output {
        match &self.0 {
            Some(context) => future.with_context(context.clone()).await,
            None => future.await,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(context) = &self.0 {
            context.span().end();
        }
    }
}

/// The current span, for work that is done on its behalf later.
#[derive(Debug, Clone)]
pub struct Carried(Option<Context>);

impl Carried {
    /// Takes the current span along.
    pub fn current() -> Self {
        Self(Context::map_current(|context| {
            context.has_active_span().then(|| context.clone())
        }))
    }

    /// Runs `future` with that span as the current one.
    pub async fn around<F: Future>(self, future: F) -> F::Output {
        match self.0 {
            Some(context) => future.with_context(context).await,
            None => future.await,
        }
    }
}

fn begin(context: &Context, name: Cow<'static, str>, kind: SpanKind) -> Option<Context> {
    let family = context.get::<Family>()?;
    if !context.span().is_recording() && !context.span().span_context().is_sampled() {
        return None;
    }
    let builder = SpanBuilder::from_name(name)
        .with_kind(kind)
        .with_attributes(family.main_agent.iter().cloned());
    let span = family.tracer.build_with_context(builder, context);
    Some(context.with_span(span))
}
