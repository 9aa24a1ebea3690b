//! Functions of the client beside the agent's own tools. Pure.
//!
//! The tools of a run replace the agent's. So the agent's own are sent along, except for a function whose name one of
//! the client's functions has, because that is the one the client can run. Where the client offers only what the agent
//! has itself, as many do with every message, nothing is sent.

use super::wire::{Function, FunctionName, FunctionTool, Tool, ToolByName, ToolChoice};
use crate::agent::{Definition, Overrides, overrides};

/// All tools of the run; empty where the agent's own do.
pub(super) fn merged<'a>(own: &'a Definition, overrides: &'a Overrides) -> Vec<Tool<'a>> {
    if overrides.tools.iter().all(|tool| own.has(tool)) {
        return Vec::new();
    }
    let is_replaced = |name: &str| overrides.tools.iter().any(|tool| tool.name == name);
    let kept = own.tools.iter().filter(|tool| {
        let function = tool.function.as_ref();
        !function.is_some_and(|function| is_replaced(&function.name))
    });
    kept.map(|tool| Tool::Defined(&tool.json))
        .chain(overrides.tools.iter().map(function_tool))
        .collect()
}

fn function_tool(tool: &overrides::FunctionTool) -> Tool<'_> {
    Tool::Function(FunctionTool {
        function: Function {
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_ref(),
            strict: tool.strict,
        },
    })
}

/// The choice, where it says something: `none` of a client that offers no tools says nothing about the agent's.
/// `required` with a single function is that function; with others it was refused before.
pub(super) fn choice(overrides: &Overrides) -> Option<ToolChoice<'_>> {
    let named = |name| {
        let function = FunctionName { name };
        Some(ToolChoice::Function(ToolByName { function }))
    };
    match (&overrides.tool_choice, &overrides.tools[..]) {
        (Some(overrides::ToolChoice::Function(name)), _) => named(name),
        (Some(overrides::ToolChoice::Required), [tool]) => named(&tool.name),
        (Some(overrides::ToolChoice::None), [_, ..]) => Some(ToolChoice::Mode("none")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        agent::{Json, overrides::FunctionTool},
        foundry::definitions,
    };

    fn own() -> Definition {
        definitions::of_json(
            r#"{"kind":"prompt","model":"m","tools":[
                {"type":"file_search"},
                {"type":"function","name":"weather","parameters":{"type":"object"}}]}"#,
        )
        .unwrap()
    }

    fn function(name: &str, parameters: &str) -> FunctionTool {
        FunctionTool {
            name: name.to_owned(),
            description: Some("d".to_owned()),
            parameters: Some(serde_json::from_str::<Json>(parameters).unwrap()),
            strict: None,
        }
    }

    fn sent(tools: Vec<FunctionTool>) -> Value {
        let overrides = Overrides {
            tools,
            ..Overrides::default()
        };
        serde_json::to_value(merged(&own(), &overrides)).unwrap()
    }

    #[test]
    fn the_clients_functions_come_beside_the_agents_tools() {
        let tools = sent(vec![function("time", r#"{"type":"object"}"#)]);
        let expected = json!([
            {"type": "file_search"},
            {"type": "function", "name": "weather", "parameters": {"type": "object"}},
            {"type": "function", "function":
                {"name": "time", "description": "d", "parameters": {"type": "object"}}},
        ]);
        assert_eq!(tools, expected);
    }

    #[test]
    fn a_function_of_the_same_name_takes_the_agents_place_and_the_same_one_says_nothing() {
        let other = sent(vec![function(
            "weather",
            r#"{"type":"object","properties":{}}"#,
        )]);
        assert_eq!(other.as_array().unwrap().len(), 2);
        assert_eq!(other[1]["function"]["name"], "weather");
        assert_eq!(
            sent(vec![function("weather", r#"{ "type": "object" }"#)]),
            json!([])
        );
        assert_eq!(sent(Vec::new()), json!([]));
    }

    #[test]
    fn a_choice_is_sent_where_it_says_something() {
        use overrides::ToolChoice::{Auto, Function, None as Never, Required};
        let weather = || vec![function("weather", "{}")];
        let by_name = json!({"type": "function", "function": {"name": "weather"}});
        let rows = [
            (None, weather(), Value::Null),
            (Some(Auto), weather(), Value::Null),
            (Some(Never), weather(), json!("none")),
            (Some(Never), Vec::new(), Value::Null),
            (Some(Required), weather(), by_name.clone()),
            (Some(Function("weather".to_owned())), Vec::new(), by_name),
        ];
        for (tool_choice, tools, expected) in rows {
            let overrides = Overrides {
                tools,
                tool_choice,
                ..Overrides::default()
            };
            let sent = serde_json::to_value(choice(&overrides)).unwrap();
            assert_eq!(sent, expected, "{overrides:?}");
        }
    }
}
