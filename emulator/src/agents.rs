//! New agents: their versions and their own endpoint. The operations are in [`handlers`].
//!
//! Shapes as recorded in `new/prompt_agent_endpoint_responses.v1.json` and `new/function_tool.v1.json`.

pub(crate) mod definition;
pub(crate) mod handlers;
pub(crate) mod hosting;

use serde_json::{Value, json};

use crate::catalogue::{BuiltIn, Dialect, MODEL, Persona};
use crate::clock::Clock;
use crate::ids;
use crate::store::Identified;

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
        if let Some(kind) = built_in.persona.kind() {
            definition = hosting::definition(kind);
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

/// The kind of an agent, as its definition says.
pub(crate) fn definition_kind(definition: &Value) -> &str {
    let kind = definition.get("kind").and_then(Value::as_str);
    kind.unwrap_or("unknown")
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
