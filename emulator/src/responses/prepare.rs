//! What a request refers to, looked up: the agent, earlier items, the conversation.

use serde_json::{Value, json};

use super::items;
use super::object::{AgentLabel, Settings};
use super::request::{Answerer, Mode, ResponseRequest, function_tools, text_format};
use crate::agents::handlers::{unknown_agent, unknown_version};
use crate::agents::{definition_kind, hosting};
use crate::brain::Conversation;
use crate::catalogue::Persona;
use crate::conversations::{self, ConversationLease};
use crate::error::ServiceError;
use crate::files;
use crate::ids;
use crate::project::Project;
use crate::request::ServiceRequest;
use crate::service::Context;

/// Who answers, with everything that is known of it.
pub(super) struct Answering {
    pub(super) persona: Persona,
    pub(super) label: Option<AgentLabel>,
    /// The agent's definition, or the request's own options for a model.
    pub(super) definition: Value,
    pub(super) pinned: Option<bool>,
}

/// A request with everything it refers to.
pub(super) struct Prepared {
    pub(super) answering: Answering,
    pub(super) lease: Option<ConversationLease>,
    pub(super) input: Vec<Value>,
    /// Earlier items and the input.
    pub(super) context: Vec<Value>,
    /// The session of a hosted agent.
    pub(super) session: Option<String>,
}

/// Looks up what the request refers to: the agent, earlier items, the conversation.
pub(super) fn prepare(
    context: &Context,
    request: &ServiceRequest,
    asked: &ResponseRequest,
) -> Result<Prepared, ServiceError> {
    let mut project = context.project.lock();
    let answering = answering(&project, asked)?;
    hosting::check_features(&answering.definition, request)?;
    if answering.persona == Persona::RefusesStore && !asked.store {
        return Err(ServiceError::invalid_request(
            Some("unsupported_value"),
            Some("store"),
            "Unsupported value: 'store' must be true when an agent is specified.",
        ));
    }
    let earlier = match (&asked.previous_response_id, &asked.conversation_id) {
        (Some(id), _) => items_up_to(&mut project, id)?,
        (None, Some(id)) => {
            let conversation = project.conversations.get(id);
            let conversation = conversation.ok_or_else(|| conversations::unknown(id))?;
            conversation.items.clone()
        }
        (None, None) => Vec::new(),
    };
    let input: Vec<Value> = asked.input.iter().cloned().map(items::with_id).collect();
    files::check_items(&project, &input)?;
    let mut all = earlier;
    all.extend_from_slice(&input);
    items::check_pairs(&all)?;
    let lease = match &asked.conversation_id {
        Some(id) => Some(ConversationLease::take(&context.project, &mut project, id)?),
        None => None,
    };
    let asked_session = asked.body.get("agent_session_id").and_then(Value::as_str);
    let session = hosting::session(&mut project, &answering.definition, asked_session)?;
    Ok(Prepared {
        session,
        answering,
        lease,
        input,
        context: all,
    })
}

fn answering(project: &Project, asked: &ResponseRequest) -> Result<Answering, ServiceError> {
    let (name, version, by_endpoint) = match &asked.answerer {
        Answerer::Model => {
            return Ok(Answering {
                persona: Persona::Assistant,
                label: None,
                definition: Value::Object(asked.body.clone()),
                pinned: None,
            });
        }
        Answerer::Agent {
            name,
            version,
            by_endpoint,
        } => (name, version, *by_endpoint),
    };
    let agent = project
        .agents
        .get(name)
        .ok_or_else(|| unknown_agent(name))?;
    if !agent.is_enabled() {
        return Err(ServiceError::invalid_request(
            Some("agent_disabled"),
            None,
            format!("Agent {name} is disabled."),
        ));
    }
    let (found, pinned) = if by_endpoint {
        let (found, pinned) = agent.endpoint_version();
        (found, Some(pinned))
    } else {
        (agent.version(version.as_deref()), None)
    };
    let wanted = version.as_deref().unwrap_or("latest");
    let found = found.ok_or_else(|| unknown_version(name, wanted))?;
    let kind = definition_kind(&found.definition);
    if kind != agent.persona.kind().unwrap_or("prompt") {
        return Err(ServiceError::not_emulated(&format!(
            "an agent of kind {kind}"
        )));
    }
    Ok(Answering {
        persona: agent.persona,
        label: Some(AgentLabel {
            name: name.clone(),
            version: found.version.clone(),
        }),
        definition: found.definition.clone(),
        pinned,
    })
}

/// The items that a response was made of and its output.
fn items_up_to(project: &mut Project, id: &str) -> Result<Vec<Value>, ServiceError> {
    let response = project.responses.get_mut(id).ok_or_else(|| {
        ServiceError::invalid_request(
            Some("previous_response_not_found"),
            Some("previous_response_id"),
            format!("Previous response with id '{id}' not found."),
        )
    })?;
    response.settle();
    let mut items = response.context.clone();
    items.extend_from_slice(response.player.output());
    Ok(items)
}

/// The conversation as the agent sees it.
pub(super) fn conversation(asked: &ResponseRequest, prepared: &Prepared) -> Conversation {
    let definition = &prepared.answering.definition;
    Conversation {
        instructions: definition
            .get("instructions")
            .and_then(Value::as_str)
            .map(str::to_owned)
            .into_iter()
            .collect(),
        turns: items::turns(&prepared.context),
        tools: function_tools(definition.get("tools")),
        choice: asked.tool_choice(),
        one_call_only: definition.get("parallel_tool_calls") == Some(&Value::Bool(false)),
        format: text_format(definition.get("text")),
    }
}

/// What the response will say about itself.
pub(super) fn settings(
    context: &Context,
    request: &ServiceRequest,
    asked: &ResponseRequest,
    prepared: &Prepared,
) -> Settings {
    let definition = &prepared.answering.definition;
    let or = |name: &str, default: Value| match definition.get(name) {
        None | Some(Value::Null) => default,
        Some(value) => value.clone(),
    };
    let mut text = or("text", json!({}));
    if let Some(text) = text.as_object_mut() {
        text.entry("format")
            .or_insert_with(|| json!({"type": "text"}));
        text.entry("verbosity").or_insert_with(|| json!("medium"));
    }
    let instructions = definition
        .get("instructions")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let prompt_length = instructions.as_ref().map_or(0, |text| text.chars().count())
        + prepared
            .context
            .iter()
            .map(|item| item.to_string().len())
            .sum::<usize>();
    Settings {
        id: ids::response(hosting::response_prefix(definition)),
        created_at: context.clock.unix_seconds(),
        preview: request.preview,
        agent: prepared.answering.label.clone(),
        model: or("model", json!(""))
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        instructions,
        tools: or("tools", json!([])),
        tool_choice: or("tool_choice", json!("auto")),
        parallel_tool_calls: or("parallel_tool_calls", json!(true)),
        text,
        temperature: or("temperature", json!(1)),
        top_p: or("top_p", json!(1)),
        metadata: asked.metadata.clone(),
        store: asked.store,
        background: asked.mode == Mode::Background,
        max_output_tokens: asked.max_output_tokens,
        previous_response_id: asked.previous_response_id.clone(),
        conversation_id: asked.conversation_id.clone(),
        prompt_length,
    }
}
