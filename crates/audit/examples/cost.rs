//! What appending costs: CPU time a record of 1 KiB, with 64 tasks that each wait for their own, and with one.
//!
//! `cargo run --release -p strongroom-audit --example cost [FOLDER]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement for people"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use strongroom_audit::{Durability, Log, Options, SigningKey};

const RECORD_BYTES: usize = 1024;

fn main() {
    let parent = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    println!("durability  tasks  threads   records/s  CPU us/record");
    for (durability, records) in [(Durability::Write, 400_000), (Durability::Fsync, 60_000)] {
        for (tasks, threads) in [(1, 1), (64, 1), (64, 2)] {
            let records = if tasks == 1 { records / 20 } else { records };
            measure(Path::new(&parent), durability, (tasks, threads), records);
        }
    }
}

fn measure(parent: &Path, durability: Durability, (tasks, threads): (u64, usize), records: u64) {
    let folder = tempfile::tempdir_in(parent).unwrap();
    let options = Options {
        durability,
        // Closing comes later, in the background.
        segment_bytes: u64::MAX,
        ..Options::new(folder.path())
    };
    let clock = Arc::new(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |now| now.as_millis() as i64)
    });
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    let log = Arc::new(Log::open(&options, key, [2; 16], clock).unwrap().log);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .build()
        .unwrap();
    let (started, before) = (Instant::now(), cpu());
    runtime.block_on(async {
        let tasks: Vec<_> = (0..tasks)
            .map(|_| {
                let log = Arc::clone(&log);
                tokio::spawn(async move {
                    let payload = [b'x'; RECORD_BYTES];
                    for _ in 0..records / tasks {
                        log.append(&[&payload]).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let (took, used) = (started.elapsed(), cpu().saturating_sub(before));
    println!(
        "{:10}  {tasks:5}  {threads:7}  {:10.0}  {:13.2}",
        format!("{durability:?}"),
        records as f64 / took.as_secs_f64(),
        used.as_secs_f64() * 1e6 / records as f64
    );
}

/// CPU time of this process so far.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
