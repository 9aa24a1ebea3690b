//! Which upstream conversation a request continues, remembered between requests and processes.

pub mod store;
