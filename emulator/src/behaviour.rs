//! The knobs: how slow the emulator is, how it cuts its bytes, and which faults it commits.
//!
//! Set from Rust through [`BehaviourCell`], over HTTP with `PUT /emulator/behaviour`, or by the program's options.
//! A request takes the behaviour in force when it arrives, so that changing it never affects a running answer.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How the emulator behaves. Every field may be left out; the default is as fast and as faultless as possible.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Milliseconds before the response headers.
    pub latency_ms: u64,
    /// Milliseconds before the first piece of an answer's text or arguments.
    pub first_delta_ms: u64,
    /// Milliseconds before each further piece.
    pub token_delay_ms: u64,
    /// Pads or cuts the default answer to this many words.
    pub answer_words: Option<usize>,
    /// Writes event streams in chunks of this many bytes, to exercise parsers; zero counts as one.
    pub split_bytes: Option<usize>,
    /// The most objects a list answers at once, below the `limit` of the request.
    pub page_size_max: Option<usize>,
    /// Faults to commit.
    pub faults: Vec<FaultRule>,
}

/// Commits a fault in the requests of one operation.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// The operation, such as `create_response`, `create_run`, `list_agents`; `any` matches all of them.
    pub operation: String,
    /// When in the exchange.
    pub stage: Stage,
    /// What happens.
    pub fault: Fault,
    /// How many requests are hit; left out: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

/// When in an exchange a fault happens. An answer that is not a stream has no events: there, `created`, `middle` and
/// `end` all mean "half way through the body", and faults that are events do not happen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Before anything is read from a new connection. No operation is known yet, so that the rule's is not looked at,
    /// and every fault but `stall` and `reset` just closes the connection.
    Accept,
    /// After the request was read, before the response headers.
    Headers,
    /// After the first event.
    Created,
    /// After about half of the text or arguments.
    Middle,
    /// Just before the terminal event.
    End,
}

/// What goes wrong.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection is reset (TCP RST).
    Reset,
    /// The connection is closed without the end of the chunked body.
    Close,
    /// The body ends cleanly, without a terminal event.
    Eof,
    /// Nothing is ever sent again.
    Stall,
    /// From here on one byte every 100 ms.
    Slow,
    /// This answer instead of the real one; only at stage `headers`.
    Status {
        /// HTTP status; an impossible number counts as 500.
        status: u16,
        /// Extra response headers.
        #[serde(default)]
        headers: BTreeMap<String, String>,
        /// The body: JSON, or a string that is sent as it is.
        #[serde(default)]
        body: Value,
    },
    /// A text event whose JSON is cut off; the stream goes on after it. An answer that is not a stream is cut off itself.
    Malformed,
    /// An event of a type that no client knows; the stream goes on after it.
    UnknownEvent,
    /// One event of an unknown type with this many bytes of data; the stream goes on after it.
    Oversized {
        /// Bytes of padding in the event's data.
        bytes: usize,
    },
    /// The dialect's `error` event; the stream ends after it.
    ErrorEvent,
}

impl Fault {
    /// Whether the fault is an event among events; an answer that is not a stream is not hit by it.
    pub(crate) fn needs_events(&self) -> bool {
        matches!(
            self,
            Fault::UnknownEvent | Fault::Oversized { .. } | Fault::ErrorEvent
        )
    }
}

/// The behaviour in force; cheap to clone, all clones are one cell.
#[derive(Clone, Debug, Default)]
pub struct BehaviourCell {
    current: Arc<Mutex<Behaviour>>,
}

impl BehaviourCell {
    pub(crate) fn new(behaviour: Behaviour) -> BehaviourCell {
        BehaviourCell {
            current: Arc::new(Mutex::new(behaviour)),
        }
    }

    /// The behaviour in force; `times` of its faults counts down as they are committed.
    pub fn get(&self) -> Behaviour {
        self.lock().clone()
    }

    /// Replaces the behaviour for all requests that arrive from now on.
    pub fn set(&self, behaviour: Behaviour) {
        *self.lock() = behaviour;
    }

    /// Back to the default: fast and faultless.
    pub fn reset(&self) {
        self.set(Behaviour::default());
    }

    /// Takes one fault for a connection that was just accepted.
    pub(crate) fn take_accept_fault(&self) -> Option<Fault> {
        self.take(|rule| rule.stage == Stage::Accept)
            .into_iter()
            .map(|(_, fault)| fault)
            .next()
    }

    /// Takes the faults that a request of this operation must suffer.
    pub(crate) fn take_faults(&self, operation: &str) -> Vec<(Stage, Fault)> {
        self.take(|rule| {
            rule.stage != Stage::Accept && (rule.operation == operation || rule.operation == "any")
        })
    }

    fn take(&self, applies: impl Fn(&FaultRule) -> bool) -> Vec<(Stage, Fault)> {
        let mut behaviour = self.lock();
        let mut taken = Vec::new();
        for rule in behaviour.faults.iter_mut().filter(|rule| applies(rule)) {
            match &mut rule.times {
                Some(0) => continue,
                Some(times) => *times -= 1,
                None => {}
            }
            taken.push((rule.stage, rule.fault.clone()));
        }
        taken
    }

    fn lock(&self) -> MutexGuard<'_, Behaviour> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How fast an answer is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pace {
    /// Before the first piece of text or arguments.
    pub(crate) first_delta: Duration,
    /// Before each further piece.
    pub(crate) token: Duration,
}

impl Behaviour {
    pub(crate) fn pace(&self) -> Pace {
        Pace {
            first_delta: Duration::from_millis(self.first_delta_ms),
            token: Duration::from_millis(self.token_delay_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_fault_is_committed_as_often_as_asked() {
        let cell = BehaviourCell::default();
        cell.set(
            serde_json::from_value(json!({"faults": [
                {"operation": "create_run", "stage": "middle", "fault": "reset", "times": 1},
                {"operation": "any", "stage": "headers", "fault": {"status": {"status": 503}}},
            ]}))
            .unwrap(),
        );
        assert_eq!(cell.take_faults("create_run").len(), 2);
        assert_eq!(cell.take_faults("create_run").len(), 1);
        assert_eq!(cell.get().faults[0].times, Some(0));
        assert_eq!(cell.take_accept_fault(), None);
    }

    #[test]
    fn a_misspelt_knob_is_an_error() {
        assert!(serde_json::from_value::<Behaviour>(json!({"latencyms": 3})).is_err());
    }
}
