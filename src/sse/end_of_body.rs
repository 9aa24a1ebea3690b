//! A response body that reports, exactly once, how it ended.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEnd {
    /// Every byte was handed over.
    Done,
    /// The body itself failed.
    Error,
    /// Nobody wanted the rest: the client is gone.
    Cancelled,
}

pin_project! {
    /// Wraps a body and calls back once with its [`BodyEnd`] and the number of bytes handed over.
    #[derive(Debug)]
    pub struct EndOfBody<B, F: FnOnce(BodyEnd, u64)> {
        #[pin]
        body: B,
        on_end: OnEnd<F>,
    }
}

/// The callback; dropping it unused means that the body was dropped before its end.
#[derive(Debug)]
struct OnEnd<F: FnOnce(BodyEnd, u64)> {
    callback: Option<F>,
    bytes: u64,
}

impl<F: FnOnce(BodyEnd, u64)> OnEnd<F> {
    fn call(&mut self, end: BodyEnd) {
        if let Some(callback) = self.callback.take() {
            callback(end, self.bytes);
        }
    }
}

impl<F: FnOnce(BodyEnd, u64)> Drop for OnEnd<F> {
    fn drop(&mut self) {
        self.call(BodyEnd::Cancelled);
    }
}

impl<B: Body<Data = Bytes>, F: FnOnce(BodyEnd, u64)> EndOfBody<B, F> {
    /// Wraps `body`; an empty one ends at once.
    pub fn new(body: B, on_end: F) -> Self {
        let mut on_end = OnEnd {
            callback: Some(on_end),
            bytes: 0,
        };
        if body.is_end_stream() {
            on_end.call(BodyEnd::Done);
        }
        Self { body, on_end }
    }
}

impl<B: Body<Data = Bytes>, F: FnOnce(BodyEnd, u64)> Body for EndOfBody<B, F> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let mut this = self.project();
        let frame = std::task::ready!(this.body.as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                this.on_end.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                if this.body.is_end_stream() {
                    this.on_end.call(BodyEnd::Done);
                }
            }
            Some(Err(_)) => this.on_end.call(BodyEnd::Error),
            None => this.on_end.call(BodyEnd::Done),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::Cell, io};

    use futures_util::stream;
    use http_body_util::{BodyExt, Full, StreamBody};

    use super::*;

    #[tokio::test]
    async fn a_body_read_to_its_end_is_done_with_all_bytes() {
        let end = Cell::new(None);
        let body = EndOfBody::new(Full::new(Bytes::from("four")), |how, bytes| {
            end.set(Some((how, bytes)));
        });
        body.collect().await.unwrap();
        assert_eq!(end.get(), Some((BodyEnd::Done, 4)));
    }

    #[tokio::test]
    async fn a_body_dropped_early_is_cancelled() {
        let end = Cell::new(None);
        let body = EndOfBody::new(Full::new(Bytes::from("four")), |how, bytes| {
            end.set(Some((how, bytes)));
        });
        drop(body);
        assert_eq!(end.get(), Some((BodyEnd::Cancelled, 0)));
    }

    #[tokio::test]
    async fn a_body_that_fails_is_an_error() {
        let end = Cell::new(None);
        let frames = stream::iter([
            Ok(Frame::data(Bytes::from("a"))),
            Err(io::Error::other("broken")),
        ]);
        let body = EndOfBody::new(StreamBody::new(frames), |how, bytes| {
            end.set(Some((how, bytes)));
        });
        assert!(body.collect().await.is_err());
        assert_eq!(end.get(), Some((BodyEnd::Error, 1)));
    }

    #[test]
    fn who_reads_it_learns_the_length_and_the_end_of_what_is_wrapped() {
        let full = EndOfBody::new(Full::new(Bytes::from("four")), |_, _| ());
        assert_eq!(full.size_hint().exact(), Some(4));
        assert!(!full.is_end_stream());
        let empty = EndOfBody::new(Full::new(Bytes::new()), |_, _| ());
        assert_eq!(empty.size_hint().exact(), Some(0));
        assert!(empty.is_end_stream());
    }
}
