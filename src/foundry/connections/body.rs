//! The body of an answer, which drives its connection while it is read.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::{idle::IdleConnections, open::OpenConnection};
use crate::{agent::stream::StreamError, foundry::client::full_text};

/// Chunks that are looked at for the end of a body that nobody reads on: what has arrived already is cheaper to read
/// than a connection is to make.
const MAX_UNREAD_CHUNKS: usize = 8;

/// The body of an answer. Read to its end, it leaves its connection to the next request; dropped before, it closes it.
pub struct UpstreamBody {
    incoming: Incoming,
    connection: Option<Box<OpenConnection>>,
    idle: Arc<IdleConnections>,
}

impl fmt::Debug for UpstreamBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UpstreamBody")
            .field("ended", &self.connection.is_none())
            .finish_non_exhaustive()
    }
}

impl UpstreamBody {
    pub(super) fn new(
        incoming: Incoming,
        connection: Box<OpenConnection>,
        idle: Arc<IdleConnections>,
    ) -> Self {
        Self {
            incoming,
            connection: Some(connection),
            idle,
        }
    }

    fn poll_incoming(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            return Poll::Ready(frame);
        }
        if let Some(connection) = &mut self.connection {
            connection.drive(context);
        }
        Pin::new(&mut self.incoming).poll_frame(context)
    }
}

impl Body for UpstreamBody {
    type Data = Bytes;
    type Error = StreamError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamError>>> {
        let frame = std::task::ready!(self.poll_incoming(context));
        Poll::Ready(match frame {
            Some(Ok(frame)) => Some(Ok(frame)),
            Some(Err(error)) => {
                self.connection = None;
                Some(Err(full_text(&error).into()))
            }
            None => {
                if let Some(connection) = self.connection.take() {
                    self.idle.put(connection);
                }
                None
            }
        })
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Stream for UpstreamBody {
    type Item = Result<Bytes, StreamError>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, StreamError>>> {
        loop {
            match std::task::ready!(self.as_mut().poll_frame(context)) {
                Some(Ok(frame)) => {
                    // Trailers say nothing here.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Drop for UpstreamBody {
    fn drop(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..MAX_UNREAD_CHUNKS {
            if self.connection.is_none()
                || !matches!(
                    Pin::new(&mut *self).poll_frame(&mut context),
                    Poll::Ready(Some(Ok(_)))
                )
            {
                return;
            }
        }
    }
}
