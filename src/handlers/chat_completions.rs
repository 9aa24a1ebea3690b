//! `POST /v1/chat/completions`.

mod conversation;
mod forbidden;
mod overriding;
mod presenting;
mod reading;
mod streamed;

use std::sync::Arc;

use axum::{
    Extension,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, header};

use self::{
    reading::Asked,
    streamed::{Opening, StreamedAnswer},
};
use crate::{
    agent::{
        AgentReference, AnswerStream, Failure, FailureKind, Turn, presentation::Presentation,
        stream::BeforeEnd,
    },
    app::AppState,
    config::limits::LimitsConfig,
    continuity::{conversation::Placed, recorder::Recorder},
    error::ApiError,
    foundry::{self, Call, Foundry},
    identity::callers::Caller,
    middleware::RequestId,
    openai::chat::{AnswerHead, answer::AnswerFold, chunks::ChunkWriter},
    telemetry::{RequestTelemetry, turn::TurnFacts},
};

/// Lets the agent that `model` names answer, at once or in a stream.
pub async fn create(
    State(app): State<AppState>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    Extension(caller): Extension<Caller>,
    Extension(telemetry): Extension<RequestTelemetry>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let reading = reading::read(&app, request_id, &caller, &telemetry, headers, body);
    let Asked {
        agent,
        foundry,
        head,
        include_usage,
        ignored,
        mut placed,
        public_url,
        call,
    } = Box::pin(reading).await?;
    let presentation =
        presenting::presentation(&app, &caller.name.0, &agent.project, public_url, &placed);
    let thread_id = head.thread_id.clone();
    let watch = telemetry.turn(&TurnFacts {
        agent: &agent,
        server: foundry.server(),
        model: &head.model,
        caller: &caller.name.0,
        conversation_id: placed.recorder.as_deref().map(Recorder::conversation_id),
        turn: &placed.turn,
    });
    let record = placed.recorder.take().map(|recorder| {
        let foundry = Arc::clone(&foundry);
        telemetry.recording(Box::new(move |ended| recorder.record(ended, foundry)))
    });
    let model = head.model.clone();
    let streamed = placed.turn.streamed;
    let request_id = call.request_id.clone();
    // Boxed before it is passed on: each future around it would hold it a second time.
    let calling = Box::pin(async move {
        let opened = open(
            &foundry,
            &agent.reference,
            &placed,
            presentation,
            record,
            &call,
        )
        .await;
        opened.map_err(|failure| naming_the_model(failure, &model))
    });
    let opening: Opening = Box::pin(watch.around(calling));
    let mut response = if streamed {
        let writer = ChunkWriter::new(head, include_usage);
        answer_in_stream(opening, writer, &app.config.limits, request_id).await?
    } else {
        answer_at_once(opening, &head).await?
    };
    if let Some(id) = thread_id.and_then(|id| HeaderValue::from_str(&id).ok()) {
        response.headers_mut().insert("x-thread-id", id);
    }
    if let Some(names) = header_list(&ignored) {
        response.headers_mut().insert("x-ignored-params", names);
    }
    Ok(response)
}

/// Calls the agent and waits for its first sign of work. A head that the service does not know any more, or that
/// is in use, is replaced by a replay of the whole history.
async fn open(
    foundry: &Arc<Foundry>,
    agent: &AgentReference,
    placed: &Placed,
    presentation: impl Fn() -> Presentation,
    record: Option<BeforeEnd>,
    call: &Call,
) -> Result<Box<AnswerStream>, Failure> {
    let mut opened = open_turn(foundry, agent, &placed.turn, presentation(), call).await;
    if let (Err(failure), Some(replay)) = (&opened, &placed.replay)
        && may_be_the_head(failure.kind)
    {
        tracing::info!(
            request.id = call.request_id,
            detail = failure.detail,
            "the history is replayed: {failure}"
        );
        opened = Box::pin(open_turn(foundry, agent, replay, presentation(), call)).await;
    }
    let mut stream = opened.map_err(|failure| telling_what_is_gone(failure, placed))?;
    if let Some(record) = record {
        stream.call_before_end(record);
    }
    Ok(stream)
}

