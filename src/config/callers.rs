//! Who may call the gateway: API keys by name, kept as digests only, and tokens of an Entra tenant.

pub mod entra;
pub mod policies;
pub mod upstream;

use self::{entra::EntraConfig, policies::Policies, upstream::UpstreamIdentity};
use super::{ConfigError, Environment};
use crate::hash::sha256;

/// The SHA-256 digest of an API key.
pub type KeyDigest = [u8; 32];

/// The callers that the operator allows.
#[derive(Debug, Clone, Default)]
pub struct CallersConfig {
    /// `GATEWAY_API_KEYS`; one name may stand with several keys, so that keys can be rotated.
    pub keys: Vec<CallerKey>,
    /// `GATEWAY_ALLOW_ANONYMOUS`: whether a request without a key is served.
    pub allow_anonymous: bool,
    /// The `GATEWAY_ENTRA_...` settings: whose access tokens let a caller in.
    pub entra: Option<EntraConfig>,
    /// `GATEWAY_CALLERS`: what each caller may do.
    pub policies: Policies,
    /// `GATEWAY_UPSTREAM_IDENTITY`: on whose behalf Foundry is called.
    pub upstream: UpstreamIdentity,
}

/// One API key of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerKey {
    /// Name of the caller, as logs show it.
    pub caller: String,
    /// Digest of the key; the key itself is not kept.
    pub digest: KeyDigest,
}

/// Keys shorter than this are refused, because they can be guessed.
const SHORTEST_KEY: usize = 16;

impl CallersConfig {
    /// Reads `GATEWAY_API_KEYS`, `GATEWAY_ALLOW_ANONYMOUS` and the settings of [`EntraConfig`]; one way in is required.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const SETTING: &str = "GATEWAY_API_KEYS";
        let allow_anonymous = environment.flag("GATEWAY_ALLOW_ANONYMOUS", false)?;
        let upstream = UpstreamIdentity::from_environment(environment)?;
        let tenant = EntraConfig::from_environment(environment, upstream.audience())?;
        let mut keys = Vec::new();
        for (index, entry) in environment
            .get(SETTING)
            .unwrap_or_default()
            .split(',')
            .enumerate()
        {
            let entry = entry.trim();
            if entry.is_empty() {
                continue;
            }
            let key = parse_entry(entry).map_err(|problem| {
                ConfigError::invalid(SETTING, format!("entry {}: {problem}", index + 1))
            })?;
            keys.push(key);
        }
        if keys.is_empty() && tenant.is_none() && !allow_anonymous {
            return Err(ConfigError::missing(
                SETTING,
                "set it to name=key (or name=sha256:<hex digest of the key>), comma-separated; \
                 a key can be made with `openssl rand -hex 32`. \
                 GATEWAY_ENTRA_TENANT_ID takes tokens of a Microsoft Entra tenant instead. \
                 GATEWAY_ALLOW_ANONYMOUS=true opens the gateway to everyone who reaches it",
            ));
        }
        upstream.check(tenant.is_some(), allow_anonymous || !keys.is_empty())?;
        let policies = Policies::from_environment(environment, &keys, tenant.as_ref())?;
        Ok(Self {
            keys,
            allow_anonymous,
            entra: tenant,
            policies,
            upstream,
        })
    }
}

/// Reads `name=key`, `name=sha256:<hex>` or a bare key, which is named `default`.
///
/// A bare key may end in `=` (base64 padding): only a `=` with text on both sides separates a name.
fn parse_entry(entry: &str) -> Result<CallerKey, String> {
    let (caller, key) = match entry.split_once('=') {
        Some((name, key)) if !key.trim_matches('=').is_empty() => (name.trim(), key.trim()),
        _ => ("default", entry),
    };
    if caller.is_empty()
        || !caller
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_.@".contains(c))
    {
        return Err("a caller's name has only letters, digits, '-', '_', '.' and '@'".to_owned());
    }
    let digest = match key.strip_prefix("sha256:") {
        Some(hex) => {
            parse_hex_digest(hex).ok_or("sha256: must be followed by 64 hexadecimal digits")?
        }
        None if key.len() < SHORTEST_KEY => {
            return Err(format!("the key is shorter than {SHORTEST_KEY} characters"));
        }
        None => digest_of(key),
    };
    Ok(CallerKey {
        caller: caller.to_owned(),
        digest,
    })
}

fn parse_hex_digest(hex: &str) -> Option<KeyDigest> {
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let mut digest = KeyDigest::default();
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// The digest under which a presented key is looked up.
pub fn digest_of(key: &str) -> KeyDigest {
    sha256([key.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &str) -> Result<CallersConfig, ConfigError> {
        CallersConfig::from_environment(&Environment::from_iter([("GATEWAY_API_KEYS", keys)]))
    }

    #[test]
    fn plain_keys_digests_and_bare_keys_are_read() {
        let digest = "a".repeat(64);
        let config = read(&format!(
            "web=0123456789abcdef, batch=sha256:{digest} ,c2VjcmV0LXNlY3JldA=="
        ))
        .unwrap();
        let names: Vec<_> = config.keys.iter().map(|key| key.caller.as_str()).collect();
        assert_eq!(names, ["web", "batch", "default"]);
        assert_eq!(config.keys[0].digest, digest_of("0123456789abcdef"));
        assert_eq!(config.keys[1].digest, [0xaa; 32]);
        assert_eq!(config.keys[2].digest, digest_of("c2VjcmV0LXNlY3JldA=="));
    }

    #[test]
    fn unusable_entries_are_named_by_number_and_not_repeated() {
        let error = read("web=0123456789abcdef,app=hunter2")
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "GATEWAY_API_KEYS cannot be used: entry 2: the key is shorter than 16 characters"
        );
        assert!(read("web=sha256:12").is_err());
        let signs = format!("web=sha256:{}", "+a".repeat(32));
        assert!(read(&signs).is_err(), "a sign is no digit");
        assert!(read("a b=0123456789abcdef").is_err());
    }

    #[test]
    fn without_keys_the_gateway_refuses_unless_told_to_be_open() {
        assert!(CallersConfig::from_environment(&Environment::default()).is_err());
        let open = Environment::from_iter([("GATEWAY_ALLOW_ANONYMOUS", "true")]);
        assert!(
            CallersConfig::from_environment(&open)
                .unwrap()
                .allow_anonymous
        );
    }
}
