//! Goes on with a run that waits for results of the client's functions.

use std::time::Duration;

use http::Method;
use tokio::time::Instant;

use super::{
    API_VERSION, post,
    wire::{CreateRun, SubmitToolOutputs, ToolOutput},
};
use crate::{
    agent::{Failure, FailureKind, Message, Turn, turn::WaitingRun},
    foundry::client::{Call, Foundry, UpstreamRequest},
};

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
) -> Result<reqwest::Response, Failure> {
    let outputs = turn.messages.iter().filter_map(|message| match message {
        Message::ToolResult { call_id, output } => Some(ToolOutput {
            tool_call_id: call_id,
            output,
        }),
        _ => None,
    });
    let body = SubmitToolOutputs {
        tool_outputs: outputs.collect(),
        stream: true,
    };
    let WaitingRun { thread_id, run_id } = run;
    let path = format!("/threads/{thread_id}/runs/{run_id}/submit_tool_outputs?{API_VERSION}");
    post(foundry, &path, &body, call).await
}

/// Cancels the run, because the client went on without its results, and lets the next one begin on the thread as soon
/// as that is free.
pub(super) async fn give_up_and_run(
    foundry: &Foundry,
    run: &WaitingRun,
    next: &CreateRun<'_>,
    call: &Call,
) -> Result<reqwest::Response, Failure> {
    let WaitingRun { thread_id, run_id } = run;
    let cancel = UpstreamRequest {
        method: Method::POST,
        path: &format!("/threads/{thread_id}/runs/{run_id}/cancel?{API_VERSION}"),
        body: None,
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
