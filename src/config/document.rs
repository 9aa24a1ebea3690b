//! Configuration documents: JSON, inline in a setting or in a file that the setting names.
//!
//! A mistake is told with the setting, the file, line, column and path of the field, and never with a value:
//! a value may be a secret, also one in the wrong place. Names (keys of objects) are told.
//!
//! A text that is `${NAME}` or `os.environ/NAME` (the spelling of LiteLLM) stands for the environment variable of
//! that name. [`Secret`] is for fields that must be written so. Unknown fields are refused where the type has
//! `#[serde(deny_unknown_fields)]`, a name that stands twice in an object always. Types must not be untagged or
//! internally tagged enums and must not flatten: serde buffers those, and the place of a mistake would be lost.

mod deserialize;
mod problem;
mod tree;

use std::{fmt, fs::File, io::Read};

use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use self::{problem::Problem, tree::Node};
use super::{ConfigError, Environment};

/// Size up to which a file is read; thousands of entries are far smaller.
const MAX_FILE_BYTES: u64 = 4 << 20;

/// A document as it was read, and where in it each field stands.
pub struct Document<T> {
    /// What it says.
    pub content: T,
    source: Source,
    tree: Node,
}

/// The text of a document, and whence it came.
struct Source {
    setting: &'static str,
    origin: String,
    text: String,
}

impl<T> fmt::Debug for Document<T> {
    /// Says whence it came only: the text may hold secrets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Document")
            .field("setting", &self.source.setting)
            .field("origin", &self.source.origin)
            .finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned> Document<T> {
    /// Reads the document of `setting`, whose value is the JSON itself if it begins with `{`, else the path of a
    /// file; `None` when the setting is not set.
    pub fn read(
        environment: &Environment,
        setting: &'static str,
    ) -> Result<Option<Self>, ConfigError> {
        let Some(value) = environment.get(setting) else {
            return Ok(None);
        };
        let source = if value.starts_with('{') {
            Source {
                setting,
                origin: "the inline JSON".to_owned(),
                text: value.to_owned(),
            }
        } else {
            Source {
                setting,
                origin: format!("the file {value}"),
                text: read_file(value).map_err(|problem| {
                    ConfigError::invalid(setting, format!("the file {value} {problem}"))
                })?,
            }
        };
        let read = tree::parse(&source.text, environment)
            .and_then(|tree| Ok((T::deserialize(&tree)?, tree)));
        match read {
            Ok((content, tree)) => Ok(Some(Self {
                content,
                source,
                tree,
            })),
            Err(problem) => Err(source.error(&problem)),
        }
    }
}

impl<T> Document<T> {
    /// The error for a mistake that shows only when fields are taken together: `path` is the field's (names of
    /// objects only), `problem` says what is wrong and what to do, without a value.
    pub fn error_at(&self, path: &[&str], problem: &str) -> ConfigError {
        self.source
            .error(&Problem::at_path(&self.tree, path, problem))
    }
}

impl Source {
    fn error(&self, problem: &Problem) -> ConfigError {
        ConfigError::invalid(
            self.setting,
            format!("{}, {}", self.origin, problem.located_in(&self.text)),
        )
    }
}

fn read_file(path: &str) -> Result<String, String> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text))
        .map_err(|error| format!("cannot be read ({error})"))?;
    if MAX_FILE_BYTES < text.len() as u64 {
        return Err(format!("is longer than {MAX_FILE_BYTES} bytes"));
    }
    Ok(text)
}

/// A field of a document that is a secret: it must be a reference to an environment variable, so that documents
/// can be shown and stored.
#[derive(Debug, Clone)]
pub struct Secret(pub SecretString);

/// How a [`Secret`] asks for itself; [`deserialize`] alone knows what is a reference.
const SECRET: &str = "foundry_gateway::config::document::Secret";

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Resolved;

        impl serde::de::Visitor<'_> for Resolved {
            type Value = Secret;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a reference to an environment variable, \"${NAME}\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
                Ok(Secret(text.to_owned().into()))
            }
        }

        deserializer.deserialize_newtype_struct(SECRET, Resolved)
    }
}

#[cfg(test)]
mod tests;
