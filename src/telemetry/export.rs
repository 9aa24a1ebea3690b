//! From the process to a receiver: batches of spans, metrics and log records, sent by threads of their own.
//!
//! Nothing here waits for a receiver on the way of a request. What is queued is bounded; what does not fit, or cannot
//! be delivered, is counted in [`Losses`]. Spans leave about half a second after their end, because the process is
//! killed without notice.

mod bounded;
mod client;
mod counted;

use std::{sync::Arc, time::Duration};

use opentelemetry_http::HttpClient;
use opentelemetry_otlp::{
    LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
};
use opentelemetry_sdk::{
    Resource,
    logs::{BatchLogProcessor, SdkLoggerProvider},
    metrics::{
        Aggregation, Instrument, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream,
        Temporality,
    },
    trace::{BatchSpanProcessor, Sampler, SdkTracerProvider, SpanLimits},
};

use self::{bounded::BoundedProcessor, client::ExportClient, counted::Counted};
use super::losses::Losses;
use crate::{
    config::{
        ConfigError,
        telemetry::{
            MetricsConfig, TracesConfig, TracesDestination,
            otlp::{OtlpAuth, OtlpConfig},
        },
    },
    identity::TokenSource,
};

/// How long a span or log record waits for others to travel with it.
const DELAY: Duration = Duration::from_millis(500);
/// Most spans that wait or are being sent; at one to two kilobytes each, four megabytes.
const MAX_QUEUED_SPANS: usize = 2048;
/// Most log records that wait.
const MAX_QUEUED_LOGS: usize = 2048;
/// Most spans or log records of one request.
const BATCH: usize = 512;
/// The same where spans hold what was said, which is up to 48 KiB.
const BATCH_WITH_CONTENT: usize = 64;
/// Largest body of one request, before it is compressed. No receiver is known to take less than 4 MiB.
const MAX_REQUEST_BYTES: usize = 4 << 20;

/// What exporters need of the process.
#[derive(Debug, Clone)]
pub(super) struct Surroundings {
    pub(super) http: reqwest::Client,
    /// For receivers that want a token.
    pub(super) tokens: Option<Arc<dyn TokenSource>>,
    pub(super) losses: Arc<Losses>,
    pub(super) resource: Resource,
}

impl Surroundings {
    fn client(&self, auth: &OtlpAuth, destination: Option<&OtlpConfig>) -> ExportClient {
        let tokens = match auth {
            OtlpAuth::None => None,
            OtlpAuth::Entra { .. } => self.tokens.clone(),
        };
        ExportClient::new(
            self.http.clone(),
            tokens,
            destination.map(|destination| destination.headers.0.clone()),
            destination.map(|destination| destination.timeout),
            destination.is_some_and(|destination| destination.gzip),
            Arc::clone(&self.losses),
        )
    }

    fn counted<E>(&self, exporter: E) -> Counted<E> {
        Counted::new(exporter, Arc::clone(&self.losses))
    }
}

/// Sends spans.
pub(super) fn spans(
    config: &TracesConfig,
    around: &Surroundings,
) -> Result<SdkTracerProvider, ConfigError> {
    match &config.destination {
        TracesDestination::Otlp(destination) => {
            let client = around.client(&destination.auth, Some(destination));
            let exporter = over_http(SpanExporter::builder().with_http(), destination, client)
                .build()
                .map_err(|error| broken("GATEWAY_OTLP_TRACES_ENDPOINT", &error))?;
            Ok(tracer_provider(config, around, exporter))
        }
        #[cfg(feature = "application-insights")]
        TracesDestination::ApplicationInsights {
            connection_string,
            auth,
        } => {
            let client = around.client(auth, None);
            let exporter = opentelemetry_application_insights::Exporter::new_from_connection_string(
                secrecy::ExposeSecret::expose_secret(connection_string),
                client,
            )
            .map_err(|_| {
                ConfigError::invalid(
                    "APPLICATIONINSIGHTS_CONNECTION_STRING",
                    "it cannot be read; copy it from the overview page of the Application Insights resource",
                )
            })?;
            Ok(tracer_provider(config, around, exporter))
        }
        #[cfg(not(feature = "application-insights"))]
        TracesDestination::ApplicationInsights { .. } => Err(ConfigError::invalid(
            "GATEWAY_APPLICATION_INSIGHTS",
            "this binary was built without the feature application-insights",
        )),
    }
}

