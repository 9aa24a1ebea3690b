//! Agents that are more than a prompt: hosted ones, which keep a session, and workflows, a preview.
//!
//! From the service's documentation and SDKs, not from recordings. Guessed: the refusals.

use http::StatusCode;
use serde_json::{Value, json};

use super::definition_kind;
use crate::error::ServiceError;
use crate::ids;
use crate::project::Project;
use crate::request::ServiceRequest;
use crate::store::Identified;

/// The preview feature without which workflow agents do not answer.
const WORKFLOWS: &str = "WorkflowAgents=V1Preview";

/// A session of a hosted agent: its container, as long as it lives.
#[derive(Debug)]
pub(crate) struct AgentSession {
    id: String,
}

impl Identified for AgentSession {
    fn id(&self) -> &str {
        &self.id
    }
}

/// The definition of a built-in agent of this kind, which is not `prompt`.
pub(super) fn definition(kind: &str) -> Value {
    match kind {
        "hosted" => json!({"kind": "hosted", "cpu": "1", "memory": "2Gi"}),
        _ => json!({"kind": kind, "workflow": "kind: workflow"}),
    }
}

/// What the ids of an agent's responses begin with.
pub(crate) fn response_prefix(definition: &Value) -> &'static str {
    match definition_kind(definition) {
        "hosted" => "caresp",
        "workflow" => "wfresp",
        _ => "resp",
    }
}

/// Refuses a workflow agent without its preview feature.
pub(crate) fn check_features(
    definition: &Value,
    request: &ServiceRequest,
) -> Result<(), ServiceError> {
    let features = request.headers.get("foundry-features");
    let is_on = features
        .and_then(|features| features.to_str().ok())
        .is_some_and(|features| {
            features
                .split(',')
                .any(|feature| feature.trim() == WORKFLOWS)
        });
    if definition_kind(definition) != "workflow" || is_on {
        return Ok(());
    }
    Err(ServiceError::invalid_request(
        Some("preview_feature_required"),
        None,
        format!("This operation requires the following opt-in preview feature(s): {WORKFLOWS}."),
    ))
}

/// The session in which a hosted agent answers: the one that is asked for, or a new one.
pub(crate) fn session(
    project: &mut Project,
    definition: &Value,
    asked: Option<&str>,
) -> Result<Option<String>, ServiceError> {
    if definition_kind(definition) != "hosted" {
        return match asked {
            None => Ok(None),
            Some(_) => Err(ServiceError::unknown_parameter("agent_session_id")),
        };
    }
    if let Some(id) = asked {
        return match project.sessions.get(id) {
            Some(_) => Ok(Some(id.to_owned())),
            None => Err(ServiceError::front_door(
                StatusCode::NOT_FOUND,
                "not_found",
                format!("Session {id} not found."),
            )),
        };
    }
    let id = ids::uuid();
    project.sessions.insert(AgentSession { id: id.clone() });
    Ok(Some(id))
}
