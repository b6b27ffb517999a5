//! How fast the server is there, and how much memory it has when nobody asks it anything.

use std::time::Duration;

use crate::process;
use crate::read;
use crate::report::{ReadyResult, median, note};
use crate::{Failed, Run};

/// How long a server is left alone before its memory counts as idle.
const IDLE: Duration = Duration::from_secs(1);
/// Reads before memory is looked at again.
const READS: u64 = 10_000;

/// Starts the server so many times, each time with a fresh folder.
pub(crate) fn measure(run: &Run, starts: usize) -> Result<ReadyResult, Failed> {
    let mut milliseconds = Vec::with_capacity(starts);
    for _ in 0..starts {
        let data = tempfile::tempdir_in(&run.folder)?;
        let server = process::start_strongroom(&run.strongroom, data.path())?;
        milliseconds.push(server.ready_after.as_secs_f64() * 1e3);
        server.stop()?;
    }
    let data = tempfile::tempdir_in(&run.folder)?;
    let server = process::start_strongroom(&run.strongroom, data.path())?;
    std::thread::sleep(IDLE);
    let idle = server.resident_bytes()?;
    read::read_some(&server, run.connections, READS)?;
    std::thread::sleep(IDLE);
    let after_reads = server.resident_bytes()?;
    server.stop()?;
    let mebibytes = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    let result = ReadyResult {
        starts,
        ready_ms: median(milliseconds.iter().copied()),
        ready_ms_max: milliseconds.iter().copied().fold(0.0, f64::max),
        idle_mib: mebibytes(idle),
        after_reads_mib: mebibytes(after_reads),
        reads: READS,
    };
    note(&format!(
        "ready after {:.1} ms, {:.1} MiB",
        result.ready_ms, result.idle_mib
    ));
    Ok(result)
}