fn tracer_provider<E>(
    config: &TracesConfig,
    around: &Surroundings,
    exporter: E,
) -> SdkTracerProvider
where
    E: opentelemetry_sdk::trace::SpanExporter + 'static,
{
    let exporter = around.counted(exporter);
    let queued = exporter.queued();
    let batch = if config.capture_content {
        BATCH_WITH_CONTENT
    } else {
        BATCH
    };
    let batching = opentelemetry_sdk::trace::BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUED_SPANS)
        .with_max_export_batch_size(batch)
        .with_scheduled_delay(DELAY)
        .build();
    let processor = BoundedProcessor::new(
        BatchSpanProcessor::builder(exporter)
            .with_batch_config(batching)
            .build(),
        queued,
        MAX_QUEUED_SPANS,
        Arc::clone(&around.losses),
    );
    let of_new_traces = Sampler::TraceIdRatioBased(config.sample_ratio);
    // Everything that the SDK would take from the environment is said here.
    SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(of_new_traces)))
        .with_span_limits(SpanLimits::default())
        .with_resource(around.resource.clone())
        .with_span_processor(processor)
        .build()
}

/// Sends metrics.
pub(super) fn metrics(
    config: &MetricsConfig,
    around: &Surroundings,
) -> Result<SdkMeterProvider, ConfigError> {
    let destination = &config.destination;
    let client = around.client(&destination.auth, Some(destination));
    let for_azure = destination.auth != OtlpAuth::None;
    let temporality = if for_azure {
        Temporality::Delta
    } else {
        Temporality::Cumulative
    };
    let exporter = over_http(MetricExporter::builder().with_http(), destination, client)
        .with_temporality(temporality)
        .build()
        .map_err(|error| broken("GATEWAY_OTLP_METRICS_ENDPOINT", &error))?;
    let reader = PeriodicReader::builder(around.counted(exporter))
        .with_interval(config.interval)
        .build();
    let provider = SdkMeterProvider::builder()
        .with_resource(around.resource.clone())
        .with_reader(reader);
    Ok(if for_azure {
        provider.with_view(as_azure_monitor_wants_it).build()
    } else {
        provider.build()
    })
}

/// Azure Monitor takes differences and exponential histograms only.
fn as_azure_monitor_wants_it(instrument: &Instrument) -> Option<Stream> {
    if instrument.kind() != InstrumentKind::Histogram {
        return None;
    }
    let exponential = Aggregation::Base2ExponentialHistogram {
        max_size: 160,
        max_scale: 20,
        record_min_max: true,
    };
    Stream::builder().with_aggregation(exponential).build().ok()
}

/// Sends log records.
pub(super) fn logs(
    destination: &OtlpConfig,
    around: &Surroundings,
) -> Result<SdkLoggerProvider, ConfigError> {
    let client = around.client(&destination.auth, Some(destination));
    let exporter = over_http(LogExporter::builder().with_http(), destination, client)
        .build()
        .map_err(|error| broken("GATEWAY_OTLP_LOGS_ENDPOINT", &error))?;
    let batching = opentelemetry_sdk::logs::BatchConfigBuilder::default()
        .with_max_queue_size(MAX_QUEUED_LOGS)
        .with_max_export_batch_size(BATCH)
        .with_scheduled_delay(DELAY)
        .build();
    Ok(SdkLoggerProvider::builder()
        .with_resource(around.resource.clone())
        .with_log_processor(
            BatchLogProcessor::builder(around.counted(exporter))
                .with_batch_config(batching)
                .build(),
        )
        .build())
}

/// What the three exporters share.
fn over_http<B: WithExportConfig + WithHttpConfig>(
    builder: B,
    destination: &OtlpConfig,
    client: impl HttpClient + 'static,
) -> B {
    builder
        .with_http_client(client)
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(destination.endpoint.as_str())
        .with_timeout(destination.timeout)
        .with_max_request_body_size(MAX_REQUEST_BYTES)
}

fn broken(setting: &'static str, error: &dyn std::fmt::Display) -> ConfigError {
    ConfigError::invalid(setting, format!("the exporter cannot be set up: {error}"))
}
