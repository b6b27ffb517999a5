//! What is counted, and how it is told to Prometheus.
//!
//! Counting a request is three additions to atomics that are found by the operation's name; nothing is formatted and
//! no lock is taken until someone asks.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::StatusCode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use super::OperationsApplication;
use crate::audit::Followers;
use crate::audit::feeds::FeedState;
use crate::rotation::OUTCOMES;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered as asked.
    Success,
    /// It was refused, by the client's fault.
    Refused,
    /// It failed, by ours.
    Failed,
}

impl Outcome {
    /// What a status says about the outcome.
    #[must_use]
    pub fn of(status: StatusCode) -> Self {
        if status.is_server_error() {
            Self::Failed
        } else if status.is_success() {
            Self::Success
        } else {
            Self::Refused
        }
    }

    const ALL: [(Self, &'static str); 3] = [
        (Self::Success, "success"),
        (Self::Refused, "refused"),
        (Self::Failed, "failed"),
    ];
}

/// Requests by operation and outcome, and how long they took.
pub struct Metrics {
    operations: HashMap<&'static str, Operation>,
    /// Requests that name no operation: unauthenticated ones and those to unknown operations.
    none: Operation,
}

#[derive(Default)]
struct Operation {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    buckets: [AtomicU64; BUCKET_SECONDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Metrics {
    /// Counts these operations, each under its name.
    pub fn new(operations: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            operations: operations
                .into_iter()
                .map(|name| (name, Operation::default()))
                .collect(),
            none: Operation::default(),
        }
    }

    /// Counts one request. An operation that [`new`](Self::new) was not told of counts as none.
    pub fn request(&self, operation: Option<&'static str>, outcome: Outcome, took: Duration) {
        let operation = operation
            .and_then(|name| self.operations.get(name))
            .unwrap_or(&self.none);
        let seconds = took.as_secs_f64();
        let bucket = BUCKET_SECONDS.partition_point(|limit| *limit < seconds);
        operation.outcomes[outcome as usize].fetch_add(1, Relaxed);
        operation.buckets[bucket].fetch_add(1, Relaxed);
        operation
            .nanoseconds
            .fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn by_name(&self) -> impl Iterator<Item = (&'static str, &Operation)> {
        let mut named: Vec<_> = self
            .operations
            .iter()
            .map(|(name, operation)| (*name, operation))
            .collect();
        named.sort_unstable_by_key(|(name, _)| *name);
        named.into_iter().chain([("none", &self.none)])
    }
}

/// All metrics, as OpenMetrics text.
pub(super) fn render(application: &OperationsApplication) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Collected::of(application)));
    let mut text = String::with_capacity(16_384);
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

/// One moment's counts.
#[derive(Debug)]
struct Collected {
    requests: Vec<(&'static str, &'static str, u64)>,
    durations: Vec<Durations>,
    rotations: Vec<(&'static str, u64)>,
    feeds: Vec<FeedState>,
    counters: Vec<(&'static str, &'static str, u64)>,
    gauges: Vec<(&'static str, &'static str, u64)>,
}

/// How long the requests of one operation took.
#[derive(Debug)]
struct Durations {
    operation: &'static str,
    sum_seconds: f64,
    count: u64,
    buckets: Vec<(f64, u64)>,
}

impl Collected {
    fn of(application: &OperationsApplication) -> Self {
        let node = &application.node;
        let (mut requests, mut durations) = (Vec::new(), Vec::new());
        for (name, operation) in node.metrics().by_name() {
            let outcomes = operation.outcomes.iter().map(|count| count.load(Relaxed));
            let counts: Vec<u64> = outcomes.collect();
            if name != "none" && counts.iter().all(|count| *count == 0) {
                // Series begin with the first request; a scrape stays small.
                continue;
            }
            requests.extend(
                Outcome::ALL
                    .iter()
                    .zip(&counts)
                    .map(|((_, outcome), count)| (name, *outcome, *count)),
            );
            let limits = BUCKET_SECONDS.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = limits
                .zip(operation.buckets.iter().map(|count| count.load(Relaxed)))
                .collect();
            durations.push(Durations {
                operation: name,
                sum_seconds: Duration::from_nanos(operation.nanoseconds.load(Relaxed))
                    .as_secs_f64(),
                count: buckets.iter().map(|(_, count)| count).sum(),
                buckets,
            });
        }
        let (hits, misses) = node.cache_hits_and_misses();
        let health = node.health();
        let connections = &application.connections;
        let store_bytes = folder_bytes(&application.data_dir);
        let done = health.workers.iter().map(|worker| worker.done).sum();
        let failing = health
            .workers
            .iter()
            .filter(|worker| worker.last_error.is_some())
            .count();
        Self {
            requests,
            durations,
            rotations: OUTCOMES
                .iter()
                .zip(node.rotations().followed().ended())
                .map(|((_, outcome), count)| (*outcome, count))
                .collect(),
            feeds: node.followers().map(Followers::feeds).unwrap_or_default(),
            counters: vec![
                (
                    "strongroom_connections_accepted",
                    "Connections accepted",
                    connections.accepted(),
                ),
                (
                    "strongroom_connections_refused",
                    "Connections closed at once since too many were open",
                    connections.refused(),
                ),
                (
                    "strongroom_connections_cut",
                    "Connections cut for making no progress",
                    connections.cut_off(),
                ),
                (
                    "strongroom_tls_handshakes_failed",
                    "TLS handshakes that failed or took too long",
                    connections.handshakes_failed(),
                ),
                (
                    "strongroom_wrong_signatures",
                    "Requests signed with a wrong or unknown access key",
                    node.wrong_signatures(),
                ),
                (
                    "strongroom_record_cache_hits",
                    "Records found in memory",
                    hits,
                ),
                (
                    "strongroom_record_cache_misses",
                    "Records read from the store",
                    misses,
                ),
                (
                    "strongroom_jobs_done",
                    "Pieces of work that background jobs have done",
                    done,
                ),
            ],
            gauges: vec![
                (
                    "strongroom_connections_open",
                    "Connections open now",
                    connections.open(),
                ),
                (
                    "strongroom_store_bytes",
                    "Size of the data folder",
                    store_bytes,
                ),
                (
                    "strongroom_store_healthy",
                    "1 while the store takes commits",
                    u64::from(health.store.is_ok()),
                ),
                (
                    "strongroom_audit_healthy",
                    "1 while events are recorded, without which nothing is answered",
                    u64::from(health.audit.is_ok()),
                ),
                (
                    "strongroom_audit_sequence",
                    "The newest record of the audit log that is durable",
                    node.audit_sequence(),
                ),
                (
                    "strongroom_rotations_running",
                    "Rotations of which a step runs now",
                    node.rotations().running() as u64,
                ),
                (
                    "strongroom_jobs_failing",
                    "Background jobs whose last run failed",
                    failing as u64,
                ),
            ],
        }
    }
}

impl prometheus_client::collector::Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut build = encoder.encode_descriptor(
            "strongroom_build",
            "The running program",
            None,
            MetricType::Info,
        )?;
        build.encode_info(&[("version", env!("CARGO_PKG_VERSION"))])?;
        let mut requests = encoder.encode_descriptor(
            "strongroom_requests",
            "Requests by operation and outcome",
            None,
            MetricType::Counter,
        )?;
        for (operation, outcome, count) in &self.requests {
            let labels = [("operation", *operation), ("outcome", *outcome)];
            count_as(requests.encode_family(&labels)?, *count)?;
        }
        let mut durations = encoder.encode_descriptor(
            "strongroom_request_duration_seconds",
            "Time from a whole request to its answer",
            None,
            MetricType::Histogram,
        )?;
        for Durations {
            operation,
            sum_seconds,
            count,
            buckets,
        } in &self.durations
        {
            let labels = [("operation", *operation)];
            let mut histogram = durations.encode_family(&labels)?;
            histogram.encode_histogram::<NoLabelSet>(*sum_seconds, *count, buckets, None)?;
        }
        let mut rotations = encoder.encode_descriptor(
            "strongroom_rotations",
            "Rotations of secrets that are over, by how they ended",
            None,
            MetricType::Counter,
        )?;
        for (outcome, count) in &self.rotations {
            count_as(rotations.encode_family(&[("outcome", *outcome)])?, *count)?;
        }
        if !self.feeds.is_empty() {
            let mut delivered = encoder.encode_descriptor(
                "strongroom_audit_feed_events",
                "Events that were delivered, by feed",
                None,
                MetricType::Counter,
            )?;
            for feed in &self.feeds {
                let labels = [("feed", feed.name.as_str())];
                count_as(delivered.encode_family(&labels)?, feed.delivered)?;
            }
            let mut lag = encoder.encode_descriptor(
                "strongroom_audit_feed_lag",
                "Records of the audit log that a feed is behind",
                None,
                MetricType::Gauge,
            )?;
            for feed in &self.feeds {
                let labels = [("feed", feed.name.as_str())];
                lag.encode_family(&labels)?.encode_gauge(&feed.lag)?;
            }
        }
        for (name, help, count) in &self.counters {
            count_as(
                encoder.encode_descriptor(name, help, None, MetricType::Counter)?,
                *count,
            )?;
        }
        for (name, help, value) in &self.gauges {
            encoder
                .encode_descriptor(name, help, None, MetricType::Gauge)?
                .encode_gauge(value)?;
        }
        Ok(())
    }
}

