//! What is fuzzed. No part of the library: the feature `fuzzing` exists for the crate in `fuzz/`, and nobody else may
//! rely on it.
//!
//! One function a target. Each takes any bytes and asserts properties, so that it panics where one is broken.
//! `fuzz/` calls them with made-up bytes, `cargo test --lib fuzzing` with the seeds and with everything that was ever
//! found, so that a regression fails without cargo-fuzz. `docs/fuzzing.md` tells the properties.

#![expect(
    clippy::indexing_slicing,
    reason = "a value that is not there is a broken property"
)]

mod chat_request;
mod configuration;
mod events;
mod events_to_client;
mod events_upstream;
mod jwt;
#[cfg(test)]
mod properties;
mod service_errors;
mod sse_decoder;
mod table_entities;
#[cfg(test)]
mod tests;

pub use self::{
    chat_request::chat_request,
    configuration::configuration,
    events::{responses_events, threads_events},
    jwt::jwt,
    service_errors::service_errors,
    sse_decoder::sse_decoder,
    table_entities::table_entities,
};

/// A target: it panics where a property is broken.
pub type Target = fn(&[u8]);

/// Every target under its name, which is that of its binary and of its folder of seeds.
pub const TARGETS: &[(&str, Target)] = &[
    ("sse_decoder", sse_decoder),
    ("chat_request", chat_request),
    ("responses_events", responses_events),
    ("threads_events", threads_events),
    ("service_errors", service_errors),
    ("table_entities", table_entities),
    ("jwt", jwt),
    ("configuration", configuration),
];
