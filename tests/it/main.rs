//! The gateway over real TCP, in front of the emulator or of a scripted upstream; a module for each topic.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod bursts;
mod callers;
mod chat;
mod citations;
mod continuity;
mod deadlines;
mod deployment;
mod disconnect;
mod documents;
mod entra;
mod errors;
mod faults;
mod files;
mod framing;
mod functions_host;
mod golden;
mod hosted;
mod identity;
mod isolation;
mod items;
mod limits;
mod models;
mod on_behalf;
mod overload;
mod overrides;
mod panics;
mod process;
mod projects;
mod proxy;
mod random_schedules;
mod readiness;
mod slow_readers;
mod soak;
mod store;
mod support;
mod surface;
mod telemetry;
mod tools;
mod two_instances;
mod upstream_calls;
