//! What can be chosen of a run.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Everything that can be chosen of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program `foundry-gateway`.
    pub gateway: PathBuf,
    /// Azurite's table service, a program for Node.js.
    pub azurite: PathBuf,
    /// How long the load is held.
    pub duration: Duration,
    /// Right answers that are wanted: a busy machine may take up to six times the duration for them.
    pub at_least: u64,
    /// Conversations at a time.
    pub conversations: u64,
    /// What faults and conversations follow from.
    pub seed: u64,
    /// How long a store lives before it is replaced by an empty one.
    pub store_life: Duration,
    /// Has the model lie now and then about what it was given, so that the run must fail.
    pub falsify: bool,
}

impl Options {
    /// The program for `duration`, 64 conversations at a time, any seed, Azurite where the tests install it.
    pub fn new(gateway: impl Into<PathBuf>, duration: Duration) -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        Self {
            gateway: gateway.into(),
            azurite: repository.join("tests/azurite/node_modules/azurite/dist/src/table/main.js"),
            duration,
            at_least: 0,
            conversations: 64,
            seed: fastrand::u64(..),
            store_life: Duration::from_secs(90),
            falsify: false,
        }
    }
}
