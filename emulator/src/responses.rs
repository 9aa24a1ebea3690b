//! New agents answer: the Responses API.
//!
//! A request is checked ([`request`], [`items`], [`overrides`], [`model_options`]), answered, laid out as events ([`events`]),
//! and played, as a stream or to its end ([`player`]). Shapes as recorded under `new/` of the fixtures.

pub(crate) mod events;
pub(crate) mod filters;
pub(crate) mod handlers;
pub(crate) mod items;
pub(crate) mod model_options;
pub(crate) mod object;
pub(crate) mod overrides;
pub(crate) mod player;
mod prepare;
pub(crate) mod request;

use serde_json::Value;
use tokio::time::Instant;

use self::player::ResponsePlayer;
use crate::behaviour::Pace;
use crate::store::Identified;
use crate::stream::{Player, delay_before};

/// A response that can be read again and continued.
#[derive(Debug)]
pub(crate) struct StoredResponse {
    pub(crate) id: String,
    /// The items of this request, with ids.
    pub(crate) input: Vec<Value>,
    /// Everything before this response's output: earlier turns and this request's items.
    pub(crate) context: Vec<Value>,
    pub(crate) player: ResponsePlayer,
    /// When the next piece of a background response happens; `None` for one that was complete when it was stored.
    pub(crate) next_due: Option<Instant>,
    pub(crate) pace: Pace,
}

impl Identified for StoredResponse {
    fn id(&self) -> &str {
        &self.id
    }
}

impl StoredResponse {
    /// Makes everything happen that was due by now.
    pub(crate) fn settle(&mut self) {
        while let Some(due) = self.next_due.filter(|due| *due <= Instant::now()) {
            if self.player.advance().is_none() {
                break;
            }
            let delay = self
                .player
                .upcoming()
                .map(|mark| delay_before(mark, self.pace));
            self.next_due = Some(due + delay.unwrap_or_default());
        }
    }
}
