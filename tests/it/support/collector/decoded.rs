//! OTLP messages as tests read them.

use std::{collections::BTreeMap, fmt::Write};

use opentelemetry_proto::tonic::{
    collector::{
        logs::v1::ExportLogsServiceRequest, metrics::v1::ExportMetricsServiceRequest,
        trace::v1::ExportTraceServiceRequest,
    },
    common::v1::{AnyValue, KeyValue, any_value},
    metrics::v1::{metric, number_data_point},
    trace::v1::{span::SpanKind, status::StatusCode},
};
use serde_json::{Value, json};

/// Attributes by name.
pub(crate) type Attributes = BTreeMap<String, Value>;

/// A span.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) trace_id: String,
    pub(crate) id: String,
    /// Empty for a root.
    pub(crate) parent_id: String,
    pub(crate) name: String,
    /// `server`, `client` or `internal`.
    pub(crate) kind: &'static str,
    pub(crate) failed: bool,
    pub(crate) attributes: Attributes,
    pub(crate) resource: Attributes,
}

impl Span {
    /// A text attribute; empty where it is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.attributes
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// The sum and count of one row of a metric.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) metric: String,
    pub(crate) attributes: Attributes,
    pub(crate) sum: f64,
    pub(crate) count: u64,
    /// Whether it is the difference to the last one.
    pub(crate) delta: bool,
    /// Whether it has buckets that grow exponentially.
    pub(crate) exponential: bool,
}

/// A log record.
#[derive(Debug, Clone)]
pub(crate) struct LogLine {
    pub(crate) body: String,
    pub(crate) level: String,
    pub(crate) trace_id: String,
    pub(crate) attributes: Attributes,
}

pub(super) fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for from in request.resource_spans {
        let resource = attributes(from.resource.unwrap().attributes);
        for span in from.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                trace_id: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent_id: hex(&span.parent_span_id),
                kind: match span.kind() {
                    SpanKind::Server => "server",
                    SpanKind::Client => "client",
                    SpanKind::Internal => "internal",
                    other => panic!("{other:?}"),
                },
                failed: span
                    .status
                    .is_some_and(|status| status.code() == StatusCode::Error),
                name: span.name,
                attributes: attributes(span.attributes),
                resource: resource.clone(),
            });
        }
    }
    spans
}

pub(super) fn points(request: ExportMetricsServiceRequest) -> Vec<Point> {
    let metrics = request
        .resource_metrics
        .into_iter()
        .flat_map(|from| from.scope_metrics)
        .flat_map(|scope| scope.metrics);
    let mut points = Vec::new();
    for metric in metrics {
        let name = metric.name;
        match metric.data.unwrap() {
            metric::Data::Histogram(histogram) => {
                let delta = histogram.aggregation_temporality == 1;
                points.extend(histogram.data_points.into_iter().map(|point| Point {
                    metric: name.clone(),
                    attributes: attributes(point.attributes),
                    sum: point.sum.unwrap_or_default(),
                    count: point.count,
                    delta,
                    exponential: false,
                }));
            }
            metric::Data::ExponentialHistogram(histogram) => {
                let delta = histogram.aggregation_temporality == 1;
                points.extend(histogram.data_points.into_iter().map(|point| Point {
                    metric: name.clone(),
                    attributes: attributes(point.attributes),
                    sum: point.sum.unwrap_or_default(),
                    count: point.count,
                    delta,
                    exponential: true,
                }));
            }
            metric::Data::Sum(sum) => {
                let delta = sum.aggregation_temporality == 1;
                points.extend(sum.data_points.into_iter().map(|point| Point {
                    metric: name.clone(),
                    attributes: attributes(point.attributes),
                    sum: match point.value.unwrap() {
                        number_data_point::Value::AsDouble(value) => value,
                        number_data_point::Value::AsInt(value) => {
                            f64::from(i32::try_from(value).unwrap())
                        }
                    },
                    count: 1,
                    delta,
                    exponential: false,
                }));
            }
            other => panic!("{other:?}"),
        }
    }
    points
}

pub(super) fn logs(request: ExportLogsServiceRequest) -> Vec<LogLine> {
    let records = request
        .resource_logs
        .into_iter()
        .flat_map(|from| from.scope_logs)
        .flat_map(|scope| scope.log_records);
    records
        .map(|record| LogLine {
            body: record
                .body
                .map(value)
                .and_then(|body| Some(body.as_str()?.to_owned()))
                .unwrap_or_default(),
            level: record.severity_text,
            trace_id: hex(&record.trace_id),
            attributes: attributes(record.attributes),
        })
        .collect()
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    let count = list.len();
    let attributes: Attributes = list
        .into_iter()
        .map(|pair| (pair.key, value(pair.value.unwrap())))
        .collect();
    assert_eq!(
        attributes.len(),
        count,
        "a name stands twice: {attributes:?}"
    );
    attributes
}

fn value(value: AnyValue) -> Value {
    match value.value {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => json!(text),
        Some(any_value::Value::BoolValue(flag)) => json!(flag),
        Some(any_value::Value::IntValue(number)) => json!(number),
        Some(any_value::Value::DoubleValue(number)) => json!(number),
        Some(any_value::Value::ArrayValue(array)) => {
            array.values.into_iter().map(self::value).collect()
        }
        Some(other) => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
