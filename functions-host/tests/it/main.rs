//! The stand-in with a handler process (`examples/handler.rs`) behind it, over real connections on 127.0.0.1.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests fail as tests do"
)]

mod crashes;
mod cuts;
mod other_modes;
mod packages;
mod program;
mod proxying;
mod retries;
mod routes;
mod start;
mod support;
mod timers;
