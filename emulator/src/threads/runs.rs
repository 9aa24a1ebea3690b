//! The operations on runs.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::assistants;
use super::plan::{Move, answer_moves, without_stream};
use super::player::RunPlayer;
use super::run::{Run, RunSettings, RunStatus, Usage};
use super::run_request::{RunRequest, conversation};
use super::steps::StepDetails;
use super::{Shown, Thread, find, find_settled};
use crate::answer::Answer;
use crate::brain::Conversation;
use crate::catalogue::{Dialect, Persona};
use crate::error::ServiceError;
use crate::ids;
use crate::metadata;
use crate::paging::PageQuery;
use crate::refusals;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;

/// How many runs a thread keeps; the oldest is dropped first.
const RUN_LIMIT: usize = 1_000;
/// How long a run may take, in seconds.
const RUN_EXPIRY: u64 = 600;

/// `POST /threads/{id}/runs`
pub(crate) fn create<'a>(
    context: &'a Context,
    request: &'a ServiceRequest,
) -> BoxFuture<'a, Result<Reply, ServiceError>> {
    Box::pin(async move {
        let asked = RunRequest::read(request.json_object()?, false, context.clock)?;
        let prepared = {
            let mut project = context.project.lock();
            let assistant = assistants::find(&project, &asked.assistant_id)?.clone();
            let settings = asked.settings(&assistant)?;
            let thread = find_settled(&mut project, request.segment(0), context.clock)?;
            refuse_second_run(thread)?;
            Prepared {
                persona: assistant.persona,
                conversation: conversation(&settings, thread, &asked.additional_messages, None),
                settings,
            }
        };
        let answer = answer(context, &prepared).await?;
        start(context, asked, prepared, answer, request.segment(0), None)
    })
}

/// `POST /threads/runs`
pub(crate) fn create_thread_and_run<'a>(
    context: &'a Context,
    request: &'a ServiceRequest,
) -> BoxFuture<'a, Result<Reply, ServiceError>> {
    Box::pin(async move {
        let asked = RunRequest::read(request.json_object()?, true, context.clock)?;
        let thread = match request.json_object()?.get("thread") {
            None | Some(Value::Null) => Thread::read(&Map::new(), context.clock)?,
            Some(Value::Object(thread)) => Thread::read(thread, context.clock)?,
            Some(_) => return Err(ServiceError::invalid_type("thread", "an object")),
        };
        let prepared = {
            let project = context.project.lock();
            let assistant = assistants::find(&project, &asked.assistant_id)?;
            let settings = asked.settings(assistant)?;
            Prepared {
                persona: assistant.persona,
                conversation: conversation(&settings, &thread, &[], None),
                settings,
            }
        };
        let answer = answer(context, &prepared).await?;
        let thread_id = thread.id.clone();
        start(context, asked, prepared, answer, &thread_id, Some(thread))
    })
}

/// A run that was checked but not started.
struct Prepared {
    persona: Persona,
    settings: RunSettings,
    conversation: Conversation,
}

async fn answer(context: &Context, prepared: &Prepared) -> Result<Answer, ServiceError> {
    let answer = context
        .answer(prepared.persona, &prepared.conversation, Dialect::Threads)
        .await?;
    Ok(answer.limited(prepared.settings.max_completion_tokens))
}

fn refuse_second_run(thread: &Thread) -> Result<(), ServiceError> {
    match thread.active_run() {
        Some(run) => Err(refusals::active_run(&thread.id, &run.id)),
        None => Ok(()),
    }
}

