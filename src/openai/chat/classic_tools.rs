//! What of `tools` and `tool_choice` classic agents cannot be asked for. Pure.

use crate::{
    agent::{Overrides, overrides::ToolChoice},
    error::ApiError,
};

/// Refuses choices that a run does not know: `required` among several functions, and `allowed_tools`.
pub fn check(overrides: &Overrides) -> Result<(), ApiError> {
    let problem = match (&overrides.tool_choice, overrides.tools.len()) {
        (Some(ToolChoice::Required), 1) => return Ok(()),
        (Some(ToolChoice::Required), _) => {
            "tool_choice \"required\" is not known to classic agents unless exactly one tool is offered"
        }
        (Some(ToolChoice::Allowed { .. }), _) => {
            "tool_choice of type \"allowed_tools\" is not known to classic agents"
        }
        _ => return Ok(()),
    };
    Err(ApiError::bad_request(
        "unsupported_value",
        "tool_choice",
        format!("{problem}; name the function, or leave it out"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::overrides::FunctionTool;

    #[test]
    fn what_a_run_does_not_know_is_refused() {
        let tool = FunctionTool {
            name: "f".to_owned(),
            description: None,
            parameters: None,
            strict: None,
        };
        let allowed = ToolChoice::Allowed {
            names: vec!["f".to_owned()],
            required: false,
        };
        let rows = [
            (Some(ToolChoice::Required), 1, true),
            (Some(ToolChoice::Required), 0, false),
            (Some(ToolChoice::Required), 2, false),
            (Some(allowed), 1, false),
            (Some(ToolChoice::None), 2, true),
            (None, 2, true),
        ];
        for (tool_choice, tools, fits) in rows {
            let overrides = Overrides {
                tool_choice,
                tools: vec![tool.clone(); tools],
                ..Overrides::default()
            };
            assert_eq!(check(&overrides).is_ok(), fits, "{overrides:?}");
        }
    }
}
