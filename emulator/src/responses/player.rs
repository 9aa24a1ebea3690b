//! Plays a response: its events one after the other, and the object they leave behind.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};

use super::StoredResponse;
use super::events::{Event, lay_out};
use super::object::{Progress, Settings, response_json};
use crate::answer::{Answer, Ending};
use crate::behaviour::Pace;
use crate::clock::Clock;
use crate::conversations::ConversationLease;
use crate::project::ProjectHandle;
use crate::stream::{Frame, Mark, Player};

/// A response in the making.
#[derive(Debug)]
pub(crate) struct ResponsePlayer {
    settings: Settings,
    progress: Progress,
    clock: Clock,
    ending: Ending,
    usage: Value,
    answer_length: usize,
    sequence_number: u64,
    moves: VecDeque<Move>,
}

/// What happens next.
#[derive(Debug)]
enum Move {
    /// An event that shows the response as it stands: `response.created`, `response.in_progress`.
    Show(&'static str),
    /// An event of an item.
    Item(Event),
    /// The terminal event.
    End,
}

impl ResponsePlayer {
    /// Lays out an answer to a request that cost `input_tokens`.
    pub(crate) fn new(
        settings: Settings,
        answer: &Answer,
        input_tokens: usize,
        obfuscate: bool,
        clock: Clock,
    ) -> ResponsePlayer {
        let output_tokens = answer.output_tokens();
        let usage = if answer.is_workflow {
            Value::Null
        } else {
            json!({
                "input_tokens": input_tokens,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": output_tokens,
                "output_tokens_details": {"reasoning_tokens": answer.reasoning_tokens},
                "total_tokens": input_tokens + output_tokens,
            })
        };
        let mut moves = VecDeque::from([
            Move::Show("response.created"),
            Move::Show("response.in_progress"),
        ]);
        let events = lay_out(&settings, answer, obfuscate);
        moves.extend(events.into_iter().map(Move::Item));
        moves.push_back(Move::End);
        let answer_length = answer
            .parts
            .iter()
            .map(|part| match part {
                crate::answer::Part::Message { text, .. } => text.chars().count(),
                _ => 0,
            })
            .sum();
        ResponsePlayer {
            progress: Progress {
                status: "in_progress",
                ..Progress::default()
            },
            settings,
            clock,
            ending: answer.ending.clone(),
            usage,
            answer_length,
            sequence_number: 0,
            moves,
        }
    }

    /// The response's id.
    pub(crate) fn id(&self) -> &str {
        &self.settings.id
    }

    /// The response as it stands.
    pub(crate) fn json(&self) -> Value {
        response_json(&self.settings, &self.progress)
    }

    /// The items of the answer that are complete.
    pub(crate) fn output(&self) -> &[Value] {
        &self.progress.output
    }

    /// Whether anything is still to come.
    pub(crate) fn is_over(&self) -> bool {
        self.moves.is_empty()
    }

    /// Ends the response as cancelled.
    pub(crate) fn cancel(&mut self) {
        self.moves.clear();
        self.progress.status = "cancelled";
    }

    fn finish(&mut self) -> &'static str {
        let progress = &mut self.progress;
        progress.usage = self.usage.clone();
        progress.answer_length = Some(self.answer_length);
        let (status, event, last_item) = match &self.ending {
            Ending::Completed => ("completed", "response.completed", "completed"),
            Ending::CutByLength => {
                progress.incomplete_reason = Some("max_output_tokens");
                ("incomplete", "response.incomplete", "incomplete")
            }
            Ending::CutByFilter => {
                progress.incomplete_reason = Some("content_filter");
                ("incomplete", "response.incomplete", "incomplete")
            }
            Ending::Failed { code, message } => {
                progress.error = json!({"code": code, "message": message});
                progress.usage = Value::Null;
                progress.answer_length = None;
                ("failed", "response.failed", "incomplete")
            }
            // The new API has no event for these; no agent of it ends so.
            Ending::Cancelled | Ending::Expired => ("cancelled", "response.failed", "incomplete"),
        };
        progress.status = status;
        if status == "completed" {
            progress.completed_at = Some(self.clock.unix_seconds());
        }
        if let Some(Value::Object(item)) = progress.output.last_mut()
            && item.contains_key("status")
        {
            item.insert("status".to_owned(), json!(last_item));
        }
        event
    }

