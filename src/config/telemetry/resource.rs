//! Under which name telemetry is sent, and from where.

use percent_encoding::percent_decode_str;

use crate::config::Environment;

/// The sender of all telemetry, as OpenTelemetry's resource attributes name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceConfig {
    /// `GATEWAY_SERVICE_NAME`; default `foundry-gateway`. Not `OTEL_SERVICE_NAME`: the Functions host reads that, and
    /// the two must not be one.
    pub service_name: String,
    /// `WEBSITE_SITE_NAME`, which Azure sets: name of the Function App.
    pub app_name: Option<String>,
    /// `WEBSITE_INSTANCE_ID`, which Azure sets: the instance of the Function App.
    pub instance_id: Option<String>,
    /// `REGION_NAME`, which Azure sets.
    pub region: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`: further attributes, `name=value` pairs, percent-encoded and comma-separated.
    pub attributes: Vec<(String, String)>,
}

impl ResourceConfig {
    /// Reads the settings named at the fields; a pair that cannot be read is left out, as OpenTelemetry wants it.
    pub fn from_environment(environment: &Environment) -> Self {
        let owned = |setting| environment.get(setting).map(str::to_owned);
        Self {
            service_name: environment
                .get("GATEWAY_SERVICE_NAME")
                .unwrap_or("foundry-gateway")
                .to_owned(),
            app_name: owned("WEBSITE_SITE_NAME"),
            instance_id: owned("WEBSITE_INSTANCE_ID"),
            region: owned("REGION_NAME"),
            attributes: environment
                .get("OTEL_RESOURCE_ATTRIBUTES")
                .map_or_else(Vec::new, pairs),
        }
    }
}

/// Reads `name=value` pairs, percent-encoded and comma-separated: the form of resource attributes and of headers.
pub(super) fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |part: &str| {
        let part = percent_decode_str(part.trim()).decode_utf8().ok()?;
        Some(part.into_owned())
    };
    text.split(',')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((decoded(name)?, decoded(value)?))
        })
        .filter(|(name, _)| !name.is_empty())
        .collect()
}
