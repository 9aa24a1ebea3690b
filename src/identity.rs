//! Who we are towards Foundry ([`credential`], [`token`]) and who calls us ([`callers`], [`entra`]).

pub mod callers;
pub mod credential;
pub mod entra;
pub mod token;

pub use self::{callers::Callers, token::TokenSource};
