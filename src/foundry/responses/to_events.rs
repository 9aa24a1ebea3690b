//! Responses stream events to [`Event`]s. Pure.

mod approvals;
mod calls;
mod parts;
mod reasoning;
mod unread;

use std::collections::VecDeque;

use self::{parts::Part, reasoning::Reasoning};
use super::{
    citations,
    items::{self, Fate},
    wire::{ItemEvent, OutputItem, Response, ResponseEvent, TextDelta, Usage},
};
use crate::{
    agent::{
        End, Event, Failure, FailureKind, Translator, approval::Decision, event,
        stream::UpstreamIds,
    },
    config::approvals::ApprovalPolicy,
    foundry::{failures::RunError, lenient::Lenient},
};

/// Reads the events of one response.
///
/// Text and calls are taken from deltas; what arrives only whole (workflow agents send messages so) is taken
/// from the event that closes it. Of an answer that is not streamed most deltas stay [`unread`].
/// What becomes of the other items is in the table of [`items`].
#[derive(Debug, Default)]
pub(super) struct ResponsesTranslator {
    ids: UpstreamIds,
    /// Whether text is wanted as the agent writes it.
    streamed: bool,
    started: bool,
    /// Code points of text so far: citations count from the start of the whole answer.
    text_length: usize,
    /// The content part that text comes from now, and where it began.
    part: Option<Part>,
    /// Calls by output index, in the order of their appearance.
    calls: Vec<Call>,
    /// What becomes of requests for approvals.
    approvals: ApprovalPolicy,
    /// Requests for approvals that the policy has decided.
    decided: Vec<Decision>,
    reasoning: Reasoning,
    /// How many responses there are so far: one more after each round of approvals.
    responses: usize,
    /// What the responses before this one cost.
    spent: event::Usage,
}

#[derive(Debug)]
struct Call {
    output_index: u64,
    has_arguments: bool,
}

impl Translator for ResponsesTranslator {
    fn translate(
        &mut self,
        name: &str,
        data: &str,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()> {
        match name {
            "response.output_text.delta" if self.leave_unread(data) => return Ok(()),
            // It tells them again.
            "response.output_text.done" => {}
            _ => self.read_unread(events)?,
        }
        match name {
            "response.output_text.delta" => {
                let event: TextDelta<'_> = serde_json::from_str(data)?;
                self.start(events);
                self.read_delta(event, events);
            }
            "response.output_text.done" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                self.start(events);
                self.finish_text(&event, events)?;
            }
            "response.refusal.delta" => {
                let event: TextDelta<'_> = serde_json::from_str(data)?;
                self.start(events);
                self.enter_part(event.output_index, event.content_index, events);
                self.push_text(true, event.delta.into_owned(), events);
            }
            "response.refusal.done" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                self.start(events);
                if self.enter_part(event.output_index, event.content_index, events) {
                    self.push_text(true, event.refusal.into_owned(), events);
                }
            }
            "response.output_text.annotation.added" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                self.enter_part(event.output_index, event.content_index, events);
                if let Some(annotation) = &event.annotation {
                    self.cite(annotation, events);
                }
            }
            "response.content_part.done" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                if let Some(part) = &event.part {
                    self.close_part(event.output_index, event.content_index, part, events);
                }
            }
            "response.reasoning_summary_text.delta" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                self.start(events);
                let delta = event.delta.into_owned();
                self.reason(event.output_index, event.summary_index, delta, events);
            }
            "response.output_item.added" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                let item = event.item.unwrap_or_default();
                self.start_unless_asking(&item, events);
                if item.kind == "function_call" {
                    self.open_call(event.output_index, &item, events);
                }
            }
            "response.function_call_arguments.delta" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                self.push_arguments(event.output_index, event.delta.into_owned(), events);
            }
            "response.output_item.done" => {
                let event: ItemEvent<'_> = serde_json::from_str(data)?;
                let item = event.item.unwrap_or_default();
                self.start_unless_asking(&item, events);
                self.close_item(event.output_index, &item, events);
            }
            "response.created" => {
                let ResponseEvent { response } = serde_json::from_str(data)?;
                self.ids = UpstreamIds {
                    thread_id: None,
                    run_id: Some(response.id),
                    session: self.ids.session.take(),
                    model: (*response.model).clone(),
                    agent_version: response
                        .agent_reference
                        .version
                        .clone()
                        .or_else(|| response.agent.version.clone()),
                };
                self.responses += 1;
            }
            "response.completed"
            | "response.incomplete"
            | "response.failed"
            | "response.cancelled" => {
                let ResponseEvent { response } = serde_json::from_str(data)?;
                self.end(name, response, events)?;
            }
            "error" => {
                let error: RunError = serde_json::from_str(data)?;
                events.push_back(Event::End(End::Failed(error.failure())));
            }
            // Queued and in progress say that the service took the request, not that the agent works: a rate
            // limit or a wrong model can still follow. Everything else that is unknown is for other clients.
            _ => {}
        }
        Ok(())
    }

    fn upstream_ids(&self) -> UpstreamIds {
        self.ids.clone()
    }
}

