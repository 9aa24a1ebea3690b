//! The body of an answer, which tells the journal how the exchange ended.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;
use http_body::{Body, Frame, SizeHint};

use crate::journal::{Ending, RecordedRequest};
use crate::service::Shared;
use crate::stream::pump::Piece;

/// One exchange in the journal. Dropped before it was ended, it was given up by the client.
#[derive(Debug)]
pub(crate) struct Exchange {
    shared: Arc<Shared>,
    number: u64,
    ended: AtomicBool,
}

impl Exchange {
    /// Records the request, whose body has this many bytes.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        request: RecordedRequest,
        body_size: usize,
    ) -> Exchange {
        Exchange {
            shared: Arc::clone(shared),
            number: shared.journal.record(request, body_size),
            ended: AtomicBool::new(false),
        }
    }

    /// Records the status of the answer.
    pub(crate) fn status(&self, status: StatusCode) {
        self.shared.journal.change(self.number, |request| {
            request.status = Some(status.as_u16());
        });
    }

    /// Records that the emulator ended the exchange on purpose.
    pub(crate) fn end_by_fault(&self) {
        self.end(Ending::Fault);
    }

    fn end(&self, ending: Ending) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        let now = self.shared.clock.unix_milliseconds();
        self.shared.journal.change(self.number, |request| {
            request.ending = Some(ending);
            request.ended_ms = Some(now);
        });
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(Ending::ClientClosed);
    }
}

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Piece>> + Send>>;

/// A whole or a streamed body.
pub(crate) struct AnswerBody {
    content: Content,
    /// `None` for answers that are not recorded.
    exchange: Option<Exchange>,
}

enum Content {
    Whole(Option<Bytes>),
    Streamed(Pieces),
}

impl AnswerBody {
    /// A body of known length.
    pub(crate) fn whole(bytes: Bytes, exchange: Exchange) -> AnswerBody {
        let body = AnswerBody {
            content: Content::Whole((!bytes.is_empty()).then_some(bytes)),
            exchange: Some(exchange),
        };
        if body.is_end_stream() {
            body.end(Ending::Completed);
        }
        body
    }

    /// A body of known length for a request that the journal does not have.
    pub(crate) fn unrecorded(bytes: Bytes) -> AnswerBody {
        AnswerBody {
            content: Content::Whole((!bytes.is_empty()).then_some(bytes)),
            exchange: None,
        }
    }

    /// A body that is made while it is sent.
    pub(crate) fn streamed(
        pieces: impl Stream<Item = io::Result<Piece>> + Send + 'static,
        exchange: Exchange,
    ) -> AnswerBody {
        AnswerBody {
            content: Content::Streamed(Box::pin(pieces)),
            exchange: Some(exchange),
        }
    }

    fn end(&self, ending: Ending) {
        if let Some(exchange) = &self.exchange {
            exchange.end(ending);
        }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.content {
            Content::Whole(bytes) => {
                let bytes = bytes.take();
                self.end(Ending::Completed);
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
            Content::Streamed(pieces) => match ready!(pieces.as_mut().poll_next(context)) {
                Some(Ok(Piece::Data(bytes))) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Ok(Piece::FaultyEnd)) => {
                    self.end(Ending::Fault);
                    Poll::Ready(None)
                }
                Some(Err(error)) => {
                    self.end(Ending::Fault);
                    Poll::Ready(Some(Err(error)))
                }
                None => {
                    self.end(Ending::Completed);
                    Poll::Ready(None)
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.content, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Content::Streamed(_) => SizeHint::default(),
        }
    }
}
