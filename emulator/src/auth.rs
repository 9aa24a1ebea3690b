//! Who may call: bearer tokens, and the two ways the front door turns a caller away.

use http::{HeaderMap, StatusCode, header};

use crate::error::ServiceError;

/// The token that is refused as one for another audience.
pub(crate) const WRONG_AUDIENCE_TOKEN: &str = "wrong-audience";
/// The token whose principal has no role in the project.
pub(crate) const NO_PERMISSION_TOKEN: &str = "no-permission";

/// Accepts or refuses the request's bearer token. With `access_token` only that token is accepted; without, any token
/// is, except the two that stand for failures.
pub(crate) fn check(
    headers: &HeaderMap,
    access_token: Option<&str>,
    method: &str,
    operation_path: &str,
) -> Result<(), ServiceError> {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty());
    match (token, access_token) {
        (None | Some(WRONG_AUDIENCE_TOKEN), _) => Err(wrong_audience()),
        (Some(NO_PERMISSION_TOKEN), _) => Err(permission_denied(method, operation_path)),
        (Some(token), Some(expected)) if token != expected => Err(wrong_audience()),
        (Some(_), _) => Ok(()),
    }
}

/// 401 of the front door: no token, a broken or expired one, or one for another audience.
pub(crate) fn wrong_audience() -> ServiceError {
    ServiceError::front_door(
        StatusCode::UNAUTHORIZED,
        "Unauthorized",
        "Unauthorized. Access token is missing, invalid, audience is incorrect (https://ai.azure.com), or have expired.",
    )
}

/// 401 (not 403) with code `PermissionDenied`, which names the missing data action.
pub(crate) fn permission_denied(method: &str, operation_path: &str) -> ServiceError {
    let action = if method == "GET" { "read" } else { "write" };
    ServiceError::front_door(
        StatusCode::UNAUTHORIZED,
        "PermissionDenied",
        format!(
            "The principal `00000000-0000-0000-0000-000000000000` lacks the required data action \
             `Microsoft.CognitiveServices/accounts/AIServices/agents/{action}` to perform \
             `{method} /api/projects/{{projectName}}{operation_path}` operation."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorBody;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    fn code(result: Result<(), ServiceError>) -> Option<String> {
        let error = result.err()?;
        assert_eq!(error.status, StatusCode::UNAUTHORIZED);
        let ErrorBody::Json(body) = *error.body else {
            panic!("not JSON")
        };
        body["error"]["code"].as_str().map(str::to_owned)
    }

    #[test]
    fn tokens_are_accepted_or_refused() {
        let check =
            |headers: &HeaderMap, expected| code(check(headers, expected, "POST", "/assistants"));
        assert_eq!(check(&headers("Bearer any"), None), None);
        assert_eq!(check(&headers("bearer any"), None), None);
        assert_eq!(check(&headers("Bearer mine"), Some("mine")), None);
        let unauthorized = Some("Unauthorized".to_owned());
        assert_eq!(check(&headers("Bearer other"), Some("mine")), unauthorized);
        assert_eq!(check(&headers("Bearer "), None), unauthorized);
        assert_eq!(check(&headers("Basic eDp5"), None), unauthorized);
        assert_eq!(check(&HeaderMap::new(), None), unauthorized);
        assert_eq!(check(&headers("Bearer wrong-audience"), None), unauthorized);
        assert_eq!(
            check(&headers("Bearer no-permission"), None).as_deref(),
            Some("PermissionDenied")
        );
    }
}
