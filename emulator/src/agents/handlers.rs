//! The management operations on new agents.

use http::StatusCode;
use serde_json::{Value, json};

use super::Agent;
use super::definition::{check_name, endpoint_json, read_version};
use crate::catalogue::Persona;
use crate::error::ServiceError;
use crate::paging::PageQuery;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::store::Store;

/// `GET /agents`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let kind = request.query("kind");
    let project = context.project.lock();
    let agents = project
        .agents
        .iter()
        .filter(|agent| {
            let own = agent
                .version(None)
                .and_then(|version| version.definition.get("kind"));
            kind.is_none_or(|kind| own.and_then(Value::as_str) == Some(kind))
        })
        .map(Agent::json)
        .collect();
    Ok(Reply::json(query.page(agents)))
}

/// `POST /agents`
pub(crate) fn create(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    let name = body
        .get("name")
        .and_then(Value::as_str)
        .ok_or_else(|| ServiceError::missing_parameter("name"))?;
    let version = read_version(context, &body)?;
    check_name(name)?;
    let mut project = context.project.lock();
    if project.agents.get(name).is_some() {
        return Err(ServiceError::front_door(
            StatusCode::CONFLICT,
            "conflict",
            format!("Agent {name} already exists"),
        ));
    }
    let mut agent = Agent::new(name, Persona::Assistant);
    agent.add_version(version);
    let reply = Reply::json(agent.json());
    project.agents.insert(agent);
    Ok(reply)
}

/// `GET /agents/{name}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    let agent = find(&project.agents, request.segment(0))?;
    Ok(Reply::json(agent.json()))
}

/// `POST /agents/{name}`: a new version when the definition changes.
pub(crate) fn update(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let version = read_version(context, &request.json_object()?)?;
    let mut project = context.project.lock();
    let agent = find_mut(&mut project.agents, request.segment(0))?;
    agent.add_version(version);
    Ok(Reply::json(agent.json()))
}

/// `PATCH /agents/{name}`: merges the settings of the agent's endpoint.
pub(crate) fn patch(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    let mut project = context.project.lock();
    let agent = find_mut(&mut project.agents, request.segment(0))?;
    if let Some(endpoint) = body.get("agent_endpoint") {
        agent.endpoint = (!endpoint.is_null()).then(|| endpoint_json(endpoint));
    }
    Ok(Reply::json(agent.json()))
}

/// `DELETE /agents/{name}`
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let name = request.segment(0);
    match context.project.lock().agents.remove(name) {
        Some(_) => Ok(Reply::json(
            json!({"object": "agent.deleted", "name": name, "deleted": true}),
        )),
        None => Err(unknown_agent(name)),
    }
}

/// `POST /agents/{name}:enable`
pub(crate) fn enable(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    switch(context, request, true)
}

/// `POST /agents/{name}:disable`
pub(crate) fn disable(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    switch(context, request, false)
}

fn switch(
    context: &Context,
    request: &ServiceRequest,
    enabled: bool,
) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    find_mut(&mut project.agents, request.segment(0))?.enabled = enabled;
    let mut reply = Reply::json(Value::Null);
    reply.status = StatusCode::NO_CONTENT;
    Ok(reply)
}

/// `POST /agents/{name}/versions`: makes the agent too when there is none.
pub(crate) fn create_version(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let name = request.segment(0);
    let version = read_version(context, &request.json_object()?)?;
    check_name(name)?;
    let mut project = context.project.lock();
    if project.agents.get(name).is_none() {
        project.agents.insert(Agent::new(name, Persona::Assistant));
    }
    let agent = find_mut(&mut project.agents, name)?;
    agent.add_version(version);
    let body = agent
        .version(None)
        .map(|version| agent.version_json(version));
    Ok(Reply::json(json!(body)))
}

/// `GET /agents/{name}/versions`
pub(crate) fn list_versions(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let project = context.project.lock();
    let agent = find(&project.agents, request.segment(0))?;
    let versions = agent
        .versions
        .iter()
        .map(|version| agent.version_json(version))
        .collect();
    Ok(Reply::json(query.page(versions)))
}

/// `GET /agents/{name}/versions/{version}`
pub(crate) fn get_version(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    let agent = find(&project.agents, request.segment(0))?;
    let version = agent
        .version(Some(request.segment(1)))
        .ok_or_else(|| unknown_version(&agent.name, request.segment(1)))?;
    Ok(Reply::json(agent.version_json(version)))
}

/// `DELETE /agents/{name}/versions/{version}`: the agent goes with its last version.
pub(crate) fn delete_version(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let (name, version) = (request.segment(0), request.segment(1));
    let mut project = context.project.lock();
    let agent = find_mut(&mut project.agents, name)?;
    let place = agent
        .versions
        .iter()
        .position(|known| known.version == version)
        .ok_or_else(|| unknown_version(name, version))?;
    agent.versions.remove(place);
    if agent.versions.is_empty() {
        project.agents.remove(name);
    }
    Ok(Reply::json(json!({
        "object": "agent.version.deleted",
        "name": name,
        "version": version,
        "deleted": true,
    })))
}

/// 404 for an agent that does not exist.
pub(crate) fn unknown_agent(name: &str) -> ServiceError {
    ServiceError::agent_not_found(format!("Agent {name} doesn't exist"))
}

/// 404 for a version that does not exist.
pub(crate) fn unknown_version(name: &str, version: &str) -> ServiceError {
    ServiceError::agent_not_found(format!("Agent {name} with version {version} not found"))
}

fn find<'a>(agents: &'a Store<Agent>, name: &str) -> Result<&'a Agent, ServiceError> {
    agents.get(name).ok_or_else(|| unknown_agent(name))
}

fn find_mut<'a>(agents: &'a mut Store<Agent>, name: &str) -> Result<&'a mut Agent, ServiceError> {
    agents.get_mut(name).ok_or_else(|| unknown_agent(name))
}
