use super::{
    super::{reply::Item, resp2},
    scanner::Scanner,
};
use crate::redis::Reply;
use bytes::BytesMut;
use std::{
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

/// A stream of bytes to a server.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// The least room for a read.
const READ: usize = 16 * 1024;

/// A connection, in replies.
pub(super) struct Frames {
    stream: Box<dyn Io>,
    buffer: BytesMut,
    scanner: Scanner,
}

impl Frames {
    pub(super) fn new(stream: Box<dyn Io>) -> Self {
        Self { stream, buffer: BytesMut::new(), scanner: Scanner::default() }
    }

    /// The next reply among what was read, if all of it is there.
    pub(super) fn take(&mut self) -> io::Result<Option<Reply>> {
        let malformed = |error: resp2::Malformed| io::Error::new(io::ErrorKind::InvalidData, error);
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let Some(end) = self.scanner.end(&self.buffer).map_err(malformed)? else { return Ok(None) };
        // Strings stay slices of what was read.
        let reply = resp2::replies(&self.buffer.split_to(end).freeze()).map_err(malformed)?.pop();
        Ok(match reply {
            Some(Item::Result(reply)) => Some(reply),
            Some(Item::Error(text)) => Some(Reply::Error(text)),
            None => None,
        })
    }

    /// Reads once. Zero bytes are the end.
    pub(super) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.buffer.reserve(self.scanner.missing(self.buffer.len()).clamp(READ, 1 << 20));
        // Dropping it loses nothing that was read.
        pin!(self.stream.read_buf(&mut self.buffer)).poll(cx)
    }

    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    pub(super) async fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match poll_fn(|cx| self.poll_write(cx, bytes)).await? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => bytes = &bytes[written..],
            }
        }
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Waits for a reply.
    pub(super) async fn next(&mut self) -> io::Result<Reply> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Reply>> {
        loop {
            if let Some(reply) = self.take()? {
                return Poll::Ready(Ok(reply));
            }
            if ready!(self.poll_read(cx))? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }
}
