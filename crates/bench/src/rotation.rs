//! Rotations: how long it takes to find those that are due, among few secrets and among many, and how many a server
//! carries out in a minute with a function that takes no time.

use std::path::Path;
use std::time::{Duration, Instant};

use strongroom_services::due;
use strongroom_services::records::{Key, Record};
use strongroom_services::rotation::plan::RotationDue;
use strongroom_services::rotation::run::{Ended, RotationRun};
use strongroom_services::time::Timestamp;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{Range, Store};

use crate::report::{Row, median, note};
use crate::requests::now;
use crate::scale::{self, Before};
use crate::{Failed, Run, process};

/// Of a hundred secrets, so many are due.
pub(crate) const DUE_OF_HUNDRED: u64 = 1;
/// The smaller number of secrets is so many times smaller.
const TIMES_FEWER: u64 = 10;
/// Rows that the worker looks at in one go.
const BATCH: usize = 1_000;
const SCANS: usize = 200;
const BATCH_MS_MAX: f64 = 10.0;
const RATIO_MAX: f64 = 1.5;
const ROTATIONS_A_MINUTE_MIN: f64 = 2_000.0;
/// How long a server may rotate.
const ROTATING: Duration = Duration::from_secs(30);

/// Measures.
pub(crate) fn measure(run: &Run) -> Result<Vec<Row>, Failed> {
    let many = run.secrets;
    let few = many / TIMES_FEWER;
    let (few_data, many_data) = (
        tempfile::tempdir_in(&run.folder)?,
        tempfile::tempdir_in(&run.folder)?,
    );
    // As many are due among few as among many, so that only what isn't due differs.
    scale::seed(
        run,
        few_data.path(),
        few,
        Before::Rotating {
            due_of_hundred: DUE_OF_HUNDRED * TIMES_FEWER,
        },
    )?;
    scale::seed(
        run,
        many_data.path(),
        many,
        Before::Rotating {
            due_of_hundred: DUE_OF_HUNDRED,
        },
    )?;
    let due = usize::try_from(many * DUE_OF_HUNDRED / 100)?;
    let mut rows = Vec::new();
    {
        let (few_store, many_store) = (open(few_data.path())?, open(many_data.path())?);
        for most in [BATCH.min(due), due] {
            let mut ratios = Vec::new();
            let mut times = Vec::new();
            // The first pair is a warm-up.
            for pair in 0..=SCANS {
                let among_few = scan(&few_store, most)?.as_secs_f64() * 1e3;
                let among_many = scan(&many_store, most)?.as_secs_f64() * 1e3;
                if pair > 0 {
                    ratios.push(among_many / among_few);
                    times.push(among_many);
                }
            }
            rows.push(Row::at_most(
                format!("finding {most} rotations that are due, of {due} among {many} secrets"),
                median(times.into_iter()),
                "ms",
                BATCH_MS_MAX,
            ));
            rows.push(Row::at_most(
                format!("the same among {many} secrets against {few}"),
                median(ratios.into_iter()),
                "times",
                RATIO_MAX,
            ));
        }
        few_store.close();
        many_store.close();
    }
    let server = process::start_strongroom(&run.strongroom, many_data.path())?;
    std::thread::sleep(ROTATING);
    server.stop()?;
    let (rotations, a_minute) = rotated(many_data.path())?;
    note(&format!("{rotations} secrets rotated"));
    rows.push(Row::at_least(
        format!("rotations by a function that takes no time, with {many} secrets"),
        a_minute,
        "a minute",
        ROTATIONS_A_MINUTE_MIN,
    ));
    Ok(rows)
}

fn open(folder: &Path) -> Result<Embedded, Failed> {
    Ok(Embedded::open(&Options {
        cache_bytes: 256 << 20,
        ..Options::new(folder)
    })?)
}

/// How long it takes to find the first rows that are due, as the worker looks for them.
fn scan(store: &Embedded, most: usize) -> Result<Duration, Failed> {
    let (start, end) = due::range::<RotationDue>(Timestamp::from_milliseconds(now() * 1_000));
    let range = Range {
        start,
        end: Some(end),
        reverse: false,
    };
    let began = Instant::now();
    let mut found = Vec::with_capacity(most);
    store.snapshot()?.range(&range, &mut |entry| {
        found.push(RotationDue::decode_at(entry.key, entry.value).is_ok());
        match found.len() < most {
            true => std::ops::ControlFlow::Continue(()),
            false => std::ops::ControlFlow::Break(()),
        }
    })?;
    let took = began.elapsed();
    if found.len() != most || found.contains(&false) {
        return Err(format!("{} rows are due instead of {most}", found.len()).into());
    }
    Ok(took)
}

/// How many rotations succeeded, and how many that is in a minute.
fn rotated(folder: &Path) -> Result<(u64, f64), Failed> {
    let store = open(folder)?;
    let (mut count, mut first, mut last) = (0_u64, i64::MAX, i64::MIN);
    let runs = Key::all_rotation_runs();
    store
        .snapshot()?
        .range(&Range::prefix(runs.as_bytes()), &mut |entry| {
            if let Ok(record) = RotationRun::decode_at(entry.key, entry.value)
                && let Some(run) = RotationRun::unwrap(&record)
                && run.ended == Ended::Succeeded
            {
                count += 1;
                first = first.min(run.started.milliseconds());
                last = last.max(run.finished.milliseconds());
            }
            std::ops::ControlFlow::Continue(())
        })?;
    store.close();
    let minutes = (last - first).max(1) as f64 / 60_000.0;
    Ok((count, count as f64 / minutes))
}
