//! The operations on responses.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::StoredResponse;
use super::player::{Delivered, ResponsePlayer};
use super::prepare::{Prepared, conversation, prepare, settings};
use super::request::{Mode, ResponseRequest};
use crate::answer::Answer;
use crate::behaviour::Fault;
use crate::catalogue::Dialect;
use crate::error::ServiceError;
use crate::paging::PageQuery;
use crate::project::Project;
use crate::refusals;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;
use crate::stream::{Player, wait_before};

/// `POST /responses`
pub(crate) fn create<'a>(
    context: &'a Context,
    request: &'a ServiceRequest,
) -> BoxFuture<'a, Result<Reply, ServiceError>> {
    Box::pin(create_response(context, request))
}

async fn create_response(
    context: &Context,
    request: &ServiceRequest,
) -> Result<Reply, ServiceError> {
    let asked = ResponseRequest::read(request)?;
    let prepared = prepare(context, request, &asked)?;
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
        ("x-agent-session-id", prepared.session.clone()),
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

fn find<'a>(project: &'a mut Project, id: &str) -> Result<&'a mut StoredResponse, ServiceError> {
    project.responses.get_mut(id).ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> ServiceError {
    ServiceError::not_found(format!("Response with id '{id}' not found."))
}
