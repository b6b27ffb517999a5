//! One connection: what is known of its progress, and the watchdog that cuts it when it makes none.
//!
//! A request costs no timer here: the watchdog makes its rounds, looks at the stamps that reading, answering and
//! writing leave, and goes back to sleep if nothing is overdue.

use std::io::Write as _;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::framing::Ambiguous;
use super::guard::Guarded;
use super::listener::{Shared, Stage};
use super::tls::Negotiated;
use super::{Application, EdgeProblem, Limits, exchange};

/// One connection's place in the server, for its requests.
pub(super) struct Connection<A> {
    pub(super) shared: Arc<Shared<A>>,
    pub(super) progress: Arc<Progress>,
    pub(super) peer: SocketAddr,
    /// How it is encrypted; absent where it isn't.
    pub(super) tls: Option<Negotiated>,
}

/// Serves one connection to its end.
pub(super) async fn serve<A: Application, T>(
    stream: T,
    peer: SocketAddr,
    tls: Option<Negotiated>,
    shared: Arc<Shared<A>>,
    mut stage: watch::Receiver<Stage>,
) where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let progress = Arc::new(Progress::new());
    let io = TokioIo::new(Guarded::new(stream, Arc::clone(&progress)));
    let limits = shared.limits.clone();
    let builder = shared.http.clone();
    let counters = Arc::clone(&shared.counters);
    let connection = Arc::new(Connection {
        shared,
        progress: Arc::clone(&progress),
        peer,
        tls,
    });
    let service = service_fn(move |request| exchange::exchange(Arc::clone(&connection), request));
    let mut serving = pin!(builder.serve_connection(io, service));
    let round = limits
        .header_read
        .min(limits.keep_alive)
        .min(limits.response_write);
    let mut watchdog = pin!(sleep_until(Instant::now() + round));
    let mut is_ending = false;
    loop {
        tokio::select! {
            biased;
            // A client that went away, sent garbage or broke off is no error of ours; hyper has answered if it could.
            _ = serving.as_mut() => return,
            changed = stage.changed() => {
                let stage = if changed.is_ok() { *stage.borrow_and_update() } else { Stage::Ended };
                match stage {
                    Stage::Serving => {}
                    Stage::Draining => serving.as_mut().graceful_shutdown(),
                    Stage::Ended => return,
                }
            }
            () = watchdog.as_mut() => {
                let (now, overdue_at) = (Instant::now(), progress.overdue_at(&limits));
                if overdue_at.is_none_or(|overdue_at| overdue_at > now) {
                    // Whatever begins in the meantime has at least one round's time.
                    let next_round = now + round;
                    watchdog.as_mut().reset(overdue_at.map_or(next_round, |at| at.min(next_round)));
                } else if is_ending || !progress.is_idle() {
                    counters.cut();
                    return;
                } else {
                    // Idle for too long. An HTTP/2 client is told, and gets a moment to take note.
                    is_ending = true;
                    serving.as_mut().graceful_shutdown();
                    watchdog.as_mut().reset(now + FAREWELL);
                }
            }
        }
    }
}

/// The HTTP library with our limits.
pub(super) fn http(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut http = auto::Builder::new(TokioExecutor::new());
    let mut one = http.http1();
    // Time limits on heads are the watchdog's, which costs nothing a request. `half_close`: a client may end its side
    // after its request and still gets the answer.
    one.header_read_timeout(None)
        .half_close(true)
        .max_buf_size(limits.header_bytes.max(HEADER_BYTES_MIN));
    if limits.header_count != HYPER_HEADER_COUNT {
        one.max_headers(limits.header_count);
    }
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.http2_streams)
        .max_pending_accept_reset_streams(limits.http2_resets)
        .initial_stream_window_size(limits.http2_stream_window_bytes)
        .initial_connection_window_size(limits.http2_connection_window_bytes)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    http
}

/// The stamps that reading, answering and writing leave for the watchdog. Times are milliseconds since `born`.
pub(super) struct Progress {
    born: Instant,
    requests: AtomicU64,
    in_flight: AtomicU32,
    idle_since: AtomicU64,
    head_since: AtomicU64,
    blocked_since: AtomicU64,
    lingering_since: AtomicU64,
    ambiguous: OnceLock<Ambiguous>,
    lingers: std::sync::atomic::AtomicBool,
}

