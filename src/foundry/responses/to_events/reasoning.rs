//! Summaries of reasoning in the output of a response. Pure.

use std::collections::VecDeque;

use super::{OutputItem, ResponsesTranslator};
use crate::agent::{Event, event};

/// The reasoning item that is being told.
#[derive(Debug, Default)]
pub(super) struct Reasoning {
    /// The part from which text came last: the response, the item and the part of its summary.
    last: Option<(usize, u64, u64)>,
}

impl ResponsesTranslator {
    /// Tells more of a summary; parts and items are told apart by a blank line.
    pub(super) fn reason(
        &mut self,
        output_index: u64,
        summary_index: u64,
        text: String,
        events: &mut VecDeque<Event>,
    ) {
        let part = (self.responses, output_index, summary_index);
        if text.is_empty() {
            return;
        }
        match self.reasoning.last.replace(part) {
            Some(last) if last != part => {
                events.push_back(Event::Reasoning(event::MESSAGE_SEPARATOR.to_owned()));
            }
            _ => {}
        }
        events.push_back(Event::Reasoning(text));
    }

    /// Tells what of a summary came only with the whole item.
    pub(super) fn close_reasoning(
        &mut self,
        output_index: u64,
        item: &OutputItem,
        events: &mut VecDeque<Event>,
    ) {
        let told = self.reasoning.last.is_some_and(|(response, index, _)| {
            response == self.responses && index == output_index
        });
        if told {
            return;
        }
        for (summary_index, part) in (0..).zip(&item.summary) {
            self.reason(output_index, summary_index, part.text.clone(), events);
        }
    }
}
