//! Content parts of an answer's messages, their text and what it cites. Pure.

use std::collections::VecDeque;

use super::{
    super::{
        citations,
        wire::{Annotation, ContentPart},
    },
    OutputItem, ResponsesTranslator,
    unread::Unread,
};
use crate::agent::{Citation, Event, event};

/// A content part that text comes from, and where in the answer it began.
#[derive(Debug)]
pub(super) struct Part {
    response: usize,
    output_index: u64,
    content_index: u64,
    start: usize,
    citations: usize,
    /// Where only the first delta of its text has been read.
    pub(super) unread: Option<Unread>,
}

impl ResponsesTranslator {
    /// Makes a content part the current one; `true` where it was not.
    pub(super) fn enter_part(
        &mut self,
        output_index: u64,
        content_index: u64,
        events: &mut VecDeque<Event>,
    ) -> bool {
        if self.is_current(output_index, content_index) {
            return false;
        }
        let other_message = match &self.part {
            Some(part) => part.response != self.responses || part.output_index != output_index,
            None => false,
        };
        if other_message && 0 < self.text_length {
            self.push_text(false, event::MESSAGE_SEPARATOR.to_owned(), events);
        }
        self.part = Some(Part {
            response: self.responses,
            output_index,
            content_index,
            start: self.text_length,
            citations: 0,
            unread: None,
        });
        true
    }

    /// Whether text comes from this content part now.
    pub(super) fn is_current(&self, output_index: u64, content_index: u64) -> bool {
        self.part.as_ref().is_some_and(|part| {
            part.response == self.responses
                && part.output_index == output_index
                && part.content_index == content_index
        })
    }

    pub(super) fn push_text(&mut self, refusal: bool, text: String, events: &mut VecDeque<Event>) {
        if text.is_empty() {
            return;
        }
        if refusal {
            events.push_back(Event::Refusal(text));
        } else {
            self.text_length += text.chars().count();
            events.push_back(Event::Text(text));
        }
    }

    pub(super) fn close_part(
        &mut self,
        output_index: u64,
        content_index: u64,
        part: &ContentPart,
        events: &mut VecDeque<Event>,
    ) {
        if self.enter_part(output_index, content_index, events) {
            self.push_text(false, part.text.clone(), events);
            self.push_text(true, part.refusal.clone(), events);
        }
        let told = self.part.as_ref().map_or(0, |part| part.citations);
        for annotation in part.annotations.iter().skip(told) {
            self.cite(annotation, events);
        }
    }

    pub(super) fn cite(&mut self, annotation: &Annotation, events: &mut VecDeque<Event>) {
        let Some(part) = &mut self.part else { return };
        part.citations += 1;
        let Some(source) = citations::source(annotation) else {
            return;
        };
        let place = |index| part.start.saturating_add(annotation.index.unwrap_or(index));
        events.push_back(Event::Citation(Citation {
            start: place(annotation.start_index),
            end: place(annotation.end_index),
            source,
        }));
    }

    /// Takes of a message that is whole the parts that nothing has told.
    pub(super) fn close_message(
        &mut self,
        output_index: u64,
        item: &OutputItem,
        events: &mut VecDeque<Event>,
    ) {
        for (content_index, part) in (0..).zip(&item.content) {
            let later_part_known = self.part.as_ref().is_some_and(|current| {
                current.response == self.responses
                    && current.output_index == output_index
                    && content_index < current.content_index
            });
            if !later_part_known {
                self.close_part(output_index, content_index, part, events);
            }
        }
    }
}
