//! The options of a request that override an agent's own, to [`Overrides`]. Pure.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::{options, request::RawFields};
use crate::{
    agent::{
        Json, Overrides,
        overrides::{FunctionTool, ResponseFormat, ToolChoice},
    },
    error::ApiError,
};

/// Reads every option but those named in `ignored`.
pub fn read_overrides(fields: &RawFields<'_>, ignored: &[String]) -> Result<Overrides, ApiError> {
    let reader = Reader { fields, ignored };
    Ok(Overrides {
        instructions: reader.optional("instructions", "a string")?,
        tools: reader.tools()?,
        tool_choice: reader.tool_choice()?,
        parallel_tool_calls: reader.optional("parallel_tool_calls", "true or false")?,
        response_format: reader.response_format()?,
        temperature: reader.number_within("temperature", 2.0)?,
        top_p: reader.number_within("top_p", 1.0)?,
        reasoning_effort: reader.optional("reasoning_effort", "a string")?,
        verbosity: reader.optional("verbosity", "a string")?,
        max_prompt_tokens: reader.optional("max_prompt_tokens", "a positive integer")?,
        truncation_strategy: reader.get("truncation_strategy").map(Json::of),
    })
}

struct Reader<'a> {
    fields: &'a RawFields<'a>,
    ignored: &'a [String],
}

impl<'a> Reader<'a> {
    fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.fields
            .get(name)
            .filter(|_| !self.ignored.iter().any(|ignored| ignored == name))
    }

    fn optional<T: DeserializeOwned>(
        &self,
        name: &str,
        expected: &str,
    ) -> Result<Option<T>, ApiError> {
        self.get(name)
            .map(|value| parse(value, name, expected))
            .transpose()
    }

    fn number_within(&self, name: &str, most: f64) -> Result<Option<f64>, ApiError> {
        match self.optional::<f64>(name, "a number")? {
            Some(number) if !(0.0..=most).contains(&number) => Err(ApiError::bad_request(
                "invalid_value",
                name,
                format!("{name} must be between 0 and {most}"),
            )),
            number => Ok(number),
        }
    }

    fn tools(&self) -> Result<Vec<FunctionTool>, ApiError> {
        let Some(value) = self.get("tools") else {
            return Ok(Vec::new());
        };
        let tools: Vec<&RawValue> = parse(value, "tools", "an array")?;
        tools
            .into_iter()
            .enumerate()
            .map(|(index, tool)| read_tool(tool, &format!("tools[{index}]")))
            .collect()
    }

    fn tool_choice(&self) -> Result<Option<ToolChoice>, ApiError> {
        let Some(value) = self.get("tool_choice") else {
            return Ok(None);
        };
        let choice = match value.get() {
            r#""none""# => ToolChoice::None,
            r#""auto""# => ToolChoice::Auto,
            r#""required""# => ToolChoice::Required,
            _ => read_tool_choice(parse(
                value,
                "tool_choice",
                "none, auto, required or a tool",
            )?)?,
        };
        Ok(Some(choice))
    }

    fn response_format(&self) -> Result<Option<ResponseFormat>, ApiError> {
        const NAME: &str = "response_format";
        let Some(value) = self.get(NAME) else {
            return Ok(None);
        };
        let format: options::ResponseFormat<'_> = parse(
            value,
            NAME,
            "an object with a type and, for json_schema, json_schema with a name",
        )?;
        match (format.kind.as_ref(), format.json_schema) {
            // What happens anyway, unless the agent's definition has another form.
            ("text", _) => Ok(None),
            ("json_object", _) => Ok(Some(ResponseFormat::JsonObject)),
            ("json_schema", Some(format)) => match format.schema {
                Some(schema) => Ok(Some(ResponseFormat::JsonSchema {
                    name: format.name,
                    description: format.description,
                    schema: Json::of(schema),
                    strict: format.strict,
                })),
                None => Err(missing("response_format.json_schema.schema")),
            },
            ("json_schema", None) => Err(missing("response_format.json_schema")),
            (kind, _) => Err(ApiError::bad_request(
                "invalid_value",
                "response_format.type",
                format!(
                    "response_format.type is {kind:?}; it must be text, json_object or json_schema"
                ),
            )),
        }
    }
}

fn read_tool(tool: &RawValue, place: &str) -> Result<FunctionTool, ApiError> {
    let tool: options::Tool<'_> = parse(
        tool,
        place,
        "an object with type function and function, which has a name",
    )?;
    match (tool.kind.as_ref(), tool.function) {
        ("function", Some(function)) => Ok(FunctionTool {
            name: function.name,
            description: function.description,
            parameters: function
                .parameters
                .map(Json::of)
                .filter(|parameters| !parameters.is_null()),
            strict: function.strict,
        }),
        ("function", None) => Err(missing(&format!("{place}.function"))),
        (kind, _) => Err(ApiError::bad_request(
            "unsupported_value",
            format!("{place}.type"),
            format!("{place}.type is {kind:?}; only function tools can be offered to an agent"),
        )),
    }
}

fn read_tool_choice(choice: options::ToolChoice) -> Result<ToolChoice, ApiError> {
    match (choice.kind.as_str(), choice.function, choice.allowed_tools) {
        ("function", Some(function), _) => Ok(ToolChoice::Function(function.name)),
        ("function", None, _) => Err(missing("tool_choice.function")),
        ("allowed_tools", _, Some(allowed)) => Ok(ToolChoice::Allowed {
            required: allowed.mode == "required",
            names: allowed
                .tools
                .into_iter()
                .map(|tool| tool.function.name)
                .collect(),
        }),
        ("allowed_tools", _, None) => Err(missing("tool_choice.allowed_tools")),
        (kind, _, _) => Err(ApiError::bad_request(
            "unsupported_value",
            "tool_choice.type",
            format!("tool_choice.type is {kind:?}; it must be function or allowed_tools"),
        )),
    }
}

fn parse<'a, T: Deserialize<'a>>(
    value: &'a RawValue,
    name: &str,
    expected: &str,
) -> Result<T, ApiError> {
    serde_json::from_str(value.get()).map_err(|_| {
        ApiError::bad_request("invalid_type", name, format!("{name} must be {expected}"))
    })
}

fn missing(name: &str) -> ApiError {
    ApiError::bad_request(
        "missing_required_parameter",
        name,
        format!("{name} is required"),
    )
}

#[cfg(test)]
mod tests;
