//! Reads what a refused request has left of its body, so that the connection can be used again.
//!
//! A request that is refused by its headers (a wrong key, an unknown path) is answered before its body has
//! arrived. The server would then close the connection without a word, and a client that sends its next request
//! into it sees a connection error: the Functions host even turns that into an empty 500.
//! What does not arrive soon, or is huge, is not waited for: then the answer says `Connection: close`. Closing while
//! a client still sends can cost it the answer, so that even a body over the limit is read, and thrown away.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, extract::Request, middleware::Next, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::{BodyExt, Limited};

/// Most bytes that are read for nothing.
const MAX_BYTES: usize = 128 << 20;
/// Longest wait for them.
const TIMEOUT: Duration = Duration::from_secs(1);

pub(super) async fn read_the_rest(request: Request, next: Next) -> Response {
    let may_be_read = may_be_read(request.headers());
    let rest = Rest::default();
    let request = request.map(|body| Body::new(Returned::new(body, rest.clone())));
    let mut response = next.run(request).await;
    if let Some(body) = rest.take()
        && !(may_be_read && is_read(body).await)
    {
        response
            .headers_mut()
            .insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A client that waits for leave to send its body should not be given it for nothing.
fn may_be_read(headers: &HeaderMap) -> bool {
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok());
    !headers.contains_key(header::EXPECT)
        && announced.is_none_or(|length: usize| length <= MAX_BYTES)
}

async fn is_read(body: Body) -> bool {
    let mut body = Limited::new(body, MAX_BYTES);
    let read_to_the_end = async {
        while let Some(frame) = body.frame().await {
            if frame.is_err() {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(TIMEOUT, read_to_the_end)
        .await
        .unwrap_or(false)
}

/// Where a body goes that was dropped before its end.
#[derive(Debug, Clone, Default)]
struct Rest(Arc<Mutex<Option<Body>>>);

impl Rest {
    fn put(&self, body: Body) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
    }

    fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// A body that is given back when it is dropped before its end.
#[derive(Debug)]
struct Returned {
    body: Body,
    rest: Rest,
    ended: bool,
}

impl Returned {
    fn new(body: Body, rest: Rest) -> Self {
        Self {
            ended: body.is_end_stream(),
            body,
            rest,
        }
    }
}

impl HttpBody for Returned {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        self.ended = self.body.is_end_stream() || !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        if !self.ended {
            self.rest.put(std::mem::take(&mut self.body));
        }
    }
}
