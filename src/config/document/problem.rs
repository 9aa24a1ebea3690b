//! What is wrong with a document, and where; never with which value.

use std::fmt::{self, Write};

use serde::de::{self, Expected, Unexpected};

use super::tree::{Node, Value};

/// A mistake in a document.
#[derive(Debug)]
pub(super) struct Problem {
    message: String,
    place: Option<Place>,
    /// The way to the field, its last part first.
    path: Vec<Part>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// Bytes from the beginning of the text.
    Offset(usize),
    /// As `serde_json` tells it for what is no JSON.
    LineAndColumn(usize, usize),
}

/// One step on the way to a field.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// A name of an object.
    Name(String),
    /// A position in a list, from 0.
    Index(usize),
}

impl Problem {
    /// A mistake at a place of the text.
    pub(super) fn new(message: impl Into<String>, offset: usize) -> Self {
        Self {
            message: message.into(),
            place: Some(Place::Offset(offset)),
            path: Vec::new(),
        }
    }

    /// The text is no JSON. What `serde_json` says of that names characters of the syntax, no values.
    pub(super) fn syntax(error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let message = text
            .strip_suffix(&format!(" at line {line} column {column}"))
            .unwrap_or(&text);
        Self {
            message: format!("it is not JSON: {message}"),
            place: Some(Place::LineAndColumn(line, column)),
            path: Vec::new(),
        }
    }

    /// A mistake of the field that `path` names, or of the nearest object around it.
    pub(super) fn at_path(tree: &Node, path: &[&str], message: &str) -> Self {
        let mut node = tree;
        for name in path {
            let Value::Object(fields) = &node.value else {
                break;
            };
            match fields.iter().find(|(known, _)| known == name) {
                Some((_, field)) => node = field,
                None => break,
            }
        }
        Self {
            path: path
                .iter()
                .rev()
                .map(|name| Part::Name((*name).to_owned()))
                .collect(),
            ..Self::new(message, node.offset)
        }
    }

    /// The same, seen from one level further out: the mistake is in what `part` names.
    pub(super) fn within(mut self, part: Part) -> Self {
        self.path.push(part);
        self
    }

    /// The same, at `offset` unless a place is known.
    pub(super) fn at(mut self, offset: usize) -> Self {
        self.place.get_or_insert(Place::Offset(offset));
        self
    }

    /// `line 2, column 5, at aliases.help: ...`
    pub(super) fn located_in(&self, text: &str) -> String {
        let (line, column) = match self.place {
            Some(Place::LineAndColumn(line, column)) => (line, column),
            Some(Place::Offset(offset)) => line_and_column(text, offset),
            None => (1, 1),
        };
        let mut located = format!("line {line}, column {column}");
        if !self.path.is_empty() {
            located.push_str(", at ");
            self.write_path(&mut located);
        }
        format!("{located}: {}", self.message)
    }

    /// `aliases.help.agent`, `aliases["org/x"]`, `callers[3]`.
    fn write_path(&self, path: &mut String) {
        let begin = path.len();
        for part in self.path.iter().rev() {
            // Writing to a string cannot fail.
            let _ = match part {
                Part::Index(index) => write!(path, "[{index}]"),
                Part::Name(name) if !is_plain(name) => write!(path, "[{name:?}]"),
                Part::Name(name) if path.len() == begin => path.write_str(name),
                Part::Name(name) => write!(path, ".{name}"),
            };
        }
    }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// Both from 1, the column in characters.
fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// serde's own messages repeat values; these do not.
impl de::Error for Problem {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            place: None,
            path: Vec::new(),
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("found {}, expected {expected}", kind(&found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(format_args!("expected {expected}"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("write {}", one_of(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let field = field.escape_debug();
        Self::custom(format_args!(
            "unknown field `{field}`, expected {}",
            one_of(expected)
        ))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the field `{field}` is missing"))
    }
}

fn kind(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a truth value",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [] => "nothing".to_owned(),
        [only] => format!("`{only}`"),
        [first @ .., last] => format!("`{}` or `{last}`", first.join("`, `")),
    }
}
