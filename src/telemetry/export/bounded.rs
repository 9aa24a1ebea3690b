//! A queue of spans that never grows beyond its bound, and counts what it turns away.
//!
//! The library's own queue is bounded too, but tells what it dropped only when it is shut down, which a process that
//! is killed never comes to; and spans on their way to a slow receiver are not in it any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{BatchSpanProcessor, Span, SpanData, SpanProcessor},
};

use crate::telemetry::losses::Losses;

/// Batches spans, up to a bound.
#[derive(Debug)]
pub(super) struct BoundedProcessor {
    batches: BatchSpanProcessor,
    queued: Arc<AtomicUsize>,
    most: usize,
    losses: Arc<Losses>,
}

impl BoundedProcessor {
    /// Passes spans to `batches` while `queued`, which their exporter counts down, is below `most`.
    pub(super) fn new(
        batches: BatchSpanProcessor,
        queued: Arc<AtomicUsize>,
        most: usize,
        losses: Arc<Losses>,
    ) -> Self {
        Self {
            batches,
            queued,
            most,
            losses,
        }
    }
}

impl SpanProcessor for BoundedProcessor {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.queued.fetch_add(1, Ordering::Relaxed) < self.most {
            self.batches.on_end(span);
        } else {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            self.losses.span_dropped();
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}
