//! Why a store gave no answer. The request goes on without it; these are for the log and for `/readyz`.

/// A store that gave no answer. No text of it holds a row's content or a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Network, 5xx, throttled, or no answer within the budget; it may work the next time.
    #[error("the conversation store cannot be reached or is overloaded ({detail})")]
    Unavailable {
        /// What happened.
        detail: String,
    },
    /// 401 or 403, or no token.
    #[error("the conversation store does not let the gateway in: {remedy} ({detail})")]
    Denied {
        /// What the operator has to do.
        remedy: &'static str,
        /// What happened.
        detail: String,
    },
    /// An answer that is not one of Table Storage.
    #[error("the conversation store sent an answer that cannot be read ({detail})")]
    Unreadable {
        /// What is wrong with it.
        detail: String,
    },
    /// The service refuses requests as such; it will refuse the next one too.
    #[error(
        "the conversation store refuses the gateway's requests: check THREADS_TABLE_ENDPOINT or \
         THREADS_CONNECTION_STRING, and THREADS_TABLE_NAME ({detail})"
    )]
    Misconfigured {
        /// What the service said.
        detail: String,
    },
}

impl StoreError {
    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::Unavailable {
            detail: detail.into(),
        }
    }

    pub(super) fn unreadable(detail: impl Into<String>) -> Self {
        Self::Unreadable {
            detail: detail.into(),
        }
    }
}
