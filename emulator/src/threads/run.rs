//! A run: its state, its settings and its JSON.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Shown;
use super::plan::Move;
use super::steps::Step;
use crate::behaviour::Pace;
use crate::catalogue::Persona;

/// A run of an assistant on a thread.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) created_at: u64,
    pub(crate) assistant_id: String,
    pub(crate) persona: Persona,
    pub(crate) status: RunStatus,
    pub(crate) started_at: Option<u64>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) cancelled_at: Option<u64>,
    pub(crate) failed_at: Option<u64>,
    pub(crate) completed_at: Option<u64>,
    pub(crate) required_action: Value,
    pub(crate) last_error: Value,
    pub(crate) incomplete_reason: Option<&'static str>,
    /// Shown once the run is over.
    pub(crate) usage: Option<Usage>,
    /// What the steps cost so far.
    pub(crate) spent: Usage,
    pub(crate) settings: RunSettings,
    pub(crate) steps: Vec<Step>,
    /// What is still to happen.
    pub(crate) moves: VecDeque<Move>,
    /// When the next move happens by itself; `None` while a stream makes the moves.
    pub(crate) next_due: Option<Instant>,
    pub(crate) pace: Pace,
    /// Tells the stream that the moves were replaced.
    pub(crate) changed: Arc<Notify>,
}

/// What the run was asked to do, in the order in which it is shown.
#[derive(Clone, Debug)]
pub(crate) struct RunSettings {
    pub(crate) model: Value,
    pub(crate) instructions: Value,
    pub(crate) tools: Value,
    pub(crate) tool_resources: Value,
    pub(crate) metadata: Value,
    pub(crate) temperature: Value,
    pub(crate) top_p: Value,
    pub(crate) max_completion_tokens: Option<usize>,
    pub(crate) max_prompt_tokens: Option<usize>,
    pub(crate) truncation_strategy: Value,
    pub(crate) response_format: Value,
    pub(crate) tool_choice: Value,
    pub(crate) parallel_tool_calls: Value,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RunStatus {
    Queued,
    InProgress,
    RequiresAction,
    Cancelling,
    Cancelled,
    Failed,
    Completed,
    Expired,
    Incomplete,
}

impl RunStatus {
    /// The status on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            RunStatus::Queued => "queued",
            RunStatus::InProgress => "in_progress",
            RunStatus::RequiresAction => "requires_action",
            RunStatus::Cancelling => "cancelling",
            RunStatus::Cancelled => "cancelled",
            RunStatus::Failed => "failed",
            RunStatus::Completed => "completed",
            RunStatus::Expired => "expired",
            RunStatus::Incomplete => "incomplete",
        }
    }

    /// Whether the thread is free again.
    pub(crate) fn is_over(self) -> bool {
        matches!(
            self,
            RunStatus::Cancelled
                | RunStatus::Failed
                | RunStatus::Completed
                | RunStatus::Expired
                | RunStatus::Incomplete
        )
    }
}

/// Tokens of a step or a run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Usage {
    pub(crate) prompt: usize,
    pub(crate) completion: usize,
}

impl Usage {
    /// With the singular `prompt_token_details` of the service.
    pub(crate) fn json(self) -> Value {
        json!({
            "prompt_tokens": self.prompt,
            "completion_tokens": self.completion,
            "total_tokens": self.prompt + self.completion,
            "prompt_token_details": {"cached_tokens": 0},
        })
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Usage) {
        self.prompt += other.prompt;
        self.completion += other.completion;
    }
}

impl Run {
    /// The run as JSON.
    pub(crate) fn json(&self, thread_id: &str, shown: Shown) -> Value {
        let settings = &self.settings;
        let no_resources = settings
            .tool_resources
            .as_object()
            .is_none_or(Map::is_empty);
        let tool_resources = if no_resources && shown == Shown::Event {
            json!({"code_interpreter": {"file_ids": []}})
        } else {
            settings.tool_resources.clone()
        };
        json!({
            "id": self.id,
            "object": "thread.run",
            "created_at": self.created_at,
            "assistant_id": self.assistant_id,
            "thread_id": thread_id,
            "status": self.status.name(),
            "started_at": self.started_at,
            "expires_at": self.expires_at,
            "cancelled_at": self.cancelled_at,
            "failed_at": self.failed_at,
            "completed_at": self.completed_at,
            "required_action": self.required_action,
            "last_error": self.last_error,
            "model": settings.model,
            "instructions": settings.instructions,
            "tools": settings.tools,
            "tool_resources": tool_resources,
            "metadata": settings.metadata,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "max_completion_tokens": settings.max_completion_tokens,
            "max_prompt_tokens": settings.max_prompt_tokens,
            "truncation_strategy": settings.truncation_strategy,
            "incomplete_details": self.incomplete_reason.map(|reason| json!({"reason": reason})),
            "usage": self.usage.map(Usage::json),
            "response_format": settings.response_format,
            "tool_choice": settings.tool_choice,
            "parallel_tool_calls": settings.parallel_tool_calls,
        })
    }

    /// Replaces what was still to happen; a stream takes it up at once, otherwise it is due now.
    pub(crate) fn replace_moves(&mut self, moves: impl IntoIterator<Item = Move>) {
        self.moves = moves.into_iter().collect();
        if self.next_due.is_some() {
            self.next_due = Some(Instant::now());
        }
        self.changed.notify_one();
    }
}
