//! One connection, driven by whoever uses it.

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{
        TrySendError,
        http1::{self, SendRequest},
    },
};

use super::{RequestBody, connector::BoxedIo};

/// Most bytes that the head of an answer may have.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A connection on which one request at a time is sent.
pub(super) struct OpenConnection {
    sender: SendRequest<RequestBody>,
    /// Reads and writes; absent once the connection is closed.
    driver: Option<http1::Connection<BoxedIo, RequestBody>>,
}

impl fmt::Debug for OpenConnection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("OpenConnection")
            .field("open", &self.driver.is_some())
            .finish_non_exhaustive()
    }
}

impl OpenConnection {
    /// Boxed, because it goes from one request to the next.
    pub(super) async fn over(io: BoxedIo) -> hyper::Result<Box<Self>> {
        let (sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(io)
            .await?;
        Ok(Box::new(Self {
            sender,
            driver: Some(driver),
        }))
    }

    /// Sends a request and waits for the head of its answer. The error holds the request where none of it was sent.
    pub(super) async fn send(
        &mut self,
        request: Request<RequestBody>,
    ) -> Result<Response<Incoming>, TrySendError<Request<RequestBody>>> {
        let mut answered = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            Self::drive_one(&mut self.driver, context);
            answered.as_mut().poll(context)
        })
        .await
    }

    /// Reads and writes as far as that is possible now.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        Self::drive_one(&mut self.driver, context);
    }

    fn drive_one(
        driver: &mut Option<http1::Connection<BoxedIo, RequestBody>>,
        context: &mut Context<'_>,
    ) {
        if let Some(open) = driver
            && let Poll::Ready(ended) = Pin::new(open).poll(context)
        {
            // Whoever waits for the answer, or reads it, is told by its own future.
            if let Err(error) = ended {
                tracing::debug!("an upstream connection ended early: {error}");
            }
            *driver = None;
        }
    }

    /// Whether another request can be sent: the last answer is read, and the service has not closed the connection, as
    /// far as that is known here.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}
