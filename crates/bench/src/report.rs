//! What was measured, as JSON and as a table, each target beside its figure.

use std::io::Write as _;
use std::time::Duration;

use serde::Serialize;

use crate::Failed;
use crate::load::Done;
use crate::machine::Machine;

/// Everything of one run.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) machine: Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read: Option<ReadResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) write: Option<WriteResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ready: Option<ReadyResult>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) rows: Vec<Row>,
}

/// A figure, and what it should be.
#[derive(Serialize)]
pub(crate) struct Row {
    what: String,
    figure: f64,
    unit: &'static str,
    target: Option<Target>,
}

#[derive(Clone, Copy, Serialize)]
enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub(crate) fn at_most(what: String, figure: f64, unit: &'static str, most: f64) -> Self {
        Row {
            what,
            figure,
            unit,
            target: Some(Target::AtMost(most)),
        }
    }

    pub(crate) fn at_least(what: String, figure: f64, unit: &'static str, least: f64) -> Self {
        Row {
            what,
            figure,
            unit,
            target: Some(Target::AtLeast(least)),
        }
    }

    pub(crate) fn stated(what: String, figure: f64, unit: &'static str) -> Self {
        Row {
            what,
            figure,
            unit,
            target: None,
        }
    }

    fn shown(&self) -> String {
        let Row {
            what, figure, unit, ..
        } = self;
        let places = if *figure < 10.0 { 2 } else { 0 };
        let verdict = |reached: bool| if reached { "reached" } else { "falls short" };
        let (target, verdict) = match self.target {
            None => ("–".to_owned(), ""),
            Some(Target::AtMost(most)) => {
                (format!("at most {most} {unit}"), verdict(*figure <= most))
            }
            Some(Target::AtLeast(least)) => (
                format!("at least {least} {unit}"),
                verdict(*figure >= least),
            ),
        };
        format!("| {what} | {figure:.places$} {unit} | {target} | {verdict} |")
    }
}

/// GetSecretValue beside the bare server. Ratios are medians of the rounds' ratios.
#[derive(Serialize)]
pub(crate) struct ReadResult {
    pub(crate) connections: usize,
    pub(crate) value_bytes: usize,
    pub(crate) body_bytes: usize,
    /// Threads that serve Strongroom's requests.
    pub(crate) threads: usize,
    pub(crate) strongroom: Side,
    pub(crate) bare: Side,
    pub(crate) alike: Side,
    pub(crate) cpu_ratio: f64,
    pub(crate) rate_ratio: f64,
    pub(crate) alike_cpu_ratio: f64,
    pub(crate) alike_rate_ratio: f64,
    pub(crate) rounds: Vec<ReadRound>,
}

/// One round of each.
#[derive(Serialize)]
pub(crate) struct ReadRound {
    pub(crate) strongroom: Side,
    /// The bare server as hyper's and tokio's defaults make it, with a thread for each processor.
    pub(crate) bare: Side,
    /// The bare server with as many threads as Strongroom has.
    pub(crate) alike: Side,
}

/// PutSecretValue beside the store alone.
#[derive(Serialize)]
pub(crate) struct WriteResult {
    pub(crate) writers: usize,
    pub(crate) value_bytes: usize,
    pub(crate) strongroom: Side,
    pub(crate) store: Side,
    pub(crate) cpu_ratio: f64,
    pub(crate) rate_ratio: f64,
    pub(crate) pairs: Vec<(Side, Side)>,
}

/// The start, and memory.
#[derive(Serialize)]
pub(crate) struct ReadyResult {
    pub(crate) starts: usize,
    pub(crate) ready_ms: f64,
    pub(crate) ready_ms_max: f64,
    pub(crate) idle_mib: f64,
    pub(crate) after_reads_mib: f64,
    pub(crate) reads: u64,
}

/// One side of a comparison in one round, or the median of its rounds.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Side {
    pub(crate) per_second: f64,
    /// Microseconds of CPU time, of the server's process, for each request.
    pub(crate) cpu_us: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_us: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p99_us: Option<f64>,
}

impl Side {
    pub(crate) fn of(done: &Done, cpu: Duration) -> Self {
        Self {
            per_second: done.per_second(),
            cpu_us: cpu.as_secs_f64() * 1e6 / done.requests.max(1) as f64,
            p50_us: Some(done.microseconds_at(0.5).into()),
            p99_us: Some(done.microseconds_at(0.99).into()),
        }
    }

    pub(crate) fn median_of<'a>(sides: impl Iterator<Item = &'a Side> + Clone) -> Self {
        let some = |figure: fn(&Side) -> Option<f64>| {
            let figures = sides.clone().filter_map(figure);
            (figures.clone().count() > 0).then(|| median(figures))
        };
        Self {
            per_second: median(sides.clone().map(|side| side.per_second)),
            cpu_us: median(sides.clone().map(|side| side.cpu_us)),
            p50_us: some(|side| side.p50_us),
            p99_us: some(|side| side.p99_us),
        }
    }

    pub(crate) fn shown(&self) -> String {
        format!("{:.0}/s, {:.1} µs CPU", self.per_second, self.cpu_us)
    }
}

