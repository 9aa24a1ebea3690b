//! The Foundry Agent Service, as a client sees it.
//!
//! [`client`] sends, [`retry`] says what may be sent again, [`failures`] reads what went wrong,
//! [`responses`] speaks to new agents and [`threads`] to classic ones, [`directory`] lists both.

pub mod client;
pub mod directory;
mod failures;
pub mod http_client;
mod lenient;
mod responses;
mod retry;
mod threads;

pub use self::client::Foundry;
