//! host.json with the app settings that override it, in the way of .NET's configuration.
//!
//! Keys are paths joined by dots and compared without case, values are text, and an app setting
//! `AzureFunctionsJobHost__a__b` replaces the key `a.b`. Keys that nobody asks for are ignored in silence.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

use crate::{ConfigError, environment::Environment};

const OVERRIDE_PREFIX: &str = "AzureFunctionsJobHost__";

/// The flattened host.json.
#[derive(Debug)]
pub(crate) struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads host.json at `path` and applies the overrides.
    pub(crate) fn read(path: &Path, environment: &Environment) -> Result<Self, ConfigError> {
        let mut settings = Self(BTreeMap::new());
        settings.insert(String::new(), &read_json(path)?);
        for (name, value) in environment.text() {
            if let Some(key) = name.strip_prefix(OVERRIDE_PREFIX) {
                let key = key.replace("__", ".").to_lowercase();
                settings.0.insert(key, value.to_owned());
            }
        }
        Ok(settings)
    }

    /// The value of `key`, unless it is absent or null.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_lowercase()).map(String::as_str)
    }

    /// The elements of the array at `key`.
    pub(crate) fn list(&self, key: &str) -> Vec<String> {
        (0..)
            .map_while(|index| self.text(&format!("{key}.{index}")))
            .map(str::to_owned)
            .collect()
    }

    /// Whether an object or array at `key` holds anything.
    pub(crate) fn has_section(&self, key: &str) -> bool {
        let prefix = format!("{}.", key.to_lowercase());
        self.0.keys().any(|other| other.starts_with(&prefix))
    }

    /// The boolean at `key`.
    pub(crate) fn flag(&self, key: &'static str) -> Result<Option<bool>, ConfigError> {
        self.parsed(key, |text| match text.to_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err(format!("must be true or false, not {text}")),
        })
    }

    /// The value at `key` through `parse`, whose error says what is wrong.
    pub(crate) fn parsed<T>(
        &self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let parsed = self.text(key).map(parse).transpose();
        parsed.map_err(|problem| ConfigError::HostSetting {
            setting: key,
            problem,
        })
    }

    fn insert(&mut self, key: String, value: &Value) {
        let child = |name: &str| match key.as_str() {
            "" => name.to_lowercase(),
            parent => format!("{parent}.{}", name.to_lowercase()),
        };
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    self.insert(child(name), member);
                }
            }
            Value::Array(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.insert(child(&index.to_string()), element);
                }
            }
            Value::Null => {}
            Value::String(text) => drop(self.0.insert(key, text.clone())),
            Value::Bool(_) | Value::Number(_) => drop(self.0.insert(key, value.to_string())),
        }
    }
}

/// Reads a JSON file of the app.
pub(super) fn read_json(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read(path).map_err(|source| ConfigError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    // Editors on Windows write a byte order mark, which the host accepts.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
    serde_json::from_slice(text).map_err(|source| ConfigError::NotJson {
        path: path.to_owned(),
        source,
    })
}
