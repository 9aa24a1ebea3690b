//! `GET /v1/models` and `GET /v1/models/{id}`.

use serde::Serialize;

/// The list of models.
#[derive(Debug, Serialize)]
pub struct ModelList {
    /// Always `list`.
    pub object: &'static str,
    /// The models.
    pub data: Vec<Model>,
}

/// A model: an alias or an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Model {
    /// What `model` of a request may be.
    pub id: String,
    /// Always `model`.
    pub object: &'static str,
    /// When the agent was made, in Unix seconds; 0 where that is not known.
    pub created: i64,
    /// Who offers it.
    pub owned_by: &'static str,
}

impl ModelList {
    /// A list of `data`.
    pub fn new(data: Vec<Model>) -> Self {
        Self {
            object: "list",
            data,
        }
    }
}

impl Model {
    /// A model of that id.
    pub fn new(id: impl Into<String>, created: i64) -> Self {
        Self {
            id: id.into(),
            object: "model",
            created,
            owned_by: "azure-ai-foundry",
        }
    }
}
