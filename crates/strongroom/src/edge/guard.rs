//! The socket as hyper sees it: every byte passes through, is noted for the watchdog and watched for ambiguous framing.
//!
//! Two things are changed on the way out. hyper's own answer to what it can't read has no body; ours takes its place.
//! And where a connection ends before its client has said all, the rest is read and thrown away for a moment:
//! closing with bytes unread would reset the connection, and the client could lose the refusal.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::connection::{Progress, raw_refusal};
use super::framing::Framing;

/// A stream that is watched.
pub(super) struct Guarded<T> {
    stream: T,
    framing: Framing,
    progress: Arc<Progress>,
    /// Our own bytes that are to be written in place of hyper's.
    substitute: Bytes,
    /// How many requests had begun when hyper had last written all it had and every one of them had its answer;
    /// `None` since it wrote again.
    requests_at_flush: Option<u64>,
    discarded_bytes: usize,
}

impl<T: AsyncRead + AsyncWrite + Unpin> Guarded<T> {
    pub(super) fn new(stream: T, progress: Arc<Progress>) -> Self {
        Self {
            stream,
            framing: Framing::new(),
            progress,
            substitute: Bytes::new(),
            requests_at_flush: Some(0),
            discarded_bytes: 0,
        }
    }

    /// Whether hyper is about to refuse by itself: an error answer when no request is owed one.
    fn refuses_by_itself(&mut self, bytes: &[u8]) -> bool {
        let nothing_is_due = self.requests_at_flush.take() == Some(self.progress.requests());
        if !nothing_is_due || !bytes.starts_with(b"HTTP/1.") || bytes.get(9) != Some(&b'4') {
            return false;
        }
        self.substitute = raw_refusal(bytes.get(9..12).unwrap_or_default());
        self.progress.will_linger();
        true
    }

    fn poll_substitute(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.substitute.is_empty() {
            let written = Pin::new(&mut self.stream).poll_write(context, &self.substitute);
            self.progress.write_is_blocked(written.is_pending());
            match ready!(written)? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.substitute.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads on until the client ends its side, for so many bytes; the watchdog bounds the time.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.progress.lingering_begins();
        let mut scrap = [0; 2_048];
        while self.discarded_bytes < LINGER_BYTES_MAX {
            let mut scrap = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut scrap)) {
                Ok(()) if !scrap.filled().is_empty() => {
                    self.discarded_bytes += scrap.filled().len()
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(context, buffer))?;
        if let Some(ambiguous) = this.framing.read(&buffer.filled()[before..]) {
            this.progress.found(ambiguous);
        }
        this.progress
            .head_is_unfinished(this.framing.is_inside_head());
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guarded<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.refuses_by_itself(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        this.progress.write_is_blocked(written.is_pending());
        written
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.refuses_by_itself(slices.first().map_or(&[], |slice| slice)) {
            return Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()));
        }
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        this.progress.write_is_blocked(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_substitute(context))?;
        ready!(Pin::new(&mut this.stream).poll_flush(context))?;
        this.requests_at_flush = this.progress.requests_if_all_answered();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_substitute(context))?;
        if this.discarded_bytes == 0 {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        if this.progress.lingers() {
            ready!(this.poll_discard(context));
        }
        Poll::Ready(Ok(()))
    }
}

/// More than any client has on its way after a refusal of its head, less than what would be worth attacking with.
const LINGER_BYTES_MAX: usize = 262_144;