impl ResponsesTranslator {
    /// Reads the answer of an agent with this policy, in this session if it is a hosted one; `streamed` where its text is
    /// wanted as the agent writes it.
    pub(super) fn new(approvals: ApprovalPolicy, session: Option<String>, streamed: bool) -> Self {
        let ids = UpstreamIds {
            session,
            ..UpstreamIds::default()
        };
        Self {
            ids,
            streamed,
            approvals,
            ..Self::default()
        }
    }

    fn start(&mut self, events: &mut VecDeque<Event>) {
        if !std::mem::replace(&mut self.started, true) {
            events.push_back(Event::Started);
        }
    }

    /// An item that asks the user for something ends the turn before the agent has done anything.
    fn start_unless_asking(&mut self, item: &OutputItem, events: &mut VecDeque<Event>) {
        if !matches!(
            item.kind.as_str(),
            "mcp_approval_request" | "oauth_consent_request"
        ) {
            self.start(events);
        }
    }

    fn close_item(&mut self, output_index: u64, item: &OutputItem, events: &mut VecDeque<Event>) {
        match item.kind.as_str() {
            "message" => self.close_message(output_index, item, events),
            "function_call" => {
                if !self
                    .calls
                    .iter()
                    .any(|call| call.output_index == output_index)
                {
                    self.open_call(output_index, item, events);
                }
                let complete = self
                    .calls
                    .iter()
                    .any(|call| call.output_index == output_index && call.has_arguments);
                if !complete {
                    self.push_arguments(output_index, item.arguments.clone(), events);
                }
            }
            "image_generation_call" => {
                let response = self.ids.run_id.as_deref().unwrap_or_default();
                events.extend(citations::image(response, item).map(Event::File));
            }
            "mcp_approval_request" => self.judge(output_index, item, events),
            "oauth_consent_request" => events.push_back(Event::End(End::Failed(Failure::new(
                FailureKind::ConsentRequired,
                format!(
                    "the agent needs your consent for a connected service: open {} and ask again",
                    item.consent_link
                ),
            )))),
            "reasoning" => self.close_reasoning(output_index, item, events),
            kind => match items::fate(kind) {
                Some(Fate::Told | Fate::Unseen) => {}
                Some(Fate::Failed) => events.push_back(Event::End(End::Failed(Failure::new(
                    FailureKind::AgentMisconfigured,
                    format!(
                        "the agent uses a tool that its client would have to run ({kind}), and a chat completion \
                         cannot ask for that; take the tool from the agent, or use a function"
                    ),
                )))),
                None => events.push_back(Event::Unknown(kind.to_owned())),
            },
        }
    }

    fn end(
        &mut self,
        name: &str,
        response: Response<'_>,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()> {
        if response.status == "completed" && name != "response.completed" {
            let contradiction = format!("{name} with the status completed");
            events.push_back(Event::End(End::Failed(Failure::unreadable(contradiction))));
            return Ok(());
        }
        if response.status == "completed" && !self.started && self.decided.is_empty() {
            for (output_index, item) in (0..).zip(&response.output) {
                let item: Lenient<OutputItem> = serde_json::from_str(item.get())?;
                self.close_item(output_index, &item, events);
                // An item can end the answer, and nothing may follow.
                if matches!(events.back(), Some(Event::End(_))) {
                    return Ok(());
                }
            }
        }
        if let Some(usage) = &response.usage {
            self.spent += usage_of(usage);
            events.push_back(Event::Usage(self.spent));
        }
        if response.status == "completed"
            && let Some(decisions) = self.take_decisions(events)
        {
            events.push_back(Event::Decided(decisions));
            return Ok(());
        }
        let reason = response.incomplete_details.unwrap_or_default().reason;
        let end = match (response.status.as_str(), reason.as_str()) {
            ("completed", _) if self.calls.is_empty() => End::Completed,
            ("completed", _) => End::ToolCalls,
            ("incomplete", "max_output_tokens") => End::Length,
            ("incomplete", "content_filter") => End::ContentFilter,
            ("incomplete", reason) => End::Failed(
                Failure::new(
                    FailureKind::AgentFailed,
                    "the agent did not finish its answer",
                )
                .with_detail(format!("incomplete: {reason}")),
            ),
            ("cancelled", _) => End::Failed(Failure::new(
                FailureKind::Cancelled,
                "the agent's answer was cancelled",
            )),
            _ => End::Failed(response.error.unwrap_or_default().failure()),
        };
        events.push_back(Event::End(end));
        Ok(())
    }
}

fn usage_of(usage: &Usage) -> event::Usage {
    event::Usage {
        input: usage.input_tokens,
        cached_input: usage
            .input_tokens_details
            .as_ref()
            .map_or(0, |details| details.cached_tokens),
        output: usage.output_tokens,
        reasoning_output: usage
            .output_tokens_details
            .as_ref()
            .map_or(0, |details| details.reasoning_tokens),
        total: usage.total_tokens,
    }
}

#[cfg(test)]
mod tests;
