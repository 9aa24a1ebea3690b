//! The client's request body on its way to the handler, through one or several attempts.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::activity::Activity;
use crate::upstream::BoxError;

/// The body that all attempts of one invocation share. Clones are handles to it.
#[derive(Clone, Debug)]
pub(crate) struct RequestBody {
    transfer: Arc<Mutex<Transfer>>,
    activity: Activity,
    limit: u64,
}

#[derive(Debug)]
struct Transfer {
    incoming: Incoming,
    sent: u64,
    end: Option<BodyEnd>,
}

/// How a request body ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyEnd {
    /// All of it was passed on.
    Complete,
    /// It was cut at the limit.
    TooLarge,
    /// The client went before it had sent it all.
    ClientGone,
}

#[derive(Debug, thiserror::Error)]
#[error("the request body is larger than {0} bytes")]
struct TooLarge(u64);

impl RequestBody {
    /// Wraps the client's body, of which at most `limit` bytes are passed on.
    pub(crate) fn new(incoming: Incoming, limit: u64, activity: Activity) -> Self {
        let end = incoming.is_end_stream().then_some(BodyEnd::Complete);
        Self {
            transfer: Arc::new(Mutex::new(Transfer {
                incoming,
                sent: 0,
                end,
            })),
            activity,
            limit,
        }
    }

    /// Whether another attempt could send all of it, because none has taken anything yet.
    pub(crate) fn is_whole(&self) -> bool {
        let transfer = self.transfer();
        transfer.sent == 0 && matches!(transfer.end, None | Some(BodyEnd::Complete))
    }

    /// How it ended, if it did.
    pub(crate) fn end(&self) -> Option<BodyEnd> {
        self.transfer().end
    }

    fn transfer(&self) -> MutexGuard<'_, Transfer> {
        self.transfer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut transfer = self.transfer();
        let Poll::Ready(frame) = Pin::new(&mut transfer.incoming).poll_frame(cx) else {
            return Poll::Pending;
        };
        self.activity.touch();
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                transfer.end = Some(BodyEnd::ClientGone);
                return Poll::Ready(Some(Err(error.into())));
            }
            None => {
                transfer.end = Some(BodyEnd::Complete);
                return Poll::Ready(None);
            }
        };
        transfer.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        if transfer.sent > self.limit {
            transfer.end = Some(BodyEnd::TooLarge);
            return Poll::Ready(Some(Err(TooLarge(self.limit).into())));
        }
        // A body of known length is not polled again after its last byte.
        if transfer.incoming.is_end_stream() {
            transfer.end = Some(BodyEnd::Complete);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.transfer().incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.transfer().incoming.size_hint()
    }
}
