//! The gateway's metrics.
//!
//! Names and buckets of the GenAI ones follow `docs/gen-ai/gen-ai-metrics.md` of
//! `open-telemetry/semantic-conventions-genai`; the others are the gateway's own. Label values are bounded: outcomes
//! come from code, callers from the configuration and the tenant's applications (see [`caller_label`]), agents and models count only once the service has
//! accepted them, and beyond 2000 combinations the library counts into one row (`otel.metric.overflow`).

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter, UpDownCounter},
};

use super::attributes;
use crate::{agent::Usage, identity::entra::token::USER_PREFIX};

/// The caller as metrics count it: users of an Entra tenant together, because there are as many as people; spans and
/// the log tell them apart.
pub(super) fn caller_label(caller: &str) -> &str {
    if caller.starts_with(USER_PREFIX) {
        "user:*"
    } else {
        caller
    }
}

/// The instruments.
#[derive(Debug)]
pub(super) struct Metrics {
    tokens: Histogram<u64>,
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    overhead: Histogram<f64>,
    streams: UpDownCounter<i64>,
    continuity: Counter<u64>,
    store: Histogram<f64>,
    sign_in: Histogram<f64>,
}

/// Seconds, as the conventions want them for whole operations.
const OPERATION_SECONDS: [f64; 14] = [
    0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
/// Seconds, as the conventions want them for first chunks.
const FIRST_CHUNK_SECONDS: [f64; 16] = [
    0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0,
];
/// Tokens, as the conventions want them.
const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Seconds of work that should take well under a millisecond, and of calls that should take a few.
const SMALL_SECONDS: [f64; 12] = [
    0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

/// What a finished turn is counted with.
#[derive(Debug)]
pub(super) struct TurnEnd {
    /// Agent, caller, models; and the error, where there was one.
    pub(super) labels: Vec<KeyValue>,
    pub(super) duration: Duration,
    pub(super) first_chunk: Option<Duration>,
    pub(super) usage: Option<Usage>,
}

impl Metrics {
    pub(super) fn new(meter: &Meter) -> Self {
        let seconds = |name: &'static str, about: &'static str, buckets: &[f64]| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(about)
                .with_boundaries(buckets.to_vec())
                .build()
        };
        Self {
            tokens: meter
                .u64_histogram("gen_ai.client.token.usage")
                .with_unit("{token}")
                .with_description("Tokens of a turn, as the service counted them")
                .with_boundaries(TOKENS.to_vec())
                .build(),
            duration: seconds(
                "gen_ai.client.operation.duration",
                "A turn, from the call of the agent to the end of its answer",
                &OPERATION_SECONDS,
            ),
            first_chunk: seconds(
                "gen_ai.client.operation.time_to_first_chunk",
                "From the call of the agent to its first words",
                &FIRST_CHUNK_SECONDS,
            ),
            overhead: seconds(
                "gateway.request.overhead",
                "A request with a turn, without the turn: the gateway's own time",
                &SMALL_SECONDS,
            ),
            streams: meter
                .i64_up_down_counter("gateway.streams.active")
                .with_unit("{stream}")
                .with_description("Streamed answers in the making")
                .build(),
            continuity: meter
                .u64_counter("gateway.continuity.turns")
                .with_unit("{turn}")
                .with_description("Turns by how their conversation was found")
                .build(),
            store: seconds(
                "gateway.store.operation.duration",
                "An operation of the store of conversations",
                &SMALL_SECONDS,
            ),
            sign_in: seconds(
                "gateway.token.acquisition.duration",
                "A sign-in, for the first token or a fresh one",
                &OPERATION_SECONDS,
            ),
        }
    }

    pub(super) fn turn_ended(&self, end: TurnEnd) {
        let mut labels = end.labels;
        self.duration.record(end.duration.as_secs_f64(), &labels);
        if let Some(first_chunk) = end.first_chunk {
            self.first_chunk.record(first_chunk.as_secs_f64(), &labels);
        }
        if let Some(usage) = end.usage {
            for (kind, tokens) in [("input", usage.input), ("output", usage.output)] {
                labels.push(KeyValue::new(attributes::TOKEN_TYPE, kind));
                self.tokens.record(tokens, &labels);
                labels.pop();
            }
        }
    }

    pub(super) fn request_ended(&self, overhead: Duration) {
        self.overhead.record(overhead.as_secs_f64(), &[]);
    }

    /// `1` for a stream that begins, `-1` for one that ends.
    pub(super) fn streams_changed(&self, by: i64) {
        self.streams.add(by, &[]);
    }

    pub(super) fn placed(&self, recognition: &'static str) {
        self.continuity
            .add(1, &[KeyValue::new(attributes::CONTINUITY, recognition)]);
    }

    pub(super) fn store_answered(
        &self,
        operation: &'static str,
        outcome: &'static str,
        time: Duration,
    ) {
        let labels = [
            KeyValue::new(attributes::STORE_OPERATION, operation),
            KeyValue::new(attributes::OUTCOME, outcome),
        ];
        self.store.record(time.as_secs_f64(), &labels);
    }

    pub(super) fn signed_in(&self, scope: &str, outcome: &'static str, time: Duration) {
        let labels = [
            KeyValue::new(attributes::TOKEN_SCOPE, scope.to_owned()),
            KeyValue::new(attributes::OUTCOME, outcome),
        ];
        self.sign_in.record(time.as_secs_f64(), &labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_one_row_and_everybody_else_one_each() {
        for (caller, label) in [
            ("user:0123", "user:*"),
            ("user", "user"),
            ("web", "web"),
            ("app:1", "app:1"),
        ] {
            assert_eq!(caller_label(caller), label);
        }
    }
}
