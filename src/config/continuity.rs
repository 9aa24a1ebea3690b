//! Whether and how conversations are continued.

use std::time::Duration;

use http::HeaderName;
use secrecy::SecretString;

use super::{ConfigError, Environment};

/// How conversations are continued.
#[derive(Debug, Clone)]
pub struct ContinuityConfig {
    /// `GATEWAY_CONTINUITY`; default `auto`.
    pub mode: ContinuityMode,
    /// `GATEWAY_CONVERSATION_HEADERS`: request headers that name a conversation, the first that is there counts.
    pub headers: Vec<HeaderName>,
    /// `GATEWAY_CONVERSATION_DAYS`: how long a conversation can be continued after its last turn; default 30, for
    /// as long as the service keeps responses.
    pub keep: Duration,
    /// `GATEWAY_CONTINUITY_KEY`: secret under which histories are fingerprinted and ids of files signed, the same for
    /// all instances. Without it, one is derived from `GATEWAY_API_KEYS`; required where those are not set and callers
    /// come with tokens.
    pub key: Option<SecretString>,
}

/// Callers with tokens only have no keys from which a secret could be derived, and an id of a file that anybody can
/// make proves nothing.
pub(super) fn missing_key() -> ConfigError {
    ConfigError::missing(
        "GATEWAY_CONTINUITY_KEY",
        "without GATEWAY_API_KEYS there is no other secret under which ids of files are signed; \
         set it to one, the same for all instances, such as `openssl rand -hex 32` makes",
    )
}

/// What makes a turn the continuation of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContinuityMode {
    /// Its history is recognised, or it has the id that an earlier answer told.
    Auto,
    /// It has the id that an earlier answer told.
    Explicit,
    /// Nothing: every turn replays its history, and nothing is kept.
    Off,
}

/// Headers in which known clients send their chat's id: Open WebUI, opencode and Codex; LibreChat sends
/// any that it is told to, `x-conversation-id` for one.
const DEFAULT_HEADERS: &str =
    "x-openwebui-chat-id,x-conversation-id,x-session-id,session-id,thread-id";
const SHORTEST_KEY: usize = 16;

impl ContinuityConfig {
    /// Reads the settings named at the fields.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        const MODE: &str = "GATEWAY_CONTINUITY";
        const HEADERS: &str = "GATEWAY_CONVERSATION_HEADERS";
        const KEY: &str = "GATEWAY_CONTINUITY_KEY";
        let mode = match environment.get(MODE).unwrap_or("auto") {
            "auto" => ContinuityMode::Auto,
            "explicit" => ContinuityMode::Explicit,
            "off" => ContinuityMode::Off,
            _ => return Err(ConfigError::invalid(MODE, "write auto, explicit or off")),
        };
        let names = environment
            .get(HEADERS)
            .unwrap_or(DEFAULT_HEADERS)
            .split(',')
            .map(str::trim);
        let headers = names
            .filter(|name| !name.is_empty())
            .map(|name| {
                name.parse().map_err(|_| {
                    ConfigError::invalid(HEADERS, "write header names, comma-separated")
                })
            })
            .collect::<Result<_, _>>()?;
        let key = environment.get(KEY);
        if key.is_some_and(|key| key.len() < SHORTEST_KEY) {
            return Err(ConfigError::invalid(
                KEY,
                format!("it is shorter than {SHORTEST_KEY} characters"),
            ));
        }
        let days = environment.number("GATEWAY_CONVERSATION_DAYS", 30_u32, 1..=3650)?;
        Ok(Self {
            mode,
            headers,
            keep: Duration::from_secs(u64::from(days) * 24 * 60 * 60),
            key: key.map(SecretString::from),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_auto_with_the_headers_of_known_clients() {
        let config = ContinuityConfig::from_environment(&Environment::default()).unwrap();
        assert_eq!(config.mode, ContinuityMode::Auto);
        assert!(
            config
                .headers
                .contains(&HeaderName::from_static("x-openwebui-chat-id"))
        );
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        for (name, value) in [
            ("GATEWAY_CONTINUITY", "always"),
            ("GATEWAY_CONVERSATION_HEADERS", "a b"),
            ("GATEWAY_CONTINUITY_KEY", "short"),
            ("GATEWAY_CONVERSATION_DAYS", "0"),
        ] {
            let environment = Environment::from_iter([(name, value)]);
            let error = ContinuityConfig::from_environment(&environment)
                .unwrap_err()
                .to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }

    fn read(name: &str, value: &str) -> Result<ContinuityConfig, ConfigError> {
        ContinuityConfig::from_environment(&Environment::from_iter([(name, value)]))
    }

    #[test]
    fn every_mode_has_its_word() {
        let mode = |word| read("GATEWAY_CONTINUITY", word).unwrap().mode;
        assert_eq!(mode("auto"), ContinuityMode::Auto);
        assert_eq!(mode("explicit"), ContinuityMode::Explicit);
        assert_eq!(mode("off"), ContinuityMode::Off);
    }

    #[test]
    fn conversations_are_kept_for_whole_days() {
        let seconds = |days| {
            read("GATEWAY_CONVERSATION_DAYS", days)
                .unwrap()
                .keep
                .as_secs()
        };
        assert_eq!(seconds("2"), 172_800);
        assert_eq!(seconds(""), 2_592_000);
    }

    #[test]
    fn a_key_of_sixteen_characters_is_long_enough() {
        assert!(read("GATEWAY_CONTINUITY_KEY", "0123456789abcdef").is_ok());
        assert!(read("GATEWAY_CONTINUITY_KEY", "0123456789abcde").is_err());
    }

    #[test]
    fn headers_that_were_written_replace_those_of_known_clients() {
        let headers = read("GATEWAY_CONVERSATION_HEADERS", "x-chat, ,x-room,")
            .unwrap()
            .headers;
        assert_eq!(headers, ["x-chat", "x-room"]);
    }
}
