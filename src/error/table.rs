//! Which failure becomes which status, type and code: the one table.

use super::{INVALID_REQUEST, SERVER_ERROR};
use crate::agent::FailureKind;

/// Status, `type` and `code` of every kind of failure.
pub(super) const fn row(kind: FailureKind) -> (u16, &'static str, &'static str) {
    use FailureKind as F;
    match kind {
        F::AgentNotFound => (404, INVALID_REQUEST, "model_not_found"),
        F::InvalidRequest => (400, INVALID_REQUEST, "invalid_request"),
        F::ContentFiltered => (400, INVALID_REQUEST, "content_filter"),
        F::AgentMisconfigured => (400, INVALID_REQUEST, "agent_misconfigured"),
        F::ApprovalRequired => (400, INVALID_REQUEST, "approval_required"),
        F::ConsentRequired => (403, "permission_error", "oauth_consent_required"),
        F::PermissionDenied => (403, "permission_error", "permission_denied"),
        F::ConversationGone => (404, INVALID_REQUEST, "conversation_not_found"),
        F::ConversationBusy => (409, INVALID_REQUEST, "conversation_busy"),
        F::RateLimited => (429, "rate_limit_error", "rate_limit_exceeded"),
        // The caller's key was good: a 401 would send its owner after the wrong secret.
        F::CredentialRejected => (502, SERVER_ERROR, "upstream_authentication_failed"),
        F::CallerTokenRejected => (401, INVALID_REQUEST, "invalid_token"),
        F::InteractionRequired => (401, INVALID_REQUEST, "interaction_required"),
        F::IdentityProviderUnavailable => (503, SERVER_ERROR, "identity_provider_unavailable"),
        F::Unreachable => (502, SERVER_ERROR, "upstream_unreachable"),
        F::ServiceFailed => (502, SERVER_ERROR, "upstream_failed"),
        F::AgentFailed => (502, SERVER_ERROR, "agent_failed"),
        F::Cancelled => (502, SERVER_ERROR, "upstream_cancelled"),
        F::BrokenOff => (502, SERVER_ERROR, "upstream_broken_off"),
        F::Unreadable => (502, SERVER_ERROR, "upstream_unreadable"),
        F::Unavailable => (503, SERVER_ERROR, "upstream_unavailable"),
        F::TimedOut => (504, SERVER_ERROR, "upstream_timeout"),
        F::Expired => (504, SERVER_ERROR, "upstream_expired"),
    }
}

/// Whether OpenAI's SDKs, which repeat 408, 409, 429 and 5xx by themselves, should do so.
///
/// A repetition is refused where the agent may have run already (it would run, and cost, twice) and where only
/// the operator can help.
pub(super) const fn should_retry(kind: FailureKind) -> Option<bool> {
    use FailureKind as F;
    match kind {
        F::CredentialRejected
        | F::AgentFailed
        | F::Cancelled
        | F::BrokenOff
        | F::Unreadable
        | F::TimedOut
        | F::Expired => Some(false),
        _ => None,
    }
}
