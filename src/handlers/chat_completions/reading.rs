//! A request, from its bytes to its place in a conversation.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::Instant;

use super::{conversation, forbidden, overriding};
use crate::{
    agent::{
        Failure, FailureKind, Head, Message, Turn, model_name::ResolvedAgent, permission::Seen,
    },
    app::AppState,
    config::limits::LimitsConfig,
    continuity::conversation::{self as continuity, Placed, Unplaceable},
    error::ApiError,
    foundry::{self, Call, Foundry},
    handlers::public_url,
    identity::callers::Caller,
    openai::chat::{AnswerHead, to_turn, tool_results},
    random_id::random_id,
    telemetry::RequestTelemetry,
};

/// A request that has been read, and whose conversation is found.
pub(super) struct Asked {
    pub(super) agent: ResolvedAgent,
    pub(super) foundry: Arc<Foundry>,
    pub(super) head: AnswerHead,
    pub(super) include_usage: bool,
    pub(super) ignored: Vec<String>,
    pub(super) placed: Box<Placed>,
    pub(super) public_url: String,
    pub(super) call: Call,
}

/// Reads a request and finds its conversation.
///
/// A function of its own, so that head and body of the request are gone before the agent is waited for: the smallest
/// part of them would keep the whole buffer that they were read into, and make the server take another one.
pub(super) async fn read(
    app: &AppState,
    request_id: String,
    caller: &Caller,
    telemetry: &RequestTelemetry,
    headers: HeaderMap,
    body: Body,
) -> Result<Asked, ApiError> {
    let limits = &app.config.limits;
    let body = read_body(body, limits).await?;
    let envelope = to_turn::read_envelope(&body)?;
    let Some((Seen { agent, is_allowed }, project)) = app.resolve(&envelope.model, caller) else {
        return Err(ApiError::model_not_found(&envelope.model));
    };
    let foundry = project.foundry;
    let request = to_turn::read_request(&envelope, &agent, &|id| {
        let (in_project, file) = app.file_ids.file(&caller.name.0, id)?;
        (in_project == agent.project).then_some(file)
    })?;
    let said = conversation::read(&envelope.fields, &headers, &app.config.continuity)?;
    if !is_allowed {
        return Err(forbidden::as_if_missing(
            &agent.reference,
            &request,
            &said,
            &envelope.model,
        ));
    }
    let total = if envelope.stream {
        limits.stream_total
    } else {
        limits.response_total
    };
    let call = Call {
        request_id,
        deadline: Instant::now() + total,
    };
    let (turn, ignored) =
        overriding::settle(&foundry, &agent.reference, &envelope.model, request, &call).await?;
    let placing = Box::pin(place(app, &caller.name.0, &agent, &said, turn));
    let mut placed = telemetry.placing(placing, said.on, said.looks_up()).await?;
    if let Some(run) = placed.given_up.take() {
        foundry::forget(&foundry, Head::Run(run), call.request_id.clone());
    }
    let recorder = placed.recorder.as_ref();
    let thread_id = recorder.map(|recorder| recorder.thread_id().to_owned());
    let head = AnswerHead {
        id: random_id("chatcmpl-"),
        created: unix_time(),
        model: envelope.model,
        thread_id,
        show_reasoning: app.config.agents.reasoning_content,
    };
    Ok(Asked {
        agent,
        foundry,
        head,
        include_usage: envelope.include_usage,
        ignored,
        placed,
        public_url: public_url::of(app.config.content.public_url.as_deref(), &headers),
        call,
    })
}

/// Finds the turn's conversation, unless continuity is off.
async fn place(
    app: &AppState,
    caller: &str,
    agent: &ResolvedAgent,
    said: &conversation::Said,
    turn: Turn,
) -> Result<Box<Placed>, ApiError> {
    if !said.on {
        if let Some(Message::ToolResult { call_id, .. }) = turn.conversation().next() {
            return Err(tool_results::unknown_call(0, call_id));
        }
        return Ok(Box::new(Placed::stateless(turn)));
    }
    let request = continuity::Request {
        caller,
        agent,
        name: &said.name,
        id: said.id.as_deref(),
        recognise: said.recognise,
    };
    let placed = app.conversations.place(&request, turn).await;
    placed.map_err(|unplaceable| match unplaceable {
        Unplaceable::Unknown => ApiError::conversation_not_found(),
        Unplaceable::InUse => ApiError::from(Failure::new(
            FailureKind::ConversationBusy,
            "the conversation is in use by another request; try again, or send the whole history",
        )),
        Unplaceable::StoreFailed(error) => ApiError::store_failed(error.to_string()),
        Unplaceable::UnknownCall(id) => tool_results::unknown_call(0, &id),
        Unplaceable::MissingResults(ids) => tool_results::missing_results(None, &ids),
    })
}

async fn read_body(body: Body, limits: &LimitsConfig) -> Result<Bytes, ApiError> {
    let limit = limits.request_body_bytes;
    // Before a byte is read: a client that waits for `100 Continue` is spared sending the rest.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if limit < announced {
        return Err(ApiError::body_too_large(limit));
    }
    let read = Limited::new(body, limit).collect();
    match tokio::time::timeout(limits.request_body, read).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::body_too_large(limit)),
        Ok(Err(_)) => Err(ApiError::body_broken_off()),
        Err(_) => Err(ApiError::body_timed_out()),
    }
}

/// Unix seconds.
fn unix_time() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}
