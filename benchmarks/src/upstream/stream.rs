//! The body of a streamed answer: an event, a wait where the pace has one, the next event.

use std::{convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio::sync::watch;

use super::{
    Service,
    pace::Pace,
    script::{Place, Script},
    template::Fillings,
};

/// An answer on its way; counts how it ends when it is dropped.
struct Telling {
    service: Arc<Service>,
    script: Arc<Script>,
    fillings: Fillings,
    pace: Pace,
    releases: watch::Receiver<u64>,
    next: usize,
}

impl Drop for Telling {
    fn drop(&mut self) {
        let finished = self.script.event(self.next).is_none();
        self.service.counts.stream_closed(finished);
    }
}

/// Tells the events of the script.
pub(super) fn body(
    service: &Arc<Service>,
    script: &Arc<Script>,
    fillings: Fillings,
    pace: Pace,
) -> UnsyncBoxBody<Bytes, Infallible> {
    service.counts.stream_opened();
    let telling = Telling {
        service: Arc::clone(service),
        script: Arc::clone(script),
        fillings,
        pace,
        releases: service.releases.subscribe(),
        next: 0,
    };
    StreamBody::new(stream::unfold(telling, |mut telling| async move {
        telling.wait().await;
        let event = telling.script.event(telling.next)?.fill(&telling.fillings);
        telling.next += 1;
        Some((Ok(Frame::data(event)), telling))
    }))
    .boxed_unsync()
}

impl Telling {
    async fn wait(&mut self) {
        let pacing = self.service.pacing;
        match (self.pace, self.script.place_before(self.next)) {
            (Pace::Paced, Place::BeforeFirstDelta) => tokio::time::sleep(pacing.first_delta).await,
            (Pace::Paced, Place::BetweenDeltas | Place::HalfWay) => {
                tokio::time::sleep(pacing.between_deltas).await;
            }
            // The sender lives as long as the service, so a change is all that can come.
            (Pace::Held, Place::HalfWay) => drop(self.releases.changed().await),
            _ => {}
        }
    }
}
