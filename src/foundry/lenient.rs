//! Reading what a service may extend: unknown shapes are skipped, and null stands for nothing.
//!
//! The service reserves the right to add item, content and annotation types, and unknown ones have broken
//! clients before (azure-sdk-for-python#43022, #42645, #42864).

use std::ops::Deref;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

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
        let value = serde_json::Value::deserialize(deserializer)?;
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
}
