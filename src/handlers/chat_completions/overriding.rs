//! Lets what a request asks override the definition of its agent, where the service takes no overrides by name.

use std::sync::Arc;

use super::naming_the_model;
use crate::{
    agent::{AgentReference, Turn, overrides::ToolChoice},
    error::ApiError,
    foundry::{self, Call, Foundry},
    openai::chat::{
        fields::{REMEDY, refusal},
        to_turn::Request,
    },
};

/// The turn, with the agent's definition where that is overridden, and the names of the fields that are ignored.
///
/// The agent's definition is read for this, which costs one call where it is not known yet. Functions that the agent
/// has itself override nothing.
pub(super) async fn settle(
    foundry: &Arc<Foundry>,
    agent: &AgentReference,
    model: &str,
    request: Request,
    call: &Call,
) -> Result<(Turn, Vec<String>), ApiError> {
    let Request {
        mut turn,
        mut ignored,
        overriding,
        joining,
    } = request;
    let (AgentReference::New { name, version }, Some(field)) = (agent, overriding.first()) else {
        ignored.extend(joining);
        return Ok((turn, ignored));
    };
    let definition = foundry::definition(foundry, name, version.as_deref(), call)
        .await
        .map_err(|failure| naming_the_model(failure, model))?;
    let only_tools = overriding.iter().all(|field| field == "tools")
        && turn.overrides.tool_choice != Some(ToolChoice::None);
    match definition {
        Ok(definition)
            if only_tools && turn.overrides.tools.iter().all(|tool| definition.has(tool)) =>
        {
            ignored.extend(joining);
        }
        Ok(definition) => turn.definition = Some(definition),
        Err(why) => return Err(refusal(field, &why.0, REMEDY)),
    }
    Ok((turn, ignored))
}
