//! The body of a streamed answer: polled by the server, it polls the agent's stream.
//!
//! What one upstream read brings leaves as one frame, but for the first words: they leave before what came with
//! them is read. There is no task and no channel in between; the only timer is the heartbeat's, which is re-armed when
//! it fires, not at every event.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep};

use crate::{
    agent::{AnswerStream, Event, Failure},
    error::ApiError,
    openai::chat::chunks::{ChunkWriter, HEARTBEAT, write_failure},
};

/// A call to an agent that has not shown a sign yet.
pub(super) type Opening = Pin<Box<dyn Future<Output = Result<Box<AnswerStream>, Failure>> + Send>>;

/// The body.
pub(super) struct StreamedAnswer {
    source: Source,
    writer: ChunkWriter,
    out: BytesMut,
    first_words: FirstWords,
    heartbeat: Duration,
    last_write: Instant,
    timer: Pin<Box<Sleep>>,
    request_id: String,
}

/// How far the first words are on their way to the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FirstWords {
    Awaited,
    /// Nothing is added to their frame.
    Written,
    /// The server has their frame, and may wait for more to send with it.
    HandedOver,
    Sent,
}

enum Source {
    Opening(Opening),
    Streaming(Box<AnswerStream>),
    Ended,
}

/// Bytes after which a frame leaves even if more is at hand, so that a slow reader holds back the agent.
const FRAME_BYTES: usize = 64 << 10;
/// Size up to which the buffer of a frame is used for the next one. A larger one, of a burst of events, goes with its
/// frame: it would be held for as long as the agent is silent.
const KEPT_FRAME_BYTES: usize = 1 << 10;

impl fmt::Debug for StreamedAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamedAnswer")
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}

impl StreamedAnswer {
    /// An answer whose agent has shown its first sign.
    pub(super) fn started(
        stream: Box<AnswerStream>,
        writer: ChunkWriter,
        heartbeat: Duration,
        request_id: String,
    ) -> Self {
        let mut answer = Self::new(Source::Ended, writer, heartbeat, request_id);
        answer.start(stream);
        answer
    }

    /// An answer that commits to the stream before its agent has shown a sign.
    pub(super) fn waiting(
        opening: Opening,
        writer: ChunkWriter,
        heartbeat: Duration,
        request_id: String,
    ) -> Self {
        let mut answer = Self::new(Source::Opening(opening), writer, heartbeat, request_id);
        answer.out.extend_from_slice(HEARTBEAT);
        answer
    }

    fn new(source: Source, writer: ChunkWriter, heartbeat: Duration, request_id: String) -> Self {
        let now = Instant::now();
        Self {
            source,
            writer,
            out: BytesMut::new(),
            first_words: FirstWords::Awaited,
            heartbeat,
            last_write: now,
            timer: Box::pin(tokio::time::sleep_until(now + heartbeat)),
            request_id,
        }
    }

    /// The role chunk goes ahead of everything the agent says.
    fn start(&mut self, stream: Box<AnswerStream>) {
        self.source = Source::Streaming(stream);
        self.write(&Event::Started);
    }

    fn write(&mut self, event: &Event) {
        if let Err(failure) = self.writer.write(event, &mut self.out) {
            self.log(failure);
        }
        if self.first_words == FirstWords::Awaited && is_first_word(event) && !self.out.is_empty() {
            self.first_words = FirstWords::Written;
        }
    }

    /// Writes what is at hand; `Pending` when the agent has no more for now.
    fn poll_source(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.out.len() < FRAME_BYTES && self.first_words != FirstWords::Written {
            match &mut self.source {
                Source::Opening(opening) => match std::task::ready!(opening.as_mut().poll(context))
                {
                    Ok(stream) => self.start(stream),
                    Err(failure) => {
                        self.source = Source::Ended;
                        write_failure(failure.clone(), &mut self.out);
                        self.log(failure);
                    }
                },
                Source::Streaming(stream) => match std::task::ready!(stream.poll_event(context)) {
                    Some(event) => self.write(&event),
                    None => self.source = Source::Ended,
                },
                Source::Ended => break,
            }
        }
        Poll::Ready(())
    }

    fn poll_heartbeat(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            std::task::ready!(self.timer.as_mut().poll(context));
            let due = self.last_write + self.heartbeat;
            if due <= Instant::now() {
                self.timer.as_mut().reset(Instant::now() + self.heartbeat);
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(due);
        }
    }

    fn take_frame(&mut self) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.last_write = Instant::now();
        if self.first_words == FirstWords::Written {
            self.first_words = FirstWords::HandedOver;
        }
        let frame = if self.out.len() <= KEPT_FRAME_BYTES {
            self.out.split()
        } else {
            std::mem::take(&mut self.out)
        };
        Poll::Ready(Some(Ok(Frame::data(frame.freeze()))))
    }

    /// The status was sent long ago, so this is the only place that tells the operator.
    fn log(&self, failure: Failure) {
        let error = ApiError::from(failure);
        tracing::warn!(
            request.id = self.request_id,
            error.code = error.code.as_deref(),
            detail = error.detail,
            "an answer failed after its first byte: {}",
            error.message
        );
    }
}

/// Whether this is what somebody waits for: text, or the beginning of a call.
const fn is_first_word(event: &Event) -> bool {
    matches!(
        event,
        Event::Text(_) | Event::Refusal(_) | Event::ToolCall { .. }
    )
}

impl Body for StreamedAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.first_words == FirstWords::HandedOver {
            // A server sends what it has once it is told that there is no more for now.
            self.first_words = FirstWords::Sent;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let source = self.poll_source(context);
        if !self.out.is_empty() {
            return self.take_frame();
        }
        if source.is_ready() {
            return Poll::Ready(None);
        }
        std::task::ready!(self.poll_heartbeat(context));
        self.out.extend_from_slice(HEARTBEAT);
        self.take_frame()
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.source, Source::Ended) && self.out.is_empty()
    }
}

#[cfg(test)]
mod tests;
