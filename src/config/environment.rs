//! The environment as a value: read from the process once, or written down in a test.

use std::{collections::HashMap, fmt, str::FromStr, time::Duration};

use super::ConfigError;

/// Settings by name; a blank value counts as not set, as app settings of a Function App may be left blank.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl fmt::Debug for Environment {
    /// Shows names only: values may be secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// The variables of this process; those that are not UTF-8 are left out.
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// The value of a setting, trimmed, unless it is missing or blank.
    pub fn get(&self, setting: &str) -> Option<&str> {
        self.0
            .get(setting)
            .map(|value| value.trim())
            .filter(|value| !value.is_empty())
    }

    /// The value of a setting that must be `true` or `false` (also `1` and `0`).
    pub fn flag(&self, setting: &'static str, default: bool) -> Result<bool, ConfigError> {
        match self.get(setting) {
            None => Ok(default),
            Some(value) => match value.to_ascii_lowercase().as_str() {
                "true" | "1" => Ok(true),
                "false" | "0" => Ok(false),
                _ => Err(ConfigError::invalid(setting, "write true or false")),
            },
        }
    }

    /// The value of a numeric setting within `bounds`, inclusive.
    pub fn number<T>(
        &self,
        setting: &'static str,
        default: T,
        bounds: std::ops::RangeInclusive<T>,
    ) -> Result<T, ConfigError>
    where
        T: FromStr + PartialOrd + fmt::Display,
    {
        let Some(value) = self.get(setting) else {
            return Ok(default);
        };
        match value.parse::<T>() {
            Ok(number) if bounds.contains(&number) => Ok(number),
            _ => Err(ConfigError::invalid(
                setting,
                format!("write a number from {} to {}", bounds.start(), bounds.end()),
            )),
        }
    }

    /// The value of a setting in seconds, fractions allowed.
    pub fn seconds(
        &self,
        setting: &'static str,
        default: f64,
        bounds: std::ops::RangeInclusive<f64>,
    ) -> Result<Duration, ConfigError> {
        self.number(setting, default, bounds)
            .map(Duration::from_secs_f64)
    }
}

impl<Name: Into<String>, Value: Into<String>> FromIterator<(Name, Value)> for Environment {
    fn from_iter<Pairs: IntoIterator<Item = (Name, Value)>>(pairs: Pairs) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_values_count_as_not_set() {
        let environment = Environment::from_iter([("A", "  "), ("B", " b ")]);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.get("B"), Some("b"));
    }

    #[test]
    fn numbers_outside_their_bounds_name_the_setting_and_the_bounds() {
        let environment = Environment::from_iter([("N", "11")]);
        let error = environment.number("N", 1, 0..=10).unwrap_err();
        assert_eq!(
            error.to_string(),
            "N cannot be used: write a number from 0 to 10"
        );
    }

    #[test]
    fn flags_accept_true_false_and_digits_only() {
        let environment = Environment::from_iter([("T", "True"), ("F", "0"), ("X", "yes")]);
        assert_eq!(environment.flag("T", false), Ok(true));
        assert_eq!(environment.flag("F", true), Ok(false));
        assert!(environment.flag("X", true).is_err());
    }

    #[test]
    fn debug_output_shows_no_value() {
        let environment = Environment::from_iter([("KEY", "hunter2")]);
        assert_eq!(format!("{environment:?}"), r#"{"KEY"}"#);
    }

    #[test]
    fn the_environment_of_the_process_is_read() {
        assert!(Environment::of_process().get("PATH").is_some());
    }
}
