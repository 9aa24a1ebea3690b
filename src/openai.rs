//! What OpenAI clients speak: wire types, and the two translations to and from the waist.

pub mod chat;
pub mod files;
pub mod models;
