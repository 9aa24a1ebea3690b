//! What an operator sees of a turn, as an OTLP receiver gets it; a module for each question.

mod content;
mod context;
mod delivery;
mod documents;
mod log_records;
mod measures;
mod process;
mod trees;

use foundry_emulator::{Behaviour, Emulator};

use crate::support::{Collector, Gateway, emulator};

/// A gateway that sends everything but log records to `collector`.
async fn traced(emulator: &Emulator, collector: &Collector, settings: &[(&str, &str)]) -> Gateway {
    let endpoint = collector.endpoint();
    let mut all = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    all.extend_from_slice(settings);
    Gateway::in_front_of(&emulator.project_endpoint(), &all).await
}

/// The three of them, without faults.
async fn all_three(settings: &[(&str, &str)]) -> (Emulator, Collector, Gateway) {
    let emulator = emulator(Behaviour::default()).await;
    let collector = Collector::start().await;
    let gateway = traced(&emulator, &collector, settings).await;
    (emulator, collector, gateway)
}
