//! `GET /v1/models` and `GET /v1/models/{id}`: aliases and agents.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use percent_encoding::percent_decode_str;

use crate::{
    agent::{AgentReference, model_name, permission},
    app::AppState,
    error::ApiError,
    identity::callers::Caller,
    middleware::RequestId,
    openai::models::{Model, ModelList},
};

/// Every alias, then every agent that the caller may use.
pub async fn list(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ModelList>, ApiError> {
    let is_allowed = |model: &str, agent: &AgentReference| {
        permission::is_allowed(&caller.policy, model, agent, &app.config.agents)
    };
    let agents = app.directory.agents(&request_id.0).await?;
    let created_of = |reference: &AgentReference| {
        let listed = agents
            .iter()
            .find(|agent| agent.reference == unversioned(reference));
        listed.map(|agent| agent.created_at)
    };
    let aliases = app.config.agents.aliases.iter();
    let mut models: Vec<_> = aliases
        .filter_map(|(alias, _)| {
            let agent = model_name::resolve(alias, &app.config.agents)?.reference;
            let created_at = created_of(&agent).unwrap_or_default();
            is_allowed(alias, &agent).then(|| Model::new(alias, created_at))
        })
        .collect();
    models.extend(
        agents
            .iter()
            .filter(|agent| is_allowed("", &agent.reference))
            .map(|agent| Model::new(agent.reference.to_string(), agent.created_at))
            .filter(|model| !app.config.agents.aliases.contains_key(&model.id)),
    );
    Ok(Json(ModelList::new(models)))
}

/// One alias or agent. Ids may hold `/`, which the Functions host hands on encoded twice.
pub async fn retrieve(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Model>, ApiError> {
    let id = percent_decode_str(&id).decode_utf8_lossy().into_owned();
    let not_found = || ApiError::model_not_found(&id);
    let seen = permission::resolve_for(&caller.policy, &id, &app.config.agents);
    let seen = seen.filter(|seen| seen.is_allowed).ok_or_else(not_found)?;
    let agent = seen.agent.reference;
    let listed = app
        .directory
        .find(&unversioned(&agent), &request_id.0)
        .await?;
    let listed = listed.ok_or_else(not_found)?;
    if let AgentReference::New {
        name,
        version: Some(version),
    } = &agent
        && !app
            .directory
            .has_version(name, version, &request_id.0)
            .await?
    {
        return Err(not_found());
    }
    Ok(Json(Model::new(id, listed.created_at)))
}

/// The agent as listings show it.
fn unversioned(reference: &AgentReference) -> AgentReference {
    match reference {
        AgentReference::New { name, .. } => AgentReference::New {
            name: name.clone(),
            version: None,
        },
        classic @ AgentReference::Classic { .. } => classic.clone(),
    }
}
