//! Thread and run events to [`Event`]s. Pure.

use std::collections::VecDeque;

use super::{
    citations,
    wire::{
        Annotation, CreatedThread, MessageContent, MessageDelta, MessagePart, Run, StepDelta,
        ToolCall, Usage,
    },
};
use crate::{
    agent::{
        Citation, End, Event, Failure, FailureKind, Translator,
        approval::{ApprovalRequest, Decision},
        event,
        stream::UpstreamIds,
        turn::WaitingRun,
    },
    config::approvals::{ApprovalPolicy, Verdict},
    foundry::{
        failures::{self, RunError},
        lenient::Lenient,
    },
};

/// Reads the events of one run.
///
/// `thread.run.in_progress` is not yet a sign that the agent works: a rate limit or a missing model follows it
/// as `thread.run.failed` in the recordings. The first step is.
#[derive(Debug, Default)]
pub(super) struct ThreadsTranslator {
    ids: UpstreamIds,
    started: bool,
    /// Code points of text so far: citations count from the start of the whole answer.
    text_length: usize,
    /// What the current message has given.
    message: Option<OpenMessage>,
    /// Ids of the calls so far, in order.
    calls: Vec<String>,
    /// How many calls there were before the current step: deltas count within their step.
    calls_before_step: usize,
    /// What becomes of requests for approvals.
    approvals: ApprovalPolicy,
}

#[derive(Debug)]
struct OpenMessage {
    start: usize,
    citations: usize,
}

impl Translator for ThreadsTranslator {
    fn translate(
        &mut self,
        name: &str,
        data: &str,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()> {
        match name {
            "thread.message.delta" => {
                let MessageDelta { delta } = serde_json::from_str(data)?;
                self.start(events);
                for part in &delta.content {
                    self.push_part(part, events);
                }
            }
            "thread.message.completed" => {
                let message: MessageContent = serde_json::from_str(data)?;
                self.start(events);
                self.close_message(&message, events);
            }
            "thread.run.step.delta" => {
                let StepDelta { delta } = serde_json::from_str(data)?;
                self.start(events);
                for call in &delta.step_details.tool_calls {
                    self.push_call(call, events);
                }
            }
            "thread.run.step.created" => {
                self.start(events);
                self.calls_before_step = self.calls.len();
            }
            "thread.created" => {
                let CreatedThread { id } = serde_json::from_str(data)?;
                self.ids.thread_id = Some(id);
            }
            "thread.run.created" => {
                let run: Run = serde_json::from_str(data)?;
                self.ids.thread_id = Some(run.thread_id);
                self.ids.run_id = Some(run.id);
                self.ids.model.clone_from(&run.model);
            }
            "thread.run.requires_action" => {
                self.require_action(serde_json::from_str(data)?, events);
            }
            "thread.run.completed"
            | "thread.run.incomplete"
            | "thread.run.failed"
            | "thread.run.cancelled"
            | "thread.run.expired" => {
                Self::end(name, serde_json::from_str(data)?, events);
            }
            "error" => {
                let error: RunError = serde_json::from_str(data)?;
                events.push_back(Event::End(End::Failed(error.failure())));
            }
            // The service ends every stream so, also a failed one: without a terminal event it proves nothing.
            "done" => events.push_back(Event::End(End::Failed(Failure::broken_off(
                "done without a terminal event",
            )))),
            name if name.starts_with("thread.run.step.") || name.starts_with("thread.message.") => {
                self.start(events);
            }
            _ => {}
        }
        Ok(())
    }

    fn upstream_ids(&self) -> UpstreamIds {
        self.ids.clone()
    }
}

impl ThreadsTranslator {
    /// Reads the answer of an agent with this policy.
    pub(super) fn new(approvals: ApprovalPolicy) -> Self {
        Self {
            approvals,
            ..Self::default()
        }
    }

    /// The events are those of a run that was begun by an earlier turn: they do not tell which it is.
    pub(super) fn reads_on_in(&mut self, run: &WaitingRun) {
        self.ids = UpstreamIds {
            thread_id: Some(run.thread_id.clone()),
            run_id: Some(run.run_id.clone()),
            ..UpstreamIds::default()
        };
    }

