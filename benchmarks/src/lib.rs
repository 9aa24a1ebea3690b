//! What the gateway costs, measured side by side in one run: `cargo run --release -p benchmarks`.
//!
//! One program plays every part, each as a process of its own so that processor time can be told apart:
//! [`upstream`] is the Foundry Agent Service without any thinking, [`floor`] the least that a gateway made of axum
//! and reqwest can cost, [`receiver`] takes telemetry, [`load`] sends requests and checks each answer.
//! [`run`] starts them and the gateways, measures, and writes the tables.

pub mod accounting;
pub mod floor;
pub mod load;
pub mod numbers;
pub mod receiver;
pub mod role;
pub mod run;
pub mod upstream;
