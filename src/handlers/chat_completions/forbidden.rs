//! How an agent that the caller may not use is answered: like one that does not exist, without asking for it.

use super::conversation::Said;
use crate::{agent::AgentReference, error::ApiError, openai::chat::to_turn::Request};

/// The error where an agent that does not exist would show first: when its definition is read, when the conversation
/// is found, or when it is to answer.
pub(super) fn as_if_missing(
    agent: &AgentReference,
    request: &Request,
    said: &Said,
    model: &str,
) -> ApiError {
    let reads_definition =
        matches!(agent, AgentReference::New { .. }) && !request.overriding.is_empty();
    if said.id.is_some() && !reads_definition {
        return ApiError::conversation_not_found();
    }
    ApiError::model_not_found(model)
}
