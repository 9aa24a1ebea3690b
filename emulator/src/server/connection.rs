//! A TCP connection that can be told how to end.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// How a connection ends when it is dropped: with FIN, or after [`CloseMode::reset`] with RST.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseMode {
    reset: Arc<AtomicBool>,
}

impl CloseMode {
    /// From now on the connection ends with a reset.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
    }
}

/// A TCP stream that looks at its [`CloseMode`] when it is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    close_mode: CloseMode,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, close_mode: CloseMode) -> Connection {
        Connection { stream, close_mode }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.close_mode.reset.load(Ordering::Acquire)
            && let Err(error) = self.stream.set_zero_linger()
        {
            tracing::warn!(%error, "the connection ends without the reset that was asked for");
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
