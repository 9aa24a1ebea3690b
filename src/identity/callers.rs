//! Who calls us: API keys, looked up by digest in constant time.

use http::{HeaderMap, header};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::config::callers::{CallersConfig, digest_of};

/// The callers that may use the gateway.
#[derive(Debug)]
pub struct Callers {
    config: CallersConfig,
}

/// The name of the caller of a request, as logs show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerName(pub String);

/// The name of callers without a key, where those are allowed.
const ANONYMOUS: &str = "anonymous";

/// Why a request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// There is no key in the request.
    MissingKey,
    /// The key is none of the configured ones.
    WrongKey,
}

impl Callers {
    /// The callers of the configuration.
    pub fn new(config: CallersConfig) -> Self {
        Self { config }
    }

    /// Tells who calls, by `Authorization: Bearer <key>` or `api-key: <key>`.
    ///
    /// A wrong key is refused even where anonymous callers are served: whoever sends one expects it to count.
    /// Without any configured key there is nothing to be wrong about, so every key passes.
    pub fn identify(&self, headers: &HeaderMap) -> Result<CallerName, Unauthenticated> {
        let anonymous = || CallerName(ANONYMOUS.to_owned());
        match presented_key(headers) {
            None if self.config.allow_anonymous => Ok(anonymous()),
            None => Err(Unauthenticated::MissingKey),
            Some(_) if self.config.keys.is_empty() && self.config.allow_anonymous => {
                Ok(anonymous())
            }
            Some(key) => self.find(key).ok_or(Unauthenticated::WrongKey),
        }
    }

    /// Compares with every key, so that the time taken tells nothing about which one matched, or how far.
    fn find(&self, key: &str) -> Option<CallerName> {
        let digest = digest_of(key);
        let mut found = Choice::from(0);
        let mut position = 0_u64;
        for (index, candidate) in (0_u64..).zip(&self.config.keys) {
            let equal = candidate.digest.ct_eq(&digest);
            position.conditional_assign(&index, equal);
            found |= equal;
        }
        let caller = self.config.keys.get(usize::try_from(position).ok()?)?;
        bool::from(found).then(|| CallerName(caller.caller.clone()))
    }
}

/// The key that OpenAI clients send as a bearer token, and Azure OpenAI clients as `api-key`.
fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
        });
    bearer
        .or_else(|| headers.get("api-key")?.to_str().ok().map(str::trim))
        .filter(|key| !key.is_empty())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::config::Environment;

    const KEYS: &str = "web=web-key-0123456789,web=web-key-rotated-01,batch=batch-key-01234567";

    fn callers(settings: &[(&str, &str)]) -> Callers {
        let environment: Environment = settings.iter().copied().collect();
        Callers::new(CallersConfig::from_environment(&environment).unwrap())
    }

    fn identify(
        callers: &Callers,
        header: Option<(&'static str, &'static str)>,
    ) -> Result<String, Unauthenticated> {
        let headers = header
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .into_iter()
            .collect();
        callers.identify(&headers).map(|CallerName(name)| name)
    }

    #[test]
    fn each_key_names_its_caller_in_either_header() {
        let callers = callers(&[("GATEWAY_API_KEYS", KEYS)]);
        let rows = [
            ("authorization", "Bearer web-key-0123456789", "web"),
            ("authorization", "bearer web-key-rotated-01", "web"),
            ("api-key", "batch-key-01234567", "batch"),
        ];
        for (header, value, caller) in rows {
            assert_eq!(identify(&callers, Some((header, value))).unwrap(), caller);
        }
    }

    #[test]
    fn missing_and_wrong_keys_are_refused() {
        let callers = callers(&[("GATEWAY_API_KEYS", KEYS)]);
        assert_eq!(identify(&callers, None), Err(Unauthenticated::MissingKey));
        assert_eq!(
            identify(&callers, Some(("authorization", "Basic abc"))),
            Err(Unauthenticated::MissingKey)
        );
        assert_eq!(
            identify(&callers, Some(("api-key", "web-key"))),
            Err(Unauthenticated::WrongKey)
        );
        assert_eq!(
            identify(&callers, Some(("authorization", "Bearer nope"))),
            Err(Unauthenticated::WrongKey)
        );
    }

    #[test]
    fn anonymous_access_is_open_but_a_wrong_key_stays_wrong() {
        let open = callers(&[("GATEWAY_ALLOW_ANONYMOUS", "true")]);
        assert_eq!(identify(&open, None).unwrap(), "anonymous");
        assert_eq!(
            identify(&open, Some(("api-key", "anything"))).unwrap(),
            "anonymous"
        );
        let both = callers(&[
            ("GATEWAY_ALLOW_ANONYMOUS", "true"),
            ("GATEWAY_API_KEYS", KEYS),
        ]);
        assert_eq!(identify(&both, None).unwrap(), "anonymous");
        assert_eq!(
            identify(&both, Some(("api-key", "anything"))),
            Err(Unauthenticated::WrongKey)
        );
    }
}
