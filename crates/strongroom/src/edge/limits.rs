//! The limits that hold before authentication, with their defaults. `docs/configuration.md` has them for operators.

use std::time::Duration;

/// What a client may use before it is known who it is. All of them always hold; none can be switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections in all; one more is closed at once.
    pub connections: usize,
    /// Open connections of one address (IPv6: of one /64); one more is closed at once.
    pub connections_per_source: usize,
    /// Bytes of a request's header section, request line included; at least 8,192.
    pub header_bytes: usize,
    /// Header lines of a request.
    pub header_count: usize,
    /// From a header's first byte to its last; also a new connection's time to begin, and a TLS handshake's time.
    pub header_read: Duration,
    /// Bytes of a request's body.
    pub body_bytes: usize,
    /// Bytes that all bodies larger than 64 KiB may take together while they arrive.
    pub body_memory_bytes: usize,
    /// From the end of the header to the end of the body.
    pub body_read: Duration,
    /// The same of a function's code, the one body that may take much of the memory.
    pub huge_body_read: Duration,
    /// Such bodies at once, beside `body_memory_bytes`.
    pub huge_bodies: usize,
    /// From the end of the body to the answer.
    pub request: Duration,
    /// How long a client may leave an answer unread.
    pub response_write: Duration,
    /// How long a connection may stay open without a request.
    pub keep_alive: Duration,
    /// Concurrent requests of one HTTP/2 connection.
    pub http2_streams: u32,
    /// Requests that an HTTP/2 client may have reset before they were looked at; more end the connection.
    pub http2_resets: usize,
    /// HTTP/2 flow control: bytes in flight of one request.
    pub http2_stream_window_bytes: u32,
    /// HTTP/2 flow control: bytes in flight of one connection.
    pub http2_connection_window_bytes: u32,
    /// How long a shutdown waits for requests that are being answered.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_source: 4_000,
            header_bytes: 65_536,
            header_count: 100,
            header_read: Duration::from_secs(10),
            // AWS's own guard is about 1 MiB: a secret has at most 65,536 bytes, a policy 20,480 characters.
            body_bytes: 1_048_576,
            body_memory_bytes: 268_435_456,
            body_read: Duration::from_secs(30),
            // 70 MiB at 5 Mbit/s.
            huge_body_read: Duration::from_secs(120),
            huge_bodies: 3,
            request: Duration::from_secs(30),
            response_write: Duration::from_secs(30),
            // Longer than what SDKs and load balancers keep idle connections for (commonly 60 s), so that they close first.
            keep_alive: Duration::from_secs(75),
            http2_streams: 128,
            http2_resets: 20,
            http2_stream_window_bytes: 262_144,
            http2_connection_window_bytes: 1_048_576,
            shutdown: Duration::from_secs(10),
        }
    }
}

/// Bodies up to this size are read without asking for a share of [`Limits::body_memory_bytes`].
pub(super) const SMALL_BODY_BYTES: usize = 65_536;
/// Bodies that may be larger than this take turns instead of a share.
pub(super) const HUGE_BODY_BYTES: usize = 16 * 1_048_576;
/// How much of a body that is too large is still read, and thrown away, so that its client gets to see the refusal.
pub(super) const DISCARDED_BODY_BYTES_MAX: usize = 16 * 1_048_576;