    fn start(&mut self, events: &mut VecDeque<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push_back(Event::Started);
        }
    }

    fn push_part(&mut self, part: &MessagePart, events: &mut VecDeque<Event>) {
        events.extend(citations::image(part).map(Event::File));
        let Some(text) = part.text.as_ref().filter(|_| part.kind == "text") else {
            return;
        };
        if self.message.is_none() {
            if 0 < self.text_length {
                self.push_text(event::MESSAGE_SEPARATOR, events);
            }
            self.message = Some(OpenMessage {
                start: self.text_length,
                citations: 0,
            });
        }
        self.push_text(&text.value, events);
        if let Some(message) = &mut self.message {
            message.citations += text.annotations.len();
            for annotation in &text.annotations {
                cite(message.start, annotation, events);
            }
        }
    }

    fn push_text(&mut self, text: &str, events: &mut VecDeque<Event>) {
        if !text.is_empty() {
            self.text_length += text.chars().count();
            events.push_back(Event::Text(text.to_owned()));
        }
    }

    /// Tells what the whole message has and its deltas had not.
    fn close_message(&mut self, message: &MessageContent, events: &mut VecDeque<Event>) {
        match self.message.take() {
            None => {
                for part in &message.content {
                    self.push_part(part, events);
                }
                self.message = None;
            }
            Some(open) => {
                let images = message
                    .content
                    .iter()
                    .filter_map(|part| citations::image(part));
                events.extend(images.map(Event::File));
                let texts = message.content.iter().filter_map(|part| part.text.as_ref());
                let annotations = texts
                    .flat_map(|text| &text.annotations)
                    .skip(open.citations);
                for annotation in annotations {
                    cite(open.start, annotation, events);
                }
            }
        }
    }

    /// A function call's first delta carries its id and name, later ones only arguments.
    fn push_call(&mut self, call: &ToolCall, events: &mut VecDeque<Event>) {
        let Some(function) = call.function.as_ref().filter(|_| call.kind == "function") else {
            return;
        };
        if !call.id.is_empty() && !self.calls.contains(&call.id) {
            events.push_back(Event::ToolCall {
                index: self.calls.len(),
                call_id: call.id.clone(),
                name: function.name.clone(),
            });
            self.calls.push(call.id.clone());
        }
        let index = self.calls_before_step.saturating_add(call.index);
        if !function.arguments.is_empty() && index < self.calls.len() {
            events.push_back(Event::ToolCallArguments {
                index,
                delta: function.arguments.clone(),
            });
        }
    }

    fn require_action(&mut self, run: Run, events: &mut VecDeque<Event>) {
        self.start(events);
        let contradiction = contradiction("thread.run.requires_action", &run);
        let action = run.required_action.unwrap_or_default();
        let end = match (&action.submit_tool_outputs, &action.submit_tool_approval) {
            _ if contradiction.is_some() => return events.extend(contradiction),
            (Some(pending), _) => {
                for call in &pending.tool_calls {
                    if !self.calls.contains(&call.id) {
                        let whole = ToolCall {
                            index: self.calls.len() - self.calls_before_step,
                            id: call.id.clone(),
                            kind: call.kind.clone(),
                            function: call.function.clone(),
                            ..ToolCall::default()
                        };
                        self.push_call(&whole, events);
                    }
                }
                let mut awaited = pending.tool_calls.iter();
                if !pending.tool_calls.is_empty() && awaited.all(|it| self.calls.contains(&it.id)) {
                    End::ToolCalls
                } else {
                    End::Failed(Failure::unreadable(
                        "a run waits for what is no function call",
                    ))
                }
            }
            (None, Some(pending)) => match self.judge(&pending.tool_calls, events) {
                Some(end) => end,
                None => return,
            },
            (None, None) => End::Failed(
                Failure::new(
                    FailureKind::Unreadable,
                    "the agent asks for something this gateway does not know",
                )
                .with_detail(format!("required action {:?}", action.kind)),
            ),
        };
        events.push_back(Event::End(end));
    }

