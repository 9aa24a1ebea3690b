//! Everything that a run needs, started and put together.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use foundry_emulator::Emulator;
use tokio::sync::Mutex;

use crate::{
    azurite::{Azurite, connection_string},
    chaos::ChaosProxy,
    client::KEY,
    gateway::GatewayProcess,
    ledger::StoreTrouble,
    options::Options,
    receiver::Receiver,
    witness::Witness,
};

/// The parts of a run; dropping it ends them all.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) emulator: Emulator,
    pub(crate) to_service: ChaosProxy,
    pub(crate) to_store: ChaosProxy,
    pub(crate) to_receiver: ChaosProxy,
    pub(crate) receiver: Receiver,
    pub(crate) trouble: Arc<StoreTrouble>,
    pub(crate) store_losses: AtomicU64,
    azurite: Mutex<Azurite>,
    azurite_program: PathBuf,
    _witness: Witness,
}

/// Gateways of a run.
const GATEWAYS: usize = 2;
/// `GATEWAY_MAX_CONCURRENT_REQUESTS`: some more than each gateway has of the default load, so that it is met now and
/// then.
pub(crate) const PERMITS: usize = 40;
/// About how many bytes pass on a connection between two faults of foul weather. Answers have some kilobytes, messages
/// of the store one, and telemetry comes in large pieces.
const BYTES_TO_SERVICE: u64 = 120_000;
const BYTES_TO_STORE: u64 = 200_000;
const BYTES_TO_RECEIVER: u64 = 200_000;

/// Each part has its own randomness.
pub(crate) fn seed_of(seed: u64, part: &str) -> u64 {
    let mut rng = fastrand::Rng::with_seed(seed);
    part.bytes().fold(rng.u64(..), |mixed, byte| {
        mixed.rotate_left(8) ^ u64::from(byte).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    })
}

impl Site {
    /// Starts everything but the gateways.
    pub(crate) async fn start(options: &Options) -> anyhow::Result<Self> {
        let witness = Witness::start(options.falsify).await?;
        let emulator = Emulator::start(foundry_emulator::Options {
            model_server: Some(witness.as_model_server()),
            ..foundry_emulator::Options::default()
        });
        let emulator = emulator.await.context("the emulator does not start")?;
        let azurite = Azurite::start(&options.azurite).await?;
        let receiver = Receiver::start(seed_of(options.seed, "receiver")).await?;
        let proxy = |target: SocketAddr, part: &str, bytes: u64| {
            ChaosProxy::start(target, seed_of(options.seed, part), bytes)
        };
        Ok(Self {
            to_service: proxy(emulator.address(), "to service", BYTES_TO_SERVICE)?,
            to_store: proxy(azurite.address(), "to store", BYTES_TO_STORE)?,
            to_receiver: proxy(receiver.address(), "to receiver", BYTES_TO_RECEIVER)?,
            emulator,
            receiver,
            trouble: Arc::default(),
            store_losses: AtomicU64::new(0),
            azurite: Mutex::new(azurite),
            azurite_program: options.azurite.clone(),
            _witness: witness,
        })
    }

    /// Starts the gateways in front of it.
    pub(crate) async fn start_gateways(
        &self,
        program: &Path,
    ) -> anyhow::Result<Vec<GatewayProcess>> {
        let settings = self.settings();
        let mut gateways = Vec::new();
        for _ in 0..GATEWAYS {
            let trouble = Arc::clone(&self.trouble);
            gateways.push(GatewayProcess::start(program, &settings, trouble).await?);
        }
        Ok(gateways)
    }

    /// Short deadlines, so that what stalls is over soon, and all signals of telemetry that leave the log where it is.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let project = format!("http://{}/api/projects/emulated", self.to_service.address());
        let telemetry = format!("http://{}", self.to_receiver.address());
        let given = [
            ("FOUNDRY_ACCESS_TOKEN", "soak-token"),
            ("PORT", "0"),
            ("GATEWAY_CONNECT_TIMEOUT_SECONDS", "1"),
            ("GATEWAY_FIRST_BYTE_TIMEOUT_SECONDS", "3"),
            ("GATEWAY_IDLE_TIMEOUT_SECONDS", "2"),
            ("GATEWAY_STREAM_TIMEOUT_SECONDS", "8"),
            ("GATEWAY_RESPONSE_TIMEOUT_SECONDS", "6"),
            ("GATEWAY_HEARTBEAT_SECONDS", "0.3"),
            ("GATEWAY_COMMIT_SECONDS", "0.5"),
            // Longer than the default, because how quick Azurite is on a busy machine is not the question.
            ("GATEWAY_STORE_TIMEOUT_SECONDS", "1.5"),
            ("OTEL_METRIC_EXPORT_INTERVAL", "2000"),
        ];
        let mut settings: Vec<_> = given
            .map(|(name, value)| (name, value.to_owned()))
            .into_iter()
            .collect();
        settings.extend([
            ("FOUNDRY_PROJECT_ENDPOINT", project),
            ("GATEWAY_API_KEYS", format!("soak={KEY}")),
            ("GATEWAY_MAX_CONCURRENT_REQUESTS", PERMITS.to_string()),
            (
                "THREADS_CONNECTION_STRING",
                connection_string(self.to_store.address()),
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                format!("{telemetry}/v1/traces"),
            ),
            (
                "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
                format!("{telemetry}/v1/metrics"),
            ),
        ]);
        settings
    }

    /// Replaces the store by an empty one, for ever: nothing that was remembered is there any more. It keeps Azurite's
    /// memory bounded, too. Where a machine is too busy to start another, the old one lives on; the report tells.
    pub(crate) async fn lose_stores(&self, life: Duration) {
        loop {
            tokio::time::sleep(life).await;
            let Ok(empty) = Azurite::start(&self.azurite_program).await else {
                continue;
            };
            self.trouble.note_emptied();
            self.to_store.lead_to(empty.address());
            let full = std::mem::replace(&mut *self.azurite.lock().await, empty);
            // Its connections end with it.
            drop(full);
            self.trouble.note_emptied();
            self.store_losses.fetch_add(1, Ordering::Relaxed);
        }
    }
}
