//! The listening socket: accepts, counts, hands connections over, and ends them in an orderly way.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::connection;
use super::tls::{Certificates, Negotiated};
use super::{Application, Limits, TrustedProxies};

/// What the edge serves, and how.
pub struct Edge<A> {
    /// What answers requests.
    pub application: Arc<A>,
    /// What clients may use.
    pub limits: Limits,
    /// Whose `X-Forwarded-*` headers are believed.
    pub proxies: TrustedProxies,
    /// The certificate; without one the listener speaks plain HTTP.
    pub certificates: Option<Arc<Certificates>>,
    /// Where connections are counted.
    pub counters: Arc<EdgeCounters>,
}

/// A running listener. Dropping it ends it, and all its connections, at once.
pub struct Running {
    address: SocketAddr,
    stage: watch::Sender<Stage>,
    limit: Duration,
}

/// Counts of connections since the start, for the operations listener.
#[derive(Debug, Default)]
pub struct EdgeCounters {
    accepted: AtomicU64,
    closed: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
    handshakes_failed: AtomicU64,
}

/// Opens a listening socket that can be bound again right after the server that held it has ended.
///
/// # Errors
/// The address is in use, is not one of this machine's, or needs a right that this user lacks.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()
    } else {
        TcpSocket::new_v6()
    }?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl<A: Application> Edge<A> {
    /// Begins to accept connections, on the current runtime.
    ///
    /// # Errors
    /// The socket's own address can't be told.
    pub fn start(self, listener: TcpListener) -> io::Result<Running> {
        let address = listener.local_addr()?;
        let (stage, seen) = watch::channel(Stage::Serving);
        let limit = self.limits.shutdown;
        let body_memory_units =
            self.limits.body_memory_bytes.max(self.limits.body_bytes) / BODY_MEMORY_UNIT_BYTES + 1;
        let shared = Arc::new(Shared {
            application: self.application,
            http: connection::http(&self.limits),
            sources: Sources::new(self.limits.connections, self.limits.connections_per_source),
            huge_bodies: Semaphore::new(self.limits.huge_bodies),
            body_memory: Semaphore::new(body_memory_units.min(Semaphore::MAX_PERMITS)),
            limits: self.limits,
            proxies: self.proxies,
            counters: self.counters,
        });
        tokio::spawn(accept(listener, self.certificates, shared, seen));
        Ok(Running {
            address,
            stage,
            limit,
        })
    }
}

impl Running {
    /// Where it listens; with the port that the system chose where 0 was asked for.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts nothing more, lets requests finish up to [`Limits::shutdown`], then cuts what is left.
    ///
    /// Tells whether all had finished by themselves.
    pub async fn shut_down(self) -> bool {
        self.stage.send_replace(Stage::Draining);
        let finished = timeout(self.limit, self.stage.closed()).await.is_ok();
        self.stage.send_replace(Stage::Ended);
        finished
    }
}

impl EdgeCounters {
    /// Connections that were accepted.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        // Read in this order, a connection that closes in between can't make the difference negative.
        let closed = self.closed.load(Relaxed);
        self.accepted().saturating_sub(closed)
    }

    /// Connections that were closed at once since too many were open.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Connections that were cut for making no progress.
    #[must_use]
    pub fn cut_off(&self) -> u64 {
        self.cut.load(Relaxed)
    }

    /// TLS handshakes that failed or took too long.
    #[must_use]
    pub fn handshakes_failed(&self) -> u64 {
        self.handshakes_failed.load(Relaxed)
    }

    pub(super) fn cut(&self) {
        self.cut.fetch_add(1, Relaxed);
    }
}

/// What all connections of a listener share.
pub(super) struct Shared<A> {
    pub(super) application: Arc<A>,
    pub(super) limits: Limits,
    pub(super) proxies: TrustedProxies,
    pub(super) counters: Arc<EdgeCounters>,
    pub(super) http: auto::Builder<TokioExecutor>,
    pub(super) body_memory: Semaphore,
    pub(super) huge_bodies: Semaphore,
    sources: Sources,
}

/// How far a listener's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Serving,
    Draining,
    Ended,
}

async fn accept<A: Application>(
    listener: TcpListener,
    certificates: Option<Arc<Certificates>>,
    shared: Arc<Shared<A>>,
    mut stage: watch::Receiver<Stage>,
) {
    let mut pause = ACCEPT_PAUSE_MIN;
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stage.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                pause = ACCEPT_PAUSE_MIN;
                if !shared.sources.enter(peer.ip()) {
                    shared.counters.refused.fetch_add(1, Relaxed);
                    continue;
                }
                shared.counters.accepted.fetch_add(1, Relaxed);
                let place = InPlace {
                    shared: Arc::clone(&shared),
                    address: peer.ip(),
                };
                let acceptor = certificates
                    .as_ref()
                    .map(|certificates| certificates.acceptor());
                tokio::spawn(serve(stream, peer, acceptor, place, stage.clone()));
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Out of file descriptors or memory: connections wait in the kernel until some others have ended.
                tracing::warn!(%error, ?pause, "no connection can be accepted; trying again. Raise the limit on open \
                    files (ulimit -n) or lower limits.connections");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(ACCEPT_PAUSE_MAX);
            }
        }
    }
}

