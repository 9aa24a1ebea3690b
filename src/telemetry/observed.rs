//! What is waited for beside the agent, watched from outside: the store of conversations, and sign-ins.
//!
//! Both are wrapped only where spans or metrics are sent.

mod store;
mod tokens;

pub(super) use self::{store::ObservedStore, tokens::ObservedTokens};
