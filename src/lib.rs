//! Foundry Gateway lets any OpenAI client talk to Azure AI Foundry agents.
//!
//! The journey of a request: [`server`] accepts it, [`router`] and [`middleware`] bring it to a handler of
//! [`handlers`]; [`openai`] reads it into an [`agent::Turn`]; [`foundry`] lets the agent answer and reads its
//! stream into [`agent::Event`]s; [`openai`] writes those as a chat completion or as chunks.
//! [`identity`] knows who we are and who calls us, [`error`] how every failure looks to a client.
//!
//! Three kinds of code are kept apart: wire (serde types without logic), translation (pure: no IO, no clock,
//! no randomness) and IO around them.

pub mod agent;
pub mod app;
mod bounded_reads;
pub mod cli;
pub mod config;
pub mod continuity;
#[cfg(feature = "demo")]
pub mod demo;
pub mod error;
pub mod foundry;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod handlers;
pub mod hash;
pub mod identity;
pub mod middleware;
pub mod openai;
pub mod panics;
mod random_id;
pub mod router;
pub mod server;
pub mod sse;
pub mod telemetry;
