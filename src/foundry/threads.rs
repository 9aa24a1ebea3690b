//! Classic agents: threads and runs. Retired by the service on 2027-03-31, and switched off by one setting.
//!
//! Calls for one turn, the fewest the wire allows: with the results that a run waits for one ([`tool_outputs`]),
//! without system text one (`POST /threads/runs`, streamed), with system text two (`POST /threads`, then
//! `POST /threads/{id}/runs`, because only there is `additional_instructions`), and after the answer, not
//! waited for, one `DELETE /threads/{id}`; before that one cancel where the run has not ended.

mod citations;
mod cleanup;
mod client_tools;
mod from_turn;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod to_events;
mod tool_outputs;
mod uploads;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response};
use serde::Serialize;

pub(super) use self::cleanup::end_run;
use self::{from_turn::RunMaker, to_events::ThreadsTranslator, wire::CreatedThread};
use super::{
    client::{Call, Foundry, UpstreamRequest, byte_stream, read_json},
    connections::UpstreamBody,
    definitions::{self, NotOverridable},
};
use crate::agent::{
    AgentReference, AnswerStream, Definition, Failure, FailureKind, Head, Turn,
    stream::StreamLimits,
};

/// The version of the API that the recordings' bodies and the current SDKs share.
const API_VERSION: &str = "api-version=v1";

/// Deletes a thread and the files that came inside its messages; that it is gone already is success.
pub(super) async fn delete(foundry: &Foundry, id: &str, call: &Call) -> Result<(), Failure> {
    let files = uploads::of_thread(foundry, id, call).await;
    let path = format!("/threads/{id}?{API_VERSION}");
    let deleted = foundry.delete(&path, call).await;
    uploads::delete(foundry, &files, call).await;
    deleted
}

/// Lets a classic agent answer on a thread of its own, which is deleted afterwards.
pub(super) async fn answer(
    foundry: &Arc<Foundry>,
    assistant_id: &str,
    turn: &Turn,
    call: &Call,
) -> Result<Box<AnswerStream>, Failure> {
    from_turn::check_size(turn)?;
    let mut thread =
        cleanup::ThreadOwner::new(Arc::clone(foundry), call.request_id.clone(), turn.keep);
    match &turn.continues {
        Some(Head::Thread(id)) => thread.inherit(id),
        Some(Head::Run(run)) => thread.inherit(&run.thread_id),
        _ => {}
    }
    let turn = uploads::upload_contents(foundry, turn, &mut thread, call).await?;
    let turn = turn.as_ref();
    let own = own_tools(foundry, assistant_id, turn, call).await?;
    let run = RunMaker {
        assistant_id,
        turn,
        own: own.as_deref(),
    };
    let instructions = from_turn::instructions(turn);
    let mut translator = ThreadsTranslator::new(turn.approvals.clone());
    let response = match (&turn.continues, instructions) {
        (Some(Head::Run(waiting)), _) if tool_outputs::answer_all_calls(turn) => {
            translator.reads_on_in(waiting);
            tool_outputs::submit(foundry, waiting, turn, call).await?
        }
        (Some(Head::Run(waiting)), instructions) => {
            let next = run.continuing(instructions.as_deref());
            tool_outputs::give_up_and_run(foundry, waiting, &next, call).await?
        }
        (Some(Head::Thread(id)), instructions) => {
            let run = run.continuing(instructions.as_deref());
            let path = format!("/threads/{id}/runs?{API_VERSION}");
            let started = post(foundry, &path, &run, call).await;
            if matches!(&started, Err(failure) if failure.kind == FailureKind::ConversationBusy) {
                thread.leave();
            }
            started?
        }
        (_, None) => {
            let run = run.with_thread();
            post(foundry, &format!("/threads/runs?{API_VERSION}"), &run, call).await?
        }
        (_, Some(instructions)) => {
            let path = format!("/threads?{API_VERSION}");
            let created = post(foundry, &path, &from_turn::create_thread(turn), call).await?;
            let CreatedThread { id } = read_json(created, call.deadline).await?;
            thread.own(&id);
            let run = run.on_new_thread(&instructions);
            post(
                foundry,
                &format!("/threads/{id}/runs?{API_VERSION}"),
                &run,
                call,
            )
            .await?
        }
    };
    let limits = StreamLimits {
        between_bytes: foundry.limits.between_bytes,
        deadline: call.deadline,
        bytes: foundry.limits.answer_bytes,
    };
    let mut stream = AnswerStream::new(
        byte_stream(response),
        Box::new(translator),
        limits,
        Box::new(move |leftover| thread.end(leftover)),
    );
    if turn.approvals.decides() {
        stream.answer_approvals_with(tool_outputs::answer_approvals(foundry, call));
    }
    Ok(stream)
}

/// The agent's own tools, where the client offers some, which would replace them; known agents cost no call.
async fn own_tools(
    foundry: &Arc<Foundry>,
    assistant_id: &str,
    turn: &Turn,
    call: &Call,
) -> Result<Option<Arc<Definition>>, Failure> {
    let is_submission =
        matches!(turn.continues, Some(Head::Run(_))) && tool_outputs::answer_all_calls(turn);
    if turn.overrides.tools.is_empty() || is_submission {
        return Ok(None);
    }
    let agent = AgentReference::Classic {
        assistant_id: assistant_id.to_owned(),
    };
    match definitions::read(foundry, &agent, call).await? {
        Ok(definition) => Ok(Some(definition)),
        Err(NotOverridable(why)) => Err(Failure::new(
            FailureKind::InvalidRequest,
            format!("tools cannot be offered to this agent ({why})"),
        )),
    }
}

async fn post(
    foundry: &Foundry,
    path: &str,
    body: &impl Serialize,
    call: &Call,
) -> Result<Response<UpstreamBody>, Failure> {
    let body = serde_json::to_vec(body).map_err(|error| {
        Failure::new(
            FailureKind::InvalidRequest,
            format!("the request cannot be written: {error}"),
        )
    })?;
    let request = UpstreamRequest {
        method: Method::POST,
        path,
        body: Some(Bytes::from(body)),
        features: None,
    };
    foundry.send(request, call).await
}
