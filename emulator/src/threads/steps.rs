//! Steps of a run: the making of a message, or a round of tool calls.

use serde_json::{Value, json};

use super::find_settled;
use super::run::{Run, Usage};
use crate::error::ServiceError;
use crate::paging::PageQuery;
use crate::request::{Reply, ServiceRequest};
use crate::service::Context;

/// A step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: String,
    pub(crate) created_at: u64,
    pub(crate) status: &'static str,
    pub(crate) cancelled_at: Option<u64>,
    pub(crate) completed_at: Option<u64>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) failed_at: Option<u64>,
    pub(crate) last_error: Value,
    pub(crate) details: StepDetails,
    pub(crate) usage: Option<Usage>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub(crate) enum StepDetails {
    /// Makes this message.
    Message(String),
    /// Calls tools.
    Tools(Vec<ToolCall>),
}

/// A tool call of a step.
#[derive(Clone, Debug)]
pub(crate) struct ToolCall {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
    pub(crate) output: Option<String>,
    /// The MCP server of a call that needs approval; `None` for a function.
    pub(crate) server_label: Option<String>,
}

impl ToolCall {
    /// The call as a step shows it.
    pub(crate) fn json(&self) -> Value {
        match &self.server_label {
            None => json!({"id": self.id, "type": "function", "function": {
                "name": self.name,
                "arguments": self.arguments,
                "output": self.output,
            }}),
            Some(server_label) => json!({
                "id": self.id,
                "type": "mcp",
                "arguments": self.arguments,
                "name": self.name,
                "server_label": server_label,
                "output": self.output,
            }),
        }
    }

    /// The call as a required action asks for it: without output.
    pub(crate) fn requested_json(&self) -> Value {
        match &self.server_label {
            None => json!({"id": self.id, "type": "function", "function": {
                "name": self.name,
                "arguments": self.arguments,
            }}),
            Some(server_label) => json!({
                "id": self.id,
                "type": "mcp",
                "arguments": self.arguments,
                "name": self.name,
                "server_label": server_label,
            }),
        }
    }
}

impl Step {
    /// The step as JSON.
    pub(crate) fn json(&self, owner: &StepOwner<'_>) -> Value {
        let (kind, details) = match &self.details {
            StepDetails::Message(id) => (
                "message_creation",
                json!({"type": "message_creation", "message_creation": {"message_id": id}}),
            ),
            StepDetails::Tools(calls) => {
                let calls: Vec<Value> = calls.iter().map(ToolCall::json).collect();
                (
                    "tool_calls",
                    json!({"type": "tool_calls", "tool_calls": calls}),
                )
            }
        };
        json!({
            "id": self.id,
            "object": "thread.run.step",
            "created_at": self.created_at,
            "run_id": owner.run,
            "assistant_id": owner.assistant,
            "thread_id": owner.thread,
            "type": kind,
            "status": self.status,
            "cancelled_at": self.cancelled_at,
            "completed_at": self.completed_at,
            "expires_at": self.expires_at,
            "failed_at": self.failed_at,
            "last_error": self.last_error,
            "step_details": details,
            "usage": self.usage.map(Usage::json),
        })
    }
}

/// The ids that a step shows of its run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StepOwner<'a> {
    pub(crate) run: &'a str,
    pub(crate) assistant: &'a str,
    pub(crate) thread: &'a str,
}

impl<'a> StepOwner<'a> {
    fn of(run: &'a Run, thread_id: &'a str) -> StepOwner<'a> {
        StepOwner {
            run: &run.id,
            assistant: &run.assistant_id,
            thread: thread_id,
        }
    }
}

/// `GET /threads/{id}/runs/{run}/steps`
pub(crate) fn list(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let query = PageQuery::read(request, context.behaviour.page_size_max)?;
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let run = thread.run(request.segment(1))?;
    let owner = StepOwner::of(run, &thread.id);
    Ok(Reply::json(query.page(
        run.steps.iter().map(|step| step.json(&owner)).collect(),
    )))
}

/// `GET /threads/{id}/runs/{run}/steps/{step}`
pub(crate) fn get(context: &Context, request: &ServiceRequest) -> Result<Reply, ServiceError> {
    let mut project = context.project.lock();
    let thread = find_settled(&mut project, request.segment(0), context.clock)?;
    let run = thread.run(request.segment(1))?;
    let id = request.segment(2);
    let step = run
        .steps
        .iter()
        .find(|step| step.id == id)
        .ok_or_else(|| ServiceError::not_found(format!("No run step found with id '{id}'.")))?;
    Ok(Reply::json(step.json(&StepOwner::of(run, &thread.id))))
}
