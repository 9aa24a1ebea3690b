//! Server-sent events: reading the service's, writing ours, and knowing how a body ended.

pub mod decoder;
pub mod end_of_body;

pub use self::decoder::{DecodeError, Decoder};
