//! JSON with the place of every value, and with references to the environment followed.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Number, value::RawValue};

use super::{
    super::Environment,
    problem::{Part, Problem},
};

/// A value and where it begins. Not `Debug`: it may be a secret.
pub(super) struct Node {
    /// Bytes from the beginning of the text.
    pub(super) offset: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    Null,
    Bool(bool),
    Number(Number),
    Text {
        text: String,
        /// Whether the text is that of an environment variable.
        is_reference: bool,
    },
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Reads the text of a document.
pub(super) fn parse(text: &str, environment: &Environment) -> Result<Node, Problem> {
    // Says what is no JSON, and bounds the depth.
    serde_json::from_str::<serde_json::Value>(text).map_err(|error| Problem::syntax(&error))?;
    Reader { text, environment }.node(text.trim_ascii())
}

struct Reader<'a> {
    text: &'a str,
    environment: &'a Environment,
}

impl Reader<'_> {
    /// Reads one value; `json` is its part of the text.
    fn node(&self, json: &str) -> Result<Node, Problem> {
        let offset = json.as_ptr().addr() - self.text.as_ptr().addr();
        let value = match json.as_bytes().first() {
            Some(b'{') => Value::Object(self.fields(read(json, offset)?)?),
            Some(b'[') => Value::List(self.items(read(json, offset)?)?),
            _ => match read(json, offset)? {
                serde_json::Value::Bool(value) => Value::Bool(value),
                serde_json::Value::Number(number) => Value::Number(number),
                serde_json::Value::String(text) => self
                    .follow(text)
                    .map_err(|message| Problem::new(message, offset))?,
                _ => Value::Null,
            },
        };
        Ok(Node { offset, value })
    }

    fn items(&self, items: Vec<&RawValue>) -> Result<Vec<Node>, Problem> {
        let items = items.into_iter().enumerate();
        items
            .map(|(index, item)| {
                self.node(item.get())
                    .map_err(|problem| problem.within(Part::Index(index)))
            })
            .collect()
    }

    fn fields(&self, fields: Fields<'_>) -> Result<Vec<(String, Node)>, Problem> {
        let mut nodes = Vec::<(String, Node)>::with_capacity(fields.0.len());
        for (name, value) in fields.0 {
            let part = Part::Name(name.clone());
            let node = self
                .node(value.get())
                .map_err(|problem| problem.within(part.clone()))?;
            if nodes.iter().any(|(known, _)| *known == name) {
                let problem = Problem::new("the name stands twice", node.offset);
                return Err(problem.within(part));
            }
            nodes.push((name, node));
        }
        Ok(nodes)
    }

    /// A text, or that of the environment variable that it stands for.
    fn follow(&self, text: String) -> Result<Value, String> {
        let name = text
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'))
            .or_else(|| text.strip_prefix("os.environ/"));
        match name {
            Some(name) if is_variable(name) => match self.environment.get(name) {
                Some(value) => Ok(Value::Text {
                    text: value.to_owned(),
                    is_reference: true,
                }),
                None => Err(format!("the environment variable {name} is not set")),
            },
            None if !text.contains("${") => Ok(Value::Text {
                text,
                is_reference: false,
            }),
            _ => Err(
                "a reference must be the whole text, ${NAME} or os.environ/NAME, and its name has only letters, \
                 digits and '_'"
                    .to_owned(),
            ),
        }
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn read<'de, T: Deserialize<'de>>(json: &'de str, offset: usize) -> Result<T, Problem> {
    // The text has been read as JSON once: only what JSON leaves open, such as a lone surrogate, can be left.
    serde_json::from_str(json).map_err(|_| Problem::new("it cannot be read", offset))
}

/// The fields of an object in their order, twice named ones included.
struct Fields<'de>(Vec<(String, &'de RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}
