//! The endpoints, one file each.

pub mod chat_completions;
pub mod fallback;
pub mod files;
pub mod health;
pub mod models;
mod public_url;
pub mod thread_cleanup;