/// A request that is being answered, from its head's end to its answer.
pub(super) struct InFlight<'a>(&'a Progress);

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            born: Instant::now(),
            requests: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
            idle_since: AtomicU64::new(0),
            head_since: AtomicU64::new(NEVER),
            blocked_since: AtomicU64::new(NEVER),
            lingering_since: AtomicU64::new(NEVER),
            ambiguous: OnceLock::new(),
            lingers: std::sync::atomic::AtomicBool::new(false),
        }
    }

    /// A request's head is complete; tells which request of the connection it is, from 0.
    pub(super) fn begin(&self) -> (u64, InFlight<'_>) {
        self.in_flight.fetch_add(1, Relaxed);
        (self.requests.fetch_add(1, Relaxed), InFlight(self))
    }

    /// How many requests have begun.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    /// The same, unless one of them is still being answered.
    pub(super) fn requests_if_all_answered(&self) -> Option<u64> {
        (self.in_flight.load(Relaxed) == 0).then(|| self.requests())
    }

    pub(super) fn head_is_unfinished(&self, unfinished: bool) {
        let known = self.head_since.load(Relaxed) != NEVER;
        if unfinished != known {
            self.head_since
                .store(if unfinished { self.now() } else { NEVER }, Relaxed);
        }
    }

    pub(super) fn write_is_blocked(&self, blocked: bool) {
        let known = self.blocked_since.load(Relaxed) != NEVER;
        if blocked != known {
            self.blocked_since
                .store(if blocked { self.now() } else { NEVER }, Relaxed);
        }
    }

    /// Remembers the connection's first ambiguous request.
    pub(super) fn found(&self, ambiguous: Ambiguous) {
        // A second one changes nothing: the connection ends with the first.
        let _ = self.ambiguous.set(ambiguous);
    }

    pub(super) fn ambiguous(&self, request: u64) -> Option<&Ambiguous> {
        self.ambiguous
            .get()
            .filter(|ambiguous| ambiguous.request == request)
    }

    /// The connection will end with bytes of the client's unread; see [`Guarded`].
    pub(super) fn will_linger(&self) {
        self.lingers.store(true, Relaxed);
    }

    pub(super) fn lingers(&self) -> bool {
        self.lingers.load(Relaxed)
    }

    pub(super) fn lingering_begins(&self) {
        if self.lingering_since.load(Relaxed) == NEVER {
            self.lingering_since.store(self.now(), Relaxed);
        }
    }

    /// Whether nothing at all has come since the last answer.
    fn is_idle(&self) -> bool {
        self.requests() > 0
            && self.in_flight.load(Relaxed) == 0
            && [&self.head_since, &self.blocked_since, &self.lingering_since]
                .iter()
                .all(|since| since.load(Relaxed) == NEVER)
    }

    /// When the connection must be cut; `None` while a request's own time limits hold.
    fn overdue_at(&self, limits: &Limits) -> Option<Instant> {
        let since = |stamp: &AtomicU64| match stamp.load(Relaxed) {
            NEVER => None,
            milliseconds => Some(self.born + Duration::from_millis(milliseconds)),
        };
        if let Some(lingering) = since(&self.lingering_since) {
            return Some(lingering + FAREWELL);
        }
        if let Some(blocked) = since(&self.blocked_since) {
            return Some(blocked + limits.response_write);
        }
        if self.in_flight.load(Relaxed) > 0 {
            return None;
        }
        let idle = since(&self.idle_since).unwrap_or(self.born);
        if let Some(head) = since(&self.head_since) {
            // A head may have begun to arrive while the request before it was still being answered.
            return Some(head.max(idle) + limits.header_read);
        }
        let has_begun = self.requests() > 0;
        Some(
            idle + if has_begun {
                limits.keep_alive
            } else {
                limits.header_read
            },
        )
    }

    fn now(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.now(), Relaxed);
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

/// The answer to bytes that hyper could not read as a request, ready to be written; `status` is hyper's verdict.
pub(super) fn raw_refusal(status: &[u8]) -> Bytes {
    let problem = match status {
        b"431" => EdgeProblem::HeadersTooLarge,
        b"414" => EdgeProblem::TargetTooLong,
        _ => EdgeProblem::Malformed("it does not follow HTTP/1.1"),
    };
    let reply = problem.reply();
    let mut bytes = Vec::with_capacity(512);
    let date = jiff::fmt::rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
        .unwrap_or_default();
    // Writing into a vector has no way to fail.
    let _ = write!(
        bytes,
        "HTTP/1.1 {}\r\ncontent-type: {}\r\nx-amzn-requestid: {}\r\nconnection: close\r\ncontent-length: {}\r\ndate: {date}\r\n\r\n",
        reply.status,
        reply.content_type,
        super::new_request_id(),
        reply.body.len(),
    );
    bytes.extend_from_slice(&reply.body);
    bytes.into()
}

const NEVER: u64 = u64::MAX;
/// How long an ended connection may take to go away.
const FAREWELL: Duration = Duration::from_secs(2);
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// hyper takes no less.
const HEADER_BYTES_MIN: usize = 8_192;
/// hyper's own limit, for which it needs no memory.
const HYPER_HEADER_COUNT: usize = 100;
