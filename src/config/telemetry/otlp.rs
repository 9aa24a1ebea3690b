//! Where OTLP goes, and what opens the door there.
//!
//! Each signal has three names, the first of which that is set counts: the gateway's own
//! (`GATEWAY_OTLP_TRACES_ENDPOINT`, taken as it is), the standard one of the signal
//! (`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, taken as it is), and the standard one of all signals
//! (`OTEL_EXPORTER_OTLP_ENDPOINT`, to which `/v1/traces` is appended).
//! Log records are sent where a name of their signal is set, or `OTEL_LOGS_EXPORTER` says so: they are on standard
//! output already, which the Functions host exports too.
//!
//! Source: "OpenTelemetry Protocol Exporter" of the OpenTelemetry specification.

use std::{fmt, time::Duration};

use http::{HeaderName, HeaderValue};
use url::Url;

use super::resource::pairs;
use crate::config::{ConfigError, Environment, foundry::is_loopback};

/// One receiver.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    /// Where requests of one signal are posted.
    pub endpoint: Url,
    /// Sent with every request.
    pub headers: OtlpHeaders,
    /// How requests are authorized beside `headers`.
    pub auth: OtlpAuth,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT` (milliseconds): one request; default 10 s.
    pub timeout: Duration,
    /// `OTEL_EXPORTER_OTLP_COMPRESSION`: whether bodies are compressed with gzip; default yes.
    pub gzip: bool,
}

/// Headers for a receiver. Their values are secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct OtlpHeaders(pub Vec<(HeaderName, HeaderValue)>);

impl fmt::Debug for OtlpHeaders {
    /// Shows names only.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_set()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// How requests are authorized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OtlpAuth {
    /// By headers, or not at all.
    None,
    /// With a bearer token of the gateway's identity.
    Entra {
        /// `GATEWAY_OTLP_SCOPE`; default `https://monitor.azure.com/.default`.
        scope: String,
    },
}

/// Where each signal goes.
#[derive(Debug)]
pub(super) struct Destinations {
    pub(super) traces: Option<OtlpConfig>,
    pub(super) metrics: Option<OtlpConfig>,
    pub(super) logs: Option<OtlpConfig>,
    pub(super) auth: OtlpAuth,
}

/// The names that one signal goes by.
struct Signal {
    own_endpoint: &'static str,
    endpoint: &'static str,
    headers: &'static str,
    exporter: &'static str,
    path: &'static str,
    /// Whether the endpoint of all signals is for this one too, unless its exporter setting says otherwise.
    with_all_signals: bool,
}

const TRACES: Signal = Signal {
    own_endpoint: "GATEWAY_OTLP_TRACES_ENDPOINT",
    endpoint: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    exporter: "OTEL_TRACES_EXPORTER",
    path: "v1/traces",
    with_all_signals: true,
};
const METRICS: Signal = Signal {
    own_endpoint: "GATEWAY_OTLP_METRICS_ENDPOINT",
    endpoint: "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    exporter: "OTEL_METRICS_EXPORTER",
    path: "v1/metrics",
    with_all_signals: true,
};
const LOGS: Signal = Signal {
    own_endpoint: "GATEWAY_OTLP_LOGS_ENDPOINT",
    endpoint: "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
    headers: "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
    exporter: "OTEL_LOGS_EXPORTER",
    path: "v1/logs",
    with_all_signals: false,
};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const AUTH: &str = "GATEWAY_OTLP_AUTH";

/// What the signals share.
struct Common {
    auth: OtlpAuth,
    timeout: Duration,
    gzip: bool,
}

impl Destinations {
    pub(super) fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        let timeout = environment.number("OTEL_EXPORTER_OTLP_TIMEOUT", 10_000, 50..=600_000)?;
        let common = Common {
            auth: auth(environment)?,
            timeout: Duration::from_millis(timeout),
            gzip: gzip(environment)?,
        };
        Ok(Self {
            traces: destination(environment, &TRACES, &common)?,
            metrics: destination(environment, &METRICS, &common)?,
            logs: destination(environment, &LOGS, &common)?,
            auth: common.auth,
        })
    }
}

