//! What was asked of the emulator, and how each request ended.
//!
//! Tests read it to prove which upstream calls were made, with which bodies, and that a connection was given up when
//! its client left. It keeps the newest [`CAPACITY`] requests, fewer when
//! their bodies are large. The control endpoints themselves are not recorded.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::watch;

/// How many requests are kept; the oldest are dropped first.
pub const CAPACITY: usize = 10_000;
/// How many bytes of request bodies are kept; the oldest requests are dropped first.
const BODY_CAPACITY: usize = 256 * 1024 * 1024;

/// One request and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordedRequest {
    /// Counts up from 1 for the life of the emulator.
    pub number: u64,
    /// The operation, such as `create_response`; `unknown` when no operation has that method and path.
    pub operation: String,
    /// The HTTP method.
    pub method: String,
    /// The path as sent, still percent-encoded.
    pub path: String,
    /// The query string as sent, without `?`; empty when there is none.
    pub query: String,
    /// Request headers, names in lower case. A repeated header is joined by `, `.
    pub headers: Map<String, Value>,
    /// The JSON body; a string when the body is not JSON; null when there is none.
    pub body: Value,
    /// HTTP status of the answer; absent while none was sent.
    pub status: Option<u16>,
    /// How the exchange ended; absent while it goes on.
    pub ending: Option<Ending>,
    /// When the request was read, in milliseconds since 1970.
    pub started_ms: u64,
    /// When the exchange ended, in milliseconds since 1970.
    pub ended_ms: Option<u64>,
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The whole answer was handed to the connection.
    Completed,
    /// The client closed the connection before the answer was complete.
    ClientClosed,
    /// The emulator ended it on purpose: a fault of [`crate::Behaviour`] or of a built-in agent.
    Fault,
}

/// The requests seen so far; cheap to clone, all clones are one journal.
#[derive(Clone, Debug)]
pub struct Journal {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    requests: Mutex<Requests>,
    /// Counts changes, so that waiters can look again.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Requests {
    last_number: u64,
    kept: VecDeque<RecordedRequest>,
    /// Bytes of the body of each kept request, and their sum.
    body_sizes: VecDeque<usize>,
    body_bytes: usize,
}

impl Requests {
    fn push(&mut self, request: RecordedRequest, body_size: usize) {
        self.kept.push_back(request);
        self.body_sizes.push_back(body_size);
        self.body_bytes += body_size;
        while self.kept.len() > CAPACITY || self.body_bytes > BODY_CAPACITY {
            self.kept.pop_front();
            self.body_bytes -= self.body_sizes.pop_front().unwrap_or_default();
        }
    }
}

impl Journal {
    pub(crate) fn new() -> Journal {
        Journal {
            inner: Arc::new(Inner {
                requests: Mutex::default(),
                changes: watch::Sender::new(0),
            }),
        }
    }

    /// All kept requests, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().kept.iter().cloned().collect()
    }

    /// Forgets everything recorded so far. Requests still running then are not recorded again.
    pub fn clear(&self) {
        let mut requests = self.lock();
        requests.kept.clear();
        requests.body_sizes.clear();
        requests.body_bytes = 0;
        drop(requests);
        self.notify();
    }

    /// How many kept requests were of this operation, such as `create_response`.
    pub fn count(&self, operation: &str) -> usize {
        self.lock()
            .kept
            .iter()
            .filter(|request| request.operation == operation)
            .count()
    }

    /// Waits until the recorded requests satisfy `predicate`; false when `timeout` passes first.
    pub async fn wait_for(
        &self,
        predicate: impl Fn(&[RecordedRequest]) -> bool,
        timeout: Duration,
    ) -> bool {
        let mut changes = self.inner.changes.subscribe();
        let satisfied = async {
            while !predicate(self.lock().kept.make_contiguous()) {
                // The sender lives in `self`, so that this only returns on a change.
                if changes.changed().await.is_err() {
                    break;
                }
            }
        };
        tokio::time::timeout(timeout, satisfied).await.is_ok()
    }

    /// Records a request whose body has this many bytes; the number identifies it in later changes.
    pub(crate) fn record(&self, mut request: RecordedRequest, body_size: usize) -> u64 {
        let number = {
            let mut requests = self.lock();
            requests.last_number += 1;
            let number = requests.last_number;
            request.number = number;
            requests.push(request, body_size);
            number
        };
        self.notify();
        number
    }

    /// Changes a recorded request; nothing happens when it was dropped or cleared meanwhile.
    pub(crate) fn change(&self, number: u64, change: impl FnOnce(&mut RecordedRequest)) {
        {
            let mut requests = self.lock();
            if let Some(request) = requests
                .kept
                .iter_mut()
                .rev()
                .find(|request| request.number == number)
            {
                change(request);
            }
        }
        self.notify();
    }

    fn notify(&self) {
        self.inner
            .changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    fn lock(&self) -> MutexGuard<'_, Requests> {
        self.inner
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str) -> RecordedRequest {
        RecordedRequest {
            number: 0,
            operation: operation.to_owned(),
            method: "POST".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers: Map::new(),
            body: Value::Null,
            status: None,
            ending: None,
            started_ms: 0,
            ended_ms: None,
        }
    }

    #[test]
    fn the_oldest_requests_make_room() {
        let journal = Journal::new();
        for _ in 0..=CAPACITY {
            journal.record(request("create_response"), 1);
        }
        assert_eq!(journal.count("create_response"), CAPACITY);
        assert_eq!(
            journal.requests().first().map(|request| request.number),
            Some(2)
        );
    }

    #[test]
    fn large_bodies_make_room_sooner() {
        let journal = Journal::new();
        for _ in 0..5 {
            journal.record(request("create_response"), BODY_CAPACITY / 2);
        }
        assert_eq!(journal.count("create_response"), 2);
        journal.clear();
        journal.record(request("create_response"), BODY_CAPACITY);
        assert_eq!(journal.count("create_response"), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_ends_with_the_change_or_with_the_timeout() {
        let journal = Journal::new();
        let number = journal.record(request("create_run"), 1);
        let ended =
            |requests: &[RecordedRequest]| requests.iter().any(|request| request.ending.is_some());
        assert!(!journal.wait_for(ended, Duration::from_secs(1)).await);
        let (found, ()) = tokio::join!(journal.wait_for(ended, Duration::from_secs(1)), async {
            journal.change(number, |request| {
                request.ending = Some(Ending::ClientClosed);
            });
        });
        assert!(found);
    }
}
