//! Foundry Gateway.
