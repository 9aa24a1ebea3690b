//! Who we are towards Azure ([`credential`], [`certificate`], [`token`]) and who calls us ([`callers`]).

pub mod callers;
pub mod certificate;
pub mod credential;
pub mod token;

pub use self::{
    callers::Callers,
    credential::Identity,
    token::{StaticToken, TokenSource},
};
