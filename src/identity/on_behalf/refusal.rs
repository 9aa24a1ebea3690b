//! What it means that Entra gives no token in exchange.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;

use crate::agent::{Failure, FailureKind};

/// When to come back while Entra cannot be reached.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The answer of a token endpoint that gives none. Source: "Microsoft identity platform and OAuth 2.0 On-Behalf-Of
/// flow", error response.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TokenError {
    error: String,
    suberror: String,
    error_codes: Vec<u64>,
    claims: Option<Box<str>>,
}

/// The user, or an administrator, has not consented.
const NO_CONSENT: u64 = 65001;

/// Reads a refusal. Its description is left out of everything: it may name the user.
pub(super) fn read(status: StatusCode, body: &[u8]) -> Failure {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return unavailable(format!("HTTP {status}"));
    }
    let error: TokenError = serde_json::from_slice(body).unwrap_or_default();
    let needs_consent = error.suberror == "consent_required"
        || error.error == "consent_required"
        || error.error_codes.contains(&NO_CONSENT);
    let failure = match error.error.as_str() {
        _ if needs_consent => Failure::new(
            FailureKind::ConsentRequired,
            "this gateway may not act for you yet: you, or an administrator of your tenant, have to consent that its \
             application uses Azure AI Foundry on your behalf",
        ),
        "interaction_required" | "login_required" => Failure {
            claims: error.claims,
            ..Failure::new(
                FailureKind::InteractionRequired,
                "your tenant asks you to sign in again, by hand, before this gateway may act for you (such as for a \
                 second factor); get a new token with the claims in WWW-Authenticate, if there are any",
            )
        },
        "invalid_grant" => Failure::new(
            FailureKind::CallerTokenRejected,
            "Microsoft Entra does not take your token in exchange; get a new one for this gateway",
        ),
        _ => operator_has_to_help(),
    };
    let codes = error.error_codes;
    failure.with_detail(format!(
        "HTTP {status}, {} {} {codes:?}",
        error.error, error.suberror
    ))
}

/// Entra does not answer, or not now.
pub(super) fn unavailable(detail: impl Into<String>) -> Failure {
    Failure::new(
        FailureKind::IdentityProviderUnavailable,
        "Microsoft Entra cannot be reached, so that this gateway cannot act for you; try again shortly",
    )
    .with_detail(detail)
    .with_retry_after(Some(RETRY_AFTER))
}

/// The gateway's application is not set up for an exchange.
pub(super) fn operator_has_to_help() -> Failure {
    Failure::new(
        FailureKind::CredentialRejected,
        "the gateway could not sign in to act for you; its operator has to check its application",
    )
}

/// Applications by themselves are nobody whom another application could act for.
pub(super) fn no_user() -> Failure {
    Failure::new(
        FailureKind::PermissionDenied,
        "this gateway acts on behalf of users, and the token is an application's own",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_is_for_whoever_can_do_something() {
        use FailureKind as F;
        let rows = [
            (
                400,
                r#"{"error":"invalid_grant","suberror":"consent_required","error_codes":[65001]}"#,
                F::ConsentRequired,
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[65001]}"#,
                F::ConsentRequired,
            ),
            (
                400,
                r#"{"error":"interaction_required","error_codes":[50079]}"#,
                F::InteractionRequired,
            ),
            (
                400,
                r#"{"error":"invalid_grant","error_codes":[500133]}"#,
                F::CallerTokenRejected,
            ),
            (
                401,
                r#"{"error":"invalid_client","error_codes":[7000215]}"#,
                F::CredentialRejected,
            ),
            (400, r#"{"error":"invalid_scope"}"#, F::CredentialRejected),
            (400, "<html>", F::CredentialRejected),
            (302, "", F::CredentialRejected),
            (
                429,
                r#"{"error":"temporarily_unavailable"}"#,
                F::IdentityProviderUnavailable,
            ),
            (503, "", F::IdentityProviderUnavailable),
        ];
        for (status, body, kind) in rows {
            let failure = read(StatusCode::from_u16(status).unwrap(), body.as_bytes());
            assert_eq!(failure.kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn claims_are_kept_and_descriptions_are_not() {
        let body = br#"{"error":"interaction_required","error_description":"AADSTS50079: ada@contoso.example has to enroll","claims":"{\"access_token\":{}}"}"#;
        let failure = read(StatusCode::BAD_REQUEST, body);
        assert_eq!(failure.claims.as_deref(), Some(r#"{"access_token":{}}"#));
        assert!(!format!("{failure:?}").contains("ada@"), "{failure:?}");
    }
}
