//! What the gateway tells of its work: the log, and traces, metrics and log records for an operator's backend.
//!
//! [`request`] is one request (SERVER span), [`turn`] its agent's work (CLIENT span `invoke_agent`, metrics), [`child`]
//! what is waited for below them. [`export`] sends, [`losses`] counts what could not be sent. Spans are made in few
//! places by hand; without a receiver none is made at all, and no thread is started.

pub mod attributes;
pub mod child;
mod content;
mod export;
pub mod log;
pub mod losses;
mod metrics;
mod observed;
mod one_line;
pub mod propagation;
mod recognition;
pub mod request;
mod resource;
pub mod turn;

use std::{sync::Arc, time::Duration};

pub use self::{
    child::{Carried, Child},
    request::{Outcome, RequestEnd, RequestFacts, RequestTelemetry, TurnReport},
};
use self::{
    export::Surroundings,
    losses::Losses,
    metrics::Metrics,
    observed::{ObservedStore, ObservedTokens},
    recognition::ContinuedHeads,
};
use crate::{
    config::{ConfigError, telemetry::TelemetryConfig},
    continuity::store::{ConversationStore, memory},
    identity::TokenSource,
};
use opentelemetry::{InstrumentationScope, metrics::MeterProvider, trace::TracerProvider};
use opentelemetry_sdk::{
    logs::SdkLoggerProvider,
    metrics::SdkMeterProvider,
    trace::{SdkTracer, SdkTracerProvider},
};

/// Telemetry of one gateway; cheap to clone.
#[derive(Debug, Clone)]
pub struct Telemetry(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    traces: Option<Traces>,
    metrics: Option<(SdkMeterProvider, Metrics)>,
    logs: Option<SdkLoggerProvider>,
    losses: Arc<Losses>,
    continued_heads: ContinuedHeads,
}

#[derive(Debug)]
struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
    captures_content: bool,
    /// ARM id of the default project.
    project_resource_id: Option<String>,
}

/// Name of the instrumentation, on every span and metric.
const SCOPE: &str = "foundry-gateway";
/// Longest wait for the last telemetry of a process that ends in peace.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);

impl Telemetry {
    /// Telemetry of a gateway; nothing is sent yet. Receivers that want a token get those of
    /// `tokens`. To be called in the runtime that sends.
    pub fn build(
        config: &TelemetryConfig,
        http: &reqwest::Client,
        tokens: Option<Arc<dyn TokenSource>>,
    ) -> Result<Self, ConfigError> {
        let losses = Arc::<Losses>::default();
        let around = Surroundings {
            http: http.clone(),
            tokens,
            losses: Arc::clone(&losses),
            resource: resource::of_process(&config.resource),
        };
        let scope = InstrumentationScope::builder(SCOPE)
            .with_version(env!("CARGO_PKG_VERSION"))
            .build();
        let traces = config.traces.as_ref().map(|traces| {
            let provider = export::spans(traces, &around)?;
            Ok(Traces {
                tracer: provider.tracer_with_scope(scope.clone()),
                provider,
                captures_content: traces.capture_content,
                project_resource_id: traces.project_resource_id.clone(),
            })
        });
        let metrics = config.metrics.as_ref().map(|metrics| {
            let provider = export::metrics(metrics, &around)?;
            let metrics = Metrics::new(&provider.meter_with_scope(scope));
            Ok((provider, metrics))
        });
        let logs = config.logs.as_ref().map(|logs| export::logs(logs, &around));
        Ok(Self(Arc::new(Inner {
            traces: traces.transpose()?,
            metrics: metrics.transpose()?,
            logs: logs.transpose()?,
            losses,
            continued_heads: ContinuedHeads::default(),
        })))
    }

    /// `store`, watched where spans or metrics are sent and it is not in this process.
    pub fn observing_store(&self, store: Arc<dyn ConversationStore>) -> Arc<dyn ConversationStore> {
        if self.is_on() && store.kind() != memory::KIND {
            Arc::new(ObservedStore::new(store, self.clone()))
        } else {
            store
        }
    }

    /// `tokens`, which are for `scope`, watched where spans or metrics are sent.
    pub fn observing_tokens(
        &self,
        tokens: Arc<dyn TokenSource>,
        scope: &str,
    ) -> Arc<dyn TokenSource> {
        if self.is_on() {
            Arc::new(ObservedTokens::new(tokens, scope.to_owned(), self.clone()))
        } else {
            tokens
        }
    }

    /// Begins a request.
    pub fn request(&self, facts: &RequestFacts<'_>) -> RequestTelemetry {
        RequestTelemetry::begin(self, facts)
    }

    /// What takes log records, where they are sent.
    pub fn logger(&self) -> Option<&SdkLoggerProvider> {
        self.0.logs.as_ref()
    }

    /// What could not be sent.
    pub fn losses(&self) -> &Losses {
        &self.0.losses
    }

    /// Whether spans or metrics are sent.
    pub fn is_on(&self) -> bool {
        self.0.traces.is_some() || self.0.metrics.is_some()
    }

    /// Sends what is left, within a bound. For an orderly end only: the Functions host allows none.
    pub async fn shut_down(self) {
        // These calls wait for threads that wait for the runtime, which has to be free for that.
        let shut_down = tokio::task::spawn_blocking(move || {
            let inner = &self.0;
            if let Some(traces) = &inner.traces {
                drop(traces.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
            }
            if let Some((provider, _)) = &inner.metrics {
                drop(provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
            }
            if let Some(provider) = &inner.logs {
                drop(provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT));
            }
        });
        drop(tokio::time::timeout(SHUTDOWN_TIMEOUT, shut_down).await);
    }

    fn tracer(&self) -> Option<&SdkTracer> {
        self.0.traces.as_ref().map(|traces| &traces.tracer)
    }

    fn metrics(&self) -> Option<&Metrics> {
        self.0.metrics.as_ref().map(|(_, metrics)| metrics)
    }

    /// Absent where nobody would be told what it is for.
    fn continued_heads(&self) -> Option<&ContinuedHeads> {
        self.is_on().then_some(&self.0.continued_heads)
    }

    fn captures_content(&self) -> bool {
        let traces = self.0.traces.as_ref();
        traces.is_some_and(|traces| traces.captures_content)
    }

    fn project_resource_id(&self) -> Option<&str> {
        self.0.traces.as_ref()?.project_resource_id.as_deref()
    }
}
