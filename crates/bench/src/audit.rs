//! What it costs that each read is recorded: the same reads with the audit log on disk before the answer, handed to the
//! system, and without one, against the bare server with as many threads.

use std::time::Duration;

use crate::process::{self, Server};
use crate::read::{fixed, one_round, prepare, start_bare};
use crate::report::{Row, median, note};
use crate::{Failed, Run};

/// The ways of recording, and the most CPU time that a read may take, as a multiple of the bare server's.
const WAYS: [(&str, Option<f64>); 3] = [("none", None), ("write", Some(2.0)), ("fsync", Some(2.3))];
/// Connections over which rates are compared.
const CONNECTIONS: usize = 64;
/// The least rate with everything on disk, as a part of that without a log.
const RATE_MIN: f64 = 0.8;

/// Measures.
pub(crate) fn measure(run: &Run, round: Duration) -> Result<Vec<Row>, Failed> {
    let data = WAYS.map(|_| tempfile::tempdir_in(&run.folder));
    let mut servers = Vec::new();
    for ((way, _), data) in WAYS.iter().zip(data) {
        let data = data?;
        let server = process::start_recording(&run.strongroom, data.path(), way)?;
        let exchanges = prepare(server.address)?;
        servers.push((server, exchanges, data));
    }
    let body = servers[0].1[0].answer_bytes();
    let threads = servers[0].0.threads_named("strongroom")?;
    let bare: Server = start_bare(body, Some(threads))?;
    let fixed = fixed(&servers[0].1, body);
    let mut cpu = WAYS.map(|_| Vec::new());
    let mut costs = WAYS.map(|_| Vec::new());
    let mut rates = WAYS.map(|_| Vec::new());
    // The first round is a warm-up.
    for number in 0..=run.pairs {
        let of_bare = one_round(&bare, &fixed, CONNECTIONS, round)?;
        let mut sides = Vec::new();
        for (server, exchanges, _) in &servers {
            sides.push(one_round(server, exchanges, CONNECTIONS, round)?);
        }
        if number == 0 {
            continue;
        }
        let shown: Vec<String> = WAYS
            .iter()
            .zip(&sides)
            .map(|((way, _), side)| format!("{way} {}", side.shown()))
            .collect();
        note(&format!(
            "audit {number}/{}: {}; bare {}",
            run.pairs,
            shown.join(", "),
            of_bare.shown()
        ));
        for (at, side) in sides.iter().enumerate() {
            cpu[at].push(side.cpu_us / of_bare.cpu_us);
            costs[at].push(side.cpu_us);
            rates[at].push(side.per_second / sides[0].per_second);
        }
    }
    for (server, _, data) in servers {
        server.stop()?;
        drop(data);
    }
    bare.stop()?;
    let mut rows = Vec::new();
    for (at, (way, most)) in WAYS.into_iter().enumerate() {
        let cost = median(costs[at].iter().copied());
        let figure = median(cpu[at].iter().copied());
        let what = format!(
            "GetSecretValue, audit log `{way}`, {CONNECTIONS} connections: CPU time ({cost:.1} µs) against the bare server"
        );
        rows.push(match most {
            Some(most) => Row::at_most(what, figure, "times", most),
            None => Row::stated(what, figure, "times"),
        });
    }
    let what =
        format!("reads per second at {CONNECTIONS} connections, `fsync` against no audit log");
    rows.push(Row::at_least(
        what,
        median(rates[2].iter().copied()),
        "times",
        RATE_MIN,
    ));
    let what =
        format!("reads per second at {CONNECTIONS} connections, `write` against no audit log");
    rows.push(Row::stated(what, median(rates[1].iter().copied()), "times"));
    Ok(rows)
}
