//! The narrow waist between client dialects and agent dialects, in the gateway's own words.
//!
//! A client dialect turns a request into a [`Turn`] and folds [`Event`]s into its answer.
//! An agent dialect turns a [`Turn`] into an upstream request and upstream events into [`Event`]s.
//! Neither knows the other, so that N client dialects and M agent dialects cost N + M translations.

pub mod event;
pub mod failure;
pub mod model_name;
pub mod stream;
pub mod turn;
pub mod watch;

pub use self::{
    event::{Citation, End, Event, Usage},
    failure::{Failure, FailureKind},
    model_name::AgentReference,
    stream::{AnswerStream, Translator},
    turn::{Head, Message, Turn, UserPart},
};
