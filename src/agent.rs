//! The narrow waist between client dialects and agent dialects, in the gateway's own words.
//!
//! A client dialect turns a request into a [`Turn`] and folds [`Event`]s into its answer.
//! An agent dialect turns a [`Turn`] into an upstream request and upstream events into [`Event`]s.
//! Neither knows the other, so that N client dialects and M agent dialects cost N + M translations.

pub mod approval;
pub mod definition;
pub mod event;
pub mod failure;
pub mod file;
pub mod json;
pub mod model_name;
pub mod overrides;
pub mod permission;
pub mod presentation;
pub mod stream;
pub mod turn;
pub mod watch;

pub use self::{
    definition::Definition,
    event::{Citation, End, Event, Usage},
    failure::{Failure, FailureKind},
    json::Json,
    model_name::AgentReference,
    overrides::Overrides,
    stream::{AnswerStream, Translator},
    turn::{Head, Message, Turn, UserPart},
};
