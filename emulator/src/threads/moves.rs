//! Makes the moves of a run happen: each changes the thread and gives the event that tells of it.

use serde_json::{Value, json};
use tokio::time::Instant;

use super::messages::{Message, add_text};
use super::plan::{Move, Piece};
use super::run::{Run, RunStatus, Usage};
use super::steps::{Step, StepDetails, StepOwner, ToolCall};
use super::{Shown, Thread};
use crate::clock::Clock;
use crate::files::made;
use crate::ids;
use crate::stream::{Frame, Mark, delay_before};

/// How long a run that waits for the client may do so, in seconds.
const ACTION_EXPIRY: u64 = 36_000;

impl Thread {
    /// Makes everything happen that was due by now: moves of runs that no stream makes, and expiry.
    pub(crate) fn settle(&mut self, clock: Clock) {
        let now = Instant::now();
        for place in 0..self.runs.len() {
            while let Some(due) = self.runs.get(place).and_then(|run| run.next_due)
                && due <= now
                && self.advance_run_at(place, clock).is_some()
            {
                if let Some(run) = self.runs.get_mut(place) {
                    let delay = run
                        .moves
                        .front()
                        .map(|next| delay_before(next.mark(), run.pace));
                    run.next_due = Some(due + delay.unwrap_or_default());
                }
            }
            let Some(run) = self.runs.get_mut(place) else {
                continue;
            };
            let expired = run.expires_at.is_some_and(|at| at <= clock.unix_seconds());
            if expired && !run.status.is_over() {
                run.moves.clear();
                run.end(RunStatus::Expired);
                run.changed.notify_one();
            }
        }
    }

    /// Makes the next move of this run happen.
    pub(crate) fn advance_run(&mut self, run_id: &str, clock: Clock) -> Option<Frame> {
        let place = self.runs.iter().position(|run| run.id == run_id)?;
        self.advance_run_at(place, clock)
    }

    fn advance_run_at(&mut self, place: usize, clock: Clock) -> Option<Frame> {
        let run = self.runs.get_mut(place)?;
        let next = run.moves.pop_front()?;
        if matches!(next, Move::ThreadCreated) {
            let thread = self.json(Shown::Event);
            return Some(Frame::json("thread.created", &thread, Mark::Other));
        }
        let run = self.runs.get_mut(place)?;
        let mut stage = Stage {
            thread_id: &self.id,
            messages: &mut self.messages,
            run,
            now: clock.unix_seconds(),
        };
        Some(stage.perform(next))
    }
}

impl Run {
    /// Ends the run: the thread is free again, and what was spent is shown.
    fn end(&mut self, status: RunStatus) {
        self.status = status;
        self.expires_at = None;
        self.required_action = Value::Null;
        self.usage = Some(self.spent);
    }
}

/// A run on its thread, while one move is made.
struct Stage<'a> {
    thread_id: &'a str,
    messages: &'a mut Vec<Message>,
    run: &'a mut Run,
    now: u64,
}

