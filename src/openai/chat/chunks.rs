//! Events to the server-sent events of a streamed chat completion. Pure.
//!
//! Each event is written whole: some clients lose events that are split at a line.

use super::{
    AnswerHead,
    answer::{finish_reason, usage_of},
    citations::annotation,
    response::{
        ChunkChoice, ChunkHead, ChunkRest, ChunkUsage, Delta, FinishReason, FunctionDelta,
        ToolCallDelta, Usage,
    },
};
use crate::{
    agent::{End, Event, Failure},
    error::ApiError,
};
use bytes::{BufMut, BytesMut};

/// Writes one streamed answer.
#[derive(Debug)]
pub struct ChunkWriter {
    head: AnswerHead,
    /// The beginning of every chunk, written once: its JSON without the brace at the end.
    beginning: Vec<u8>,
    include_usage: bool,
    role_written: bool,
    usage: Option<Usage>,
}

/// A comment: it keeps the connection alive, and every client skips it.
pub const HEARTBEAT: &[u8] = b": keep-alive\n\n";

const DONE: &[u8] = b"data: [DONE]\n\n";

impl ChunkWriter {
    /// A writer for the answer of `head`.
    pub fn new(head: AnswerHead, include_usage: bool) -> Self {
        let mut beginning = serde_json::to_vec(&ChunkHead {
            id: &head.id,
            object: "chat.completion.chunk",
            created: head.created,
            model: &head.model,
        })
        .unwrap_or_default();
        beginning.pop();
        Self {
            head,
            beginning,
            include_usage,
            role_written: false,
            usage: None,
        }
    }

    /// Writes what `event` means to the client; a failed end is given back as well, for the log.
    ///
    /// `[DONE]` follows a clean end only.
    pub fn write(&mut self, event: &Event, out: &mut BytesMut) -> Result<(), Failure> {
        if !self.role_written && !matches!(event, Event::Usage(_) | Event::End(End::Failed(_))) {
            self.role_written = true;
            self.write_delta(
                Delta {
                    role: Some("assistant"),
                    content: Some(""),
                    ..Delta::default()
                },
                None,
                out,
            );
        }
        let delta = match event {
            Event::Started | Event::File(_) | Event::Decided(_) | Event::Unknown(_) => {
                return Ok(());
            }
            Event::Reasoning(_) if !self.head.show_reasoning => return Ok(()),
            Event::Reasoning(text) => Delta {
                reasoning_content: Some(text),
                ..Delta::default()
            },
            Event::Text(text) => Delta {
                content: Some(text),
                ..Delta::default()
            },
            Event::Refusal(text) => Delta {
                refusal: Some(text),
                ..Delta::default()
            },
            Event::Citation(citation) => Delta {
                annotations: Some([annotation(citation)]),
                ..Delta::default()
            },
            Event::ToolCall {
                index,
                call_id,
                name,
            } => Delta {
                tool_calls: Some([ToolCallDelta {
                    index: *index,
                    id: Some(call_id),
                    kind: Some("function"),
                    function: FunctionDelta {
                        name: Some(name),
                        arguments: "",
                    },
                }]),
                ..Delta::default()
            },
            Event::ToolCallArguments { index, delta } => Delta {
                tool_calls: Some([ToolCallDelta {
                    index: *index,
                    id: None,
                    kind: None,
                    function: FunctionDelta {
                        name: None,
                        arguments: delta,
                    },
                }]),
                ..Delta::default()
            },
            Event::Usage(usage) => {
                self.usage = Some(usage_of(*usage));
                return Ok(());
            }
            Event::End(end) => match finish_reason(end.clone()) {
                Ok(reason) => {
                    self.write_end(reason, out);
                    return Ok(());
                }
                Err(failure) => {
                    write_failure(failure.clone(), out);
                    return Err(failure);
                }
            },
        };
        self.write_delta(delta, None, out);
        Ok(())
    }

    fn write_end(&mut self, reason: FinishReason, out: &mut BytesMut) {
        self.write_delta(Delta::default(), Some(reason), out);
        if let Some(usage) = self.usage.filter(|_| self.include_usage) {
            self.write_chunk(&[], Some(ChunkUsage::Known(usage)), out);
        }
        out.put_slice(DONE);
    }

    fn write_delta(
        &mut self,
        delta: Delta<'_>,
        finish_reason: Option<FinishReason>,
        out: &mut BytesMut,
    ) {
        let choice = ChunkChoice {
            index: 0,
            delta,
            logprobs: (),
            finish_reason,
        };
        self.write_chunk(
            &[choice],
            self.include_usage.then_some(ChunkUsage::NotYet),
            out,
        );
    }

    fn write_chunk(
        &mut self,
        choices: &[ChunkChoice<'_>],
        usage: Option<ChunkUsage>,
        out: &mut BytesMut,
    ) {
        // Told once, in the first chunk.
        let thread_id = self.head.thread_id.take();
        let rest = ChunkRest {
            choices,
            usage,
            thread_id: thread_id.as_deref(),
        };
        out.put_slice(b"data: ");
        out.put_slice(&self.beginning);
        let rest_begins = out.len();
        if serde_json::to_writer(out.writer(), &rest).is_ok() {
            // The two objects become one.
            if let Some(brace) = out.get_mut(rest_begins) {
                *brace = b',';
            }
            out.put_slice(b"\n\n");
        }
    }
}

/// Writes the one event that a failure after the first byte becomes.
pub fn write_failure(failure: Failure, out: &mut BytesMut) {
    out.put_slice(b"data: ");
    out.put_slice(&ApiError::from(failure).body());
    out.put_slice(b"\n\n");
}

#[cfg(test)]
mod tests;
