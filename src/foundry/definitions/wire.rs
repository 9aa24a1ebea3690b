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

/// `GET /assistants/{id}`.
#[derive(Debug, Deserialize)]
pub(super) struct Assistant {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) instructions: Option<String>,
    #[serde(default)]
    pub(super) tools: Vec<Json>,
    #[serde(default)]
    pub(super) temperature: Option<f64>,
    #[serde(default)]
    pub(super) top_p: Option<f64>,
}

/// A tool of a definition. A function of a new agent is flat, one of a classic agent is nested.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) function: Option<Function>,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Option<Json>,
}

/// A function.
#[derive(Debug, Deserialize)]
pub(super) struct Function {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Option<Json>,
}
