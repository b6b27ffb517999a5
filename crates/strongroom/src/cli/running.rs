//! A server's life, the same in `dev` and `serve`: listen, say so, work until a signal comes, end in an orderly way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use strongroom_keys::hardening::Hardening;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Failed;
use crate::admin::{self, AdminServer};
use crate::edge::tls::Certificates;
use crate::edge::{Application, Edge, EdgeCounters, Limits, TrustedProxies, listen};
use crate::node::Node;
use crate::operations::OperationsApplication;

/// What a server is to be.
pub(super) struct Plan<A> {
    pub(super) node: Arc<Node>,
    pub(super) application: Arc<A>,
    pub(super) listen: SocketAddr,
    pub(super) limits: Limits,
    pub(super) proxies: TrustedProxies,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) operations: Option<SocketAddr>,
    pub(super) admin_socket: PathBuf,
    pub(super) data_dir: PathBuf,
    pub(super) hardening: Hardening,
    /// A data folder that goes away with the server.
    pub(super) temporary: Option<TempDir>,
}

/// What a server has become.
pub(super) struct Ready {
    /// Where the API is served, for a client on this machine.
    pub(super) url: String,
    /// Where the operations listener is.
    pub(super) operations: Option<SocketAddr>,
}

/// Serves until SIGTERM or SIGINT. `ready` is called once connections are accepted.
pub(super) async fn serve<A: Application>(
    plan: Plan<A>,
    ready: impl FnOnce(&Ready) -> Result<(), Failed>,
) -> Result<(), Failed> {
    raise_open_files(plan.limits.connections);
    // Before anything is told: a signal must find its handler.
    let (mut ended, mut interrupted, mut hangup) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
        signal(SignalKind::hangup())?,
    );
    let listener = listen_on(plan.listen, "server.listen or --listen")?;
    let operations_listener = match plan.operations {
        Some(address) => Some(listen_on(
            address,
            "operations.listen or --operations-listen",
        )?),
        None => None,
    };
    let admin_listener = admin::bind(&plan.admin_socket).map_err(|error| {
        let path = plan.admin_socket.display();
        Failed::new(format!("the operators' socket {path} can't be made ({error}): check its folder, or set admin.socket"))
    })?;

    let counters = Arc::new(EdgeCounters::default());
    let scheme = if plan.certificates.is_some() {
        "https"
    } else {
        "http"
    };
    let api = Edge {
        application: plan.application,
        limits: plan.limits.clone(),
        proxies: plan.proxies,
        certificates: plan.certificates.clone(),
        counters: Arc::clone(&counters),
    }
    .start(listener)?;
    let operations = match operations_listener {
        None => None,
        Some(listener) => {
            let application = OperationsApplication {
                node: Arc::clone(&plan.node),
                connections: counters,
                data_dir: plan.data_dir,
            };
            let edge = Edge {
                application: Arc::new(application),
                limits: Limits {
                    connections: OPERATIONS_CONNECTIONS,
                    connections_per_source: OPERATIONS_CONNECTIONS,
                    ..plan.limits
                },
                proxies: TrustedProxies::default(),
                certificates: None,
                counters: Arc::default(),
            };
            Some(edge.start(listener)?)
        }
    };
    let state = Ready {
        url: format!("{scheme}://{}", reachable(api.address())),
        operations: operations.as_ref().map(|operations| operations.address()),
    };
    let admin = AdminServer {
        node: Arc::clone(&plan.node),
        url: state.url.clone(),
        hardening: plan.hardening,
        started: Instant::now(),
    };
    let admin = tokio::spawn(admin::serve(admin_listener, Arc::new(admin)));
    plan.node.start_workers();
    tracing::info!(url = %state.url, version = env!("CARGO_PKG_VERSION"), "ready");
    ready(&state)?;

    wait_for_the_end(
        &mut ended,
        &mut interrupted,
        &mut hangup,
        plan.certificates.as_deref(),
    )
    .await;
    tracing::info!("ending: no new connections; requests get their time to finish");
    let ending = async {
        let finished = api.shut_down().await;
        if !finished {
            tracing::warn!("some requests did not finish in time and were cut off");
        }
        drop(operations);
        admin.abort();
        // Removed by whoever made it; if it is gone already, so much the better.
        let _ = std::fs::remove_file(&plan.admin_socket);
        if let Some(runtime) = plan.node.functions().runtime() {
            runtime.shut_down().await;
        }
        plan.node.write_uses().await;
        plan.node.tidy_audit().await;
        plan.node.close();
        if let Some(followers) = plan.node.followers() {
            followers.finish().await;
        }
    };
    tokio::select! {
        () = ending => Ok(()),
        _ = ended.recv() => at_once(plan.temporary),
        _ = interrupted.recv() => at_once(plan.temporary),
    }
}

async fn wait_for_the_end(
    ended: &mut Signal,
    interrupted: &mut Signal,
    hangup: &mut Signal,
    certificates: Option<&Certificates>,
) {
    loop {
        tokio::select! {
            _ = ended.recv() => return,
            _ = interrupted.recv() => return,
            _ = hangup.recv() => match certificates.map(Certificates::reload) {
                None => tracing::info!("SIGHUP: there is no certificate to read again"),
                Some(Ok(())) => tracing::info!("SIGHUP: the certificate was read again; new connections use it"),
                Some(Err(error)) => tracing::error!(%error, "SIGHUP: the certificate stays as it was"),
            },
        }
    }
}

/// A second signal: whoever sends it doesn't want to wait.
fn at_once(temporary: Option<TempDir>) -> Result<(), Failed> {
    drop(temporary);
    std::process::exit(STATUS_INTERRUPTED)
}

fn listen_on(address: SocketAddr, key: &str) -> Result<TcpListener, Failed> {
    listen(address).map_err(|error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another process listens there: stop it, or choose another port"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 need a privilege: choose another port"
            }
            std::io::ErrorKind::AddrNotAvailable => {
                "this machine has no such address: choose one of its own"
            }
            _ => "choose another address",
        };
        Failed::new(format!(
            "can't listen on {address} ({error}); {remedy} with {key}"
        ))
    })
}

/// The address that a client on this machine connects to.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Makes use of what the system allows, since its first limit is often 1,024.
fn raise_open_files(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    // Raising one's own limit up to its maximum can't be refused; if it is, `limits.connections` is not reached.
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    );
    if limit
        .maximum
        .is_some_and(|most| most < connections as u64 + FILES_OF_OUR_OWN)
    {
        tracing::warn!(
            open_files = limit.maximum,
            connections,
            "fewer files may be open than limits.connections needs: set LimitNOFILE= in the unit file, or ulimit -n"
        );
    }
}

/// Monitoring and probes; more would be a mistake.
const OPERATIONS_CONNECTIONS: usize = 64;
/// Beside connections: the store, sockets, the log.
const FILES_OF_OUR_OWN: u64 = 64;
/// 128 + SIGINT, as shells expect.
const STATUS_INTERRUPTED: i32 = 130;
