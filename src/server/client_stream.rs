//! A client's connection, which is given up when the client takes nothing of what is ready for it.
//!
//! The timer exists only while a write waits for the client. A client that reads costs no timer and no allocation.

use std::{
    cell::Cell,
    future::Future,
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep},
};

tokio::task_local! {
    /// Whether the client of the connection that this task serves was given up.
    static GIVEN_UP: Cell<bool>;
}

/// Runs `connection` so that whoever logs the end of one of its requests can ask [`has_stopped_reading`].
///
/// No `async fn`: its future would hold `connection`, which is large, a second time.
pub(super) fn serving<F: Future>(connection: F) -> impl Future<Output = F::Output> {
    GIVEN_UP.scope(Cell::new(false), connection)
}

/// Whether the request that ends here does so because its client took nothing of the answer for too long.
pub(crate) fn has_stopped_reading() -> bool {
    GIVEN_UP.try_with(Cell::get).unwrap_or(false)
}

/// Fails a write that has waited `longest_wait` for the client to take at least a byte.
#[derive(Debug)]
pub(super) struct ClientStream<S> {
    stream: S,
    longest_wait: Duration,
    /// There while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> ClientStream<S> {
    pub(super) const fn new(stream: S, longest_wait: Duration) -> Self {
        Self {
            stream,
            longest_wait,
            waiting: None,
        }
    }

    /// What becomes of a write: its outcome, or an error when it has waited for too long.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let longest_wait = self.longest_wait;
        let waiting = self.waiting.get_or_insert_with(|| {
            Box::pin(tokio::time::sleep_until(Instant::now() + longest_wait))
        });
        ready!(waiting.as_mut().poll(context));
        // Nobody may be there to note it: in a test of this stream alone.
        let _ = GIVEN_UP.try_with(|given_up| given_up.set(true));
        tracing::info!(
            waited_ms = longest_wait.as_millis(),
            "a client took nothing of what was ready for it: its connection is closed"
        );
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client took nothing of what was ready for it",
        )))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ClientStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ClientStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests;
