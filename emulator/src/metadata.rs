//! Metadata of stored objects, and its limits.

use serde_json::{Map, Value, json};

use crate::error::ServiceError;

/// Reads `metadata`: at most 16 pairs, keys of at most 64 and values of at most 512 characters; left out or null gives
/// an empty object.
pub(crate) fn read(body: &Map<String, Value>) -> Result<Value, ServiceError> {
    let metadata = match body.get("metadata") {
        None | Some(Value::Null) => return Ok(json!({})),
        Some(Value::Object(metadata)) => metadata,
        Some(_) => return Err(ServiceError::invalid_type("metadata", "an object")),
    };
    let refused = |message: String| {
        Err(ServiceError::invalid_request(
            Some("invalid_value"),
            Some("metadata"),
            message,
        ))
    };
    if metadata.len() > 16 {
        return refused(format!(
            "Invalid 'metadata': too many properties. Expected at most 16, but got {}.",
            metadata.len()
        ));
    }
    for (key, value) in metadata {
        let Some(text) = value.as_str() else {
            return refused(format!(
                "Invalid type for 'metadata.{key}': expected a string."
            ));
        };
        if key.chars().count() > 64 || text.chars().count() > 512 {
            return refused(format!(
                "Invalid 'metadata.{key}': keys may have 64 and values 512 characters."
            ));
        }
    }
    Ok(Value::Object(metadata.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_json(body: &Value) -> Result<Value, ServiceError> {
        read(body.as_object().unwrap())
    }

    #[test]
    fn metadata_is_bounded() {
        assert_eq!(read_json(&json!({})).unwrap(), json!({}));
        let kept = json!({"metadata": {"a": "b"}});
        assert_eq!(read_json(&kept).unwrap(), json!({"a": "b"}));
        let many: Map<String, Value> = (0..17).map(|n| (n.to_string(), json!("x"))).collect();
        for refused in [
            json!({"metadata": many}),
            json!({"metadata": {"a": 1}}),
            json!({"metadata": {"a": "x".repeat(513)}}),
            json!({"metadata": {"k".repeat(65): "x"}}),
            json!({"metadata": "text"}),
        ] {
            assert!(read_json(&refused).is_err(), "{refused}");
        }
    }
}
