//! Goes on with a run that waits for results of the client's functions.

use std::{sync::Arc, time::Duration};

use http::{Method, Response};
use tokio::time::Instant;

use super::{API_VERSION, from_turn, post, wire::CreateRun};
use crate::{
    agent::{
        Failure, FailureKind, Message, Turn, approval, stream::AnswerApprovals, turn::WaitingRun,
    },
    foundry::{
        client::{Call, Foundry, UpstreamRequest, byte_stream},
        connections::UpstreamBody,
    },
    telemetry::Carried,
};

/// The version of the API that takes approvals.
const PREVIEW_API_VERSION: &str = "api-version=2025-05-15-preview";
/// How long a thread may take to be free after its run was cancelled.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(10);
/// Between two looks at whether it is.
const CANCEL_PAUSE: Duration = Duration::from_millis(250);

/// Whether the turn holds the results of calls and nothing else.
pub(super) fn answer_all_calls(turn: &Turn) -> bool {
    turn.messages
        .iter()
        .all(|message| matches!(message, Message::ToolResult { .. }))
}

/// Submits the results to the run, which goes on: one call, streamed.
pub(super) async fn submit(
    foundry: &Foundry,
    run: &WaitingRun,
    turn: &Turn,
    call: &Call,
) -> Result<Response<UpstreamBody>, Failure> {
    let body = from_turn::submission(turn);
    let version = if body.tool_approvals.is_empty() {
        API_VERSION
    } else {
        PREVIEW_API_VERSION
    };
    let WaitingRun { thread_id, run_id } = run;
    let path = format!("/threads/{thread_id}/runs/{run_id}/submit_tool_outputs?{version}");
    post(foundry, &path, &body, call).await
}

/// Answers requests for approvals that the policy has decided: one more call, on the same run.
pub(super) fn answer_approvals(foundry: &Arc<Foundry>, call: &Call) -> AnswerApprovals {
    let (foundry, call) = (Arc::clone(foundry), call.clone());
    let of_turn = Carried::current();
    Box::new(move |decisions, ids| {
        let (foundry, call) = (Arc::clone(&foundry), call.clone());
        Box::pin(of_turn.clone().around(async move {
            let (Some(thread_id), Some(run_id)) = (ids.thread_id, ids.run_id) else {
                return Err(Failure::unreadable(
                    "a run that asks for approvals has no id",
                ));
            };
            let answers = Turn {
                messages: approval::as_messages(&decisions).1,
                ..Turn::default()
            };
            let run = WaitingRun { thread_id, run_id };
            Ok(byte_stream(submit(&foundry, &run, &answers, &call).await?))
        }))
    })
}

/// Cancels the run, because the client went on without its results, and lets the next one begin on the thread as soon
/// as that is free.
pub(super) async fn give_up_and_run(
    foundry: &Foundry,
    run: &WaitingRun,
    next: &CreateRun<'_>,
    call: &Call,
) -> Result<Response<UpstreamBody>, Failure> {
    let WaitingRun { thread_id, run_id } = run;
    let cancel = UpstreamRequest {
        method: Method::POST,
        path: &format!("/threads/{thread_id}/runs/{run_id}/cancel?{API_VERSION}"),
        body: None,
        features: None,
    };
    match foundry.send(cancel, call).await {
        Ok(_) => {}
        // It is over already.
        Err(failure) if failure.kind == FailureKind::InvalidRequest => {}
        Err(failure) => return Err(failure),
    }
    let path = format!("/threads/{thread_id}/runs?{API_VERSION}");
    let patience = call.deadline.min(Instant::now() + CANCEL_TIMEOUT);
    loop {
        match post(foundry, &path, next, call).await {
            Err(failure)
                if failure.kind == FailureKind::ConversationBusy
                    && Instant::now() + CANCEL_PAUSE < patience =>
            {
                tokio::time::sleep(CANCEL_PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}
