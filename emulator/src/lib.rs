//! The Foundry Agent Service on 127.0.0.1, for offline development and tests.
//!
//! Real TCP, real HTTP and real event streams; everything is kept in memory and bounded. It speaks both dialects: new
//! agents (the Responses API) and classic agents (threads and runs). It answers by simple rules, so that a client's test
//! can drive it, and it can be slow or broken on request.
//!
//! A request travels: [`server`] (connection) → [`service`] (journal, faults, sign-in) → [`operations`] (which
//! operation) → [`agents`], [`responses`], [`conversations`], [`threads`] or [`files`] → [`brain`] and [`catalogue`]
//! (what is answered) → [`stream`] and [`body`] (how it is written).
//!
//! It is honest about being an emulator: every answer says `server: foundry-emulator`, and what it does not do it
//! refuses by name with status 501. The README lists its limits. It shares no code with the gateway, so that neither
//! hides the other's mistakes.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use foundry_emulator::{Emulator, Options};
//!
//! let emulator = Emulator::start(Options::default()).await?;
//! let endpoint = emulator.project_endpoint();
//! assert_eq!(emulator.journal().count("create_response"), 0);
//! # Ok(())
//! # }
//! ```

mod agents;
mod answer;
mod auth;
mod behaviour;
mod body;
mod brain;
mod catalogue;
mod clock;
mod control;
mod conversations;
mod emulator;
mod error;
mod files;
mod ids;
mod journal;
mod metadata;
mod operations;
mod options;
mod paging;
mod project;
mod refusals;
mod request;
mod responses;
mod server;
mod service;
mod store;
mod stream;
mod thinker;
mod threads;

pub use crate::behaviour::{Behaviour, BehaviourCell, Fault, FaultRule, Stage};
pub use crate::emulator::{Emulator, built_in_agents};
pub use crate::journal::{CAPACITY as JOURNAL_CAPACITY, Ending, Journal, RecordedRequest};
pub use crate::options::Options;
#[cfg(feature = "model-server")]
pub use crate::thinker::ModelServer;
