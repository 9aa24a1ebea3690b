//! For tests: an upstream whose events say plainly what they are.

use std::collections::VecDeque;

use super::{End, Event, Failure, Translator, UpstreamIds};
use crate::agent::FailureKind;

/// `started`, `completed`, `failed` and `unreadable` are what their names say; the data of every other event is text.
#[derive(Debug, Default)]
pub(crate) struct PlainTranslator;

impl Translator for PlainTranslator {
    fn translate(
        &mut self,
        name: &str,
        data: &str,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()> {
        if name == "unreadable" {
            return serde_json::from_str(data);
        }
        events.push_back(match name {
            "started" => Event::Started,
            "completed" => Event::End(End::Completed),
            "failed" => Event::End(End::Failed(Failure::new(FailureKind::ServiceFailed, data))),
            _ => Event::Text(data.to_owned()),
        });
        Ok(())
    }

    fn upstream_ids(&self) -> UpstreamIds {
        UpstreamIds::default()
    }
}
