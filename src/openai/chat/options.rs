//! The options of a chat completion request that are objects, as they arrive. Wire only.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// An entry of `tools`.
#[derive(Debug, Deserialize)]
pub struct Tool<'a> {
    /// `function` or `custom`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Of `function`.
    #[serde(borrow, default)]
    pub function: Option<Function<'a>>,
}

/// A function that the client offers.
#[derive(Debug, Deserialize)]
pub struct Function<'a> {
    /// Its name.
    pub name: String,
    /// What it does.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON schema of its arguments.
    #[serde(borrow, default)]
    pub parameters: Option<&'a RawValue>,
    /// Whether arguments follow the schema exactly.
    #[serde(default)]
    pub strict: Option<bool>,
}

/// `tool_choice`, where it is an object.
#[derive(Debug, Deserialize)]
pub struct ToolChoice {
    /// `function`, `allowed_tools` or `custom`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Of `function`.
    #[serde(default)]
    pub function: Option<NamedFunction>,
    /// Of `allowed_tools`.
    #[serde(default)]
    pub allowed_tools: Option<AllowedTools>,
}

/// A function by its name.
#[derive(Debug, Deserialize)]
pub struct NamedFunction {
    /// The name.
    pub name: String,
}

/// The tools among which the model may choose.
#[derive(Debug, Deserialize)]
pub struct AllowedTools {
    /// `auto` or `required`.
    pub mode: String,
    /// The tools.
    pub tools: Vec<AllowedTool>,
}

/// One of the allowed tools.
#[derive(Debug, Deserialize)]
pub struct AllowedTool {
    /// The function.
    pub function: NamedFunction,
}

/// `response_format`.
#[derive(Debug, Deserialize)]
pub struct ResponseFormat<'a> {
    /// `text`, `json_object` or `json_schema`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// Of `json_schema`.
    #[serde(borrow, default)]
    pub json_schema: Option<JsonSchema<'a>>,
}

/// A JSON schema with its name.
#[derive(Debug, Deserialize)]
pub struct JsonSchema<'a> {
    /// Name of the format.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: Option<String>,
    /// The schema.
    #[serde(borrow, default)]
    pub schema: Option<&'a RawValue>,
    /// Whether answers follow the schema exactly.
    #[serde(default)]
    pub strict: Option<bool>,
}
