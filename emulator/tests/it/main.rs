//! The emulator over real connections.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod agents;
mod faults;
mod front_door;
mod journal;
mod model_server;
mod program;
mod replay;
mod responses;
mod support;
mod threads;
