use serde_json::{Value, json};

use super::*;

fn read(body: &Value) -> Result<Overrides, ApiError> {
    let body = body.to_string();
    read_overrides(&serde_json::from_str(&body).unwrap(), &["top_p".to_owned()])
}

#[test]
fn every_option_is_read() {
    let body = r#"{
        "instructions": "Rhyme.", "temperature": 0.5, "top_p": 7, "reasoning_effort": "low", "verbosity": "high",
        "parallel_tool_calls": false, "max_prompt_tokens": 9, "truncation_strategy": {"type": "auto"},
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "strict": true,
            "parameters": {"z": 1, "a": 2}}}, {"type": "function", "function": {"name": "g", "parameters": null}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"z": 1, "a": 2}}}
    }"#;
    let overrides =
        read_overrides(&serde_json::from_str(body).unwrap(), &["top_p".to_owned()]).unwrap();
    let schema = Json::of(&RawValue::from_string(r#"{"z": 1, "a": 2}"#.to_owned()).unwrap());
    assert_eq!(
        overrides,
        Overrides {
            instructions: Some("Rhyme.".to_owned()),
            tools: vec![
                FunctionTool {
                    name: "f".to_owned(),
                    description: Some("d".to_owned()),
                    parameters: Some(schema.clone()),
                    strict: Some(true),
                },
                FunctionTool {
                    name: "g".to_owned(),
                    description: None,
                    parameters: None,
                    strict: None,
                },
            ],
            tool_choice: Some(ToolChoice::Function("f".to_owned())),
            parallel_tool_calls: Some(false),
            response_format: Some(ResponseFormat::JsonSchema {
                name: "n".to_owned(),
                description: None,
                schema,
                strict: None,
            }),
            temperature: Some(0.5),
            top_p: None,
            reasoning_effort: Some("low".to_owned()),
            verbosity: Some("high".to_owned()),
            max_prompt_tokens: Some(9),
            truncation_strategy: Some(Json::of(
                &RawValue::from_string(r#"{"type": "auto"}"#.to_owned()).unwrap()
            )),
        }
    );
}

#[test]
fn tool_choices_have_several_forms() {
    let choice = |choice: Value| read(&json!({"tool_choice": choice})).unwrap().tool_choice;
    assert_eq!(choice(json!("none")), Some(ToolChoice::None));
    assert_eq!(choice(json!("auto")), Some(ToolChoice::Auto));
    assert_eq!(choice(json!("required")), Some(ToolChoice::Required));
    assert_eq!(choice(json!(null)), None);
    let allowed = json!({"type": "allowed_tools", "allowed_tools": {"mode": "required",
        "tools": [{"type": "function", "function": {"name": "f"}}]}});
    assert_eq!(
        choice(allowed),
        Some(ToolChoice::Allowed {
            names: vec!["f".to_owned()],
            required: true
        })
    );
}

#[test]
fn what_cannot_be_read_is_named() {
    let rows = [
        (json!({"temperature": 3}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"tools": 7}), "tools"),
        (json!({"tools": [7]}), "tools[0]"),
        (
            json!({"tools": [{"type": "function"}]}),
            "tools[0].function",
        ),
        (
            json!({"tools": [{"type": "custom", "custom": {"name": "c"}}]}),
            "tools[0].type",
        ),
        (json!({"tool_choice": "perhaps"}), "tool_choice"),
        (
            json!({"tool_choice": {"type": "custom"}}),
            "tool_choice.type",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "response_format.type",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "response_format.json_schema",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "n"}}}),
            "response_format.json_schema.schema",
        ),
    ];
    for (body, param) in rows {
        let error = read(&body).unwrap_err();
        assert_eq!(
            (error.status.as_u16(), error.param.as_deref()),
            (400, Some(param)),
            "{body}"
        );
        assert!(error.message.starts_with(param), "{}", error.message);
    }
}
