//! `GET /v1/models` and `GET /v1/models/{id}`: aliases and agents.

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use percent_encoding::percent_decode_str;

use crate::{
    agent::{AgentReference, model_name::ResolvedAgent, permission},
    app::AppState,
    config::projects::DEFAULT_PROJECT,
    error::ApiError,
    identity::callers::Caller,
    middleware::RequestId,
    openai::models::{Model, ModelList},
};

/// Every alias, then every agent of the default project, as far as the caller may use them. When an agent of another
/// project was made is not asked for: a project that does not answer must not hold up the list.
pub async fn list(
    State(app): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ModelList>, ApiError> {
    let agents = match app.projects.default_project() {
        Some(project) => {
            let directory = app.reach(project, &caller).directory;
            directory.agents(&request_id.0).await?
        }
        None => Vec::new(),
    };
    let created_of = |resolved: &ResolvedAgent| {
        let reference = unversioned(&resolved.reference);
        let mut agents = agents
            .iter()
            .filter(|_| resolved.project == DEFAULT_PROJECT);
        let listed = agents.find(|agent| agent.reference == reference);
        listed.map(|agent| agent.created_at)
    };
    let aliases = app.config.agents.aliases.iter();
    let mut models: Vec<_> = aliases
        .filter_map(|(alias, _)| {
            let seen = permission::resolve_for(&caller.policy, alias, &app.config.agents)?;
            let created_at = created_of(&seen.agent).unwrap_or_default();
            seen.is_allowed.then(|| Model::new(alias, created_at))
        })
        .collect();
    models.extend(
        agents
            .iter()
            .map(|agent| Model::new(agent.reference.to_string(), agent.created_at))
            .filter(|model| permission::allows_agent(&caller.policy, &model.id, &app.config.agents))
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
    let (seen, project) = app.resolve(&id, &caller).ok_or_else(not_found)?;
    if !seen.is_allowed {
        return Err(not_found());
    }
    let agent = seen.agent.reference;
    let listed = project
        .directory
        .find(&unversioned(&agent), &request_id.0)
        .await?;
    let listed = listed.ok_or_else(not_found)?;
    if let AgentReference::New {
        name,
        version: Some(version),
    } = &agent
        && !project
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