impl Stage<'_> {
    fn perform(&mut self, next: Move) -> Frame {
        let mark = next.mark();
        match next {
            // A new thread is announced by the thread itself.
            Move::ThreadCreated | Move::RunCreated => self.run_event("thread.run.created", mark),
            Move::RunQueued => {
                self.run.status = RunStatus::Queued;
                self.run_event("thread.run.queued", mark)
            }
            Move::RunInProgress => {
                self.run.status = RunStatus::InProgress;
                self.run.started_at = Some(self.now);
                self.run_event("thread.run.in_progress", mark)
            }
            Move::MessageStep(id) => self.start_step(StepDetails::Message(id)),
            Move::ToolStep => self.start_step(StepDetails::Tools(Vec::new())),
            Move::StepInProgress => self.step_event("thread.run.step.in_progress", |_, _| {}),
            Move::MessageCreated => self.start_message(),
            Move::MessageInProgress => self.message_event("thread.message.in_progress", |_, _| {}),
            Move::Text(piece) => self.text(&piece),
            Move::Image => self.image(),
            Move::MessageCompleted => {
                self.message_event("thread.message.completed", |message, now| {
                    message.status = "completed";
                    message.completed_at = Some(now);
                })
            }
            Move::MessageIncomplete(reason) => {
                self.message_event("thread.message.incomplete", |message, now| {
                    message.status = "incomplete";
                    message.incomplete_reason = Some(reason);
                    message.incomplete_at = Some(now);
                })
            }
            Move::CallStarted(index, call) => self.start_call(index, call),
            Move::CallArguments(index, piece) => self.call_arguments(index, &piece),
            Move::StepCompleted(usage) => self.complete_step(usage),
            Move::StepCancelled => self.step_event("thread.run.step.cancelled", |step, now| {
                step.status = "cancelled";
                step.cancelled_at = Some(now);
            }),
            Move::StepExpired => self.step_event("thread.run.step.expired", |step, _| {
                step.status = "expired";
            }),
            Move::StepFailed => self.step_event("thread.run.step.failed", |step, now| {
                step.status = "failed";
                step.failed_at = Some(now);
            }),
            Move::RequiresAction => self.require_action(),
            Move::Completed => {
                self.run.completed_at = Some(self.now);
                self.end_run(RunStatus::Completed, "thread.run.completed")
            }
            Move::Incomplete(reason) => {
                self.run.incomplete_reason = Some(reason);
                self.end_run(RunStatus::Incomplete, "thread.run.incomplete")
            }
            Move::Failed { code, message } => {
                self.run.failed_at = Some(self.now);
                self.run.last_error = json!({"code": code, "message": message});
                self.end_run(RunStatus::Failed, "thread.run.failed")
            }
            Move::Cancelling => {
                self.run.status = RunStatus::Cancelling;
                self.run_event("thread.run.cancelling", mark)
            }
            Move::Cancelled => {
                self.run.cancelled_at = Some(self.now);
                self.end_run(RunStatus::Cancelled, "thread.run.cancelled")
            }
            Move::Expired => self.end_run(RunStatus::Expired, "thread.run.expired"),
            Move::Unknown => Frame::json(
                "thread.run.emulator_future",
                &json!({"object": "thread.run.emulator_future"}),
                mark,
            ),
            Move::Done => Frame::event("done", "[DONE]", mark),
        }
    }

    fn run_event(&self, name: &str, mark: Mark) -> Frame {
        Frame::json(name, &self.run.json(self.thread_id, Shown::Event), mark)
    }

    fn end_run(&mut self, status: RunStatus, name: &str) -> Frame {
        self.run.end(status);
        self.run_event(name, Mark::Terminal)
    }

    fn start_step(&mut self, details: StepDetails) -> Frame {
        self.run.steps.push(Step {
            id: ids::classic("step"),
            created_at: self.now,
            status: "in_progress",
            cancelled_at: None,
            completed_at: None,
            expires_at: self.run.expires_at,
            failed_at: None,
            last_error: Value::Null,
            details,
            usage: None,
        });
        self.step_event("thread.run.step.created", |_, _| {})
    }

    /// Changes the current step and tells of it.
    fn step_event(&mut self, name: &str, change: impl FnOnce(&mut Step, u64)) -> Frame {
        let owner = StepOwner {
            run: &self.run.id,
            assistant: &self.run.assistant_id,
            thread: self.thread_id,
        };
        let Some(step) = self.run.steps.last_mut() else {
            return Frame::json(name, &Value::Null, Mark::Other);
        };
        change(step, self.now);
        Frame::json(name, &step.json(&owner), Mark::Other)
    }

    fn complete_step(&mut self, usage: Usage) -> Frame {
        self.run.spent += usage;
        let expires_at = self.run.expires_at;
        self.step_event("thread.run.step.completed", |step, now| {
            step.status = "completed";
            step.completed_at = Some(now);
            step.expires_at = expires_at;
            step.usage = Some(usage);
        })
    }

    fn current_message(&mut self) -> Option<&mut Message> {
        let StepDetails::Message(id) = &self.run.steps.last()?.details else {
            return None;
        };
        self.messages
            .iter_mut()
            .rev()
            .find(|message| message.id == *id)
    }

    fn start_message(&mut self) -> Frame {
        if let Some(Step {
            details: StepDetails::Message(id),
            ..
        }) = self.run.steps.last()
        {
            self.messages.push(Message {
                id: id.clone(),
                created_at: self.now,
                assistant_id: Some(self.run.assistant_id.clone()),
                run_id: Some(self.run.id.clone()),
                status: "in_progress",
                incomplete_reason: None,
                incomplete_at: None,
                completed_at: None,
                role: "assistant",
                content: Vec::new(),
                attachments: json!([]),
                metadata: json!({}),
            });
        }
        self.message_event("thread.message.created", |_, _| {})
    }

    /// Changes the current message and tells of it.
    fn message_event(&mut self, name: &str, change: impl FnOnce(&mut Message, u64)) -> Frame {
        let (now, thread_id) = (self.now, self.thread_id);
        let Some(message) = self.current_message() else {
            return Frame::json(name, &Value::Null, Mark::Other);
        };
        change(message, now);
        Frame::json(name, &message.event_json(thread_id), Mark::Other)
    }

    fn text(&mut self, piece: &Piece) -> Frame {
        let mut text = json!({"value": piece.value});
        if let Some(text) = text.as_object_mut()
            && (piece.opens_message || !piece.annotations.is_empty())
        {
            text.insert("annotations".to_owned(), json!(piece.annotations));
        }
        let mut message_id = String::new();
        if let Some(message) = self.current_message() {
            message_id.clone_from(&message.id);
            add_text(message, piece);
        }
        let data = json!({
            "id": message_id,
            "object": "thread.message.delta",
            "delta": {"content": [{"index": 0, "type": "text", "text": text}]},
        });
        let mut frame = Frame::json("thread.message.delta", &data, piece.mark);
        frame.half = piece.half;
        frame
    }

    /// An image that code has drawn, as the last part of the message.
    fn image(&mut self) -> Frame {
        let mut block = json!({"type": "image_file", "image_file": {"file_id": made::IMAGE}});
        let mut message_id = String::new();
        let mut index = 0;
        if let Some(message) = self.current_message() {
            message_id.clone_from(&message.id);
            index = message.content.len();
            message.content.push(block.clone());
        }
        if let Some(block) = block.as_object_mut() {
            block.insert("index".to_owned(), json!(index));
        }
        let data = json!({
            "id": message_id,
            "object": "thread.message.delta",
            "delta": {"content": [block]},
        });
        Frame::json("thread.message.delta", &data, Mark::Other)
    }

    fn start_call(&mut self, index: usize, mut call: ToolCall) -> Frame {
        call.arguments.clear();
        let shown = match &call.server_label {
            None => json!({
                "index": index,
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": "", "output": null},
            }),
            Some(server_label) => json!({
                "index": index,
                "id": call.id,
                "type": "mcp",
                "name": call.name,
                "arguments": "",
                "server_label": server_label,
            }),
        };
        if let Some(calls) = self.current_calls() {
            calls.push(call);
        }
        self.step_delta(&shown, Mark::Other)
    }

    fn call_arguments(&mut self, index: usize, piece: &Piece) -> Frame {
        let mut is_function = true;
        if let Some(call) = self.current_calls().and_then(|calls| calls.get_mut(index)) {
            call.arguments.push_str(&piece.value);
            is_function = call.server_label.is_none();
        }
        let shown = if is_function {
            json!({"index": index, "type": "function", "function": {"arguments": piece.value}})
        } else {
            json!({"index": index, "type": "mcp", "arguments": piece.value})
        };
        let mut frame = self.step_delta(&shown, piece.mark);
        frame.half = piece.half;
        frame
    }

    fn current_calls(&mut self) -> Option<&mut Vec<ToolCall>> {
        match &mut self.run.steps.last_mut()?.details {
            StepDetails::Tools(calls) => Some(calls),
            StepDetails::Message(_) => None,
        }
    }

    fn step_delta(&self, call: &Value, mark: Mark) -> Frame {
        let data = json!({
            "id": self.run.steps.last().map(|step| &step.id),
            "object": "thread.run.step.delta",
            "delta": {"step_details": {"type": "tool_calls", "tool_calls": [call]}},
        });
        Frame::json("thread.run.step.delta", &data, mark)
    }

    fn require_action(&mut self) -> Frame {
        let calls = self.current_calls().map(|calls| calls.as_slice());
        let calls = calls.unwrap_or_default();
        let kind = if calls.iter().any(|call| call.server_label.is_some()) {
            "submit_tool_approval"
        } else {
            "submit_tool_outputs"
        };
        let calls: Vec<Value> = calls.iter().map(ToolCall::requested_json).collect();
        self.run.required_action = json!({"type": kind, kind: {"tool_calls": calls}});
        self.run.status = RunStatus::RequiresAction;
        self.run.expires_at = Some(self.run.created_at + ACTION_EXPIRY);
        self.run_event("thread.run.requires_action", Mark::Terminal)
    }
}