fn count_as(mut encoder: MetricEncoder<'_>, count: u64) -> fmt::Result {
    encoder.encode_counter::<NoLabelSet, u64, u64>(&count, None)
}

/// What the files of a folder occupy, itself alone; 0 where it can't be read.
fn folder_bytes(folder: &std::path::Path) -> u64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    files
        .filter_map(|file| file.metadata().ok())
        .filter(std::fs::Metadata::is_file)
        .map(|file| file.len())
        .sum()
}

/// From what a read from memory takes to what makes a client give up.
const BUCKET_SECONDS: [f64; 14] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
    10.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_counted_once_under_its_operation_outcome_and_duration() {
        let metrics = Metrics::new(["GetSecretValue", "PutSecretValue"]);
        metrics.request(
            Some("GetSecretValue"),
            Outcome::Success,
            Duration::from_micros(60),
        );
        metrics.request(
            Some("GetSecretValue"),
            Outcome::Refused,
            Duration::from_micros(100),
        );
        metrics.request(Some("Unheard"), Outcome::Failed, Duration::from_secs(60));
        metrics.request(None, Outcome::Refused, Duration::ZERO);

        let get = &metrics.operations["GetSecretValue"];
        assert_eq!(
            get.outcomes.each_ref().map(|count| count.load(Relaxed)),
            [1, 1, 0]
        );
        assert_eq!(
            get.buckets[1].load(Relaxed),
            2,
            "both up to 100 microseconds"
        );
        assert_eq!(get.nanoseconds.load(Relaxed), 160_000);
        assert_eq!(
            metrics
                .none
                .outcomes
                .each_ref()
                .map(|count| count.load(Relaxed)),
            [0, 1, 1]
        );
        assert_eq!(
            metrics.none.buckets[BUCKET_SECONDS.len()].load(Relaxed),
            1,
            "beyond all limits"
        );
    }

    #[test]
    fn outcomes_follow_from_the_status() {
        for (status, outcome) in [
            (200, Outcome::Success),
            (400, Outcome::Refused),
            (404, Outcome::Refused),
            (500, Outcome::Failed),
            (503, Outcome::Failed),
        ] {
            assert_eq!(Outcome::of(StatusCode::from_u16(status).unwrap()), outcome);
        }
    }
}
