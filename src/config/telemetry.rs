//! What the gateway tells an operator's backend of its work: where to, how much, and under which name.
//!
//! Nothing set is nothing sent. The standard variables of OpenTelemetry are understood, but the Functions host reads
//! some of them too: [`otlp`] has names of the gateway's own beside them, and they win.

pub mod otlp;
mod resource;

use std::time::Duration;

use secrecy::SecretString;

use self::otlp::{OtlpAuth, OtlpConfig};
pub use self::resource::ResourceConfig;
use super::{ConfigError, Environment};

/// What is sent where.
#[derive(Debug, Clone)]
pub struct TelemetryConfig {
    /// Where spans go.
    pub traces: Option<TracesConfig>,
    /// Where metrics go.
    pub metrics: Option<MetricsConfig>,
    /// Where log records go, beside or instead of standard output.
    pub logs: Option<OtlpConfig>,
    /// Who is sending.
    pub resource: ResourceConfig,
}

/// Spans, and where they go.
#[derive(Debug, Clone)]
pub struct TracesConfig {
    /// Where to.
    pub destination: TracesDestination,
    /// `GATEWAY_TRACE_SAMPLE_RATIO`: share of the traces that begin here, 0 to 1; default 1. A trace that began
    /// elsewhere was decided on there.
    pub sample_ratio: f64,
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`: whether spans hold what was said; default no.
    pub capture_content: bool,
    /// `FOUNDRY_PROJECT_RESOURCE_ID`: the project's ARM id, as Foundry's own spans have it.
    pub project_resource_id: Option<String>,
}

/// Where spans go.
#[derive(Debug, Clone)]
pub enum TracesDestination {
    /// Any OTLP/HTTP receiver.
    Otlp(OtlpConfig),
    /// `APPLICATIONINSIGHTS_CONNECTION_STRING`, when `GATEWAY_APPLICATION_INSIGHTS` is `true`: the classic tables of
    /// Application Insights.
    ApplicationInsights {
        /// The connection string.
        connection_string: SecretString,
        /// How requests are authorized, beside the key in the connection string.
        auth: OtlpAuth,
    },
}

/// Metrics, and where they go.
#[derive(Debug, Clone)]
pub struct MetricsConfig {
    /// Where to.
    pub destination: OtlpConfig,
    /// `OTEL_METRIC_EXPORT_INTERVAL` (milliseconds); default 10 s, because the process ends without notice and takes
    /// with it what it has not sent.
    pub interval: Duration,
}

impl TelemetryConfig {
    /// Reads and checks all settings of this concern.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        if environment.flag("OTEL_SDK_DISABLED", false)? {
            return Ok(Self {
                traces: None,
                metrics: None,
                logs: None,
                resource: ResourceConfig::from_environment(environment),
            });
        }
        let destinations = otlp::Destinations::from_environment(environment)?;
        let traces = destination_of_traces(environment, destinations.traces, &destinations.auth)?
            .map(|destination| {
                Ok(TracesConfig {
                    destination,
                    sample_ratio: environment.number(
                        "GATEWAY_TRACE_SAMPLE_RATIO",
                        1.0,
                        0.0..=1.0,
                    )?,
                    capture_content: capture_content(environment)?,
                    project_resource_id: environment
                        .get("FOUNDRY_PROJECT_RESOURCE_ID")
                        .map(str::to_owned),
                })
            })
            .transpose()?;
        let interval =
            environment.number("OTEL_METRIC_EXPORT_INTERVAL", 10_000, 100..=3_600_000)?;
        Ok(Self {
            traces,
            metrics: destinations.metrics.map(|destination| MetricsConfig {
                destination,
                interval: Duration::from_millis(interval),
            }),
            logs: destinations.logs,
            resource: ResourceConfig::from_environment(environment),
        })
    }
}

impl TelemetryConfig {
    /// What is sent, for the line that the log begins with: `traces`, `metrics` and `logs`, or `none`.
    pub fn told(&self) -> String {
        let signals = [
            (self.traces.is_some(), "traces"),
            (self.metrics.is_some(), "metrics"),
            (self.logs.is_some(), "logs"),
        ];
        let sent: Vec<&str> = signals
            .iter()
            .filter_map(|(is_sent, name)| is_sent.then_some(*name))
            .collect();
        match sent.as_slice() {
            [] => "none".to_owned(),
            sent => sent.join(","),
        }
    }

    /// What a token has to be for, where a receiver wants one.
    pub fn token_scope(&self) -> Option<&str> {
        let traces = self
            .traces
            .as_ref()
            .map(|traces| match &traces.destination {
                TracesDestination::Otlp(destination) => &destination.auth,
                TracesDestination::ApplicationInsights { auth, .. } => auth,
            });
        let metrics = self
            .metrics
            .as_ref()
            .map(|metrics| &metrics.destination.auth);
        let logs = self.logs.as_ref().map(|logs| &logs.auth);
        let mut all = [traces, metrics, logs].into_iter().flatten();
        all.find_map(|auth| match auth {
            OtlpAuth::None => None,
            OtlpAuth::Entra { scope } => Some(scope.as_str()),
        })
    }
}

const APPLICATION_INSIGHTS: &str = "GATEWAY_APPLICATION_INSIGHTS";

/// The connection string is there for the Functions host anyway, so that it alone decides nothing.
fn destination_of_traces(
    environment: &Environment,
    otlp: Option<OtlpConfig>,
    auth: &OtlpAuth,
) -> Result<Option<TracesDestination>, ConfigError> {
    if !environment.flag(APPLICATION_INSIGHTS, false)? {
        return Ok(otlp.map(TracesDestination::Otlp));
    }
    if !cfg!(feature = "application-insights") {
        return Err(ConfigError::invalid(
            APPLICATION_INSIGHTS,
            "this binary was built without the feature application-insights",
        ));
    }
    if otlp.is_some() {
        return Err(ConfigError::invalid(
            APPLICATION_INSIGHTS,
            "spans go to an OTLP endpoint already, and would be counted twice; set one of the two",
        ));
    }
    let Some(connection_string) = environment.get("APPLICATIONINSIGHTS_CONNECTION_STRING") else {
        return Err(ConfigError::missing(
            "APPLICATIONINSIGHTS_CONNECTION_STRING",
            "GATEWAY_APPLICATION_INSIGHTS needs it; it is on the overview page of the Application Insights resource",
        ));
    };
    Ok(Some(TracesDestination::ApplicationInsights {
        connection_string: connection_string.into(),
        auth: auth.clone(),
    }))
}

/// The variable was a flag first, and then a choice between spans and events; the gateway writes no events.
fn capture_content(environment: &Environment) -> Result<bool, ConfigError> {
    const SETTING: &str = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
    match environment
        .get(SETTING)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("false" | "0" | "no_content") => Ok(false),
        Some("true" | "1" | "span_only" | "span_and_event") => Ok(true),
        Some(_) => Err(ConfigError::invalid(
            SETTING,
            "write true or SPAN_ONLY to record what is said on spans, false or NO_CONTENT not to",
        )),
    }
}

#[cfg(test)]
mod tests;
