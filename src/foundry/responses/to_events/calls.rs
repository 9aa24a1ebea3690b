//! Calls of the client's functions in the output of a response. Pure.

use std::collections::VecDeque;

use super::{Call, OutputItem, ResponsesTranslator};
use crate::agent::Event;

impl ResponsesTranslator {
    pub(super) fn open_call(
        &mut self,
        output_index: u64,
        item: &OutputItem,
        events: &mut VecDeque<Event>,
    ) {
        events.push_back(Event::ToolCall {
            index: self.calls.len(),
            call_id: item.call_id.clone(),
            name: item.name.clone(),
        });
        self.calls.push(Call {
            output_index,
            has_arguments: false,
        });
    }

    pub(super) fn push_arguments(
        &mut self,
        output_index: u64,
        delta: String,
        events: &mut VecDeque<Event>,
    ) {
        let position = self
            .calls
            .iter()
            .position(|call| call.output_index == output_index);
        let Some((index, call)) =
            position.and_then(|index| Some((index, self.calls.get_mut(index)?)))
        else {
            return;
        };
        call.has_arguments = true;
        events.push_back(Event::ToolCallArguments { index, delta });
    }
}
