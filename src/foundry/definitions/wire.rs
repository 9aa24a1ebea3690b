//! Agents as the management operations tell them, as far as a turn needs them.
//!
//! `GET /agents/{name}` answers as in `prompt_agent_endpoint_responses.v1.json` of the recordings; the fields of a
//! definition are those of the SDK's `PromptAgentDefinition` (azure-ai-projects 2.10.0).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::agent::Json;

/// `GET /agents/{name}`.
#[derive(Debug, Deserialize)]
pub(super) struct Agent {
    /// `enabled` or `disabled`.
    #[serde(default)]
    pub(super) state: Option<String>,
    pub(super) versions: Versions,
}

/// The versions that an agent tells of.
#[derive(Debug, Deserialize)]
pub(super) struct Versions {
    pub(super) latest: AgentVersion,
}

/// `GET /agents/{name}/versions/{version}`, and `versions.latest` of an agent.
#[derive(Debug, Deserialize)]
pub(super) struct AgentVersion {
    pub(super) version: String,
    /// By name of the field, so that none is lost unseen.
    pub(super) definition: BTreeMap<String, Json>,
}

/// A tool of a definition, where it is a function.
#[derive(Debug, Deserialize)]
pub(super) struct Function {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Option<Json>,
}