/// Stores the run, and its thread when that is new, and answers with its stream or its first state.
fn start(
    context: &Context,
    asked: RunRequest,
    prepared: Prepared,
    answer: Answer,
    thread_id: &str,
    new_thread: Option<Thread>,
) -> Result<Reply, ServiceError> {
    let (answer, stalls) = if asked.stream {
        (answer, false)
    } else {
        without_stream(answer)
    };
    let opening = new_thread.as_ref().map(|_| Move::ThreadCreated);
    let mut moves: Vec<Move> = opening
        .into_iter()
        .chain([Move::RunCreated, Move::RunQueued, Move::RunInProgress])
        .collect();
    if !stalls {
        moves.extend(answer_moves(&answer, prepared.conversation.input_tokens()));
    }
    let created_at = context.clock.unix_seconds();
    let pace = context.behaviour.pace();
    let run = Run {
        id: ids::classic("run"),
        created_at,
        assistant_id: asked.assistant_id,
        persona: prepared.persona,
        status: RunStatus::Queued,
        started_at: None,
        expires_at: Some(created_at + RUN_EXPIRY),
        cancelled_at: None,
        failed_at: None,
        completed_at: None,
        required_action: Value::Null,
        last_error: Value::Null,
        incomplete_reason: None,
        usage: None,
        spent: Usage::default(),
        settings: prepared.settings,
        steps: Vec::new(),
        moves: moves.into(),
        next_due: (!asked.stream).then(Instant::now),
        pace,
        changed: Arc::new(Notify::new()),
    };
    let reply = if asked.stream {
        let player = player(context, thread_id, &run);
        Reply::events(player)
    } else {
        Reply::json(run.json(thread_id, Shown::Created))
    };
    let mut project = context.project.lock();
    if let Some(mut thread) = new_thread {
        thread.runs.push(run);
        project.threads.insert(thread);
    } else {
        let thread = find(&mut project, thread_id)?;
        refuse_second_run(thread)?;
        thread.messages.extend(asked.additional_messages);
        if thread.runs.len() >= RUN_LIMIT {
            thread.runs.remove(0);
        }
        thread.runs.push(run);
    }
    Ok(reply.with_faults(answer.faults))
}

/// The stream of a run.
pub(crate) fn player(context: &Context, thread_id: &str, run: &Run) -> RunPlayer {
    RunPlayer {
        project: context.project.clone(),
        thread_id: thread_id.to_owned(),
        run_id: run.id.clone(),
        changed: Arc::clone(&run.changed),
        clock: context.clock,
    }
}

/// `GET /threads/{id}/runs`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let runs = thread
        .runs
        .iter()
        .map(|run| run.json(&thread.id, Shown::Read))
        .collect();
    Ok(Reply::json(query.page(runs)))
}

/// `GET /threads/{id}/runs/{run}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let run = thread.run(request.segment(1))?;
    Ok(Reply::json(run.json(&thread.id, Shown::Read)))
}

/// `POST /threads/{id}/runs/{run}`: replaces the metadata.
pub(crate) fn update(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let metadata = metadata::read(&request.json_object()?)?;
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let thread_id = thread.id.clone();
    let run = thread.run_mut(request.segment(1))?;
    run.settings.metadata = metadata;
    Ok(Reply::json(run.json(&thread_id, Shown::Read)))
}

/// `POST /threads/{id}/runs/{run}/cancel`
pub(crate) fn cancel(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    // Not settled first: a run that nobody has seen completed can still be cancelled.
    let thread = find(&mut project, request.segment(0))?;
    let thread_id = thread.id.clone();
    let run = thread.run_mut(request.segment(1))?;
    if run.status.is_over() {
        return Err(ServiceError::invalid_request(
            None,
            None,
            format!("Cannot cancel run with status '{}'.", run.status.name()),
        ));
    }
    if run.status != RunStatus::Cancelling {
        run.status = RunStatus::Cancelling;
        let open = run.steps.last().filter(|step| step.status == "in_progress");
        let mut moves = vec![Move::Cancelling];
        match open.map(|step| &step.details) {
            Some(StepDetails::Message(_)) => {
                moves.extend([
                    Move::MessageIncomplete("run_cancelled"),
                    Move::StepCancelled,
                ]);
            }
            Some(StepDetails::Tools(_)) => moves.push(Move::StepCancelled),
            None => {}
        }
        moves.extend([Move::Cancelled, Move::Done]);
        run.replace_moves(moves);
    }
    Ok(Reply::json(run.json(&thread_id, Shown::Read)))
}