/// The middle of some figures; 0 of none.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    match figures.len() {
        0 => 0.0,
        count if count % 2 == 1 => figures[count / 2],
        count => f64::midpoint(figures[count / 2 - 1], figures[count / 2]),
    }
}

impl Report {
    pub(crate) fn new(machine: Machine) -> Self {
        Self {
            machine,
            read: None,
            write: None,
            ready: None,
            rows: Vec::new(),
        }
    }

    /// Prints the tables that `docs/benchmarks.md` has.
    pub(crate) fn print(&self) -> Result<(), Failed> {
        let machine = &self.machine;
        line(&format!(
            "\n{}, {} cores, {} GiB, {}; {}, commit {}\n",
            machine.cpu,
            machine.cores,
            machine.memory_gib,
            machine.kernel,
            machine.date,
            machine.commit
        ))?;
        line("| What | Figure | Target | |\n|---|---|---|---|")?;
        for row in self.targets() {
            line(&row)?;
        }
        line("\n| | requests/s | CPU µs a request | p50 µs | p99 µs |\n|---|---|---|---|---|")?;
        for (name, side) in self.sides() {
            let micros = |figure: Option<f64>| figure.map_or("–".into(), |us| format!("{us:.0}"));
            line(&format!(
                "| {name} | {:.0} | {:.1} | {} | {} |",
                side.per_second,
                side.cpu_us,
                micros(side.p50_us),
                micros(side.p99_us)
            ))?;
        }
        Ok(())
    }

    fn targets(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let reached = |is_reached: bool| if is_reached { "reached" } else { "falls short" };
        let mut row = |what: &str, figure: String, target: &str, verdict: &str| {
            rows.push(format!("| {what} | {figure} | {target} | {verdict} |"));
        };
        if let Some(read) = &self.read {
            row(
                "GetSecretValue: CPU time, against the bare server with as many threads",
                format!("{:.2} times", read.alike_cpu_ratio),
                "at most 1.7 times",
                reached(read.alike_cpu_ratio <= 1.7),
            );
            row(
                &format!(
                    "GetSecretValue: requests per second at {} connections, against the bare server with as \
                     many threads",
                    read.connections
                ),
                format!("{:.2} times", read.alike_rate_ratio),
                "at least 0.6 times",
                reached(read.alike_rate_ratio >= 0.6),
            );
            if read.threads != self.machine.cores {
                row(
                    &format!(
                        "the same two, {} thread(s) against a bare server with {}: not alike",
                        read.threads, self.machine.cores
                    ),
                    format!("{:.2} and {:.2} times", read.cpu_ratio, read.rate_ratio),
                    "–",
                    "",
                );
            }
        }
        if let Some(write) = &self.write {
            row(
                &format!(
                    "PutSecretValue: durable writes per second of {} writers, against the store alone",
                    write.writers
                ),
                format!("{:.2} times", write.rate_ratio),
                "at least 0.5 times",
                reached(write.rate_ratio >= 0.5),
            );
        }
        if let Some(ready) = &self.ready {
            row(
                "from the start of the process to `ready`",
                format!("{:.0} ms", ready.ready_ms),
                "at most 100 ms",
                reached(ready.ready_ms <= 100.0),
            );
            row(
                "memory when idle, after the start",
                format!("{:.1} MiB", ready.idle_mib),
                "below 40 MiB",
                reached(ready.idle_mib < 40.0),
            );
            row(
                &format!("memory when idle, after {} reads", ready.reads),
                format!("{:.1} MiB", ready.after_reads_mib),
                "–",
                "",
            );
        }
        rows.extend(self.rows.iter().map(Row::shown));
        rows
    }

    fn sides(&self) -> Vec<(&'static str, &Side)> {
        let mut sides = Vec::new();
        if let Some(read) = &self.read {
            sides.push(("GetSecretValue", &read.strongroom));
            sides.push(("the bare server", &read.bare));
            if read.threads != self.machine.cores {
                sides.push(("the bare server, with as many threads", &read.alike));
            }
        }
        if let Some(write) = &self.write {
            sides.push(("PutSecretValue", &write.strongroom));
            sides.push(("the store alone", &write.store));
        }
        sides
    }
}

/// A line of results.
pub(crate) fn line(text: &str) -> Result<(), Failed> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}

/// A word on how far it is, apart from the results.
pub(crate) fn note(text: &str) {
    // Nothing can be done where even this is not possible.
    let _ = writeln!(std::io::stderr(), "  {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_of_what_there_is() {
        for (figures, middle) in [
            (vec![], 0.0),
            (vec![3.0], 3.0),
            (vec![9.0, 1.0], 5.0),
            (vec![9.0, 1.0, 2.0], 2.0),
        ] {
            assert_eq!(median(figures.into_iter()), middle);
        }
    }
}
