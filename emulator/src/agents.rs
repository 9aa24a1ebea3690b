//! New agents: versions, the agent's own endpoint, and their management operations.
//!
//! Shapes as recorded in `new/prompt_agent_endpoint_responses.v1.json` and `new/function_tool.v1.json`.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::catalogue::{BuiltIn, Dialect, MODEL, Persona};
use crate::clock::Clock;
use crate::error::ServiceError;
use crate::ids;
use crate::metadata;
use crate::paging::PageQuery;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::store::Identified;

/// The longest agent name.
const LONGEST_NAME: usize = 63;

/// An agent and its versions, which never change.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    pub(crate) name: String,
    /// How it answers; agents made by a client answer like the default one.
    pub(crate) persona: Persona,
    identity: AgentIdentity,
    versions: Vec<AgentVersion>,
    next_version: u64,
    endpoint: Option<Value>,
    enabled: bool,
}

/// The principals that the service makes for an agent.
#[derive(Clone, Debug)]
struct AgentIdentity {
    instance: String,
    blueprint: String,
    blueprint_client: String,
    agent_guid: String,
}

/// One version of an agent.
#[derive(Clone, Debug)]
pub(crate) struct AgentVersion {
    pub(crate) version: String,
    description: String,
    metadata: Value,
    created_at: u64,
    /// The definition, `kind` first.
    pub(crate) definition: Value,
}

impl Identified for Agent {
    fn id(&self) -> &str {
        &self.name
    }
}

/// The built-in agents, each with a version 1.
pub(crate) fn built_in(clock: Clock) -> impl Iterator<Item = Agent> {
    BuiltIn::of(Dialect::Responses).map(move |built_in| {
        let mut definition = json!({
            "kind": "prompt",
            "model": MODEL,
            "instructions": BuiltIn::INSTRUCTIONS,
        });
        if built_in.persona == Persona::Weather
            && let Some(definition) = definition.as_object_mut()
        {
            definition.insert(
                "tools".to_owned(),
                json!([{
                    "type": "function",
                    "name": "get_weather",
                    "description": "Get the current weather for a location.",
                    "parameters": weather_parameters(),
                    "strict": true,
                }]),
            );
        }
        let mut agent = Agent::new(built_in.name, built_in.persona);
        agent.add_version(AgentVersion {
            version: String::new(),
            description: built_in.description.to_owned(),
            metadata: json!({}),
            created_at: clock.unix_seconds(),
            definition,
        });
        agent
    })
}

/// The arguments of the weather agents' function.
pub(crate) fn weather_parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "A city name like Seattle or London"},
        },
        "required": ["location"],
        "additionalProperties": false,
    })
}

impl Agent {
    fn new(name: &str, persona: Persona) -> Agent {
        Agent {
            name: name.to_owned(),
            persona,
            identity: AgentIdentity {
                instance: ids::uuid(),
                blueprint: ids::uuid(),
                blueprint_client: ids::uuid(),
                agent_guid: ids::uuid(),
            },
            versions: Vec::new(),
            next_version: 1,
            endpoint: None,
            enabled: true,
        }
    }

    fn add_version(&mut self, version: AgentVersion) {
        let number = self.next_version.to_string();
        self.next_version += 1;
        self.versions.push(AgentVersion {
            version: number,
            ..version
        });
    }

    /// The version of this number, or the latest.
    pub(crate) fn version(&self, wanted: Option<&str>) -> Option<&AgentVersion> {
        match wanted {
            None => self.versions.last(),
            Some(wanted) => self
                .versions
                .iter()
                .find(|version| version.version == wanted),
        }
    }

    /// The version that the agent's own endpoint uses, and whether a rule pins it.
    pub(crate) fn endpoint_version(&self) -> (Option<&AgentVersion>, bool) {
        let pinned = self
            .endpoint
            .as_ref()
            .and_then(|endpoint| {
                endpoint.pointer("/version_selector/version_selection_rules/0/agent_version")
            })
            .and_then(Value::as_str);
        match pinned {
            Some("@latest") | None => (self.version(None), false),
            Some(pinned) => (self.version(Some(pinned)), true),
        }
    }

    /// Whether the agent may be called.
    pub(crate) fn is_enabled(&self) -> bool {
        self.enabled
    }

    fn version_json(&self, version: &AgentVersion) -> Value {
        let mut body = json!({
            "metadata": version.metadata,
            "object": "agent.version",
            "id": format!("{}:{}", self.name, version.version),
            "name": self.name,
            "version": version.version,
            "description": version.description,
            "created_at": version.created_at,
            "definition": version.definition,
            "status": "active",
        });
        self.add_identity(&mut body);
        if let Some(body) = body.as_object_mut() {
            body.insert("agent_guid".to_owned(), json!(self.identity.agent_guid));
        }
        body
    }