    fn event(&mut self, name: &str, fields: Map<String, Value>, mark: Mark, half: bool) -> Frame {
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(name));
        let number = ("sequence_number".to_owned(), json!(self.sequence_number));
        self.sequence_number += 1;
        // The preview numbers an event at its start, v1 at its end.
        if self.settings.preview {
            body.extend([number]);
            body.extend(fields);
        } else {
            body.extend(fields);
            body.extend([number]);
        }
        let mut frame = Frame::json(name, &Value::Object(body), mark);
        frame.half = half;
        frame
    }
}

impl Player for ResponsePlayer {
    fn upcoming(&mut self) -> Option<Mark> {
        self.moves.front().map(|next| match next {
            Move::Show(_) => Mark::Other,
            Move::Item(event) => event.mark,
            Move::End => Mark::Terminal,
        })
    }

    fn advance(&mut self) -> Option<Frame> {
        let frame = match self.moves.pop_front()? {
            Move::Show(name) => {
                let fields = Map::from_iter([("response".to_owned(), self.json())]);
                self.event(name, fields, Mark::Other, false)
            }
            Move::Item(event) => {
                self.progress.output.extend(event.completes);
                self.event(event.name, event.body, event.mark, event.half)
            }
            Move::End => {
                let name = self.finish();
                let fields = Map::from_iter([("response".to_owned(), self.json())]);
                self.event(name, fields, Mark::Terminal, false)
            }
        };
        Some(frame)
    }

    fn error_event(&mut self) -> Frame {
        let fields = json!({
            "code": "server_error",
            "message": "An internal server error occurred.",
            "param": null,
        });
        let fields = fields.as_object().cloned().unwrap_or_default();
        self.event("error", fields, Mark::Other, false)
    }

    fn malformed_event(&self) -> Frame {
        malformed_event()
    }

    fn give_up(&mut self) {
        self.moves.clear();
    }
}

/// A text delta whose JSON is cut off.
fn malformed_event() -> Frame {
    let data = "{\"type\":\"response.output_text.delta\",\"item_id\":\"msg_cut\",\"output_ind";
    Frame::event("response.output_text.delta", data, Mark::Other)
}

/// A response that is being delivered: at its end it is stored.
#[derive(Debug)]
pub(crate) struct Delivered {
    player: Option<ResponsePlayer>,
    project: ProjectHandle,
    lease: Option<ConversationLease>,
    input: Vec<Value>,
    context: Vec<Value>,
}

impl Delivered {
    pub(crate) fn new(
        player: ResponsePlayer,
        project: ProjectHandle,
        lease: Option<ConversationLease>,
        input: Vec<Value>,
        context: Vec<Value>,
    ) -> Delivered {
        Delivered {
            player: Some(player),
            project,
            lease,
            input,
            context,
        }
    }

    /// Makes the next event happen without writing it; the response when it was the last one.
    pub(crate) fn advance_to_json(&mut self) -> Option<Value> {
        let player = self.player.as_mut()?;
        player.advance()?;
        let body = player.is_over().then(|| player.json())?;
        self.store();
        Some(body)
    }

    /// Stores the response, and its items in its conversation.
    fn store(&mut self) {
        let Some(player) = &self.player else { return };
        if player.progress.status == "in_progress" {
            return;
        }
        let mut project = self.project.lock();
        if let Some(lease) = &self.lease
            && let Some(conversation) = project.conversations.get_mut(&lease.id)
        {
            conversation.items.extend_from_slice(&self.input);
            conversation.items.extend_from_slice(player.output());
        }
        if player.settings.store
            && let Some(player) = self.player.take()
        {
            project.responses.insert(StoredResponse {
                id: player.settings.id.clone(),
                input: std::mem::take(&mut self.input),
                context: std::mem::take(&mut self.context),
                player,
                next_due: None,
                pace: Pace::default(),
            });
        }
        drop(project);
        self.lease = None;
    }
}

impl Player for Delivered {
    fn upcoming(&mut self) -> Option<Mark> {
        self.player.as_mut()?.upcoming()
    }

    fn advance(&mut self) -> Option<Frame> {
        let frame = self.player.as_mut()?.advance()?;
        if frame.mark == Mark::Terminal {
            self.store();
        }
        Some(frame)
    }

    fn error_event(&mut self) -> Frame {
        match &mut self.player {
            Some(player) => player.error_event(),
            None => Frame::event("error", "{}", Mark::Other),
        }
    }

    fn malformed_event(&self) -> Frame {
        malformed_event()
    }

    fn give_up(&mut self) {
        if let Some(player) = &mut self.player {
            player.give_up();
        }
    }
}
