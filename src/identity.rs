//! Who we are towards Foundry ([`credential`], [`token`]) and who calls us ([`callers`]).

pub mod callers;
pub mod credential;
pub mod file_ids;
pub mod token;

pub use self::{callers::Callers, token::TokenSource};
