//! One kept HTTP/1.1 connection: ready-made bytes out, an answer in, as little as possible in between, so that the
//! load generator is not what is measured.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Failed;

/// A connection, and the bytes of its last answer.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One whole answer.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    pub(crate) fn succeeded(&self) -> Result<(), Failed> {
        match self.status {
            200 => Ok(()),
            status => Err(format!("{status}: {}", String::from_utf8_lossy(self.body)).into()),
        }
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Result<Self, Failed> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(BUFFER_BYTES),
        })
    }

    /// Sends a request and waits for all of its answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>, Failed> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, body_start, end) = loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection".into());
            }
            if let Some(head) = Head::read(&self.buffer)? {
                break (head.status, head.length, head.length + head.body_length);
            }
        };
        while self.buffer.len() < end {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server closed the connection within an answer".into());
            }
        }
        if self.buffer.len() > end {
            return Err("the server sent more than it announced".into());
        }
        Ok(Answer {
            status,
            body: &self.buffer[body_start..],
        })
    }
}

struct Head {
    status: u16,
    length: usize,
    body_length: usize,
}

impl Head {
    /// `None` while it is not all there.
    fn read(bytes: &[u8]) -> Result<Option<Self>, Failed> {
        let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
            return Ok(None);
        };
        let status = bytes
            .get(b"HTTP/1.1 ".len()..b"HTTP/1.1 200".len())
            .and_then(number)
            .ok_or("the answer has no status")?;
        let body_length = bytes[..end]
            .split(|byte| *byte == b'\n')
            .find_map(|line| {
                let (name, value) = line.split_at_checked(CONTENT_LENGTH.len())?;
                name.eq_ignore_ascii_case(CONTENT_LENGTH)
                    .then(|| number(value.trim_ascii()))?
            })
            .ok_or("the answer has no Content-Length")?;
        Ok(Some(Self {
            status: u16::try_from(status)?,
            length: end + 4,
            body_length,
        }))
    }
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

const CONTENT_LENGTH: &[u8] = b"content-length:";
/// Room for an answer with a value of 1 KiB, so that one read takes it.
const BUFFER_BYTES: usize = 8_192;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_tells_its_status_and_lengths_once_it_is_whole() {
        let whole = b"HTTP/1.1 404 Not Found\r\nContent-length: 12\r\nx: y\r\n\r\nbody";
        let head = Head::read(whole).unwrap().unwrap();
        assert_eq!((head.status, head.body_length), (404, 12));
        assert_eq!(&whole[head.length..], b"body");
        assert!(Head::read(&whole[..40]).unwrap().is_none());
        assert!(Head::read(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
