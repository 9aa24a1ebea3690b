//! What a request without an agent says of tools and formats: the flat shapes of the Responses API. The nested ones of
//! chat completions are refused, as OpenAI's API refuses them.

use serde_json::{Map, Value};

use crate::error::ServiceError;

/// Refuses tools and formats in a shape that the model's API does not have.
pub(crate) fn check(body: &Map<String, Value>) -> Result<(), ServiceError> {
    if let Some(instructions) = given(body, "instructions")
        && !instructions.is_string()
    {
        return Err(ServiceError::invalid_type("instructions", "a string"));
    }
    if let Some(tools) = given(body, "tools") {
        let tools = tools
            .as_array()
            .ok_or_else(|| ServiceError::invalid_type("tools", "an array"))?;
        for (place, tool) in tools.iter().enumerate() {
            check_tool(tool, &format!("tools[{place}]"))?;
        }
    }
    match given(body, "text").and_then(|text| text.get("format")) {
        None | Some(Value::Null) => Ok(()),
        Some(format) => check_format(format),
    }
}

fn given<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    body.get(name).filter(|value| !value.is_null())
}

fn check_tool(tool: &Value, place: &str) -> Result<(), ServiceError> {
    let Some(kind) = tool.get("type").and_then(Value::as_str) else {
        return Err(ServiceError::missing_parameter(&format!("{place}.type")));
    };
    if kind == "function" && !tool.get("name").is_some_and(Value::is_string) {
        return Err(ServiceError::missing_parameter(&format!("{place}.name")));
    }
    Ok(())
}

fn check_format(format: &Value) -> Result<(), ServiceError> {
    match format.get("type").and_then(Value::as_str) {
        Some("text" | "json_object") => Ok(()),
        Some("json_schema") => {
            for name in ["name", "schema"] {
                if format.get(name).is_none_or(Value::is_null) {
                    return Err(ServiceError::missing_parameter(&format!(
                        "text.format.{name}"
                    )));
                }
            }
            Ok(())
        }
        _ => Err(ServiceError::invalid_request(
            Some("invalid_value"),
            Some("text.format.type"),
            "Invalid value: supported values are 'text', 'json_object' and 'json_schema'.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn flat_shapes_pass_and_nested_ones_do_not() {
        let passes = |body: Value| check(body.as_object().unwrap()).is_ok();
        assert!(passes(
            json!({"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]})
        ));
        assert!(passes(
            json!({"tools": null, "text": {"format": {"type": "json_object"}}})
        ));
        assert!(passes(
            json!({"text": {"format": {"type": "json_schema", "name": "n", "schema": {}}}})
        ));
        assert!(!passes(
            json!({"tools": [{"type": "function", "function": {"name": "f"}}]})
        ));
        assert!(!passes(
            json!({"text": {"format": {"type": "json_schema", "json_schema": {"name": "n"}}}})
        ));
        assert!(!passes(json!({"text": {"format": {"type": "xml"}}})));
    }
}
