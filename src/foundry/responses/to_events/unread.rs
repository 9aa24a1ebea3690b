//! Deltas of text that need not be read. Pure.
//!
//! The event that closes a content part tells its whole text again. So of an answer that is not streamed only the first
//! delta of each part is read, which says when the agent began to speak; the others wait, and are read where that event
//! does not come next, or does not tell what they may tell. For most answers that is never.

use std::collections::VecDeque;

use super::{
    super::wire::{ItemEvent, TextDelta},
    ResponsesTranslator,
};
use crate::agent::Event;

/// Most bytes of deltas that wait, some 250 of them. A longer text is read as it comes, because each of its deltas has
/// ten times the bytes that it tells.
const MAX_UNREAD_BYTES: usize = 64 << 10;

/// The deltas of a content part after the first.
#[derive(Debug)]
pub(super) struct Unread {
    first: String,
    /// JSON texts, one after the other.
    others: String,
}

impl ResponsesTranslator {
    /// Lets a delta wait; `false` where it is to be read now. One that is cut off is, so that it is told.
    pub(super) fn leave_unread(&mut self, data: &str) -> bool {
        let unread = self.part.as_mut().and_then(|part| part.unread.as_mut());
        let Some(unread) = unread else { return false };
        let waits = data.starts_with('{')
            && data.ends_with('}')
            && unread.others.len() + data.len() <= MAX_UNREAD_BYTES;
        if waits {
            unread.others.push_str(data);
        }
        waits
    }

    /// Reads a delta now.
    pub(super) fn read_delta(&mut self, event: TextDelta<'_>, events: &mut VecDeque<Event>) {
        let is_first = self.enter_part(event.output_index, event.content_index, events);
        if let Some(part) = &mut self.part {
            part.unread = (is_first && !self.streamed).then(|| Unread {
                first: event.delta.clone().into_owned(),
                others: String::new(),
            });
        }
        self.push_text(false, event.delta.into_owned(), events);
    }

    /// Reads the deltas that wait, in their order.
    pub(super) fn read_unread(&mut self, events: &mut VecDeque<Event>) -> serde_json::Result<()> {
        let unread = self.part.as_mut().and_then(|part| part.unread.take());
        let others = unread.map(|unread| unread.others).unwrap_or_default();
        for event in serde_json::Deserializer::from_str(&others).into_iter::<TextDelta<'_>>() {
            self.read_delta(event?, events);
        }
        Ok(())
    }

    /// Takes from the event that closes a part's text what no delta has told that was read.
    pub(super) fn finish_text(
        &mut self,
        event: &ItemEvent<'_>,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()> {
        if !self.is_current(event.output_index, event.content_index) {
            self.read_unread(events)?;
        }
        if self.enter_part(event.output_index, event.content_index, events) {
            self.push_text(false, event.text.to_string(), events);
            return Ok(());
        }
        let unread = self.part.as_ref().and_then(|part| part.unread.as_ref());
        let rest = unread.and_then(|unread| event.text.strip_prefix(unread.first.as_str()));
        match rest.filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                self.push_text(false, rest.to_owned(), events);
                if let Some(part) = &mut self.part {
                    part.unread = None;
                }
                Ok(())
            }
            None => self.read_unread(events),
        }
    }
}

#[cfg(test)]
mod tests;