async fn serve<A: Application>(
    stream: TcpStream,
    peer: SocketAddr,
    acceptor: Option<TlsAcceptor>,
    place: InPlace<A>,
    stage: watch::Receiver<Stage>,
) {
    // Without it an answer may wait for the acknowledgement of the one before; if it fails the connection is gone.
    let _ = stream.set_nodelay(true);
    let shared = Arc::clone(&place.shared);
    let Some(acceptor) = acceptor else {
        return connection::serve(stream, peer, None, shared, stage).await;
    };
    match timeout(shared.limits.header_read, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => {
            let tls = Negotiated::of(stream.get_ref().1);
            connection::serve(stream, peer, tls, shared, stage).await;
        }
        failed => {
            shared.counters.handshakes_failed.fetch_add(1, Relaxed);
            let reason = failed.err().map_or("failed", |_| "took too long");
            tracing::debug!(%peer, reason, "a TLS handshake did not succeed");
        }
    }
}

/// Errors that belong to the connection that was to be accepted, not to the listener.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted, WouldBlock,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted | WouldBlock
    )
}

/// How many connections are open, in all and of each source.
struct Sources {
    open: Mutex<Open>,
    in_all_max: usize,
    of_one_max: usize,
}

#[derive(Default)]
struct Open {
    in_all: usize,
    of_one: HashMap<IpAddr, usize>,
}

impl Sources {
    fn new(in_all_max: usize, of_one_max: usize) -> Self {
        Self {
            open: Mutex::default(),
            in_all_max,
            of_one_max,
        }
    }

    fn enter(&self, address: IpAddr) -> bool {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.in_all >= self.in_all_max {
            return false;
        }
        let of_one = open.of_one.entry(source_of(address)).or_default();
        if *of_one >= self.of_one_max {
            return false;
        }
        *of_one += 1;
        open.in_all += 1;
        true
    }

    fn leave(&self, address: IpAddr) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.in_all -= 1;
        if let Some(of_one) = open.of_one.get_mut(&source_of(address)) {
            *of_one -= 1;
            if *of_one == 0 {
                open.of_one.remove(&source_of(address));
            }
        }
    }
}

/// One party's addresses count together: who has one IPv6 address usually has its whole /64.
fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        address => address,
    }
}

/// A connection's place among the open ones, given back when it ends, however it does.
struct InPlace<A> {
    shared: Arc<Shared<A>>,
    address: IpAddr,
}

impl<A> Drop for InPlace<A> {
    fn drop(&mut self) {
        self.shared.sources.leave(self.address);
        self.shared.counters.closed.fetch_add(1, Relaxed);
    }
}

/// The memory for large bodies is shared out in units of this size.
pub(super) const BODY_MEMORY_UNIT_BYTES: usize = 1_024;
/// Connections that the kernel completes while we are busy; more than the usual 128, since SDKs come in bursts.
const BACKLOG: u32 = 4_096;
const ACCEPT_PAUSE_MIN: Duration = Duration::from_millis(20);
const ACCEPT_PAUSE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_source_that_has_all_its_places_does_not_take_those_of_others() {
        let sources = Sources::new(3, 2);
        let (greedy, modest) = (address("192.0.2.1"), address("192.0.2.2"));
        assert!(sources.enter(greedy) && sources.enter(greedy));
        assert!(!sources.enter(greedy));
        assert!(sources.enter(modest));
        assert!(!sources.enter(modest), "three in all");
        sources.leave(greedy);
        assert!(sources.enter(modest));
    }

    #[test]
    fn nothing_is_kept_of_a_source_that_has_left() {
        let sources = Sources::new(3, 2);
        sources.enter(address("192.0.2.1"));
        sources.leave(address("192.0.2.1"));
        assert!(sources.open.lock().unwrap().of_one.is_empty());
    }

    #[test]
    fn addresses_of_one_party_are_one_source() {
        assert_eq!(
            source_of(address("2001:db8::1")),
            source_of(address("2001:db8::ffff:2"))
        );
        assert_ne!(
            source_of(address("2001:db8::1")),
            source_of(address("2001:db8:0:1::1"))
        );
        assert_eq!(source_of(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
