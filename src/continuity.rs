//! Conversations that continue although clients are stateless.
//!
//! [`digest`] fingerprints a history, [`conversation`] finds its upstream head and says what of it has to be sent,
//! [`store`] remembers heads, [`cleanup`] removes what has expired. The client's history stays the truth: whatever
//! is unknown, lost or contended is replayed.

pub mod cleanup;
pub mod conversation;
pub mod digest;
pub mod recognition;
pub mod store;
