//! A connection of which one read takes a bounded number of bytes.
//!
//! hyper doubles its read buffer whenever a read fills it, up to the size that it allows a head, and shrinks it only
//! as it reads on. A connection on which much came at once, and then nothing for long, would keep that memory: an
//! agent's burst of events before it thinks, for as long as its stream is open. Reads that never fill the buffer leave
//! it at the size with which it begins.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};

/// Most bytes of one read: one less than hyper's read buffer has at first.
const MAX_READ_BYTES: u64 = 8_191;

/// Takes no more than [`MAX_READ_BYTES`] in one read.
#[derive(Debug)]
pub(crate) struct BoundedReads<S>(Take<S>);

impl<S: AsyncRead> BoundedReads<S> {
    pub(crate) fn of(stream: S) -> Self {
        Self(stream.take(MAX_READ_BYTES))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedReads<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // `Take` bounds all reads together; set anew, it bounds each.
        self.0.set_limit(MAX_READ_BYTES);
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for BoundedReads<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(self.0.get_mut()).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.get_ref().is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.0.get_mut()).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_read_takes_so_much_and_the_next_one_goes_on() {
        let (near, mut far) = tokio::io::duplex(64 << 10);
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(20_000).collect();
        far.write_all(&sent).await.unwrap();
        let mut stream = BoundedReads::of(near);
        let (mut read, mut sizes) = (Vec::with_capacity(64 << 10), Vec::new());
        while read.len() < sent.len() {
            sizes.push(stream.read_buf(&mut read).await.unwrap());
        }
        assert_eq!(sizes, [8191, 8191, 3618]);
        assert_eq!(read, sent);
    }
}
