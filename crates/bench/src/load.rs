//! Load: connections that each send one request after the other until the time is up.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::task::LocalSet;

use crate::Failed;
use crate::client::{Answer, Client};

/// What each connection does.
pub(crate) trait Work {
    /// The next request of a connection.
    fn next(&self, connection: usize) -> Result<Rc<Vec<u8>>, Failed>;
    /// Checks the answer to it.
    fn check(&self, connection: usize, answer: &Answer<'_>) -> Result<(), Failed>;
    /// Once a second.
    fn refresh(&self) -> Result<(), Failed>;
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    /// How long each request took, in microseconds, ascending.
    pub(crate) microseconds: Vec<u32>,
}

impl Done {
    pub(crate) fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// The time within which such a share of the requests was answered.
    pub(crate) fn microseconds_at(&self, share: f64) -> u32 {
        let last = self.microseconds.len().saturating_sub(1);
        let index = (last as f64 * share).round() as usize;
        self.microseconds.get(index).copied().unwrap_or_default()
    }
}

/// Loads a server with `connections` connections for a time; any wrong answer ends it.
pub(crate) fn run<W: Work + 'static>(
    work: W,
    server: SocketAddr,
    connections: usize,
    time: Duration,
) -> Result<Done, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, async {
        let work = Rc::new(work);
        let mut clients = Vec::with_capacity(connections);
        for _ in 0..connections {
            clients.push(Client::connect(server).await?);
        }
        let begin = Instant::now();
        let end = begin + time;
        let refreshing = tokio::task::spawn_local({
            let work = Rc::clone(&work);
            async move {
                loop {
                    tokio::time::sleep(REFRESH).await;
                    if let Err(error) = work.refresh() {
                        return error;
                    }
                }
            }
        });
        let running: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(connection, client)| {
                tokio::task::spawn_local(one(Rc::clone(&work), connection, client, end))
            })
            .collect();
        // The generator stays awake: a client on another machine isn't woken at the server's cost, so
        // this one must not be either, and how often it would sleep depends on the server's speed.
        let awake = tokio::task::spawn_local(async {
            loop {
                tokio::task::yield_now().await;
            }
        });
        let mut microseconds = Vec::new();
        for connection in running {
            microseconds.extend(connection.await??);
        }
        let elapsed = begin.elapsed();
        if refreshing.is_finished() {
            return Err(refreshing.await?);
        }
        refreshing.abort();
        awake.abort();
        microseconds.sort_unstable();
        Ok(Done {
            requests: microseconds.len() as u64,
            elapsed,
            microseconds,
        })
    })
}

async fn one<W: Work>(
    work: Rc<W>,
    connection: usize,
    mut client: Client,
    end: Instant,
) -> Result<Vec<u32>, Failed> {
    let mut microseconds = Vec::with_capacity(65_536);
    let mut begin = Instant::now();
    while begin < end {
        let request = work.next(connection)?;
        let answer = client.exchange(&request).await?;
        work.check(connection, &answer)?;
        let now = Instant::now();
        microseconds.push(u32::try_from((now - begin).as_micros()).unwrap_or(u32::MAX));
        begin = now;
    }
    Ok(microseconds)
}

/// Signatures tell the second; an older one is good for minutes, but no client reuses one for long.
const REFRESH: Duration = Duration::from_secs(1);
