//! Classic agents themselves, called assistants on the wire.

use serde_json::{Map, Value, json};

use super::tool_resources;
use crate::agents::weather_parameters;
use crate::catalogue::{BuiltIn, Dialect, MODEL, Persona};
use crate::clock::Clock;
use crate::error::ServiceError;
use crate::ids;
use crate::metadata;
use crate::paging::PageQuery;
use crate::project::Project;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::store::Identified;

/// A classic agent.
#[derive(Clone, Debug)]
pub(crate) struct Assistant {
    pub(crate) id: String,
    /// How it answers; assistants made by a client answer like the default agent.
    pub(crate) persona: Persona,
    created_at: u64,
    name: Value,
    description: Value,
    pub(crate) model: String,
    pub(crate) instructions: Value,
    pub(crate) tools: Value,
    pub(crate) top_p: Value,
    pub(crate) temperature: Value,
    tool_resources: Value,
    metadata: Value,
    pub(crate) response_format: Value,
}

impl Identified for Assistant {
    fn id(&self) -> &str {
        &self.id
    }
}

impl Assistant {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "assistant",
            "created_at": self.created_at,
            "name": self.name,
            "description": self.description,
            "model": self.model,
            "instructions": self.instructions,
            "tools": self.tools,
            "top_p": self.top_p,
            "temperature": self.temperature,
            "tool_resources": self.tool_resources,
            "metadata": self.metadata,
            "response_format": self.response_format,
        })
    }

    /// Takes over the fields that `body` gives.
    fn change(&mut self, body: &Map<String, Value>) -> Result<(), ServiceError> {
        if let Some(model) = body.get("model") {
            model
                .as_str()
                .ok_or_else(|| ServiceError::invalid_type("model", "a string"))?
                .clone_into(&mut self.model);
        }
        let fields = [
            ("name", &mut self.name),
            ("description", &mut self.description),
            ("instructions", &mut self.instructions),
            ("top_p", &mut self.top_p),
            ("temperature", &mut self.temperature),
            ("response_format", &mut self.response_format),
        ];
        for (name, field) in fields {
            if let Some(value) = body.get(name).filter(|value| !value.is_null()) {
                field.clone_from(value);
            }
        }
        if let Some(tools) = body.get("tools") {
            self.tools = read_tools(tools)?;
        }
        if body.contains_key("tool_resources") {
            self.tool_resources = tool_resources(body)?;
        }
        if body.contains_key("metadata") {
            self.metadata = metadata::read(body)?;
        }
        Ok(())
    }

    fn new(id: String, persona: Persona, clock: Clock) -> Assistant {
        Assistant {
            id,
            persona,
            created_at: clock.unix_seconds(),
            name: Value::Null,
            description: Value::Null,
            model: MODEL.to_owned(),
            instructions: Value::Null,
            tools: json!([]),
            top_p: json!(1.0),
            temperature: json!(1.0),
            tool_resources: json!({}),
            metadata: json!({}),
            response_format: json!("auto"),
        }
    }
}

/// The built-in assistants.
pub(crate) fn built_in(clock: Clock) -> impl Iterator<Item = Assistant> {
    BuiltIn::of(Dialect::Threads).map(move |built_in| {
        let tools = if built_in.persona == Persona::Weather {
            json!([{"type": "function", "function": {
                "name": "get_weather",
                "description": "Get the current weather for a location.",
                "parameters": weather_parameters(),
                "strict": false,
            }}])
        } else {
            json!([])
        };
        Assistant {
            name: json!(built_in.name),
            description: json!(built_in.description),
            instructions: json!(BuiltIn::INSTRUCTIONS),
            tools,
            ..Assistant::new(built_in.assistant_id(), built_in.persona, clock)
        }
    })
}

/// A list of tools as the service shows it: every function has `strict`.
pub(crate) fn read_tools(tools: &Value) -> Result<Value, ServiceError> {
    let tools = match tools {
        Value::Null => return Ok(json!([])),
        Value::Array(tools) => tools,
        _ => return Err(ServiceError::invalid_type("tools", "an array")),
    };
    if tools.len() > 128 {
        return Err(ServiceError::invalid_request(
            Some("tool_limit_exceeded"),
            Some("tools"),
            format!(
                "Invalid 'tools': array too long. Expected at most 128, but got {}.",
                tools.len()
            ),
        ));
    }
    let mut read = Vec::new();
    for (place, tool) in tools.iter().enumerate() {
        let kind = tool
            .get("type")
            .and_then(Value::as_str)
            .ok_or_else(|| ServiceError::missing_parameter(&format!("tools[{place}].type")))?;
        if kind != "function" {
            read.push(tool.clone());
            continue;
        }
        let function = tool.get("function");
        let field = |name: &str| function.and_then(|function| function.get(name));
        let name = field("name").and_then(Value::as_str).ok_or_else(|| {
            ServiceError::missing_parameter(&format!("tools[{place}].function.name"))
        })?;
        read.push(json!({"type": "function", "function": {
            "name": name,
            "description": field("description"),
            "parameters": field("parameters").cloned().unwrap_or_else(|| {
                json!({"type": "object", "properties": {}})
            }),
            "strict": field("strict").and_then(Value::as_bool).unwrap_or(false),
        }}));
    }
    Ok(Value::Array(read))
}

/// `GET /assistants`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let project = context.project.lock();
    Ok(Reply::json(query.page(
        project.assistants.iter().map(Assistant::json).collect(),
    )))
}

/// `POST /assistants`
pub(crate) fn create(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    if !body.contains_key("model") {
        return Err(ServiceError::missing_parameter("model"));
    }
    let mut assistant = Assistant::new(ids::classic("asst"), Persona::Assistant, context.clock);
    assistant.change(&body)?;
    let reply = Reply::json(assistant.json());
    context.project.lock().assistants.insert(assistant);
    Ok(reply)
}

/// `GET /assistants/{id}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let project = context.project.lock();
    Ok(Reply::json(find(&project, request.segment(0))?.json()))
}

/// `POST /assistants/{id}`
pub(crate) fn update(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let body = request.json_object()?;
    let id = request.segment(0);
    let mut project = context.project.lock();
    let assistant = project.assistants.get_mut(id).ok_or_else(|| unknown(id))?;
    assistant.change(&body)?;
    Ok(Reply::json(assistant.json()))
}

/// `DELETE /assistants/{id}`
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let id = request.segment(0);
    match context.project.lock().assistants.remove(id) {
        Some(_) => Ok(Reply::json(
            json!({"id": id, "object": "assistant.deleted", "deleted": true}),
        )),
        None => Err(unknown(id)),
    }
}

/// The assistant of this id.
pub(crate) fn find<'a>(project: &'a Project, id: &str) -> Result<&'a Assistant, ServiceError> {
    project.assistants.get(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("No assistant found with id '{id}'."))
}