    /// Decides about requests for approvals: the end of the answer, unless the policy has decided them all. They are
    /// answered at once, so that the client, where it is asked about one, is asked about all.
    fn judge(&mut self, asked: &[Lenient<ToolCall>], events: &mut VecDeque<Event>) -> Option<End> {
        let requests: Vec<_> = asked.iter().map(|call| approval_request(call)).collect();
        let mut decisions = Vec::new();
        let mut refused = Vec::new();
        for request in &requests {
            match self.approvals.verdict(&request.server_label, &request.tool) {
                Verdict::Decided { approve } => decisions.push(Decision {
                    request: request.clone(),
                    approve,
                }),
                Verdict::Surface => {}
                Verdict::Fail => refused.push(request.label()),
            }
        }
        if !refused.is_empty() {
            let tools = refused.iter().map(String::as_str);
            return Some(End::Failed(failures::approval_required(tools)));
        }
        if decisions.len() == requests.len() {
            events.push_back(Event::Decided(decisions));
            return None;
        }
        for request in &requests {
            let call = request.to_call();
            let index = self.calls.len();
            events.push_back(Event::ToolCall {
                index,
                call_id: call.call_id.clone(),
                name: call.name,
            });
            events.push_back(Event::ToolCallArguments {
                index,
                delta: call.arguments,
            });
            self.calls.push(call.call_id);
        }
        Some(End::ToolCalls)
    }

    fn end(name: &str, run: Run, events: &mut VecDeque<Event>) {
        if let Some(end) = contradiction(name, &run) {
            return events.push_back(end);
        }
        if let Some(usage) = &run.usage {
            events.push_back(Event::Usage(usage_of(usage)));
        }
        let reason = run.incomplete_details.unwrap_or_default().reason;
        let end = match (name, reason.as_str()) {
            ("thread.run.completed", _) => End::Completed,
            ("thread.run.incomplete", "content_filter") => End::ContentFilter,
            ("thread.run.incomplete", "max_completion_tokens" | "max_prompt_tokens") => End::Length,
            ("thread.run.incomplete", reason) => End::Failed(
                Failure::new(
                    FailureKind::AgentFailed,
                    "the agent did not finish its answer",
                )
                .with_detail(format!("incomplete: {reason}")),
            ),
            ("thread.run.cancelled", _) => End::Failed(Failure::new(
                FailureKind::Cancelled,
                "the agent's answer was cancelled",
            )),
            ("thread.run.expired", _) => End::Failed(Failure::new(
                FailureKind::Expired,
                "the agent did not finish within the service's own time limit",
            )),
            _ => End::Failed(run.last_error.unwrap_or_default().failure()),
        };
        events.push_back(Event::End(end));
    }
}

/// The end of an answer whose event tells a good end and whose run tells another.
fn contradiction(name: &str, run: &Run) -> Option<Event> {
    let is_good = matches!(name, "thread.run.completed" | "thread.run.requires_action");
    let status = run.status.as_deref().filter(|_| is_good)?;
    matches!(status, "failed" | "cancelled" | "expired" | "incomplete").then(|| {
        let detail = format!("{name} with the status {status}");
        Event::End(End::Failed(Failure::unreadable(detail)))
    })
}

fn approval_request(call: &ToolCall) -> ApprovalRequest {
    ApprovalRequest {
        id: call.id.clone(),
        server_label: call.server_label.clone(),
        tool: call.name.clone(),
        arguments: call.arguments.clone(),
    }
}

/// Tells a citation; `message_start` is where the annotation's message began.
fn cite(message_start: usize, annotation: &Annotation, events: &mut VecDeque<Event>) {
    if let Some(source) = citations::source(annotation) {
        events.push_back(Event::Citation(Citation {
            start: message_start.saturating_add(annotation.start_index),
            end: message_start.saturating_add(annotation.end_index),
            source,
        }));
    }
}

fn usage_of(usage: &Usage) -> event::Usage {
    event::Usage {
        input: usage.prompt_tokens,
        cached_input: usage
            .prompt_token_details
            .as_ref()
            .map_or(0, |details| details.cached_tokens),
        output: usage.completion_tokens,
        reasoning_output: 0,
        total: usage.total_tokens,
    }
}

#[cfg(test)]
mod tests;
