//! What is logged, and how a line looks.

use tracing_subscriber::EnvFilter;

use super::{ConfigError, Environment};

/// What is logged, and how a line looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// `GATEWAY_LOG`: a level, or filter directives; default `info`. Known to be readable.
    pub filter: String,
    /// `GATEWAY_LOG_FORMAT`; default [`LogFormat::Text`].
    pub format: LogFormat,
}

/// How a line of the log looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Time, level, then `name=value` pairs.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogConfig {
    /// Reads the settings named at the fields.
    pub fn from_environment(environment: &Environment) -> Result<Self, ConfigError> {
        Self::with_default_level(environment, "info")
    }

    /// Like [`LogConfig::from_environment`], at another level where `GATEWAY_LOG` is not set.
    pub fn with_default_level(environment: &Environment, level: &str) -> Result<Self, ConfigError> {
        const SETTING: &str = "GATEWAY_LOG";
        const FORMAT: &str = "GATEWAY_LOG_FORMAT";
        let filter = environment.get(SETTING).unwrap_or(level).to_owned();
        EnvFilter::try_new(&filter).map_err(|_| {
            ConfigError::invalid(
                SETTING,
                "write a level (error, warn, info, debug, trace) or filter directives",
            )
        })?;
        let format = match environment.get(FORMAT).unwrap_or("text") {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(ConfigError::invalid(FORMAT, "write text or json")),
        };
        Ok(Self { filter, format })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_and_format_are_read_and_mistakes_are_named() {
        let read = |settings: &[(&str, &str)]| {
            LogConfig::from_environment(&settings.iter().copied().collect())
        };
        let nothing_set = read(&[]).unwrap();
        assert_eq!(
            (nothing_set.filter.as_str(), nothing_set.format),
            ("info", LogFormat::Text)
        );
        let json = read(&[("GATEWAY_LOG_FORMAT", "json"), ("GATEWAY_LOG", "warn")]).unwrap();
        assert_eq!(
            (json.filter.as_str(), json.format),
            ("warn", LogFormat::Json)
        );
        let error = read(&[("GATEWAY_LOG", "=[")]).unwrap_err().to_string();
        assert!(error.starts_with("GATEWAY_LOG cannot be used"), "{error}");
        assert!(read(&[("GATEWAY_LOG_FORMAT", "xml")]).is_err());
    }
}
