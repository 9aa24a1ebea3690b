//! The log: lines on standard output, and OTLP where log records are sent.
//!
//! Standard output, never standard error: the Functions host takes every line of that for an error. The host exports
//! standard output itself, so that where log records are sent by the gateway, standard output has only what cannot
//! travel that way: the start, and what is wrong with telemetry itself.

use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use tracing::Metadata;
use tracing_subscriber::{
    EnvFilter, Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt,
    util::SubscriberInitExt,
};

use super::one_line;
use crate::config::log::{LogConfig, LogFormat};

/// The library tells about every failed export; the gateway does so once a minute.
const QUIET_LIBRARY: &str = "opentelemetry=off";

/// Starts logging, once in a process.
pub fn start(config: &LogConfig, otlp: Option<&SdkLoggerProvider>) {
    let lines = match config.format {
        LogFormat::Text => fmt::layer()
            .with_writer(one_line::stdout)
            .with_ansi(false)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .with_writer(one_line::stdout)
            .json()
            .flatten_event(true)
            .boxed(),
    };
    let both = |layer: Box<dyn Layer<Registry> + Send + Sync>| {
        tracing_subscriber::registry().with(layer.with_filter(filter(config)))
    };
    match otlp {
        None => both(lines).init(),
        Some(provider) => {
            let bridge = OpenTelemetryTracingBridge::new(provider);
            let elsewhere = bridge.with_filter(filter_fn(travels));
            both(
                lines
                    .with_filter(filter_fn(|metadata| !travels(metadata)))
                    .boxed(),
            )
            .with(elsewhere.with_filter(filter(config)))
            .init();
        }
    }
}

fn filter(config: &LogConfig) -> EnvFilter {
    // The configuration is known to be readable.
    let filter = EnvFilter::try_new(&config.filter).unwrap_or_default();
    match QUIET_LIBRARY.parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

/// Whether a record can be sent: it is the gateway's, and neither of its start nor of its telemetry, whose failure to
/// send would make records of its own.
fn travels(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    target.starts_with("foundry_gateway::") && !target.starts_with("foundry_gateway::telemetry")
}
