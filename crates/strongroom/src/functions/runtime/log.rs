//! A function's log: read as it comes, so that writing never waits for long, and kept to its last bytes.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use strongroom_keys::SecretBytes;
use tokio::net::unix::pipe;

use crate::functions::LOG_TAIL_BYTES_MAX;

/// The log of one process.
pub(super) struct Log {
    pipe: pipe::Receiver,
    tail: Mutex<Tail>,
}

struct Tail {
    bytes: VecDeque<u8>,
    buffer: Vec<u8>,
}

impl Log {
    pub(super) fn new(pipe: pipe::Receiver) -> Self {
        Self {
            pipe,
            tail: Mutex::new(Tail {
                bytes: VecDeque::with_capacity(LOG_TAIL_BYTES_MAX),
                buffer: vec![0; BUFFER_BYTES],
            }),
        }
    }

    /// Reads until all writers have gone.
    pub(super) async fn read_to_end(&self) {
        loop {
            if self.pipe.readable().await.is_err() {
                return;
            }
            match self.read_some() {
                Read::Ended => return,
                // Whoever writes without end doesn't get the server's processor for it.
                Read::Much => tokio::time::sleep(PAUSE).await,
                Read::Little | Read::Nothing => {}
            }
        }
    }

    /// Takes in what has been written so far, and at most what a pipe holds.
    pub(super) fn catch_up(&self) {
        for _ in 0..CATCH_UP_READS_MAX {
            if matches!(self.read_some(), Read::Nothing | Read::Ended) {
                return;
            }
        }
    }

    /// Adds a line of ours.
    pub(super) fn write(&self, line: &str) {
        self.lock().keep(line.as_bytes());
    }

    /// Begins a new tail. What was there is forgotten.
    pub(super) fn clear(&self) {
        self.lock().bytes.clear();
    }

    /// The last bytes.
    pub(super) fn tail(&self) -> SecretBytes {
        let tail = self.lock();
        let mut bytes = Vec::with_capacity(tail.bytes.len());
        bytes.extend(tail.bytes.iter());
        SecretBytes::new(bytes)
    }

    fn read_some(&self) -> Read {
        let mut tail = self.lock();
        let mut buffer = std::mem::take(&mut tail.buffer);
        let read = self.pipe.try_read(&mut buffer);
        if let Ok(length) = read {
            tail.keep(buffer.get(..length).unwrap_or_default());
        }
        tail.buffer = buffer;
        match read {
            Ok(0) => Read::Ended,
            Ok(length) if length == BUFFER_BYTES => Read::Much,
            Ok(_) => Read::Little,
            Err(error) if error.kind() == ErrorKind::WouldBlock => Read::Nothing,
            Err(_) => Read::Ended,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    fn keep(&mut self, bytes: &[u8]) {
        let kept = bytes.get(bytes.len().saturating_sub(LOG_TAIL_BYTES_MAX)..);
        let kept = kept.unwrap_or_default();
        let excess = (self.bytes.len() + kept.len()).saturating_sub(LOG_TAIL_BYTES_MAX);
        self.bytes.drain(..excess);
        self.bytes.extend(kept);
    }
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A function's log may hold secrets.
        f.write_str("Log")
    }
}

enum Read {
    Nothing,
    Little,
    Much,
    Ended,
}

/// As much as a pipe holds, unless its size was changed.
const BUFFER_BYTES: usize = 64 * 1024;
const CATCH_UP_READS_MAX: usize = 17;
const PAUSE: Duration = Duration::from_millis(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_bytes_are_kept() {
        let mut tail = Tail {
            bytes: VecDeque::new(),
            buffer: Vec::new(),
        };
        tail.keep(b"first ");
        tail.keep(&vec![b'x'; LOG_TAIL_BYTES_MAX - 3]);
        tail.keep(b"yz\n");
        assert_eq!(tail.bytes.len(), LOG_TAIL_BYTES_MAX);
        assert_eq!(tail.bytes.range(..2).copied().collect::<Vec<_>>(), b"xx");
        tail.keep(&vec![b'w'; 3 * LOG_TAIL_BYTES_MAX]);
        assert_eq!(tail.bytes.len(), LOG_TAIL_BYTES_MAX);
    }
}
