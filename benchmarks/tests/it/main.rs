//! The parts of the benchmark against each other and against the gateway, over real connections on 127.0.0.1.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod floor;
mod gateway;
mod generator;
mod support;
