//! Who we are towards Azure ([`credential`], [`certificate`], [`token`]) and who calls us ([`callers`], [`entra`]),
//! and how we act for them ([`on_behalf`]).

pub mod callers;
pub mod certificate;
pub mod credential;
pub mod entra;
pub mod file_ids;
pub mod on_behalf;
pub mod token;
mod transport;

pub use self::{
    callers::Callers,
    credential::Identity,
    token::{StaticToken, TokenSource},
};
