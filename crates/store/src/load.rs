//! How much a store commits by itself: a load of a fixed shape, measured. It may not know which backend it loads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::{Commit, CommitError, Store, Write};

/// Bytes of the two values in each commit: a record about something, and a version of it.
pub const VALUE_BYTES: [usize; 2] = [400, 1024];

/// What [`commits`] measured.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Measured {
    /// How many wrote at the same time.
    pub writers: usize,
    /// Commits that were acknowledged.
    pub commits: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// What the whole process computed meanwhile, on all cores.
    pub cpu: Duration,
}

impl Measured {
    /// Acknowledged commits in a second.
    pub fn commits_per_second(&self) -> f64 {
        self.commits as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of CPU time for each.
    pub fn cpu_us_per_commit(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.commits.max(1) as f64
    }

    /// One object, on one line.
    pub fn to_json(&self) -> String {
        format!(
            r#"{{"writers":{},"commits":{},"seconds":{:.3},"commits_per_second":{:.0},"cpu_us_per_commit":{:.1}}}"#,
            self.writers,
            self.commits,
            self.elapsed.as_secs_f64(),
            self.commits_per_second(),
            self.cpu_us_per_commit()
        )
    }
}

/// Lets `writers` tasks commit two new records each ([`VALUE_BYTES`]), one commit after another, for `duration`.
///
/// It needs a tokio runtime around it, and uses that one's threads. Each commit has one condition, as most have.
///
/// # Errors
/// The first error that a writer met.
pub async fn commits(
    store: Arc<dyn Store>,
    writers: usize,
    duration: Duration,
) -> Result<Measured, CommitError> {
    let done = Arc::new(AtomicU64::new(0));
    let (started, cpu_before) = (Instant::now(), process_cpu());
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            tokio::spawn(async move {
                let mut number = 0_u64;
                while started.elapsed() < duration {
                    store.commit(commit(writer, number)).await?;
                    done.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
                Ok::<(), CommitError>(())
            })
        })
        .collect();
    for task in tasks {
        // A writer that was cancelled committed nothing more: what was counted holds.
        task.await.unwrap_or(Ok(()))?;
    }
    Ok(Measured {
        writers,
        commits: done.load(Ordering::Relaxed),
        elapsed: started.elapsed(),
        cpu: process_cpu().saturating_sub(cpu_before),
    })
}

fn commit(writer: usize, number: u64) -> Commit {
    // Spread over the key space, as names are.
    let place = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ writer as u64).swap_bytes();
    let key = |kind: &str| format!("load/{kind}/{place:016x}/{writer}/{number}").into_bytes();
    let [small, large] = VALUE_BYTES.map(|len| vec![number as u8; len]);
    Commit {
        conditions: vec![crate::Condition::absent(key("record"))],
        writes: vec![
            Write::Put {
                key: key("record"),
                value: small,
            },
            Write::Put {
                key: key("version"),
                value: large,
            },
        ],
    }
}

fn process_cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(
        time.tv_sec.unsigned_abs(),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