    fn json(&self) -> Value {
        let mut body = json!({
            "object": "agent",
            "id": self.name,
            "name": self.name,
            "state": if self.enabled { "enabled" } else { "disabled" },
            "versions": {"latest": self.version(None).map(|version| self.version_json(version))},
        });
        if let (Some(endpoint), Some(body)) = (&self.endpoint, body.as_object_mut()) {
            body.insert("agent_endpoint".to_owned(), endpoint.clone());
        }
        self.add_identity(&mut body);
        body
    }

    fn add_identity(&self, body: &mut Value) {
        let identity = &self.identity;
        let short = identity.agent_guid.get(..5).unwrap_or_default();
        if let Some(body) = body.as_object_mut() {
            body.insert(
                "instance_identity".to_owned(),
                json!({"principal_id": identity.instance, "client_id": identity.instance}),
            );
            body.insert(
                "blueprint".to_owned(),
                json!({"principal_id": identity.blueprint, "client_id": identity.blueprint_client}),
            );
            body.insert(
                "blueprint_reference".to_owned(),
                json!({
                    "type": "ManagedAgentIdentityBlueprint",
                    "blueprint_id": format!("{}-{short}", self.name),
                }),
            );
        }
    }
}

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

fn find<'a>(agents: &'a crate::store::Store<Agent>, name: &str) -> Result<&'a Agent, ServiceError> {
    agents.get(name).ok_or_else(|| unknown_agent(name))
}

fn find_mut<'a>(
    agents: &'a mut crate::store::Store<Agent>,
    name: &str,
) -> Result<&'a mut Agent, ServiceError> {
    agents.get_mut(name).ok_or_else(|| unknown_agent(name))
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    let edge = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_alphanumeric());
    let allowed = name
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    let fits = name.len() <= LONGEST_NAME;
    if allowed && fits && edge(name.chars().next()) && edge(name.chars().last()) {
        return Ok(());
    }
    Err(ServiceError::invalid_request(
        Some("invalid_parameters"),
        Some("name"),
        "The agent name must start and end with an alphanumeric character, can contain hyphens in the middle, and may have at most 63 characters.",
    ))
}

fn read_version(
    context: &Context,
    body: &Map<String, Value>,
) -> Result<AgentVersion, ServiceError> {
    let definition = match body.get("definition") {
        Some(Value::Object(definition)) => definition,
        Some(_) => return Err(ServiceError::invalid_type("definition", "an object")),
        None => return Err(ServiceError::missing_parameter("definition")),
    };
    let kind = definition
        .get("kind")
        .and_then(Value::as_str)
        .ok_or_else(|| ServiceError::missing_parameter("definition.kind"))?;
    if kind == "prompt" && definition.get("model").and_then(Value::as_str).is_none() {
        return Err(ServiceError::missing_parameter("definition.model"));
    }
    Ok(AgentVersion {
        version: String::new(),
        description: body
            .get("description")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
        metadata: metadata::read(body)?,
        created_at: context.clock.unix_seconds(),
        definition: ordered_definition(definition),
    })
}

/// The definition with the service's order of keys: `kind`, `model`, `instructions`, then the rest; in tools `type`
/// comes first.
fn ordered_definition(definition: &Map<String, Value>) -> Value {
    let mut ordered = first_keys(definition, &["kind", "model", "instructions"]);
    if let Some(Value::Array(tools)) = ordered.get_mut("tools") {
        for tool in tools {
            if let Value::Object(object) = tool {
                *object = first_keys(object, &["type"]);
            }
        }
    }
    Value::Object(ordered)
}

fn first_keys(object: &Map<String, Value>, first: &[&str]) -> Map<String, Value> {
    let leading = first.iter().filter_map(|key| object.get_key_value(*key));
    let others = object
        .iter()
        .filter(|(key, _)| !first.contains(&key.as_str()));
    leading
        .chain(others)
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// The endpoint's settings as the service shows them: `type` first in rules, the protocols by name, the default scheme.
fn endpoint_json(settings: &Value) -> Value {
    let rules: Vec<Value> = settings
        .pointer("/version_selector/version_selection_rules")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(|rule| Value::Object(first_keys(rule, &["type"])))
        .collect();
    let configuration = settings
        .get("protocol_configuration")
        .cloned()
        .unwrap_or_else(|| json!({"responses": {}}));
    let protocols: Vec<&String> = configuration
        .as_object()
        .map(|configuration| configuration.keys().collect())
        .unwrap_or_default();
    json!({
        "version_selector": {"version_selection_rules": rules},
        "protocols": protocols,
        "protocol_configuration": configuration,
        "authorization_schemes": settings.get("authorization_schemes").cloned().unwrap_or_else(|| {
            json!([{"type": "Entra", "isolation_key_source": {"kind": "Entra"}}])
        }),
    })
}
