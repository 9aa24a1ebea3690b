//! New agents: one streamed call to the Responses API of the project for each turn.
//!
//! The history is replayed as typed items, and nothing is stored upstream; a turn that continues another sends
//! only what is new, and is stored, so that it can be continued in its turn.

mod approvals;
mod citations;
mod from_turn;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod inline;
mod items;
mod to_events;
mod wire;

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use http::{Method, Response};

use self::to_events::ResponsesTranslator;
use super::{
    client::{Call, Foundry, UpstreamRequest, byte_stream},
    connections::UpstreamBody,
};
use crate::agent::{
    AnswerStream, Failure, FailureKind, Head, Turn,
    stream::{LeftState, StreamLimits},
};

/// Lets a new agent answer: one upstream call.
///
/// `store: false` keeps nothing upstream. The documentation promises that opt-out but does not say whether it
/// holds with an agent: where the service refuses it, the call is repeated without, and that is remembered.
pub(super) async fn answer(
    foundry: &Arc<Foundry>,
    name: &str,
    version: Option<&str>,
    turn: &Turn,
    call: &Call,
) -> Result<Box<AnswerStream>, Failure> {
    let store = !turn.keep && !foundry.refuses_store.load(Ordering::Relaxed);
    let response = match create(foundry, name, version, turn, call, store.then_some(false)).await {
        Err(failure) if store && is_about_store(&failure) => {
            foundry.refuses_store.store(true, Ordering::Relaxed);
            tracing::warn!(
                "the agent service refuses store=false with an agent: answers are stored upstream"
            );
            create(foundry, name, version, turn, call, None).await?
        }
        outcome => outcome?,
    };
    let session = session_of(&response);
    let limits = StreamLimits {
        between_bytes: foundry.limits.between_bytes,
        deadline: call.deadline,
        bytes: foundry.limits.answer_bytes,
    };
    let keeper = Arc::clone(foundry);
    let (keep, request_id) = (turn.keep, call.request_id.clone());
    let mut stream = AnswerStream::new(
        byte_stream(response),
        Box::new(ResponsesTranslator::new(
            turn.approvals.clone(),
            session,
            turn.streamed,
        )),
        limits,
        // Dropping an unfinished stream closes the connection, which is how a response is cancelled.
        Box::new(move |leftover| {
            if let (true, LeftState::Unusable, Some(id)) =
                (keep, leftover.state, &leftover.ids.run_id)
            {
                super::forget(&keeper, Head::Response(id.clone()), request_id);
            }
            keeper.keep_connection(leftover);
        }),
    );
    if turn.approvals.decides() {
        let agent = approvals::Agent { name, version };
        stream.answer_approvals_with(approvals::answer_with(foundry, agent, turn, call));
    }
    Ok(stream)
}

/// The session in which a hosted agent has answered.
fn session_of(response: &Response<UpstreamBody>) -> Option<String> {
    let session = response.headers().get("x-agent-session-id")?;
    session.to_str().ok().map(str::to_owned)
}

fn is_about_store(failure: &Failure) -> bool {
    failure.kind == FailureKind::InvalidRequest && failure.refused_field.as_deref() == Some("store")
}

async fn create(
    foundry: &Foundry,
    name: &str,
    version: Option<&str>,
    turn: &Turn,
    call: &Call,
    store: Option<bool>,
) -> Result<Response<UpstreamBody>, Failure> {
    let body = serde_json::to_vec(&from_turn::create_response(name, version, turn, store))
        .map_err(|error| {
            Failure::new(
                FailureKind::InvalidRequest,
                format!("the request cannot be written: {error}"),
            )
        })?;
    let request = UpstreamRequest {
        method: Method::POST,
        path: &from_turn::path(name, version, turn),
        body: Some(Bytes::from(body)),
        features: turn.endpoint.features.as_deref(),
    };
    foundry.send(request, call).await
}
