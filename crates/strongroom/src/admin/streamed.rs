//! An answer that is made while it is sent: by a thread that writes, at the pace at which the client reads.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};
use tokio::sync::mpsc::{Receiver, Sender, channel};

const PIECE_BYTES: usize = 64 * 1024;
const PIECES_AHEAD: usize = 16;

enum Piece {
    Bytes(Bytes),
    End,
}

/// The body; it ends in an error unless its writer was finished.
pub(super) struct Streamed {
    pieces: Receiver<Piece>,
    is_ended: bool,
}

/// What is written into it is sent.
pub(super) struct StreamWriter {
    pieces: Sender<Piece>,
    buffer: Vec<u8>,
}

/// A body and the writer into it; the writer is for a thread that may block.
pub(super) fn streamed() -> (StreamWriter, Streamed) {
    let (sender, pieces) = channel(PIECES_AHEAD);
    let writer = StreamWriter {
        pieces: sender,
        buffer: Vec::with_capacity(PIECE_BYTES),
    };
    let body = Streamed {
        pieces,
        is_ended: false,
    };
    (writer, body)
}

impl StreamWriter {
    /// Says that it is whole.
    ///
    /// # Errors
    /// The client is gone.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.send(Piece::End)
    }

    fn send(&self, piece: Piece) -> io::Result<()> {
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the client is gone");
        self.pieces.blocking_send(piece).map_err(gone)
    }
}

impl Write for StreamWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= PIECE_BYTES {
            self.flush()?;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE_BYTES));
        self.send(Piece::Bytes(Bytes::from(full)))
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.is_ended {
            return Poll::Ready(None);
        }
        self.pieces.poll_recv(context).map(|piece| match piece {
            Some(Piece::Bytes(bytes)) => Some(Ok(Frame::data(bytes))),
            Some(Piece::End) => {
                self.is_ended = true;
                None
            }
            None => Some(Err(io::Error::other(
                "it was not finished; the server's log says why",
            ))),
        })
    }
}
