//! Reads one agent: what the service says of it, and whether all of it can be carried in a request.

use std::{collections::BTreeMap, sync::Arc};

use serde::de::DeserializeOwned;

use super::{NotOverridable, Outcome, wire};
use crate::{
    agent::{
        AgentReference, Definition, Failure, Json,
        definition::{DefinedFunction, DefinedTool},
    },
    foundry::client::{Call, Foundry},
};

/// Reads the agent.
pub(super) async fn definition(
    foundry: &Foundry,
    agent: &AgentReference,
    call: &Call,
) -> Result<Outcome, Failure> {
    match agent {
        AgentReference::New { name, version } => {
            new_agent(foundry, name, version.as_deref(), call).await
        }
        AgentReference::Classic { assistant_id } => {
            let path = format!("/assistants/{assistant_id}?api-version=v1");
            let assistant: wire::Assistant = foundry.get_json(&path, call).await?;
            Ok(Ok(Arc::new(of_assistant(assistant))))
        }
    }
}

/// A new agent tells of its latest version and whether it is switched off; an older version is read in a second call.
async fn new_agent(
    foundry: &Foundry,
    name: &str,
    version: Option<&str>,
    call: &Call,
) -> Result<Outcome, Failure> {
    let path = format!("/agents/{name}?api-version=v1");
    let agent: wire::Agent = foundry.get_json(&path, call).await?;
    if agent.state.as_deref() == Some("disabled") {
        return Ok(Err(NotOverridable("it is disabled".to_owned())));
    }
    let latest = agent.versions.latest;
    let described = match version {
        Some(version) if version != latest.version => {
            let path = format!("/agents/{name}/versions/{version}?api-version=v1");
            foundry.get_json(&path, call).await?
        }
        _ => latest,
    };
    Ok(of_fields(&described.definition).map(Arc::new))
}

/// A definition in JSON, for tests of what becomes of it.
#[cfg(any(test, feature = "fuzzing"))]
pub(in crate::foundry) fn of_json(json: &str) -> Result<Definition, NotOverridable> {
    let fields = serde_json::from_str(json).map_err(|error| NotOverridable(error.to_string()))?;
    of_fields(&fields)
}

/// What a request can carry. A definition that says more (a content policy, structured inputs, skills) would lose
/// it: such an agent is only run by its name.
const CARRIED: [&str; 9] = [
    "kind",
    "model",
    "instructions",
    "tools",
    "tool_choice",
    "temperature",
    "top_p",
    "reasoning",
    "text",
];

fn of_fields(fields: &BTreeMap<String, Json>) -> Result<Definition, NotOverridable> {
    let kind: String = field(fields, "kind")?.unwrap_or_default();
    if kind != "prompt" {
        let article = if kind == "external" { "an" } else { "a" };
        return Err(NotOverridable(format!("it is {article} {kind} agent")));
    }
    let lost = fields
        .iter()
        .find(|(name, value)| !CARRIED.contains(&name.as_str()) && !value.is_null());
    if let Some((name, _)) = lost {
        return Err(NotOverridable(format!(
            "its definition has {name}, which only holds for the agent itself"
        )));
    }
    let tools: Vec<Json> = field(fields, "tools")?.unwrap_or_default();
    Ok(Definition {
        model: field(fields, "model")?
            .ok_or_else(|| NotOverridable("its definition has no model".to_owned()))?,
        instructions: field(fields, "instructions")?,
        tools: tools.into_iter().map(defined_tool).collect(),
        tool_choice: field(fields, "tool_choice")?,
        temperature: field(fields, "temperature")?,
        top_p: field(fields, "top_p")?,
        reasoning: field(fields, "reasoning")?.unwrap_or_default(),
        text: field(fields, "text")?.unwrap_or_default(),
    })
}

fn of_assistant(assistant: wire::Assistant) -> Definition {
    Definition {
        model: assistant.model,
        instructions: assistant.instructions,
        tools: assistant.tools.into_iter().map(defined_tool).collect(),
        tool_choice: None,
        temperature: assistant.temperature,
        top_p: assistant.top_p,
        reasoning: BTreeMap::new(),
        text: BTreeMap::new(),
    }
}

fn field<T: DeserializeOwned>(
    fields: &BTreeMap<String, Json>,
    name: &str,
) -> Result<Option<T>, NotOverridable> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    serde_json::from_str(value.text())
        .map(Some)
        .map_err(|_| NotOverridable(format!("{name} of its definition cannot be read")))
}

fn defined_tool(json: Json) -> DefinedTool {
    let function = serde_json::from_str::<wire::Tool>(json.text())
        .ok()
        .filter(|tool| tool.kind == "function")
        .map(|tool| {
            tool.function.unwrap_or(wire::Function {
                name: tool.name,
                parameters: tool.parameters,
            })
        })
        .map(|function| DefinedFunction {
            name: function.name,
            parameters: function
                .parameters
                .filter(|parameters| !parameters.is_null()),
        });
    DefinedTool { function, json }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_found_in_both_forms() {
        let forms = [
            r#"{"type":"function","name":"f","parameters":{"a":1}}"#,
            r#"{"type":"function","function":{"name":"f","parameters":{"a":1}}}"#,
        ];
        for form in forms {
            let tool = defined_tool(serde_json::from_str(form).unwrap());
            let function = tool.function.unwrap();
            assert_eq!(function.name, "f");
            assert_eq!(function.parameters.unwrap().text(), r#"{"a":1}"#);
        }
        let search = serde_json::from_str(r#"{"type":"file_search"}"#).unwrap();
        assert_eq!(defined_tool(search).function, None);
    }

    #[test]
    fn what_a_request_cannot_carry_is_named() {
        let rows = [
            (r#"{"kind":"hosted","cpu":"1"}"#, "it is a hosted agent"),
            (r#"{"kind":"workflow"}"#, "it is a workflow agent"),
            (
                r#"{"kind":"prompt","model":"m","rai_config":{"rai_policy_name":"p"}}"#,
                "its definition has rai_config, which only holds for the agent itself",
            ),
            (
                r#"{"kind":"prompt","model":"m","tools":7}"#,
                "tools of its definition cannot be read",
            ),
            (r#"{"kind":"prompt"}"#, "its definition has no model"),
        ];
        for (json, why) in rows {
            assert_eq!(of_json(json).unwrap_err().0, why);
        }
        assert!(of_json(r#"{"kind":"prompt","model":"m","rai_config":null}"#).is_ok());
    }
}
