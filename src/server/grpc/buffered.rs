//! Few, large reads and writes between h2 and a socket.
//!
//! h2 sends a message over 256 bytes in a write of its own, because it takes every writer for one that can
//! gather, and it reads 8 KiB at a time. A busy connection carries sixty requests in one go: here they arrive in
//! one read, and their answers leave in one write.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::io::poll_read_buf;

/// Most bytes that are held in either direction.
const MOST: usize = 64 * 1024;

/// Between h2 and its socket.
pub(super) struct Buffered<T> {
    io: T,
    arrived: BytesMut,
    leaving: BytesMut,
}

impl<T> Buffered<T> {
    pub(super) fn new(io: T) -> Self {
        Self { io, arrived: BytesMut::new(), leaving: BytesMut::new() }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Buffered<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { io, arrived, .. } = &mut *self;
        if arrived.is_empty() {
            // What has been handed on is free again.
            arrived.reserve(MOST);
            ready!(poll_read_buf(Pin::new(io), context, arrived))?;
        }
        let now = arrived.len().min(into.remaining());
        into.put_slice(arrived.get(..now).unwrap_or_default());
        arrived.advance(now);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> Buffered<T> {
    fn poll_empty(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, &self.leaving))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// Not one that gathers: `is_write_vectored` stays false.
impl<T: AsyncWrite + Unpin> AsyncWrite for Buffered<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.leaving.len() + bytes.len() > MOST {
            ready!(self.poll_empty(context))?;
        }
        self.leaving.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_empty(context))?;
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_empty(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_in_order_in_both_directions_whatever_the_pieces() {
        // A pipe that holds little makes every write partial.
        let (near, far) = tokio::io::duplex(1000);
        let sent: Vec<u8> =
            (0..3 * MOST).map(|index| u8::try_from(index % 251).unwrap_or_default()).collect();
        let expected = sent.clone();
        let echo = tokio::spawn(async move {
            let (mut reader, mut writer) = tokio::io::split(far);
            tokio::io::copy(&mut reader, &mut writer).await.expect("it is read and written");
            writer.shutdown().await.expect("it ends");
        });
        let (mut reader, mut writer) = tokio::io::split(Buffered::new(near));
        let sending = tokio::spawn(async move {
            for piece in sent.chunks(777) {
                writer.write_all(piece).await.expect("it is taken");
            }
            writer.shutdown().await.expect("all of it leaves");
        });
        let mut received = Vec::new();
        reader.read_to_end(&mut received).await.expect("it comes back");
        assert!(received == expected);
        sending.await.expect("the sender ends");
        echo.await.expect("the echo ends");
    }

    #[tokio::test]
    async fn nothing_is_written_before_it_is_flushed_and_everything_then() {
        let (near, mut far) = tokio::io::duplex(4096);
        let mut buffered = Buffered::new(near);
        buffered.write_all(b"one").await.expect("it is taken");
        buffered.write_all(b"two").await.expect("it is taken");
        assert_eq!(buffered.leaving, b"onetwo"[..]);
        buffered.flush().await.expect("it leaves");
        let mut arrived = [0; 6];
        far.read_exact(&mut arrived).await.expect("it arrives");
        assert_eq!(&arrived, b"onetwo");
        assert!(!buffered.is_write_vectored());
    }
}
