//! Classic agents: threads and runs. Retired by the service on 2027-03-31, and switched off by one setting.
//!
//! Calls for one turn, the fewest the wire allows: with the results that a run waits for one ([`tool_outputs`]),
//! without system text one (`POST /threads/runs`, streamed), with system text two (`POST /threads`, then
//! `POST /threads/{id}/runs`, because only there is `additional_instructions`), and after the answer, not
//! waited for, one `DELETE /threads/{id}`; before that one cancel where the run has not ended.

mod citations;
mod cleanup;
mod from_turn;
mod to_events;
mod tool_outputs;
mod uploads;
mod wire;

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde::Serialize;

pub(super) use self::cleanup::end_run;
use self::{to_events::ThreadsTranslator, wire::CreatedThread};
use super::client::{Call, Foundry, UpstreamRequest, byte_stream, read_json};
use crate::agent::{AnswerStream, Failure, FailureKind, Head, Turn, stream::StreamLimits};

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
) -> Result<AnswerStream, Failure> {
    from_turn::check_size(turn)?;
    let mut thread =
        cleanup::ThreadOwner::new(Arc::clone(foundry), call.request_id.clone(), turn.keep);
    if turn.continues.is_some() {
        thread.inherit();
    }
    let turn = uploads::upload_contents(foundry, turn, &mut thread, call).await?;
    let turn = turn.as_ref();
    let instructions = from_turn::instructions(turn);
    let mut translator = ThreadsTranslator::new(turn.approvals.clone());
    let response = match (&turn.continues, instructions) {
        (Some(Head::Run(run)), _) if tool_outputs::answer_all_calls(turn) => {
            thread.own(&run.thread_id);
            translator.reads_on_in(run);
            tool_outputs::submit(foundry, run, turn, call).await?
        }
        (Some(Head::Run(run)), instructions) => {
            thread.own(&run.thread_id);
            let next = from_turn::continue_run(assistant_id, instructions.as_deref(), turn);
            tool_outputs::give_up_and_run(foundry, run, &next, call).await?
        }
        (Some(Head::Thread(id)), instructions) => {
            thread.own(id);
            let run = from_turn::continue_run(assistant_id, instructions.as_deref(), turn);
            let path = format!("/threads/{id}/runs?{API_VERSION}");
            let started = post(foundry, &path, &run, call).await;
            if matches!(&started, Err(failure) if failure.kind == FailureKind::ConversationBusy) {
                thread.leave();
            }
            started?
        }
        (_, None) => {
            let run = from_turn::create_thread_and_run(assistant_id, turn);
            post(foundry, &format!("/threads/runs?{API_VERSION}"), &run, call).await?
        }
        (_, Some(instructions)) => {
            let path = format!("/threads?{API_VERSION}");
            let created = post(foundry, &path, &from_turn::create_thread(turn), call).await?;
            let CreatedThread { id } = read_json(created, call.deadline).await?;
            thread.own(&id);
            let run = from_turn::create_run(assistant_id, &instructions, turn);
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

async fn post(
    foundry: &Foundry,
    path: &str,
    body: &impl Serialize,
    call: &Call,
) -> Result<reqwest::Response, Failure> {
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
    };
    foundry.send(request, call).await
}
