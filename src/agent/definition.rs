//! What an agent is made of, as far as a turn can be run with it instead of by the agent's name.

use std::collections::BTreeMap;

use super::{Json, overrides::FunctionTool};

/// The definition of one version of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// The model deployment.
    pub model: String,
    /// The agent's instructions.
    pub instructions: Option<String>,
    /// Its tools, of any kind, in order.
    pub tools: Vec<DefinedTool>,
    /// Which of them must or may be called.
    pub tool_choice: Option<Json>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Nucleus sampling.
    pub top_p: Option<f64>,
    /// Options of reasoning by name.
    pub reasoning: BTreeMap<String, Json>,
    /// Options of the answer's text by name, `format` among them.
    pub text: BTreeMap<String, Json>,
}

/// A tool of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinedTool {
    /// Name and parameters, where it is a function.
    pub function: Option<DefinedFunction>,
    /// The whole tool as the service tells it.
    pub json: Json,
}

/// A function of an agent.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinedFunction {
    /// Its name.
    pub name: String,
    /// JSON schema of its arguments.
    pub parameters: Option<Json>,
}

impl Definition {
    /// Whether the agent has `tool` itself: a function of that name with the same parameters. What the two say of
    /// it in words may differ.
    pub fn has(&self, tool: &FunctionTool) -> bool {
        let functions = self.tools.iter().filter_map(|tool| tool.function.as_ref());
        functions
            .filter(|function| function.name == tool.name)
            .any(|function| match (&function.parameters, &tool.parameters) {
                (Some(own), Some(asked)) => own.says_the_same_as(asked),
                (None, None) => true,
                _ => false,
            })
    }
}
