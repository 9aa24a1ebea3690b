//! Many conversations at a time, until the time is over.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use fastrand::Rng;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::{
    client::Client,
    conversation::Conversation,
    ledger::{Ledger, StoreTrouble},
};

/// What all conversations share.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) client: Client,
    pub(crate) ledger: Ledger,
    pub(crate) trouble: Arc<StoreTrouble>,
    /// Whether nothing more is begun.
    pub(crate) over: AtomicBool,
    pub(crate) seed: u64,
    /// When it began; times in reports count from here.
    pub(crate) began: Instant,
}

impl Load {
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Conversations of one worker have numbers from a multiple of this on.
const NUMBERS_OF_A_WORKER: u64 = 1_000_000;

/// Holds so many conversations at a time, each followed by another, until the load ends.
pub(crate) async fn hold(load: Arc<Load>, at_a_time: u64) {
    let workers = TaskTracker::new();
    for worker in 0..at_a_time {
        workers.spawn(work(Arc::clone(&load), worker));
    }
    workers.close();
    workers.wait().await;
}

async fn work(load: Arc<Load>, worker: u64) {
    let mut number = worker * NUMBERS_OF_A_WORKER;
    while !load.is_over() {
        let rng = Rng::with_seed(load.seed.rotate_left(17) ^ number);
        load.ledger.count_conversation();
        Conversation::new(&load, rng, number).hold().await;
        number += 1;
    }
}
