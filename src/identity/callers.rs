//! Who calls us: API keys, looked up by digest in constant time, and then tokens of an Entra tenant.
//!
//! [`limits`] keeps each caller within its policy.

pub mod limits;
mod rate;

use std::sync::Arc;

use http::{HeaderMap, header};
use secrecy::SecretString;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use tokio_util::task::TaskTracker;

use super::entra::{EntraCallers, TokenRefused, token::Bearer};
use crate::config::callers::{CallersConfig, digest_of, policies::Policy};

pub use self::rate::Taken;

/// The callers that may use the gateway.
#[derive(Debug)]
pub struct Callers {
    config: CallersConfig,
    entra: Option<EntraCallers>,
}

/// The caller of a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Under which its conversations are kept, and which logs show.
    pub name: CallerName,
    /// Whom its token stands for, if it came with one.
    pub bearer: Option<Bearer>,
    /// What it may do.
    pub policy: Arc<Policy>,
    /// The token itself, to act with it.
    pub token: Option<Arc<SecretString>>,
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
    /// The access token lets nobody in.
    Token(TokenRefused),
}

impl Callers {
    /// The callers of the configuration; a tenant's keys are fetched with `http` when the first token comes.
    pub fn new(config: CallersConfig, http: &reqwest::Client, tasks: &TaskTracker) -> Self {
        let entra = config.entra.clone();
        Self {
            entra: entra.map(|entra| EntraCallers::new(entra, http, tasks)),
            config,
        }
    }

    /// Tells who calls, by `Authorization: Bearer <key or token>` or `api-key: <key or token>`.
    ///
    /// A wrong key is refused even where anonymous callers are served: whoever sends one expects it to count.
    /// Without any configured key there is nothing to be wrong about, so every key passes.
    pub async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Unauthenticated> {
        let Some(presented) = presented_key(headers) else {
            return if self.config.allow_anonymous {
                Ok(self.by_name(ANONYMOUS))
            } else {
                Err(Unauthenticated::MissingKey)
            };
        };
        if let Some(name) = self.find(presented) {
            return Ok(self.by_name(name));
        }
        match &self.entra {
            Some(entra) if EntraCallers::is_token_shaped(presented) => {
                let bearer = entra.identify(presented).await;
                bearer
                    .map(|bearer| self.by_token(bearer, presented))
                    .map_err(Unauthenticated::Token)
            }
            _ if self.config.keys.is_empty() && self.config.allow_anonymous => {
                Ok(self.by_name(ANONYMOUS))
            }
            _ => Err(Unauthenticated::WrongKey),
        }
    }

    /// Compares with every key, so that the time taken tells nothing about which one matched, or how far.
    fn find(&self, key: &str) -> Option<&str> {
        let digest = digest_of(key);
        let mut found = Choice::from(0);
        let mut position = 0_u64;
        for (index, candidate) in (0_u64..).zip(&self.config.keys) {
            let equal = candidate.digest.ct_eq(&digest);
            position.conditional_assign(&index, equal);
            found |= equal;
        }
        let caller = self.config.keys.get(usize::try_from(position).ok()?)?;
        bool::from(found).then_some(caller.caller.as_str())
    }

    fn by_name(&self, name: &str) -> Caller {
        Caller {
            name: CallerName(name.to_owned()),
            bearer: None,
            policy: self.config.policies.of([name]),
            token: None,
        }
    }

    /// The application's policy counts, else that of the first of the token's roles, by name, that has one.
    fn by_token(&self, bearer: Bearer, token: &str) -> Caller {
        let mut roles: Vec<_> = bearer
            .roles
            .iter()
            .map(|role| format!("role:{role}"))
            .collect();
        roles.sort_unstable();
        let application = format!("app:{}", bearer.application);
        let names = std::iter::once(&application).chain(&roles);
        Caller {
            name: CallerName(bearer.name.clone()),
            policy: self.config.policies.of(names.map(String::as_str)),
            bearer: Some(bearer),
            token: Some(Arc::new(token.into())),
        }
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
    use std::time::Duration;

    use http::{HeaderName, HeaderValue};

    use super::*;
    use crate::{config::Environment, foundry::http_client};

    const KEYS: &str = "web=web-key-0123456789,web=web-key-rotated-01,batch=batch-key-01234567";

    fn callers(settings: &[(&str, &str)]) -> Callers {
        let environment: Environment = settings.iter().copied().collect();
        let config = CallersConfig::from_environment(&environment).unwrap();
        let http = http_client::build(Duration::from_secs(1), None).unwrap();
        Callers::new(config, &http, &TaskTracker::new())
    }

    async fn identify(
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
        callers.identify(&headers).await.map(|caller| caller.name.0)
    }

    #[tokio::test]
    async fn each_key_names_its_caller_in_either_header() {
        let callers = callers(&[("GATEWAY_API_KEYS", KEYS)]);
        let rows = [
            ("authorization", "Bearer web-key-0123456789", "web"),
            ("authorization", "bearer web-key-rotated-01", "web"),
            ("api-key", "batch-key-01234567", "batch"),
        ];
        for (header, value, caller) in rows {
            assert_eq!(
                identify(&callers, Some((header, value))).await.unwrap(),
                caller
            );
        }
    }

    #[tokio::test]
    async fn missing_and_wrong_keys_are_refused() {
        let callers = callers(&[("GATEWAY_API_KEYS", KEYS)]);
        assert_eq!(
            identify(&callers, None).await,
            Err(Unauthenticated::MissingKey)
        );
        assert_eq!(
            identify(&callers, Some(("authorization", "Basic abc"))).await,
            Err(Unauthenticated::MissingKey)
        );
        assert_eq!(
            identify(&callers, Some(("api-key", "web-key"))).await,
            Err(Unauthenticated::WrongKey)
        );
        assert_eq!(
            identify(&callers, Some(("authorization", "Bearer nope"))).await,
            Err(Unauthenticated::WrongKey)
        );
    }

    #[tokio::test]
    async fn anonymous_access_is_open_but_a_wrong_key_stays_wrong() {
        let open = callers(&[("GATEWAY_ALLOW_ANONYMOUS", "true")]);
        assert_eq!(identify(&open, None).await.unwrap(), "anonymous");
        assert_eq!(
            identify(&open, Some(("api-key", "anything")))
                .await
                .unwrap(),
            "anonymous"
        );
        let both = callers(&[
            ("GATEWAY_ALLOW_ANONYMOUS", "true"),
            ("GATEWAY_API_KEYS", KEYS),
        ]);
        assert_eq!(identify(&both, None).await.unwrap(), "anonymous");
        assert_eq!(
            identify(&both, Some(("api-key", "anything"))).await,
            Err(Unauthenticated::WrongKey)
        );
    }
}
