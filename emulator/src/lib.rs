//! The Foundry Agent Service on 127.0.0.1.
