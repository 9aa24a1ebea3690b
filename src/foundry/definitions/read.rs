//! Reads one agent: what the service says of it, and whether all of it can be carried in a request.

use std::{collections::BTreeMap, sync::Arc};

use serde::de::DeserializeOwned;

use super::{NotOverridable, Outcome, wire};
use crate::{
    agent::{
        Definition, Failure, Json,
        definition::{DefinedFunction, DefinedTool},
    },
    foundry::client::{Call, Foundry},
};

/// Reads the agent, which tells of its latest version and whether it is switched off; an older version is read in
/// a second call.
pub(super) async fn definition(
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
#[cfg(test)]
pub(in crate::foundry) fn of_json(json: &str) -> Result<Definition, NotOverridable> {
    of_fields(&serde_json::from_str(json).unwrap())
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
    let function = serde_json::from_str::<wire::Function>(json.text())
        .ok()
        .filter(|function| function.kind == "function")
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
