//! An agent's answer as it arrives: upstream bytes in, [`Event`]s out, no task and no channel between.

mod approvals;
mod ended;
mod leftover;

use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, future::BoxFuture};
use tokio::time::{Instant, Sleep};

use super::{End, Event, Failure, presentation::Presentation, watch::Watch};
use crate::sse::Decoder;

pub use self::{
    approvals::AnswerApprovals,
    ended::Ended,
    leftover::{LeftState, Leftover, UpstreamIds},
};

/// The bytes of an upstream response body.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, StreamError>> + Send>>;

/// Why reading an upstream body failed.
pub type StreamError = Box<dyn std::error::Error + Send + Sync>;

/// One agent dialect's reading of its events. Pure: state in, [`Event`]s out.
pub trait Translator: Send + fmt::Debug {
    /// Reads one server-sent event and appends what it means, at most one [`Event::End`] in all.
    ///
    /// An error where the data of a known event is not what it should be.
    fn translate(
        &mut self,
        name: &str,
        data: &str,
        events: &mut VecDeque<Event>,
    ) -> serde_json::Result<()>;

    /// What the upstream calls this turn, as far as its events have told.
    fn upstream_ids(&self) -> UpstreamIds;
}

/// Called before a good end is told; the end waits for it.
pub type BeforeEnd = Box<dyn FnOnce(Ended) -> BoxFuture<'static, ()> + Send>;

/// Called once, when the stream is dropped: ends upstream work and keeps the connection if it can.
pub type OnDrop = Box<dyn FnOnce(Leftover) + Send>;

/// Bounds on one answer.
#[derive(Debug, Clone, Copy)]
pub struct StreamLimits {
    /// Longest silence between two reads.
    pub between_bytes: Duration,
    /// When the whole answer must be over.
    pub deadline: Instant,
    /// Most bytes of the whole answer, as the service writes it.
    pub bytes: usize,
}

/// Part of an unknown item's kind that is logged.
const MAX_KIND_CHARACTERS: usize = 64;

/// Reads after the last event in which the end of the body is looked for: one that has none must not hold up the answer.
const MAX_LAST_READS: usize = 8;

/// Largest event that is read. The terminal event repeats the whole answer and the agent's instructions.
pub const MAX_EVENT_BYTES: usize = 16 << 20;

/// The events of one answer.
pub struct AnswerStream {
    bytes: Option<ByteStream>,
    decoder: Decoder,
    translator: Box<dyn Translator>,
    presentation: Option<Presentation>,
    /// Events that have been read and not shown; empty between two reads.
    read_events: VecDeque<Event>,
    pending: VecDeque<Event>,
    ended: bool,
    ended_by_service: bool,
    left: LeftState,
    limits: StreamLimits,
    bytes_read: usize,
    last_read: Instant,
    timer: Pin<Box<Sleep>>,
    on_drop: Option<OnDrop>,
    /// What to do before a good end, and what has been said for it so far.
    before_end: Option<(BeforeEnd, Ended)>,
    /// How requests for approvals are answered, how often they were, and the answer that is on its way.
    answer_approvals: Option<AnswerApprovals>,
    approval_rounds: usize,
    going_on: Option<BoxFuture<'static, Result<ByteStream, Failure>>>,
    /// A good end that waits.
    ending: Option<(BoxFuture<'static, ()>, End)>,
    watch: Option<Box<dyn Watch>>,
}

impl fmt::Debug for AnswerStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("AnswerStream")
            .field("translator", &self.translator)
            .field("pending", &self.pending.len())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl AnswerStream {
    /// Reads `bytes` with `translator`, within `limits`.
    ///
    /// Boxed, because it is passed on through the futures that open an answer, and each would have room for it.
    pub fn new(
        bytes: ByteStream,
        translator: Box<dyn Translator>,
        limits: StreamLimits,
        on_drop: OnDrop,
    ) -> Box<Self> {
        let now = Instant::now();
        Box::new(Self {
            bytes: Some(bytes),
            decoder: Decoder::new(MAX_EVENT_BYTES),
            translator,
            presentation: None,
            read_events: VecDeque::new(),
            pending: VecDeque::new(),
            ended: false,
            ended_by_service: false,
            left: LeftState::Unusable,
            limits,
            bytes_read: 0,
            last_read: now,
            timer: Box::pin(tokio::time::sleep_until(
                limits.deadline.min(now + limits.between_bytes),
            )),
            on_drop: Some(on_drop),
            before_end: None,
            answer_approvals: None,
            approval_rounds: 0,
            going_on: None,
            ending: None,
            watch: None,
        })
    }

    /// Shows the answer in this way; to be called before the first event is asked for.
    pub fn present(&mut self, presentation: Presentation) {
        self.presentation = Some(presentation);
    }

    /// Lets `watch` see what comes from here on.
    pub fn watched_by(&mut self, watch: Box<dyn Watch>) {
        self.watch = Some(watch);
    }

    /// Calls `before_end` before a good end is told: completed, cut at a limit of length, or tool calls.
    pub fn call_before_end(&mut self, before_end: BeforeEnd) {
        self.before_end = Some((before_end, Ended::default()));
    }

    /// Waits for the first sign that the agent works.
    ///
    /// A failure before that sign, or in the same read, is returned, so that it can still become an HTTP status.
    pub async fn until_started(&mut self) -> Result<(), Failure> {
        match self.next().await {
            Some(Event::Started) | None => {}
            Some(first) => {
                self.ended = false;
                self.pending.push_front(first);
            }
        }
        let failed = self.pending.iter().find_map(|event| match event {
            Event::End(End::Failed(failure)) => Some(failure.clone()),
            _ => None,
        });
        failed.map_or(Ok(()), Err)
    }

    /// The next event; `None` after the end.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Whether the next [`AnswerStream::poll_event`] is answered without a read.
    pub fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Polls for the next event; `None` after the end.
    pub fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some((waited_for, _)) = &mut self.ending {
                std::task::ready!(waited_for.as_mut().poll(context));
                let end = self.ending.take().map(|(_, end)| Event::End(end));
                return Poll::Ready(end);
            }
            if let Some(event) = self.pending.pop_front() {
                self.note(&event);
                let end = match event {
                    Event::End(end) => end,
                    Event::Decided(decisions) => {
                        self.go_on(decisions);
                        continue;
                    }
                    Event::Unknown(kind) => {
                        let kind: String = kind.chars().take(MAX_KIND_CHARACTERS).collect();
                        tracing::info!(kind, "an item of the answer is not known, and left out");
                        continue;
                    }
                    event => return Poll::Ready(Some(event)),
                };
                self.ended = true;
                self.left = LeftState::after(&end);
                self.pending.clear();
                match self.before_end.take() {
                    Some((before_end, said)) if self.left != LeftState::Unusable => {
                        let ids = self.translator.upstream_ids();
                        self.ending = Some((before_end(Ended { ids, ..said }), end));
                        continue;
                    }
                    _ => return Poll::Ready(Some(Event::End(end))),
                }
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if let Some(going_on) = &mut self.going_on {
                let outcome = std::task::ready!(going_on.as_mut().poll(context));
                self.going_on = None;
                self.last_read = Instant::now();
                match outcome {
                    Ok(bytes) => self.bytes = Some(bytes),
                    Err(failure) => self.fail(failure),
                }
                continue;
            }
            // Where a read is always ready, the timer is never looked at.
            if self.limits.deadline <= self.last_read {
                self.bytes = None;
                self.fail(Failure::timed_out("no end within the limit"));
                continue;
            }
            let Some(bytes) = &mut self.bytes else {
                self.fail(Failure::broken_off(
                    "the stream ended without a terminal event",
                ));
                continue;
            };
            match bytes.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(chunk))) => self.read(&chunk, context),
                Poll::Ready(Some(Err(error))) => {
                    self.bytes = None;
                    self.fail(Failure::broken_off(error.to_string()));
                }
                Poll::Ready(None) => self.bytes = None,
                Poll::Pending => match self.poll_timer(context) {
                    Poll::Ready(()) => {
                        self.bytes = None;
                        self.fail(Failure::timed_out("no byte within the limit"));
                    }
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
    }

