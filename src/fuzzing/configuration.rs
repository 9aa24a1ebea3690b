//! Settings and their documents: a configuration, or errors that name the setting and tell no value.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::config::{
    Config, ConfigError, Environment,
    settings::{SETTINGS, telemetry::TELEMETRY},
};

/// What stands between two settings of an input.
const SEPARATOR: &str = "\n---\n";
/// What must not be told where it is a value. Seeds hold it, and mutations carry it about.
const CANARY: &str = "hunter2";
/// Settings that are JSON, or the path of a file with JSON.
const DOCUMENTS: [&str; 2] = ["GATEWAY_AGENTS", "GATEWAY_CALLERS"];
/// Settings and fields that are paths, which an error tells.
const PATHS: [&str; 4] = [
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "AZURE_FEDERATED_TOKEN_FILE",
    "certificate",
    "token_file",
];
/// Settings that are a secret from the first to the last character.
const SECRETS: [&str; 3] = [
    "AZURE_CLIENT_SECRET",
    "FOUNDRY_ACCESS_TOKEN",
    "GATEWAY_CONTINUITY_KEY",
];

/// Input: settings as `NAME=value`, with `---` on a line of its own between two.
///
/// - They are a configuration, or errors, each of which names a setting that there is, and says something of it.
/// - No error tells a value: neither that of a setting nor a text of a document, paths and names excepted.
/// - A configuration does not show its secrets when it is printed.
/// - Reading the same again gives the same.
///
/// # Panics
///
/// Where one of these does not hold.
pub fn configuration(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let settings: BTreeMap<&str, &str> = text
        .split(SEPARATOR)
        .filter_map(|entry| entry.split_once('='))
        .map(|(name, value)| (name.trim(), value))
        .collect();
    let documents = documents(&settings);
    let mut texts = Texts::default();
    for document in &documents {
        texts.collect("", document);
    }
    let all = texts.values.iter().chain(&texts.shown).map(String::as_str);
    if settings.values().copied().chain(all).any(reads_a_device) {
        return;
    }
    let read = || {
        Config::from_environment(
            &settings
                .iter()
                .map(|(k, v)| (*k, *v))
                .collect::<Environment>(),
        )
    };
    match (read(), read()) {
        (Ok(config), Ok(_)) => check_printed(&settings, &format!("{config:?}")),
        (Err(errors), Err(again)) => {
            assert_eq!(errors, again);
            assert!(!errors.0.is_empty(), "neither a configuration nor an error");
            errors.0.iter().for_each(check_error);
            let may_be_shown = settings
                .iter()
                .filter(|(name, value)| is_shown(name, value))
                .map(|(_, value)| *value)
                .chain(texts.shown.iter().map(String::as_str));
            let is_shown = may_be_shown.into_iter().any(|text| text.contains(CANARY));
            let told = errors.to_string();
            assert!(
                is_shown || !told.contains(CANARY),
                "a value is told: {told}"
            );
        }
        (first, again) => assert_eq!(first.is_ok(), again.is_ok()),
    }
}

fn check_error(error: &ConfigError) {
    let (ConfigError::Missing {
        setting,
        remedy: said,
    }
    | ConfigError::Invalid {
        setting,
        problem: said,
    }) = error;
    let mut known = SETTINGS.iter().chain(TELEMETRY);
    assert!(
        known.any(|known| known.name == *setting),
        "no such setting: {setting}"
    );
    assert!(!said.is_empty(), "{setting} without a word");
}

/// Paths are told, and so is a setting that should be a document and is taken for the path of one.
fn is_shown(name: &str, value: &str) -> bool {
    PATHS.contains(&name) || (DOCUMENTS.contains(&name) && !value.trim().starts_with('{'))
}

/// Where a value of nothing but a secret holds the canary, and nothing else does.
fn check_printed(settings: &BTreeMap<&str, &str>, printed: &str) {
    let is_secret = |name: &str, value: &str| {
        SECRETS.contains(&name)
            || (name == "GATEWAY_API_KEYS"
                && value.split(',').all(|entry| {
                    entry
                        .split_once('=')
                        .is_some_and(|(name, _)| !name.contains(CANARY))
                }))
            || (name == "THREADS_CONNECTION_STRING"
                && value.split(';').all(|part| {
                    !part.contains(CANARY) || part.trim_start().starts_with("AccountKey=")
                }))
    };
    let elsewhere = settings
        .iter()
        .any(|(name, value)| value.contains(CANARY) && !is_secret(name, value));
    assert!(
        elsewhere || !printed.contains(CANARY),
        "a secret is printed: {printed}"
    );
}

/// The inline documents, as far as they are JSON.
fn documents(settings: &BTreeMap<&str, &str>) -> Vec<Value> {
    let inline = DOCUMENTS.iter().filter_map(|name| settings.get(name));
    inline
        .filter_map(|text| serde_json::from_str(text.trim()).ok())
        .collect()
}

/// The texts of documents.
#[derive(Default)]
struct Texts {
    /// What must not be told.
    values: Vec<String>,
    /// Names, references and paths, which are.
    shown: Vec<String>,
}

impl Texts {
    fn collect(&mut self, name: &str, value: &Value) {
        match value {
            // What the reference stands for is told, as any path is.
            Value::String(text) if PATHS.contains(&name) && is_reference(text) => {
                self.shown.push(CANARY.to_owned());
            }
            Value::String(text) if PATHS.contains(&name) || is_reference(text) => {
                self.shown.push(text.clone());
            }
            Value::String(text) => self.values.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| self.collect(name, item)),
            Value::Object(fields) => {
                for (name, field) in fields {
                    self.shown.push(name.clone());
                    self.collect(name, field);
                }
            }
            _ => {}
        }
    }
}

fn is_reference(text: &str) -> bool {
    text.starts_with("${") || text.starts_with("os.environ/")
}

/// A path that would be read for ever, or from whoever started the run.
fn reads_a_device(text: &str) -> bool {
    ["dev/", "proc/", "sys/"]
        .iter()
        .any(|folder| text.contains(folder))
}
