//! Answers that are written piece by piece.
//!
//! A dialect hands over a [`Player`], which knows its events one after the other; the [`pump`] turns them into the
//! bytes of a response body and adds what [`crate::Behaviour`] asks for: delays, splitting, faults.

pub(crate) mod pump;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

use crate::behaviour::{Fault, Pace};

/// What a piece is to the fault stages and the delays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mark {
    /// Framework around the text: no delay, no stage.
    Other,
    /// The first piece of text or arguments of an answer.
    FirstText,
    /// A further piece of text or arguments.
    Text,
    /// The event that ends the answer.
    Terminal,
}

/// One event as bytes.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) bytes: Bytes,
    pub(crate) mark: Mark,
    /// About half of the text has been written with this frame.
    pub(crate) half: bool,
}

impl Frame {
    /// A server-sent event, `event: NAME` and `data: DATA`, as both dialects write it.
    pub(crate) fn event(name: &str, data: &str, mark: Mark) -> Frame {
        Frame {
            bytes: Bytes::from(format!("event: {name}\ndata: {data}\n\n")),
            mark,
            half: false,
        }
    }

    /// A server-sent event with JSON data.
    pub(crate) fn json(name: &str, data: &Value, mark: Mark) -> Frame {
        Frame::event(name, &data.to_string(), mark)
    }
}

/// An answer that is written piece by piece.
pub(crate) trait Player: Send {
    /// What the next piece is; `None` when the answer is complete.
    fn upcoming(&mut self) -> Option<Mark>;

    /// Makes the next piece, and whatever it means to the stored objects, happen.
    fn advance(&mut self) -> Option<Frame>;

    /// An `error` event of this dialect.
    fn error_event(&mut self) -> Frame;

    /// A text event of this dialect whose JSON is cut off.
    fn malformed_event(&self) -> Frame;

    /// Drops what was still to come after an `error` event, except what the dialect sends in any case.
    fn give_up(&mut self);

    /// Signalled when something outside, such as a cancellation, changed what comes next.
    fn changes(&self) -> Option<Arc<Notify>> {
        None
    }
}

/// The time to wait before a piece.
pub(crate) fn delay_before(mark: Mark, pace: Pace) -> Duration {
    match mark {
        Mark::FirstText => pace.first_delta,
        Mark::Text => pace.token,
        Mark::Other | Mark::Terminal => Duration::ZERO,
    }
}

/// Waits that long. Nothing is waited for when there is no delay, since even the shortest sleep takes a millisecond.
pub(crate) async fn wait_before(mark: Mark, pace: Pace) {
    let delay = delay_before(mark, pace);
    if !delay.is_zero() {
        tokio::time::sleep(delay).await;
    }
}

/// A body that is not a stream of events, in two halves so that it can break between them.
#[derive(Debug)]
pub(crate) struct Halves {
    pieces: VecDeque<Frame>,
}

impl Halves {
    /// Cuts `body` in the middle.
    pub(crate) fn new(body: &Bytes) -> Halves {
        let middle = body.len() / 2;
        let first = Frame {
            bytes: body.slice(..middle),
            mark: Mark::Other,
            half: true,
        };
        let second = Frame {
            bytes: body.slice(middle..),
            mark: Mark::Terminal,
            half: false,
        };
        Halves {
            pieces: [first, second].into(),
        }
    }
}

impl Player for Halves {
    fn upcoming(&mut self) -> Option<Mark> {
        self.pieces.front().map(|piece| piece.mark)
    }

    fn advance(&mut self) -> Option<Frame> {
        self.pieces.pop_front()
    }

    fn error_event(&mut self) -> Frame {
        Frame::event("error", "{}", Mark::Other)
    }

    fn malformed_event(&self) -> Frame {
        Frame::event("message", "{", Mark::Other)
    }

    fn give_up(&mut self) {
        self.pieces.clear();
    }
}

/// The event that commits a fault of the kind "one odd event"; `None` for faults of the connection.
pub(crate) fn odd_event(fault: &Fault, player: &mut dyn Player) -> Option<Frame> {
    match fault {
        Fault::Malformed => Some(player.malformed_event()),
        Fault::UnknownEvent => Some(Frame::event(
            "emulator.unknown",
            "{\"type\":\"emulator.unknown\",\"note\":\"no client knows this event\"}",
            Mark::Other,
        )),
        Fault::Oversized { bytes } => {
            let padding = "x".repeat(*bytes);
            Some(Frame::event(
                "emulator.oversized",
                &format!("{{\"type\":\"emulator.oversized\",\"padding\":\"{padding}\"}}"),
                Mark::Other,
            ))
        }
        Fault::ErrorEvent => Some(player.error_event()),
        Fault::Reset
        | Fault::Close
        | Fault::Eof
        | Fault::Stall
        | Fault::Slow
        | Fault::Status { .. } => None,
    }
}