fn destination(
    environment: &Environment,
    signal: &Signal,
    common: &Common,
) -> Result<Option<OtlpConfig>, ConfigError> {
    if let Some(text) = environment.get(signal.own_endpoint) {
        return Ok(Some(OtlpConfig {
            endpoint: endpoint(text, signal.own_endpoint)?,
            headers: headers(environment, "GATEWAY_OTLP_HEADERS")?,
            auth: common.auth.clone(),
            timeout: common.timeout,
            gzip: common.gzip,
        }));
    }
    let exporter = match environment.get(signal.exporter) {
        None => None,
        Some("otlp") => Some(true),
        Some("none") => Some(false),
        Some(_) => {
            return Err(ConfigError::invalid(
                signal.exporter,
                "write otlp or none; the gateway has no other exporter",
            ));
        }
    };
    if exporter == Some(false) {
        return Ok(None);
    }
    let endpoint = match (environment.get(signal.endpoint), environment.get(ENDPOINT)) {
        (Some(text), _) => endpoint(text, signal.endpoint)?,
        (None, Some(text)) if exporter.unwrap_or(signal.with_all_signals) => {
            let mut endpoint = endpoint(text, ENDPOINT)?;
            let base = endpoint.path().trim_end_matches('/');
            endpoint.set_path(&format!("{base}/{}", signal.path));
            endpoint
        }
        _ => return Ok(None),
    };
    check_protocol(environment)?;
    let names = if environment.get(signal.headers).is_some() {
        signal.headers
    } else {
        "OTEL_EXPORTER_OTLP_HEADERS"
    };
    Ok(Some(OtlpConfig {
        endpoint,
        headers: headers(environment, names)?,
        // A token for Azure is not for whoever else the standard variables name.
        auth: OtlpAuth::None,
        timeout: common.timeout,
        gzip: common.gzip,
    }))
}

fn endpoint(text: &str, setting: &'static str) -> Result<Url, ConfigError> {
    let invalid = |problem: &str| ConfigError::invalid(setting, problem);
    let url = Url::parse(text)
        .map_err(|_| invalid("it is not a URL; expected http(s)://<host>[:<port>]/<path>"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(
            "it must not contain a user name or password; put them into a header",
        ));
    }
    Ok(url)
}

fn headers(environment: &Environment, setting: &'static str) -> Result<OtlpHeaders, ConfigError> {
    let Some(text) = environment.get(setting) else {
        return Ok(OtlpHeaders::default());
    };
    let read = pairs(text).into_iter().map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((name, value))
    });
    match read.collect::<Option<Vec<_>>>() {
        Some(headers) if headers.len() == text.split(',').count() => Ok(OtlpHeaders(headers)),
        _ => Err(ConfigError::invalid(
            setting,
            "write name=value pairs, percent-encoded and comma-separated",
        )),
    }
}

fn auth(environment: &Environment) -> Result<OtlpAuth, ConfigError> {
    match environment.get(AUTH).unwrap_or("none") {
        "none" => return Ok(OtlpAuth::None),
        "entra" => {}
        _ => return Err(ConfigError::invalid(AUTH, "write none or entra")),
    }
    let own = [TRACES, METRICS, LOGS].map(|signal| signal.own_endpoint);
    let mut has_destination = environment.flag("GATEWAY_APPLICATION_INSIGHTS", false)?;
    for setting in own {
        if let Some(text) = environment.get(setting) {
            let endpoint = endpoint(text, setting)?;
            if endpoint.scheme() != "https" && !is_loopback(&endpoint) {
                return Err(ConfigError::invalid(
                    setting,
                    "a token is sent over https only (plain http is allowed on loopback)",
                ));
            }
            has_destination = true;
        }
    }
    if !has_destination {
        return Err(ConfigError::invalid(
            AUTH,
            "entra is for endpoints named by GATEWAY_OTLP_TRACES_ENDPOINT and its like, and none is set",
        ));
    }
    Ok(OtlpAuth::Entra {
        scope: environment
            .get("GATEWAY_OTLP_SCOPE")
            .unwrap_or("https://monitor.azure.com/.default")
            .to_owned(),
    })
}

fn gzip(environment: &Environment) -> Result<bool, ConfigError> {
    const SETTING: &str = "OTEL_EXPORTER_OTLP_COMPRESSION";
    match environment.get(SETTING).unwrap_or("gzip") {
        "gzip" => Ok(true),
        "none" => Ok(false),
        _ => Err(ConfigError::invalid(SETTING, "write gzip or none")),
    }
}

/// Where the standard variables are for a receiver of gRPC, the gateway needs one of its own.
fn check_protocol(environment: &Environment) -> Result<(), ConfigError> {
    const SETTING: &str = "OTEL_EXPORTER_OTLP_PROTOCOL";
    match environment.get(SETTING) {
        None | Some("http/protobuf") => Ok(()),
        Some(_) => Err(ConfigError::invalid(
            SETTING,
            "the gateway speaks http/protobuf; name a receiver of that in GATEWAY_OTLP_TRACES_ENDPOINT and set \
             OTEL_TRACES_EXPORTER and OTEL_METRICS_EXPORTER to none where they are for others",
        )),
    }
}
