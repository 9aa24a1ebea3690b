//! An agent's definition with a request's options over it. Pure.
//!
//! The rules: an option of the request wins over the agent's; of `text` and `reasoning` only what the request says is
//! replaced; functions of the request come beside the agent's tools, and one with the name of an agent's function
//! takes its place. System and developer messages are no option: they stay among the messages.

use std::collections::BTreeMap;

use super::wire::{
    AllowedTools, FunctionTool, Inline, ModelOption, TextFormat, Tool, ToolByName, ToolChoice,
};
use crate::agent::{
    Definition, Json, Overrides,
    overrides::{self, ResponseFormat},
};

/// The model with everything that `definition` and `overrides` say.
pub(super) fn model<'a>(definition: &'a Definition, overrides: &'a Overrides) -> Inline<'a> {
    let mut reasoning = options(&definition.reasoning);
    if let Some(effort) = &overrides.reasoning_effort {
        reasoning.insert("effort", ModelOption::Word(effort));
    }
    let mut text = options(&definition.text);
    if let Some(format) = &overrides.response_format {
        text.insert("format", ModelOption::Format(text_format(format)));
    }
    if let Some(verbosity) = &overrides.verbosity {
        text.insert("verbosity", ModelOption::Word(verbosity));
    }
    let instructions = overrides.instructions.as_ref();
    Inline {
        model: &definition.model,
        instructions: instructions
            .or(definition.instructions.as_ref())
            .map(String::as_str),
        tools: tools(definition, overrides),
        tool_choice: match &overrides.tool_choice {
            Some(choice) => Some(tool_choice(choice)),
            None => definition.tool_choice.as_ref().map(ToolChoice::Defined),
        },
        parallel_tool_calls: overrides.parallel_tool_calls,
        temperature: overrides.temperature.or(definition.temperature),
        top_p: overrides.top_p.or(definition.top_p),
        reasoning,
        text,
    }
}

fn options(defined: &BTreeMap<String, Json>) -> BTreeMap<&str, ModelOption<'_>> {
    defined
        .iter()
        .map(|(name, option)| (name.as_str(), ModelOption::Defined(option)))
        .collect()
}

fn tools<'a>(definition: &'a Definition, overrides: &'a Overrides) -> Vec<Tool<'a>> {
    let is_replaced = |name: &str| overrides.tools.iter().any(|tool| tool.name == name);
    let own = definition.tools.iter().filter(|tool| {
        let function = tool.function.as_ref();
        !function.is_some_and(|function| is_replaced(&function.name))
    });
    own.map(|tool| Tool::Defined(&tool.json))
        .chain(overrides.tools.iter().map(function_tool))
        .collect()
}

/// Chat completions are lax unless told to be strict, the Responses API is the other way round.
fn function_tool(tool: &overrides::FunctionTool) -> Tool<'_> {
    Tool::Function(FunctionTool {
        name: &tool.name,
        description: tool.description.as_deref(),
        parameters: tool.parameters.as_ref(),
        strict: tool.strict.unwrap_or(false),
    })
}

fn tool_choice(choice: &overrides::ToolChoice) -> ToolChoice<'_> {
    match choice {
        overrides::ToolChoice::None => ToolChoice::Mode("none"),
        overrides::ToolChoice::Auto => ToolChoice::Mode("auto"),
        overrides::ToolChoice::Required => ToolChoice::Mode("required"),
        overrides::ToolChoice::Function(name) => ToolChoice::Tool(ToolByName { name }),
        overrides::ToolChoice::Allowed { names, required } => ToolChoice::Allowed(AllowedTools {
            mode: if *required { "required" } else { "auto" },
            tools: names.iter().map(|name| ToolByName { name }).collect(),
        }),
    }
}

fn text_format(format: &ResponseFormat) -> TextFormat<'_> {
    match format {
        ResponseFormat::JsonObject => TextFormat::JsonObject,
        ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => TextFormat::JsonSchema {
            name,
            description: description.as_deref(),
            schema,
            strict: *strict,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::foundry::definitions;

    fn inlined(definition: &Value, overrides: &Overrides) -> Value {
        let definition = definitions::of_json(&definition.to_string()).unwrap();
        serde_json::to_value(model(&definition, overrides)).unwrap()
    }

    fn function(name: &str) -> overrides::FunctionTool {
        overrides::FunctionTool {
            name: name.to_owned(),
            description: None,
            parameters: None,
            strict: None,
        }
    }

    #[test]
    fn a_definition_is_carried_whole() {
        let definition = json!({"kind": "prompt", "model": "gpt", "instructions": "Be kind.", "temperature": 0.5,
            "top_p": 0.9, "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}},
            "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}], "tool_choice": "auto", "skills": null});
        let mut expected = definition.clone();
        expected.as_object_mut().unwrap().remove("kind");
        expected.as_object_mut().unwrap().remove("skills");
        assert_eq!(inlined(&definition, &Overrides::default()), expected);
    }

    #[test]
    fn options_of_the_request_win_and_leave_the_rest() {
        let definition = json!({"kind": "prompt", "model": "gpt", "instructions": "Be kind.", "temperature": 0.5,
            "reasoning": {"effort": "low", "summary": "auto"}, "text": {"format": {"type": "text"}},
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": true},
                {"type": "code_interpreter"}]});
        let overrides = Overrides {
            tools: vec![function("f"), function("g")],
            tool_choice: Some(overrides::ToolChoice::Allowed {
                names: vec!["g".to_owned()],
                required: false,
            }),
            response_format: Some(ResponseFormat::JsonObject),
            reasoning_effort: Some("high".to_owned()),
            verbosity: Some("low".to_owned()),
            temperature: Some(0.0),
            ..Overrides::default()
        };
        let flat = |name: &str| json!({"type": "function", "name": name, "parameters": null, "strict": false});
        assert_eq!(
            inlined(&definition, &overrides),
            json!({"model": "gpt", "instructions": "Be kind.", "temperature": 0.0,
                "reasoning": {"effort": "high", "summary": "auto"},
                "text": {"format": {"type": "json_object"}, "verbosity": "low"},
                "tools": [{"type": "code_interpreter"}, flat("f"), flat("g")],
                "tool_choice": {"type": "allowed_tools", "mode": "auto",
                    "tools": [{"type": "function", "name": "g"}]}})
        );
    }

    #[test]
    fn a_function_of_another_name_leaves_the_agents_own() {
        let definition = json!({"kind": "prompt", "model": "gpt",
            "tools": [{"type": "function", "name": "f", "parameters": {}, "strict": true}]});
        let overrides = Overrides {
            tools: vec![function("g")],
            ..Overrides::default()
        };
        let tools = inlined(&definition, &overrides)["tools"].take();
        let names: Vec<_> = tools
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["name"])
            .collect();
        assert_eq!(names, ["f", "g"]);
    }
}
