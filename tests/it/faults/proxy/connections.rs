//! Which connections of the gateway are open.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use tokio_util::sync::CancellationToken;

/// What is known of an open connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::faults) struct Seen {
    /// The first line of the last request on it; empty where there was none.
    pub(in crate::faults) request: String,
    /// Whether a fault was committed on it.
    pub(in crate::faults) is_struck: bool,
}

#[derive(Debug, Default)]
pub(super) struct Connections {
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    by_number: BTreeMap<u64, (Seen, CancellationToken)>,
    next: u64,
}

impl Connections {
    /// Enters a new connection, which ends when `closed` is cancelled.
    pub(super) fn opened(&self, closed: CancellationToken) -> Connection {
        let mut open = self.open.lock().unwrap();
        let number = open.next;
        open.next += 1;
        open.by_number.insert(number, (Seen::default(), closed));
        Connection {
            open: Arc::clone(&self.open),
            number,
        }
    }

    pub(super) fn open(&self) -> Vec<Seen> {
        let open = self.open.lock().unwrap();
        open.by_number
            .values()
            .map(|(seen, _)| seen.clone())
            .collect()
    }

    /// Closes those that are meant.
    pub(super) fn close(&self, is_meant: impl Fn(&Seen) -> bool) {
        let open = self.open.lock().unwrap();
        for (seen, closed) in open.by_number.values() {
            if is_meant(seen) {
                closed.cancel();
            }
        }
    }
}

/// An open connection; dropping it strikes it from the list.
#[derive(Debug)]
pub(super) struct Connection {
    open: Arc<Mutex<Open>>,
    number: u64,
}

impl Connection {
    /// A request has begun.
    pub(super) fn asked(&self, request: &str) {
        self.change(|seen| request.clone_into(&mut seen.request));
    }

    /// A fault is committed.
    pub(super) fn struck(&self) {
        self.change(|seen| seen.is_struck = true);
    }

    fn change(&self, change: impl FnOnce(&mut Seen)) {
        let mut open = self.open.lock().unwrap();
        change(&mut open.by_number.get_mut(&self.number).unwrap().0);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.lock().unwrap().by_number.remove(&self.number);
    }
}