    /// Tells who watches, and collects what is said, where somebody wants it at the end.
    fn note(&mut self, event: &Event) {
        match (event, &mut self.watch) {
            (Event::End(end), _) => self.tell_end(Some(end)),
            (event, Some(watch)) => watch.event(event),
            _ => {}
        }
        if let Some((_, said)) = &mut self.before_end {
            said.note(event);
        }
    }

    fn read(&mut self, chunk: &[u8], context: &mut Context<'_>) {
        self.last_read = Instant::now();
        self.bytes_read += chunk.len();
        if self.limits.bytes < self.bytes_read {
            self.bytes = None;
            let most = self.limits.bytes;
            return self.fail(Failure::unreadable(format!(
                "the answer is larger than {most} bytes (GATEWAY_MAX_ANSWER_BYTES)"
            )));
        }
        let (translator, events) = (&mut self.translator, &mut self.read_events);
        let (mut end_seen, mut is_readable) = (false, true);
        let decoded = self.decoder.feed(chunk, |name, data| {
            if !end_seen {
                if let Err(error) = translator.translate(name, data, events) {
                    let failure = Failure::unreadable(format!("event {name}: {error}"));
                    events.push_back(Event::End(End::Failed(failure)));
                    is_readable = false;
                }
                end_seen = matches!(events.back(), Some(Event::End(_) | Event::Decided(_)));
            }
        });
        match &mut self.presentation {
            Some(presentation) => {
                for event in self.read_events.drain(..) {
                    presentation.show(event, &mut self.pending);
                }
            }
            None => self.pending.append(&mut self.read_events),
        }
        if !is_readable {
            // The agent may go on for long, and for nobody: it is told to stop.
            self.bytes = None;
        } else if end_seen {
            self.ended_by_service = true;
            self.finish_body(context);
        } else if let Err(error) = decoded {
            self.bytes = None;
            self.fail(Failure::unreadable(error.to_string()));
        }
    }

    /// Looks whether the body ends with its last event, which frees the connection for the next request.
    fn finish_body(&mut self, context: &mut Context<'_>) {
        for _ in 0..MAX_LAST_READS {
            let Some(bytes) = &mut self.bytes else {
                return;
            };
            match bytes.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None | Some(Err(_))) => self.bytes = None,
                Poll::Pending => return,
            }
        }
    }

    /// Ready when a bound has passed. Re-armed only when it fires, not at every read.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            std::task::ready!(self.timer.as_mut().poll(context));
            let due = self
                .limits
                .deadline
                .min(self.last_read + self.limits.between_bytes);
            if due <= Instant::now() {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }

    fn tell_end(&mut self, end: Option<&End>) {
        if let Some(mut watch) = self.watch.take() {
            watch.ended(end, self.translator.upstream_ids());
        }
    }

    fn fail(&mut self, failure: Failure) {
        self.pending.push_back(Event::End(End::Failed(failure)));
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.tell_end(None);
        if let Some(on_drop) = self.on_drop.take() {
            on_drop(Leftover {
                ids: self.translator.upstream_ids(),
                ended_by_service: self.ended_by_service,
                state: self.left,
                rest: self.bytes.take().filter(|_| self.ended_by_service),
            });
        }
    }
}

#[cfg(test)]
pub(crate) mod plain;
#[cfg(test)]
mod tests;
