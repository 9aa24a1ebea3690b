//! The handler's response body on its way to the client, and the end of the exchange.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;
use tokio_util::task::AbortOnDropHandle;

use super::{
    activity::Activity,
    request_body::{BodyEnd, RequestBody},
};
use crate::{
    dispatch::Invocation,
    logs::{LogLevel, Logs},
    upstream::{BoxError, Connection, Pool},
};

/// Relays what the handler sends, as it comes.
///
/// Dropped before its end, because the client went, it closes the connection to the handler at once.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    pub(crate) first: Option<Frame<Bytes>>,
    pub(crate) rest: Incoming,
    pub(crate) exchange: Exchange,
    /// Cuts the client's connection when both sides are silent for too long.
    pub(crate) _watchdog: AbortOnDropHandle<()>,
}

/// What lives as long as one proxied exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) connection: Option<Connection>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) request_body: RequestBody,
    pub(crate) activity: Activity,
    pub(crate) logs: Arc<Logs>,
    /// Keeps the invocation's `functionTimeout` running.
    pub(crate) invocation: Arc<Invocation>,
    /// Whether the outcome is known: relayed to the end, or failed. If it is dropped before, the client went.
    pub(crate) is_settled: bool,
}

impl Exchange {
    /// What becomes of the request is known: a drop from now on does not mean that the client went.
    pub(crate) fn settle(&mut self) {
        self.is_settled = true;
    }

    /// The handler's answer is complete: the connection can carry the next one, if the request was complete too.
    pub(crate) fn complete(&mut self) {
        self.settle();
        if let Some(connection) = self.connection.take()
            && self.request_body.end() == Some(BodyEnd::Complete)
        {
            self.pool.give_back(connection);
        }
    }

    /// The handler failed.
    pub(crate) fn fail(&mut self, reason: &dyn std::error::Error) {
        self.settle();
        let text = format!("Failed to proxy request {}: {reason}", self.invocation.id);
        self.logs.host(LogLevel::Error, text);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let cut_by_host = self.activity.is_silent() || self.invocation.timed_out.is_cancelled();
        if !self.is_settled && !cut_by_host {
            self.logs.host(
                LogLevel::Information,
                "The client disconnected while the function was processing the request.",
            );
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        Pin::new(&mut this.rest)
            .poll_frame(cx)
            .map(|frame| match frame {
                Some(Ok(frame)) => {
                    this.exchange.activity.touch();
                    // A body of known length is not polled again after its last byte.
                    if this.rest.is_end_stream() {
                        this.exchange.complete();
                    }
                    Some(Ok(frame))
                }
                Some(Err(error)) => {
                    this.exchange.fail(&error);
                    Some(Err(error.into()))
                }
                None => {
                    this.exchange.complete();
                    None
                }
            })
    }
}
