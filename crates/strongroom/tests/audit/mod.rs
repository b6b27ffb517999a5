//! The audit log at work: feeds, deliveries, anchors.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod anchors;
mod deliveries;
mod feeds;
mod feeds_syslog;
mod memory_log;

use std::time::{Duration, Instant};

/// Waits until something is so. Gives up late: a machine may be busy.
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
