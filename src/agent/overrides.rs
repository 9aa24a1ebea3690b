//! What a client asks of an agent that the agent's definition decides otherwise, or not at all.

use super::Json;

/// Options of one request; `None` and empty leave the agent's own.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Instructions instead of the agent's own. System and developer messages are not meant: they are messages.
    pub instructions: Option<String>,
    /// Functions that the client offers.
    pub tools: Vec<FunctionTool>,
    /// Which tools must or may be called.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several functions may be called at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer, where it is not prose.
    pub response_format: Option<ResponseFormat>,
    /// Sampling temperature, 0 to 2.
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    pub top_p: Option<f64>,
    /// How much the model reasons: `none`, `minimal`, `low`, `medium`, `high` and what may join them.
    pub reasoning_effort: Option<String>,
    /// How long answers are: `low`, `medium` or `high`.
    pub verbosity: Option<String>,
    /// Most tokens of the conversation that are read; classic agents only.
    pub max_prompt_tokens: Option<u32>,
    /// What of a long conversation is read, as the service writes it; classic agents only.
    pub truncation_strategy: Option<Json>,
}

/// A function of the client.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionTool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: Option<String>,
    /// JSON schema of its arguments; `None` for a function without any.
    pub parameters: Option<Json>,
    /// Whether arguments follow the schema exactly.
    pub strict: Option<bool>,
}

/// Which tools must or may be called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolChoice {
    /// None.
    None,
    /// As the model sees fit.
    Auto,
    /// At least one.
    Required,
    /// This function.
    Function(String),
    /// One of these functions; at least one of them where `required`.
    Allowed {
        /// Names of the functions.
        names: Vec<String>,
        /// Whether one of them must be called.
        required: bool,
    },
}

/// The form of an answer that is not prose.
#[derive(Debug, Clone, PartialEq)]
pub enum ResponseFormat {
    /// Any JSON object.
    JsonObject,
    /// An instance of a schema.
    JsonSchema {
        /// Name of the format.
        name: String,
        /// What it is for.
        description: Option<String>,
        /// The JSON schema.
        schema: Json,
        /// Whether the answer follows the schema exactly.
        strict: Option<bool>,
    },
}
