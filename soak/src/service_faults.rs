//! What the agent service itself does wrong: statuses, broken streams, silence, slowness.

use std::time::Duration;

use fastrand::Rng;
use foundry_emulator::{Behaviour, BehaviourCell, Fault, FaultRule, Stage};
use serde_json::json;

/// Counts what was committed.
#[derive(Debug, Default)]
pub(crate) struct ServiceFaults {
    committed: std::sync::atomic::AtomicU64,
}

/// How long a behaviour lasts.
const EACH: Duration = Duration::from_millis(250);
/// Operations that go wrong; those that let an agent answer come more often than the others.
const OPERATIONS: [&str; 8] = [
    "create_response",
    "create_response",
    "create_thread_and_run",
    "create_run",
    "create_run",
    "cancel_run",
    "delete_thread",
    "delete_response",
];

impl ServiceFaults {
    /// Changes the behaviour for ever, as the seed has it.
    pub(crate) async fn commit(&self, behaviour: &BehaviourCell, seed: u64) {
        let mut rng = Rng::with_seed(seed);
        loop {
            let next = draw(&mut rng);
            let planned = left(&next);
            behaviour.set(next);
            tokio::time::sleep(EACH).await;
            let committed = planned.saturating_sub(left(&behaviour.get()));
            self.committed
                .fetch_add(committed, std::sync::atomic::Ordering::Relaxed);
        }
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn left(behaviour: &Behaviour) -> u64 {
    let times = behaviour.faults.iter().filter_map(|rule| rule.times);
    times.map(u64::from).sum()
}

fn draw(rng: &mut Rng) -> Behaviour {
    Behaviour {
        latency_ms: if rng.bool() { 0 } else { rng.u64(..60) },
        first_delta_ms: if rng.bool() { 0 } else { rng.u64(..40) },
        token_delay_ms: rng.u64(..3),
        split_bytes: (rng.u8(..4) == 0).then(|| rng.usize(1..400)),
        faults: (0..rng.u8(..3)).map(|_| rule(rng)).collect(),
        ..Behaviour::default()
    }
}

fn rule(rng: &mut Rng) -> FaultRule {
    let operation = OPERATIONS.get(rng.usize(..OPERATIONS.len()));
    let (stage, fault) = if rng.u8(..3) == 0 {
        (Stage::Headers, status(rng))
    } else {
        let stages = [Stage::Headers, Stage::Created, Stage::Middle, Stage::End];
        let stage = stages.get(rng.usize(..stages.len())).copied();
        (stage.unwrap_or(Stage::End), broken(rng))
    };
    FaultRule {
        operation: operation.copied().unwrap_or("any").to_owned(),
        stage,
        fault,
        times: Some(rng.u32(1..4)),
    }
}

fn status(rng: &mut Rng) -> Fault {
    let (status, code, wait) = match rng.u8(..6) {
        0 => (429, "too_many_requests", Some("1")),
        1 => (429, "too_many_requests", Some("30")),
        2 => (503, "service_unavailable", Some("1")),
        3 => (503, "service_unavailable", None),
        4 => (502, "bad_gateway", None),
        _ => (500, "server_error", None),
    };
    let wait = wait.map(|seconds| ("retry-after".to_owned(), seconds.to_owned()));
    Fault::Status {
        status,
        headers: wait.into_iter().collect(),
        body: json!({"error": {"code": code, "message": "a fault of the soak"}}),
    }
}

fn broken(rng: &mut Rng) -> Fault {
    match rng.u8(..10) {
        0 | 1 => Fault::Reset,
        2 => Fault::Close,
        3 => Fault::Eof,
        4 => Fault::Stall,
        5 => Fault::Slow,
        6 => Fault::Malformed,
        7 => Fault::UnknownEvent,
        8 => Fault::Oversized { bytes: 100_000 },
        _ => Fault::ErrorEvent,
    }
}
