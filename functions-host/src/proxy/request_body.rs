//! The client's request body on its way to the handler, through one or several attempts.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use super::activity::Activity;
use crate::upstream::BoxError;

/// The body that all attempts of one invocation share. Clones are handles to it.
#[derive(Clone, Debug)]
pub(crate) struct RequestBody(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    incoming: Mutex<Incoming>,
    activity: Activity,
    limit: u64,
    sent: AtomicU64,
    finished: AtomicBool,
    too_large: AtomicBool,
}

#[derive(Debug, thiserror::Error)]
#[error("the request body is larger than {0} bytes")]
struct TooLarge(u64);

impl RequestBody {
    /// Wraps the client's body, of which at most `limit` bytes are passed on.
    pub(crate) fn new(incoming: Incoming, limit: u64, activity: Activity) -> Self {
        let finished = AtomicBool::new(incoming.is_end_stream());
        Self(Arc::new(Shared {
            incoming: Mutex::new(incoming),
            activity,
            limit,
            sent: AtomicU64::new(0),
            finished,
            too_large: AtomicBool::new(false),
        }))
    }

    /// Whether an attempt already took some of the body, so that another one cannot send it all.
    pub(crate) fn is_begun(&self) -> bool {
        self.0.sent.load(Ordering::Acquire) > 0
    }

    /// Whether all of it was passed on.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.finished.load(Ordering::Acquire)
    }

    /// Whether it was cut at the limit.
    pub(crate) fn is_too_large(&self) -> bool {
        self.0.too_large.load(Ordering::Acquire)
    }

    fn incoming(&self) -> std::sync::MutexGuard<'_, Incoming> {
        self.0
            .incoming
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let shared = &self.0;
        let mut incoming = self.incoming();
        let polled = Pin::new(&mut *incoming).poll_frame(cx);
        if incoming.is_end_stream() || matches!(polled, Poll::Ready(None)) {
            shared.finished.store(true, Ordering::Release);
        }
        let Poll::Ready(Some(frame)) = polled else {
            return polled.map_err(Into::into);
        };
        shared.activity.touch();
        if let Ok(Some(data)) = frame.as_ref().map(Frame::data_ref) {
            let length = data.len() as u64;
            let sent = shared.sent.fetch_add(length, Ordering::AcqRel) + length;
            if sent > shared.limit {
                shared.too_large.store(true, Ordering::Release);
                return Poll::Ready(Some(Err(TooLarge(shared.limit).into())));
            }
        }
        Poll::Ready(Some(frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming().size_hint()
    }
}
