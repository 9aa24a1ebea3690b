//! The operations on responses.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::object::{AgentLabel, Settings};
use super::player::{Delivered, ResponsePlayer};
use super::request::{Answerer, Mode, ResponseRequest, function_tools, text_format};
use super::{StoredResponse, items};
use crate::agents::handlers::{unknown_agent, unknown_version};
use crate::answer::Answer;
use crate::behaviour::Fault;
use crate::brain::Conversation;
use crate::catalogue::{Dialect, Persona};
use crate::conversations::{self, ConversationLease};
use crate::error::ServiceError;
use crate::ids;
use crate::paging::PageQuery;
use crate::project::Project;
use crate::refusals;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::stream::{Player, delay_before, wait_before};

/// `POST /responses`
pub(crate) fn create<'a>(
    context: &'a Context,
    request: &'a ServiceRequest,
) -> BoxFuture<'a, Result<Reply, ServiceError>> {
    Box::pin(create_response(context, request))
}

/// Who answers, with everything that is known of it.
struct Answering {
    persona: Persona,
    label: Option<AgentLabel>,
    /// The agent's definition, or the request's own options for a model.
    definition: Value,
    pinned: Option<bool>,
}

/// A request with everything it refers to.
struct Prepared {
    answering: Answering,
    lease: Option<ConversationLease>,
    input: Vec<Value>,
    /// Earlier items and the input.
    context: Vec<Value>,
}

async fn create_response(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let asked = ResponseRequest::read(request)?;
    let prepared = prepare(context, &asked)?;
    let conversation = conversation(&asked, &prepared);
    let answer = context
        .answer(
            prepared.answering.persona,
            &conversation,
            Dialect::Responses,
        )
        .await?;
    let answer = answer.limited(asked.max_output_tokens);
    let settings = settings(context, request, &asked, &prepared);
    let headers = [
        ("x-ms-served-model", Some(settings.model.clone())),
        (
            "x-agent-version-resolved",
            prepared
                .answering
                .pinned
                .and(settings.agent.as_ref())
                .map(|agent| agent.version.clone()),
        ),
        (
            "x-agent-version-resolution",
            prepared
                .answering
                .pinned
                .map(|pinned| if pinned { "pinned" } else { "latest" }.to_owned()),
        ),
    ];
    let player = ResponsePlayer::new(
        settings,
        &answer,
        conversation.input_tokens(),
        asked.obfuscate,
        context.clock,
    );
    let mut reply = deliver(context, &asked, prepared, player, &answer).await?;
    for (name, value) in headers {
        if let Some(value) = value {
            reply = reply.with_header(name, &value);
        }
    }
    Ok(reply)
}

async fn deliver(
    context: &Context,
    asked: &ResponseRequest,
    prepared: Prepared,
    player: ResponsePlayer,
    answer: &Answer,
) -> Result<Reply, ServiceError> {
    if asked.mode == Mode::Background {
        return Ok(start_in_background(context, prepared, player));
    }
    let has_error_event = answer
        .faults
        .iter()
        .any(|(_, fault)| *fault == Fault::ErrorEvent);
    if has_error_event && asked.mode == Mode::Whole {
        return Err(refusals::server_error());
    }
    let mut delivered = Delivered::new(
        player,
        context.project.clone(),
        prepared.lease,
        prepared.input,
        prepared.context,
    );
    if asked.mode == Mode::Stream {
        return Ok(Reply::events(delivered).with_faults(answer.faults.clone()));
    }
    let mut body = Value::Null;
    while let Some(mark) = delivered.upcoming() {
        wait_before(mark, context.behaviour.pace()).await;
        if let Some(complete) = delivered.advance_to_json() {
            body = complete;
        }
    }
    Ok(Reply::json(body).with_faults(answer.faults.clone()))
}

fn start_in_background(context: &Context, prepared: Prepared, mut player: ResponsePlayer) -> Reply {
    // The two opening events happen at once.
    player.advance();
    player.advance();
    let reply = Reply::json(player.json());
    let pace = context.behaviour.pace();
    let id = player.id().to_owned();
    context.project.lock().responses.insert(StoredResponse {
        id,
        input: prepared.input,
        context: prepared.context,
        next_due: Some(Instant::now() + pace.first_delta),
        player,
        pace,
    });
    reply
}

/// Looks up what the request refers to: the agent, earlier items, the conversation.
fn prepare(context: &Context, asked: &ResponseRequest) -> Result<Prepared, ServiceError> {
    let mut project = context.project.lock();
    let answering = answering(&project, asked)?;
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
    let mut all = earlier;
    all.extend_from_slice(&input);
    items::check_pairs(&all)?;
    let lease = match &asked.conversation_id {
        Some(id) => Some(ConversationLease::take(&context.project, &mut project, id)?),
        None => None,
    };
    Ok(Prepared {
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
    let kind = found.definition.get("kind").and_then(Value::as_str);
    if kind != Some("prompt") {
        return Err(ServiceError::not_emulated(&format!(
            "an agent of kind {}",
            kind.unwrap_or("unknown")
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
fn conversation(asked: &ResponseRequest, prepared: &Prepared) -> Conversation {
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

fn settings(
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
        id: ids::response("resp"),
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

/// `GET /responses/{id}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    let response = find(&mut project, request.segment(0))?;
    response.settle();
    Ok(Reply::json(response.player.json()))
}

/// `DELETE /responses/{id}`
pub(crate) fn delete(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let id = request.segment(0);
    match context.project.lock().responses.remove(id) {
        Some(_) => Ok(Reply::json(
            json!({"id": id, "object": "response.deleted", "deleted": true}),
        )),
        None => Err(unknown(id)),
    }
}

/// `POST /responses/{id}/cancel`: background responses only.
pub(crate) fn cancel(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    let response = find(&mut project, request.segment(0))?;
    if response.next_due.is_none() {
        return Err(ServiceError::invalid_request(
            None,
            None,
            "Cannot cancel a synchronous response.",
        ));
    }
    // Not settled first: what nobody has seen completed can still be cancelled.
    if !response.player.is_over() {
        response.player.cancel();
    }
    Ok(Reply::json(response.player.json()))
}

/// `GET /responses/{id}/input_items`
pub(crate) fn input_items(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let mut project = context.project.lock();
    let response = find(&mut project, request.segment(0))?;
    Ok(Reply::json(query.page(response.input.clone())))
}

impl StoredResponse {
    /// Makes everything happen that was due by now.
    fn settle(&mut self) {
        while let Some(due) = self.next_due.filter(|due| *due <= Instant::now()) {
            if self.player.advance().is_none() {
                break;
            }
            let delay = self
                .player
                .upcoming()
                .map(|mark| delay_before(mark, self.pace));
            self.next_due = Some(due + delay.unwrap_or_default());
        }
    }
}

fn find<'a>(project: &'a mut Project, id: &str) -> Result<&'a mut StoredResponse, ServiceError> {
    project.responses.get_mut(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("Response with id '{id}' not found."))
}
