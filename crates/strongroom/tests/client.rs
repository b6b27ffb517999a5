//! A signing client for tests, asynchronous, one connection each: what many writers at once need.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::io;

use http::Request;
use serde_json::Value;
use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::Signer;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Fixed credentials, for the environment of `strongroom dev`.
pub(crate) const ACCESS_KEY_ID: &str = "AKIATESTTESTTESTTEST";
/// Their secret half.
pub(crate) const SECRET_ACCESS_KEY: &str = "test/secret/access/key/of/no/value/00000";

/// A connection to one server, asking in one region.
pub(crate) struct Client {
    /// What stands before an operation's name in `X-Amz-Target`.
    target: &'static str,
    address: String,
    signer: Signer,
    stream: BufReader<TcpStream>,
}

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The body's JSON; null where it is empty.
    pub(crate) body: Value,
    /// Its `x-amzn-RequestId`.
    pub(crate) request_id: String,
}

impl Answer {
    /// The body, or the code of the error.
    ///
    /// # Panics
    /// The error has no code.
    pub(crate) fn result(&self) -> Result<&Value, &str> {
        match self.status {
            200 => Ok(&self.body),
            _ => Err(self.body["__type"].as_str().expect("a code")),
        }
    }
}

impl Client {
    /// # Errors
    /// Nobody listens.
    pub(crate) async fn connect(address: &str, region: &str) -> io::Result<Self> {
        Self::of_service(address, region, "secretsmanager", "secretsmanager").await
    }

    /// # Errors
    /// Nobody listens.
    pub(crate) async fn of_kms(address: &str, region: &str) -> io::Result<Self> {
        Self::of_service(address, region, "kms", "TrentService").await
    }

    async fn of_service(
        address: &str,
        region: &str,
        service: &str,
        target: &'static str,
    ) -> io::Result<Self> {
        let secret = SecretBytes::copy_of(SECRET_ACCESS_KEY.as_bytes());
        let signer = Signer::new(ACCESS_KEY_ID, secret, None, region, service);
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Client {
            target,
            address: address.to_owned(),
            signer: signer.expect("a region's name"),
            stream: BufReader::new(stream),
        })
    }

    /// Asks for one operation and waits for the answer.
    ///
    /// # Errors
    /// The connection ended; whether the operation was carried out is unknown.
    pub(crate) async fn call(&mut self, operation: &str, body: &Value) -> io::Result<Answer> {
        let body = body.to_string();
        let request = Request::post(format!("http://{}/", self.address))
            .header("host", &self.address)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{}.{operation}", self.target))
            .body(())
            .unwrap();
        let mut parts = request.into_parts().0;
        let now = jiff::Timestamp::now().as_second();
        self.signer.sign(&mut parts, body.as_bytes(), now).unwrap();
        let mut request = "POST / HTTP/1.1\r\n".to_owned();
        for (name, value) in &parts.headers {
            request += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        request += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        self.stream.get_mut().write_all(request.as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<Answer> {
        let mut line = String::new();
        let (mut status, mut length, mut request_id) = (None, 0, String::new());
        loop {
            line.clear();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            } else if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            } else if let Some(bytes) = line.strip_prefix("content-length: ") {
                length = bytes.parse().unwrap();
            } else if let Some(id) = line.strip_prefix("x-amzn-requestid: ") {
                request_id = id.to_owned();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        let body = match &body[..] {
            [] => Value::Null,
            json => serde_json::from_slice(json).expect("an answer is JSON"),
        };
        let status = status.expect("a status line");
        Ok(Answer {
            status,
            body,
            request_id,
        })
    }
}
