//! Reading what a service may extend: unknown shapes are skipped, and null stands for nothing.
//!
//! The service reserves the right to add item, content and annotation types, and unknown ones have broken
//! clients before (azure-sdk-for-python#43022, #42645, #42864).

use std::ops::Deref;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error},
};
use serde_json::{Value, value::RawValue};

/// A value of a type that may be extended: where it does not read as `T`, it is `T::default()`.
#[derive(Debug, Clone, Default)]
pub(super) struct Lenient<T>(T);

impl<T> Deref for Lenient<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<RawValue>::deserialize(deserializer)?;
        // Nearly always it reads as `T`, and then no tree of values is built.
        if let Ok(value) = serde_json::from_str(text.get()) {
            return Ok(Self(value));
        }
        let value: Value = serde_json::from_str(text.get()).map_err(D::Error::custom)?;
        Ok(Self(serde_json::from_value(value).unwrap_or_default()))
    }
}

/// Reads null as the default.
pub(super) fn null_as_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Item {
        #[serde(deserialize_with = "null_as_default")]
        content: Vec<String>,
    }

    #[test]
    fn null_and_unknown_shapes_read_as_nothing() {
        let items: Vec<Lenient<Item>> =
            serde_json::from_str(r#"[{"content":["a"]},{"content":null},{"content":"text"},7]"#)
                .unwrap();
        let lengths: Vec<_> = items.iter().map(|item| item.content.len()).collect();
        assert_eq!(lengths, [1, 0, 0, 0]);
    }

    #[test]
    fn the_last_of_two_fields_of_one_name_counts() {
        let item: Lenient<Item> =
            serde_json::from_str(r#"{"content":["a"],"content":["b","c"]}"#).unwrap();
        assert_eq!(item.content, ["b", "c"]);
    }

    /// Half of a character is no text: that is no shape to be skipped, but an answer that cannot be read.
    #[test]
    fn what_is_no_json_is_an_error() {
        let items = |text| serde_json::from_str::<Vec<Lenient<Item>>>(text);
        assert!(items(r#"[{"content":["\ud83d"]}]"#).is_err());
        assert!(items(r#"[{"content":["a"]}"#).is_err());
    }

    #[test]
    fn what_is_lenient_can_hold_what_is() {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Outer {
            items: Vec<Lenient<Item>>,
        }
        let outer: Lenient<Outer> =
            serde_json::from_str(r#"{"items":[],"items":[{"content":["a"]},{"content":null},7]}"#)
                .unwrap();
        let lengths: Vec<_> = outer.items.iter().map(|item| item.content.len()).collect();
        assert_eq!(lengths, [1, 0, 0]);
    }
}