async fn open_turn(
    foundry: &Arc<Foundry>,
    agent: &AgentReference,
    turn: &Turn,
    presentation: Presentation,
    call: &Call,
) -> Result<Box<AnswerStream>, Failure> {
    let mut stream = foundry::answer(foundry, agent, turn, call).await?;
    stream.present(presentation);
    stream.until_started().await?;
    Ok(stream)
}

/// Of a turn that continues another and cannot be replayed, it is the conversation that is not found.
fn telling_what_is_gone(failure: Failure, placed: &Placed) -> Failure {
    let by_head = failure.kind == FailureKind::AgentNotFound
        || failure.refused_field.as_deref() == Some("previous_response_id");
    if !by_head || placed.turn.continues.is_none() || placed.replay.is_some() {
        return failure;
    }
    Failure {
        kind: FailureKind::ConversationGone,
        message: ApiError::conversation_not_found().message,
        ..failure
    }
}

/// Failures that a head can be to blame for: gone, refused, or in use.
const fn may_be_the_head(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::AgentNotFound | FailureKind::InvalidRequest | FailureKind::ConversationBusy
    )
}

/// Only the handler knows what the client called the agent.
fn naming_the_model(failure: Failure, model: &str) -> Failure {
    match failure.kind {
        FailureKind::AgentNotFound => Failure {
            message: ApiError::model_not_found(model).message,
            ..failure
        },
        _ => failure,
    }
}

async fn answer_at_once(opening: Opening, head: &AnswerHead) -> Result<Response, ApiError> {
    let mut stream = opening.await?;
    let mut fold = AnswerFold::default();
    while let Some(event) = stream.next().await {
        if let Some(end) = fold.push(event) {
            let body = fold.body(head, end?);
            let json = [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )];
            return Ok((json, body).into_response());
        }
    }
    Err(ApiError::internal())
}

/// Waits for the agent's first sign, so that what fails before it is an HTTP error; but not for long, because
/// clients and proxies give up on a connection without headers.
async fn answer_in_stream(
    mut opening: Opening,
    writer: ChunkWriter,
    limits: &LimitsConfig,
    request_id: String,
) -> Result<Response, ApiError> {
    let answer = match tokio::time::timeout(limits.commit, &mut opening).await {
        Ok(stream) => StreamedAnswer::started(stream?, writer, limits.heartbeat, request_id),
        Err(_) => StreamedAnswer::waiting(opening, writer, limits.heartbeat, request_id),
    };
    let headers = HeaderMap::from_iter([
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream; charset=utf-8"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-store, no-transform"),
        ),
        // Keeps proxies of the nginx family from collecting the stream.
        (
            header::HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ]);
    Ok((headers, Body::new(answer)).into_response())
}

/// Most names in a header, and most characters of a name: clients and proxies refuse headers of any length.
const MAX_NAMES: usize = 64;
const MAX_NAME_CHARACTERS: usize = 64;
/// Stands for the names beyond.
const AND_MORE: &str = "...";

/// Names of fields as a header; names that cannot stand in one are shown as `?`.
fn header_list(names: &[String]) -> Option<HeaderValue> {
    if names.is_empty() {
        return None;
    }
    let harmless = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '?'
        }
    };
    let list: Vec<String> = names
        .iter()
        .take(MAX_NAMES)
        .map(|name| {
            let part = name.chars().take(MAX_NAME_CHARACTERS);
            part.map(harmless).collect()
        })
        .chain((MAX_NAMES < names.len()).then(|| AND_MORE.to_owned()))
        .collect();
    HeaderValue::from_str(&list.join(",")).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// A client may name its fields as it likes; the header that reports them stays one, and reports each.
        #[test]
        fn any_names_of_fields_fit_into_a_header(names in prop::collection::vec(any::<String>(), 0..6)) {
            match header_list(&names) {
                None => prop_assert!(names.is_empty()),
                Some(list) => {
                    let list = list.to_str().unwrap();
                    prop_assert!(list.bytes().all(|byte| byte.is_ascii_graphic()), "{list}");
                    prop_assert_eq!(list.split(',').count(), names.len());
                    prop_assert!(list.len() <= names.len() * 65);
                }
            }
        }
    }
}
