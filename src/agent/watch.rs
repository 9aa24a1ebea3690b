//! Who looks on while an answer is read, without a say in it.

use std::fmt;

use super::{End, Event, stream::UpstreamIds};

/// Sees an answer pass.
pub trait Watch: Send + fmt::Debug {
    /// The next event, before anybody acts on it; the end is told by [`Watch::ended`].
    fn event(&mut self, event: &Event);

    /// Called once: the answer has ended, or was given up (`None`).
    fn ended(&mut self, end: Option<&End>, ids: UpstreamIds);
}
