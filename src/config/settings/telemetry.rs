//! The settings of traces, metrics and logs.

use super::{Setting, setting};

/// Every setting that decides what telemetry is sent where.
pub const TELEMETRY: &[Setting] = &[
    setting(
        "GATEWAY_OTLP_TRACES_ENDPOINT",
        "none",
        "where spans go, by OTLP/HTTP (protobuf); taken as it is, and not read by the Functions host",
    ),
    setting(
        "GATEWAY_OTLP_METRICS_ENDPOINT",
        "none",
        "the same for metrics",
    ),
    setting(
        "GATEWAY_OTLP_LOGS_ENDPOINT",
        "none",
        "the same for log records; standard output then has only what concerns the process",
    ),
    setting(
        "GATEWAY_OTLP_HEADERS",
        "none",
        "headers for these three: `name=value` pairs, percent-encoded and comma-separated",
    ),
    setting(
        "GATEWAY_OTLP_AUTH",
        "`none`",
        "`entra` sends a bearer token of the gateway's identity to these three: for Azure Monitor",
    ),
    setting(
        "GATEWAY_OTLP_SCOPE",
        "`https://monitor.azure.com/.default`",
        "scope of that token",
    ),
    setting(
        "GATEWAY_APPLICATION_INSIGHTS",
        "`false`",
        "`true` sends spans to `APPLICATIONINSIGHTS_CONNECTION_STRING` instead of an OTLP endpoint",
    ),
    setting(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        "read by the host",
        "used by the gateway only if the setting above says so",
    ),
    setting(
        "GATEWAY_TRACE_SAMPLE_RATIO",
        "`1`",
        "share of the traces that begin at the gateway, 0 to 1; one that began at the client is recorded if it is there",
    ),
    setting(
        "GATEWAY_SERVICE_NAME",
        "`foundry-gateway`",
        "name under which all telemetry is sent; not `OTEL_SERVICE_NAME`, which is the host's",
    ),
    setting(
        "FOUNDRY_PROJECT_RESOURCE_ID",
        "none",
        "ARM id of the project, put on spans as Foundry does",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "none",
        "the standard variable: spans go to `<it>/v1/traces`, metrics to `<it>/v1/metrics`; the Functions host reads it too",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "none",
        "the same for spans alone, taken as it is",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "none",
        "the same for metrics alone",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
        "none",
        "the same for log records",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_HEADERS",
        "none",
        "headers for these four",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "none",
        "headers for spans alone",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
        "none",
        "headers for metrics alone",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS",
        "none",
        "headers for log records alone",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_PROTOCOL",
        "`http/protobuf`",
        "nothing else is spoken",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_TIMEOUT",
        "`10000`",
        "one request to a receiver, in milliseconds",
    ),
    setting(
        "OTEL_EXPORTER_OTLP_COMPRESSION",
        "`gzip`",
        "`none` sends bodies as they are",
    ),
    setting(
        "OTEL_TRACES_EXPORTER",
        "`otlp`",
        "`none` keeps the standard endpoints from getting spans",
    ),
    setting(
        "OTEL_METRICS_EXPORTER",
        "`otlp`",
        "`none` keeps the standard endpoints from getting metrics",
    ),
    setting(
        "OTEL_LOGS_EXPORTER",
        "`none`",
        "`otlp` sends log records to `<OTEL_EXPORTER_OTLP_ENDPOINT>/v1/logs`",
    ),
    setting(
        "OTEL_METRIC_EXPORT_INTERVAL",
        "`10000`",
        "pause between two exports of metrics, in milliseconds",
    ),
    setting(
        "OTEL_RESOURCE_ATTRIBUTES",
        "none",
        "further attributes of all telemetry: `name=value` pairs, percent-encoded and comma-separated",
    ),
    setting(
        "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
        "`false`",
        "`true` records on spans what users and agents say",
    ),
    setting(
        "OTEL_SDK_DISABLED",
        "`false`",
        "`true` sends no telemetry at all",
    ),
    setting(
        "WEBSITE_SITE_NAME",
        "set by Azure",
        "name of the Function App, on all telemetry",
    ),
    setting(
        "WEBSITE_INSTANCE_ID",
        "set by Azure",
        "its instance, on all telemetry",
    ),
    setting(
        "REGION_NAME",
        "set by Azure",
        "its region, on all telemetry",
    ),
];
