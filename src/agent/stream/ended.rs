//! What was said in a turn, for whoever remembers it.

use super::UpstreamIds;
use crate::agent::{Event, turn::ToolCall};

/// A turn that ended well, and that the client will show as a part of the history.
#[derive(Debug, Default)]
pub struct Ended {
    /// The whole text.
    pub text: String,
    /// Functions that the client is asked to call.
    pub tool_calls: Vec<ToolCall>,
    /// The service's names for the turn.
    pub ids: UpstreamIds,
}

impl Ended {
    /// Collects what an event says.
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Text(text) | Event::Refusal(text) => self.text.push_str(text),
            Event::ToolCall { call_id, name, .. } => self.tool_calls.push(ToolCall {
                call_id: call_id.clone(),
                name: name.clone(),
                arguments: String::new(),
            }),
            Event::ToolCallArguments { index, delta } => {
                if let Some(call) = self.tool_calls.get_mut(*index) {
                    call.arguments.push_str(delta);
                }
            }
            _ => {}
        }
    }
}
