//! Why an agent gave no usable answer, without a word of HTTP.

use std::{fmt, time::Duration};

/// A failed turn: what the client may know, and what only the log may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure; decides status, type and code of the client's error.
    pub kind: FailureKind,
    /// What the client is told: what happened and what to do, without internals of the service.
    pub message: String,
    /// What the service said; for the log only.
    pub detail: Option<String>,
    /// How long the service asks to wait before the next try.
    pub retry_after: Option<Duration>,
    /// The field that the service refuses, in its own naming, which is not the client's.
    pub refused_field: Option<String>,
    /// What a caller must ask its next token for, as Entra wrote it (JSON).
    pub claims: Option<Box<str>>,
}

impl Failure {
    /// A failure with a message for the client.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            detail: None,
            retry_after: None,
            refused_field: None,
            claims: None,
        }
    }

    /// The service's stream ended before the answer did.
    pub fn broken_off(detail: impl Into<String>) -> Self {
        let message = "the agent service broke off in the middle of the answer";
        Self::new(FailureKind::BrokenOff, message).with_detail(detail)
    }

    /// The service sent what the gateway cannot read.
    pub fn unreadable(detail: impl Into<String>) -> Self {
        let message = "the agent service sent an answer that cannot be read";
        Self::new(FailureKind::Unreadable, message).with_detail(detail)
    }

    /// The service did not answer within a limit.
    pub fn timed_out(detail: impl Into<String>) -> Self {
        let message = "the agent did not answer in time";
        Self::new(FailureKind::TimedOut, message).with_detail(detail)
    }

    /// Adds what only the log may know.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds how long to wait before the next try.
    #[must_use]
    pub fn with_retry_after(mut self, retry_after: Option<Duration>) -> Self {
        self.retry_after = retry_after;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The kinds of failure that a client, or an operator, acts on differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The named agent does not exist, or not for this caller.
    AgentNotFound,
    /// The agent service refuses the request as it is.
    InvalidRequest,
    /// The input, or the whole answer, was stopped by a content filter.
    ContentFiltered,
    /// The conversation is in use by another request.
    ConversationBusy,
    /// The service has forgotten the conversation, and the request holds no history to replay.
    ConversationGone,
    /// The agent names a model that does not exist or is not deployed.
    AgentMisconfigured,
    /// The agent asks for an approval that this interface cannot give.
    ApprovalRequired,
    /// The agent needs the user's consent for a connected service.
    ConsentRequired,
    /// Too many requests or tokens.
    RateLimited,
    /// The gateway's identity may not use the agent.
    PermissionDenied,
    /// The gateway could not sign in, or its token was not accepted.
    CredentialRejected,
    /// The caller's own token, with which the gateway acts, was not accepted.
    CallerTokenRejected,
    /// The caller has to sign in again, by hand.
    InteractionRequired,
    /// Whoever gives tokens cannot be reached.
    IdentityProviderUnavailable,
    /// The service could not be reached.
    Unreachable,
    /// The service says it is not available now.
    Unavailable,
    /// The service failed before the agent began.
    ServiceFailed,
    /// The agent began and failed.
    AgentFailed,
    /// The run was ended by the service's own time limit.
    Expired,
    /// The run was cancelled by someone else.
    Cancelled,
    /// The service did not answer in time.
    TimedOut,
    /// The service's stream broke off.
    BrokenOff,
    /// The service sent what the gateway cannot read.
    Unreadable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_reads_as_what_the_client_is_told() {
        let failure = Failure::unreadable("event x: for the log");
        assert_eq!(
            failure.to_string(),
            "the agent service sent an answer that cannot be read"
        );
    }
}
