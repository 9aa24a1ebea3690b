//! Conversations that continue although clients are stateless.
//!
//! [`digest`] fingerprints a history, [`finding`] finds its upstream head, [`conversation`] says what of it has to be sent,
//! [`waiting_run`] finds the classic run that waits for a turn's tool results, [`recorder`] remembers the new head after
//! the turn in a [`store`], [`thread_id`] makes the ids that clients are told, [`cleanup`] removes what has expired. The client's history stays the truth: whatever is
//! unknown, lost or contended is replayed.

pub mod cleanup;
pub mod conversation;
pub mod digest;
mod finding;
pub mod recorder;
mod shown;
pub mod store;
mod thread_id;
mod waiting_run;
