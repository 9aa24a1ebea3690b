//! What callers are told who may not come in.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::StatusCode;

use super::{ApiError, INVALID_REQUEST, SERVER_ERROR};
use crate::{agent::FailureKind, identity::entra::token::TokenProblem};

/// When to come back while the tenant's keys cannot be fetched.
const KEYS_RETRY_AFTER: Duration = Duration::from_secs(5);

/// When to come back while too many answers are in the making: nobody knows when one ends.
const ANSWERS_RETRY_AFTER: Duration = Duration::from_secs(1);
const RATE_LIMIT: &str = "rate_limit_error";

/// What `WWW-Authenticate` says when the service, or Entra, wants another token of the caller: Microsoft's clients
/// read `claims`, in base64, and ask for a token that has them ("Claims challenges").
pub(super) fn challenge(kind: FailureKind, claims: Option<&str>) -> Option<Box<str>> {
    let challenge = match (kind, claims) {
        (FailureKind::InteractionRequired, Some(claims)) => {
            let claims = STANDARD.encode(claims);
            format!("error=\"insufficient_claims\", claims=\"{claims}\"")
        }
        (FailureKind::InteractionRequired, None) => "error=\"interaction_required\"".to_owned(),
        (FailureKind::CallerTokenRejected, _) => "error=\"invalid_token\"".to_owned(),
        _ => return None,
    };
    Some(challenge.into())
}

impl ApiError {
    /// A request without a key.
    pub fn missing_key() -> Self {
        let message = "no API key: send it as `Authorization: Bearer <key>` or as `api-key: <key>`";
        Self::new(
            StatusCode::UNAUTHORIZED,
            INVALID_REQUEST,
            "missing_api_key",
            message,
        )
    }

    /// A request with a wrong key.
    pub fn wrong_key() -> Self {
        let message = "the API key is not one that this gateway knows; ask its operator";
        Self::new(
            StatusCode::UNAUTHORIZED,
            INVALID_REQUEST,
            "invalid_api_key",
            message,
        )
    }

    /// An access token that lets nobody in, with the challenge of RFC 6750.
    pub fn token_refused(problem: TokenProblem) -> Self {
        let (status, kind, code) = if problem.is_about_rights() {
            (
                StatusCode::FORBIDDEN,
                "permission_error",
                "insufficient_scope",
            )
        } else {
            (StatusCode::UNAUTHORIZED, INVALID_REQUEST, "invalid_token")
        };
        let description = problem.description();
        let challenge = format!("error=\"{code}\", error_description=\"{description}\"");
        Self {
            challenge: Some(challenge.into()),
            ..Self::new(status, kind, code, description)
        }
    }

    /// An access token that cannot be judged.
    pub fn token_keys_unavailable() -> Self {
        Self {
            retry_after: Some(KEYS_RETRY_AFTER),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                SERVER_ERROR,
                "identity_provider_unavailable",
                "the keys of Microsoft Entra cannot be fetched, so that the token cannot be verified; try again shortly",
            )
        }
    }

    /// More requests in a minute than the caller's policy allows.
    pub fn too_often(limit: u32, wait: Duration) -> Self {
        let message = format!(
            "this caller may send {limit} requests a minute to this gateway; try again in {} s",
            wait.as_secs_f64().ceil()
        );
        Self {
            retry_after: Some(wait),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                RATE_LIMIT,
                "rate_limit_exceeded",
                message,
            )
        }
    }

    /// More answers in the making than the caller's policy allows.
    pub fn too_many_at_once(most: u32) -> Self {
        let message = format!(
            "this caller may have {most} requests answered by this gateway at the same time; try again when one has ended"
        );
        Self {
            retry_after: Some(ANSWERS_RETRY_AFTER),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                RATE_LIMIT,
                "rate_limit_exceeded",
                message,
            )
        }
    }

    /// More connections than the limit.
    pub fn too_many_connections() -> Self {
        Self {
            message: "this gateway has as many connections open as it may (GATEWAY_MAX_CONNECTIONS); try again shortly"
                .to_owned(),
            ..Self::too_many_requests_in_flight()
        }
    }
}
