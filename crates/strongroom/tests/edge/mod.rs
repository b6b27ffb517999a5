//! The edge by raw sockets and by a real HTTP/2 client, in front of an application that only echoes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod control;
mod http2;
mod limits;
mod malformed;
mod shutdown;
mod tls;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use http::StatusCode;
use strongroom::edge::{
    Application, Edge, EdgeCounters, Limits, Received, Reply, Running, TrustedProxies, listen,
};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// Answers by path: `/panic`, `/wait` (until released), `/large` (much), `/tls` (how it is encrypted), else what it was asked.
#[derive(Default)]
pub(crate) struct Echo {
    asked: AtomicUsize,
    waiting: Notify,
    release: Notify,
}

impl Application for Echo {
    async fn answer(&self, received: &Received) -> Reply {
        self.asked.fetch_add(1, SeqCst);
        match received.parts.uri.path() {
            "/panic" => panic!("asked to"),
            "/wait" => {
                self.waiting.notify_one();
                self.release.notified().await;
            }
            "/large" => return Reply::new(StatusCode::OK, "text/plain", vec![b'x'; 32 << 20]),
            "/tls" => {
                let told = received
                    .tls
                    .map(|tls| format!("{} {}", tls.version, tls.cipher_suite));
                let told = told.unwrap_or_else(|| "nothing".to_owned());
                return Reply::new(StatusCode::OK, "text/plain", told);
            }
            _ => {}
        }
        let line = format!(
            "{} {} {:?} {} {}",
            received.parts.method,
            received.parts.uri.path(),
            received.peer.map(|peer| peer.ip().to_string()),
            if received.secure { "secure" } else { "plain" },
            received.body.len(),
        );
        Reply::new(StatusCode::OK, "text/plain", line)
    }
}

/// An edge on a port of its own, with a runtime of its own.
pub(crate) struct Server {
    pub(crate) runtime: Runtime,
    pub(crate) running: Option<Running>,
    pub(crate) address: SocketAddr,
    pub(crate) echo: Arc<Echo>,
    pub(crate) counters: Arc<EdgeCounters>,
}

impl Server {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::start_with(limits, TrustedProxies::default(), None)
    }

    pub(crate) fn start_with(
        limits: Limits,
        proxies: TrustedProxies,
        certificates: Option<Arc<strongroom::edge::tls::Certificates>>,
    ) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (echo, counters) = (Arc::new(Echo::default()), Arc::new(EdgeCounters::default()));
        let running = runtime.block_on(async {
            let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
            let edge = Edge {
                application: Arc::clone(&echo),
                limits,
                proxies,
                certificates,
                counters: Arc::clone(&counters),
            };
            edge.start(listener).unwrap()
        });
        Self {
            address: running.address(),
            runtime,
            running: Some(running),
            echo,
            counters,
        }
    }

    pub(crate) fn asked(&self) -> usize {
        self.echo.asked.load(SeqCst)
    }

    pub(crate) fn connect(&self) -> Client {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client(stream)
    }

    /// What a healthy client gets right now.
    pub(crate) fn serves(&self) -> bool {
        let mut client = self.connect();
        client.send(GET);
        client.answer().is_some_and(|answer| answer.status == 200)
    }
}

/// A client that says exactly what it is told to.
pub(crate) struct Client(pub(crate) TcpStream);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// The next answer; `None` where the connection ends instead.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.0.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                _ if head.is_empty() => return None,
                other => panic!("{other:?} after {:?}", String::from_utf8_lossy(&head)),
            }
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head
            .split("content-length: ")
            .nth(1)
            .expect(&head)
            .split("\r\n")
            .next()
            .unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, head, body })
    }

    /// Whether the server has ended the connection, waiting for it if need be.
    pub(crate) fn is_ended(&mut self) -> bool {
        let mut rest = Vec::new();
        match self.0.read_to_end(&mut rest) {
            Ok(_) => rest.is_empty(),
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }
}

impl Answer {
    /// AWS's code in the body, which must be well-formed.
    pub(crate) fn code(&self) -> String {
        assert!(
            self.head
                .contains("content-type: application/x-amz-json-1.1"),
            "{self:?}"
        );
        assert!(self.head.contains("x-amzn-requestid: "), "{self:?}");
        assert!(self.head.contains("date: "), "{self:?}");
        let body: serde_json::Value = serde_json::from_slice(&self.body).expect("JSON");
        body["__type"].as_str().expect("a code").to_owned()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// Waits until something holds that needs no more than the server's own time.
pub(crate) fn eventually(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never holds");
        std::thread::yield_now();
    }
}

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// A test that waits longer has failed.
const PATIENCE: Duration = Duration::from_secs(20);
