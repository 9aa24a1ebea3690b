//! JSON that passes through the gateway unread.

use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

/// A JSON text, kept as it was written: the order of a schema's properties is the order in which a model fills them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of `value`.
    pub fn of(value: &RawValue) -> Self {
        Self(value.to_owned())
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.0.get()
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        self.text() == "null"
    }

    /// Whether both say the same, however they are spaced and in whatever order their keys stand.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let read = |json: &Self| serde_json::from_str::<Value>(json.text()).ok();
        self == other || read(self).is_some_and(|said| read(other) == Some(said))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_the_order_of_keys_say_nothing() {
        let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        let (left, right) = (json(r#"{"a": 1, "b": []}"#), json(r#"{"b":[],"a":1}"#));
        assert_ne!(left, right);
        assert!(left.says_the_same_as(&right));
        assert!(!left.says_the_same_as(&json(r#"{"a":1}"#)));
    }

    /// The syntax of both is right, but no number is so large.
    #[test]
    fn two_texts_that_cannot_be_read_do_not_say_the_same() {
        let json = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        assert!(!json(r#"{"a":1e999}"#).says_the_same_as(&json(r#"{"b":1e999}"#)));
    }
}
