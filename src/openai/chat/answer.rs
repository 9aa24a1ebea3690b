//! Events to a whole chat completion. Pure.

use super::{
    AnswerHead,
    citations::annotation,
    response::{
        AssistantMessage, ChatCompletion, Choice, CompletionTokensDetails, FinishReason, Function,
        PromptTokensDetails, ToolCall, Usage,
    },
};
use crate::agent::{self, Citation, End, Event, Failure};

/// Collects events until the end.
#[derive(Debug, Default)]
pub struct AnswerFold {
    text: String,
    refusal: String,
    reasoning: String,
    citations: Vec<Citation>,
    calls: Vec<CollectedCall>,
    usage: Option<Usage>,
}

#[derive(Debug)]
struct CollectedCall {
    call_id: String,
    name: String,
    arguments: String,
}

impl AnswerFold {
    /// Takes the next event; gives the end when it has come.
    pub fn push(&mut self, event: Event) -> Option<Result<FinishReason, Failure>> {
        match event {
            Event::Started | Event::File(_) | Event::Decided(_) | Event::Unknown(_) => {}
            Event::Reasoning(text) => self.reasoning.push_str(&text),
            Event::Text(text) => self.text.push_str(&text),
            Event::Refusal(text) => self.refusal.push_str(&text),
            Event::Citation(citation) => self.citations.push(citation),
            Event::ToolCall { call_id, name, .. } => self.calls.push(CollectedCall {
                call_id,
                name,
                arguments: String::new(),
            }),
            Event::ToolCallArguments { index, delta } => {
                if let Some(call) = self.calls.get_mut(index) {
                    call.arguments.push_str(&delta);
                }
            }
            Event::Usage(usage) => self.usage = Some(usage_of(usage)),
            Event::End(end) => return Some(finish_reason(end)),
        }
        None
    }

    /// The body of the answer.
    pub fn body(&self, head: &AnswerHead, finish_reason: FinishReason) -> Vec<u8> {
        let nothing_but_calls =
            self.text.is_empty() && !(self.calls.is_empty() && self.refusal.is_empty());
        let completion = ChatCompletion {
            id: &head.id,
            object: "chat.completion",
            created: head.created,
            model: &head.model,
            choices: [Choice {
                index: 0,
                message: AssistantMessage {
                    role: "assistant",
                    content: (!nothing_but_calls).then_some(&self.text),
                    reasoning_content: Some(self.reasoning.as_str())
                        .filter(|text| head.show_reasoning && !text.is_empty()),
                    refusal: (!self.refusal.is_empty()).then_some(&self.refusal),
                    annotations: self.citations.iter().map(annotation).collect(),
                    tool_calls: self.calls.iter().map(tool_call).collect(),
                },
                logprobs: (),
                finish_reason,
            }],
            usage: self.usage,
            thread_id: head.thread_id.as_deref(),
        };
        serde_json::to_vec(&completion).unwrap_or_default()
    }
}

/// The finish reason of an end that is one.
pub(super) fn finish_reason(end: End) -> Result<FinishReason, Failure> {
    match end {
        End::Completed => Ok(FinishReason::Stop),
        End::ToolCalls => Ok(FinishReason::ToolCalls),
        End::Length => Ok(FinishReason::Length),
        End::ContentFilter => Ok(FinishReason::ContentFilter),
        End::Failed(failure) => Err(failure),
    }
}

pub(super) fn usage_of(usage: agent::Usage) -> Usage {
    Usage {
        prompt_tokens: usage.input,
        completion_tokens: usage.output,
        total_tokens: usage.total,
        prompt_tokens_details: PromptTokensDetails {
            cached_tokens: usage.cached_input,
        },
        completion_tokens_details: CompletionTokensDetails {
            reasoning_tokens: usage.reasoning_output,
        },
    }
}

fn tool_call(call: &CollectedCall) -> ToolCall<'_> {
    ToolCall {
        id: &call.call_id,
        kind: "function",
        function: Function {
            name: &call.name,
            arguments: &call.arguments,
        },
    }
}

#[cfg(test)]
mod tests;
