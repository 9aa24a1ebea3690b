use http_body_util::BodyExt;

use super::*;
use crate::identity::entra::token::TokenProblem;

#[tokio::test]
async fn an_error_has_openais_shape_and_its_retry_headers() {
    let failure = Failure::new(FailureKind::RateLimited, "slow down")
        .with_detail("principal 1234")
        .with_retry_after(Some(Duration::from_millis(1500)));
    let response = ApiError::from(failure).into_response();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(response.headers()["retry-after-ms"], "1500");
    assert_eq!(
        response.extensions().get::<ErrorDetail>().unwrap().0,
        "principal 1234"
    );
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(
        body,
        r#"{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}"#
    );
}

#[test]
fn what_may_have_run_is_not_repeated() {
    for kind in [
        FailureKind::TimedOut,
        FailureKind::BrokenOff,
        FailureKind::Expired,
    ] {
        assert_eq!(
            ApiError::from(Failure::new(kind, "x")).should_retry,
            Some(false),
            "{kind:?}"
        );
    }
    for kind in [
        FailureKind::RateLimited,
        FailureKind::Unavailable,
        FailureKind::Unreachable,
    ] {
        assert_eq!(
            ApiError::from(Failure::new(kind, "x")).should_retry,
            None,
            "{kind:?}"
        );
    }
}

#[test]
fn an_error_names_the_field_that_is_to_blame() {
    let rows = [
        (ApiError::model_not_found("x"), "model"),
        (ApiError::conversation_not_found(), "thread_id"),
        (ApiError::file_not_found("f", "file_id"), "file_id"),
        (ApiError::file_too_large(9), "file"),
        (
            Failure::new(FailureKind::AgentNotFound, "x").into(),
            "model",
        ),
        (
            Failure::new(FailureKind::ConversationGone, "x").into(),
            "thread_id",
        ),
    ];
    for (error, param) in rows {
        assert_eq!(error.param.as_deref(), Some(param), "{error:?}");
    }
    let other = ApiError::from(Failure::new(FailureKind::InvalidRequest, "x"));
    assert_eq!(other.param, None);
}

#[test]
fn who_is_told_to_come_back_is_told_when() {
    let overloaded = ApiError::too_many_requests_in_flight().into_response();
    assert_eq!(overloaded.headers()["retry-after"], "1");
    let connections = ApiError::too_many_connections();
    assert!(
        connections.message.contains("GATEWAY_MAX_CONNECTIONS"),
        "{}",
        connections.message
    );
    assert_eq!(connections.into_response().headers()["retry-after"], "1");
    let keys = ApiError::token_keys_unavailable().into_response();
    assert_eq!(keys.headers()["retry-after"], "5");
    let at_once = ApiError::too_many_at_once(3).into_response();
    assert_eq!(at_once.headers()["retry-after"], "1");
    let often = ApiError::too_often(60, Duration::from_millis(1200));
    assert!(often.message.contains("60 requests"), "{}", often.message);
    assert!(
        often.message.ends_with("try again in 2 s"),
        "{}",
        often.message
    );
    assert_eq!(often.into_response().headers()["retry-after-ms"], "1200");
}

#[test]
fn what_the_store_said_is_for_the_log_alone() {
    let error = ApiError::store_failed("account x".to_owned());
    assert!(!error.message.contains("account x"));
    let response = error.into_response();
    let detail = response.extensions().get::<ErrorDetail>();
    assert_eq!(detail.unwrap().0, "account x");
}

#[test]
fn a_challenge_stands_where_a_credential_can_help_and_nowhere_else() {
    let challenge = |error: ApiError| {
        let response = error.into_response();
        let header = response.headers().get(header::WWW_AUTHENTICATE)?;
        Some(header.to_str().unwrap().to_owned())
    };
    assert_eq!(
        challenge(ApiError::missing_key()).as_deref(),
        Some("Bearer")
    );
    assert_eq!(challenge(ApiError::internal()), None);
    assert_eq!(challenge(ApiError::too_many_at_once(1)), None);
    let without_rights = ApiError::token_refused(TokenProblem::NoPermission);
    assert_eq!(without_rights.status, StatusCode::FORBIDDEN);
    assert!(
        challenge(without_rights)
            .unwrap()
            .starts_with("Bearer error=\"insufficient_scope\"")
    );
}

#[test]
fn telemetry_tells_a_failure_by_the_code_that_its_client_sees() {
    for kind in [FailureKind::RateLimited, FailureKind::Unreadable] {
        let seen = ApiError::from(Failure::new(kind, "x")).code;
        assert_eq!(seen.as_deref(), Some(ApiError::code_of(kind)));
    }
    assert_eq!(ApiError::code_of(FailureKind::TimedOut), "upstream_timeout");
}

#[test]
fn a_caller_whose_token_is_not_enough_is_told_what_the_next_one_needs() {
    let challenge = |kind, claims: Option<&str>| {
        let failure = Failure {
            claims: claims.map(Into::into),
            ..Failure::new(kind, "x")
        };
        ApiError::from(failure).challenge.map(String::from)
    };
    let interaction = FailureKind::InteractionRequired;
    assert_eq!(
        challenge(interaction, Some(r#"{"access_token":{}}"#)).as_deref(),
        Some("error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnt9fQ==\"")
    );
    assert_eq!(
        challenge(interaction, None).as_deref(),
        Some("error=\"interaction_required\"")
    );
    assert_eq!(
        challenge(FailureKind::CallerTokenRejected, None).as_deref(),
        Some("error=\"invalid_token\"")
    );
    assert_eq!(challenge(FailureKind::PermissionDenied, None), None);
}
