//! `POST /threads/{id}/runs/{run}/submit_tool_outputs`: outputs of functions, and (preview) approvals of MCP calls.

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::plan::{Move, answer_moves, without_stream};
use super::run::{Run, RunStatus, Usage};
use super::run_request::conversation;
use super::steps::{StepDetails, ToolCall};
use super::{Shown, find_settled, runs};
use crate::answer::Answer;
use crate::brain::{Conversation, count};
use crate::catalogue::{Dialect, Persona};
use crate::error::ServiceError;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;

/// Answers the pending calls of a run and lets it go on.
pub(crate) fn submit<'a>(
    context: &'a Context,
    request: &'a ServiceRequest,
) -> BoxFuture<'a, Result<Reply, ServiceError>> {
    Box::pin(async move {
        let body = request.json_object()?;
        let is_preview = request
            .query("api-version")
            .is_some_and(|version| version.ends_with("-preview"));
        if body.contains_key("tool_approvals") && !is_preview {
            return Err(ServiceError::unknown_parameter("tool_approvals"));
        }
        let stream = body.get("stream").and_then(Value::as_bool).unwrap_or(false);
        let pending = take_outputs(context, request, &body)?;
        let answer = context
            .answer(pending.persona, &pending.conversation, Dialect::Threads)
            .await?;
        resume(
            context,
            request,
            answer.limited(pending.limit),
            &pending,
            stream,
        )
    })
}

/// A run whose calls are answered.
struct Pending {
    persona: Persona,
    conversation: Conversation,
    limit: Option<usize>,
    approved: bool,
    /// What the calls cost.
    usage: Usage,
}

/// Checks and stores the outputs. All pending calls must be answered at once.
fn take_outputs(
    context: &Context,
    request: &ServiceRequest,
    body: &Map<String, Value>,
) -> Result<Pending, ServiceError> {
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let run = thread.run(request.segment(1))?;
    if run.status != RunStatus::RequiresAction {
        return Err(ServiceError::invalid_request(
            None,
            None,
            format!(
                "Runs in status \"{}\" do not accept tool outputs.",
                run.status.name()
            ),
        ));
    }
    let answered: Vec<ToolCall> = pending_calls(run)
        .iter()
        .map(|call| {
            let output = output_of(call, body)?;
            Ok(ToolCall {
                output: Some(output),
                ..call.clone()
            })
        })
        .collect::<Result<_, ServiceError>>()?;
    refuse_unknown_calls(&answered, body)?;
    let before = conversation(&run.settings, thread, &[], None);
    let usage = Usage {
        prompt: before.input_tokens(),
        completion: answered
            .iter()
            .map(|call| count(&call.name) + count(&call.arguments))
            .sum(),
    };
    let run = thread.run_mut(request.segment(1))?;
    let approved = answered.iter().any(|call| call.server_label.is_some());
    if let Some(step) = run.steps.last_mut() {
        step.details = StepDetails::Tools(answered);
    }
    // From here on a second submission is refused.
    run.status = RunStatus::Queued;
    run.required_action = Value::Null;
    let run = thread.run(request.segment(1))?;
    Ok(Pending {
        persona: run.persona,
        conversation: conversation(&run.settings, thread, &[], Some(run)),
        limit: run.settings.max_completion_tokens,
        approved,
        usage,
    })
}

fn pending_calls(run: &Run) -> &[ToolCall] {
    match run.steps.last().map(|step| &step.details) {
        Some(StepDetails::Tools(calls)) => calls,
        _ => &[],
    }
}

fn output_of(call: &ToolCall, body: &Map<String, Value>) -> Result<String, ServiceError> {
    let (list, field) = match call.server_label {
        None => ("tool_outputs", "output"),
        Some(_) => ("tool_approvals", "approve"),
    };
    let answer = answers(body, list)
        .find(|answer| answer.get("tool_call_id").and_then(Value::as_str) == Some(&call.id))
        .and_then(|answer| answer.get(field));
    match answer {
        Some(Value::String(output)) => Ok(output.clone()),
        Some(Value::Bool(true)) => Ok("approved".to_owned()),
        Some(Value::Bool(false)) => Ok("denied".to_owned()),
        _ => Err(ServiceError::invalid_request(
            None,
            Some(list),
            format!("Expected {list} for call_ids [{}].", call.id),
        )),
    }
}

/// Guessed: no refusal of a strange or doubled id was seen recorded.
fn refuse_unknown_calls(calls: &[ToolCall], body: &Map<String, Value>) -> Result<(), ServiceError> {
    let refused = |message: String| {
        Err(ServiceError::invalid_request(
            None,
            Some("tool_outputs"),
            message,
        ))
    };
    let ids: Vec<&str> = answers(body, "tool_outputs")
        .chain(answers(body, "tool_approvals"))
        .filter_map(|answer| answer.get("tool_call_id").and_then(Value::as_str))
        .collect();
    for (place, id) in ids.iter().enumerate() {
        if !calls.iter().any(|call| call.id == *id) {
            return refused(format!("The run has no pending tool call with id '{id}'."));
        }
        if ids.iter().skip(place + 1).any(|other| other == id) {
            return refused(format!("The tool call '{id}' is answered more than once."));
        }
    }
    Ok(())
}

fn answers<'a>(body: &'a Map<String, Value>, list: &str) -> impl Iterator<Item = &'a Value> {
    body.get(list)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// Lets the run go on, with a stream or by itself.
fn resume(
    context: &Context,
    request: &ServiceRequest,
    answer: Answer,
    pending: &Pending,
    stream: bool,
) -> Result<Reply, ServiceError> {
    let (answer, stalls) = if stream {
        (answer, false)
    } else {
        without_stream(answer)
    };
    // After an approval the service announces the run once more; after outputs it first completes the step.
    let mut moves = if pending.approved {
        vec![
            Move::RunQueued,
            Move::RunCreated,
            Move::RunQueued,
            Move::RunInProgress,
            Move::StepCompleted(pending.usage),
        ]
    } else {
        vec![
            Move::StepCompleted(pending.usage),
            Move::RunQueued,
            Move::RunInProgress,
        ]
    };
    if !stalls {
        moves.extend(answer_moves(&answer, pending.conversation.input_tokens()));
    }
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let thread_id = thread.id.clone();
    let run = thread.run_mut(request.segment(1))?;
    run.pace = context.behaviour.pace();
    run.replace_moves(moves);
    let reply = if stream {
        run.next_due = None;
        Reply::events(runs::player(context, &thread_id, run))
    } else {
        Reply::json(run.json(&thread_id, Shown::Read))
    };
    Ok(reply.with_faults(answer.faults))
}
