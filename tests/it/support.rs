//! A running gateway, and upstreams to put behind it.

mod azurite;
mod client;
mod collector;
mod endless;
mod faulty_store;
mod gateway;
mod late_store;
mod log;
mod program;
mod scripted;
mod system;
mod tls;
mod witness;

pub(crate) use self::{
    azurite::{Azurite, bearer_token},
    client::{Client, KEY, error_of},
    collector::{Answer, Collector, Point, Received, Span},
    endless::EndlessUpstream,
    faulty_store::{FaultyStore, Weather},
    gateway::Gateway,
    late_store::LateStore,
    log::CapturedLog,
    program::{Ended, Program},
    scripted::ScriptedUpstream,
    system::{allow_open_files, limit_open_files, resident_bytes},
    tls::TlsListener,
    witness::Witness,
};

use std::time::Duration;

use foundry_emulator::{Behaviour, Emulator, Fault, FaultRule, Options, Stage};

/// Longest wait for what should happen at once.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// An emulator with a behaviour.
pub(crate) async fn emulator(behaviour: Behaviour) -> Emulator {
    let options = Options {
        behaviour,
        ..Options::default()
    };
    Emulator::start(options).await.unwrap()
}

/// An emulator and a gateway in front of it, with default settings.
pub(crate) async fn emulator_and_gateway() -> (Emulator, Gateway) {
    let emulator = emulator(Behaviour::default()).await;
    let gateway = Gateway::in_front_of(&emulator.project_endpoint(), &[]).await;
    (emulator, gateway)
}

/// A behaviour with one fault that strikes every time.
pub(crate) fn always(operation: &str, stage: Stage, fault: Fault) -> Behaviour {
    Behaviour {
        faults: vec![FaultRule {
            operation: operation.to_owned(),
            stage,
            fault,
            times: None,
        }],
        ..Behaviour::default()
    }
}

/// The data of each event of a stream, comments left out.
pub(crate) fn events_of(stream: &str) -> Vec<String> {
    stream
        .split("\n\n")
        .filter_map(|event| event.strip_prefix("data: "))
        .map(str::to_owned)
        .collect()
}

/// The text of a stream's chunks.
pub(crate) fn text_of(stream: &str) -> String {
    events_of(stream)
        .iter()
        .filter_map(|data| serde_json::from_str::<serde_json::Value>(data).ok())
        .filter_map(|chunk| {
            chunk["choices"][0]["delta"]["content"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}
