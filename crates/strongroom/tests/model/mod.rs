//! Random histories of every operation by several callers, on a simulated store that crashes, against a small
//! reference model.
//!
//! `STRONGROOM_HISTORIES` says how many. A history that fails is printed with its seed, made as short as it still
//! fails, and runs alone with `STRONGROOM_SEED`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all of it is tests; clippy only sees that of functions marked as such"
)]

mod history;
pub(crate) mod reference;
mod world;

use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use history::{Batch, Step};
use strongroom_services::secretsmanager::OPERATIONS;
use world::{Seen, World};

use crate::random::setting;

/// So many run in about ten seconds, without optimization, on two cores.
const HISTORIES: u64 = 2000;
const STEPS: usize = 45;
const REPORT_BYTES: usize = 12_000;
/// How long a failing history is made shorter.
const SHORTENING: Duration = Duration::from_secs(60);

#[test]
fn every_history_is_one_of_the_reference_model() {
    if let Ok(seed) = std::env::var("STRONGROOM_SEED") {
        let seed = seed.parse().expect("STRONGROOM_SEED must be a number");
        let history = history::draw(seed, STEPS);
        match run(seed, &history) {
            Ok(_) => println!("the history of seed {seed} is right"),
            Err(_) => panic!("{}", report(seed, history)),
        }
        return;
    }
    let histories = setting("STRONGROOM_HISTORIES", HISTORIES);
    // Every run takes other histories; each has a seed of its own.
    let first = RandomState::new().hash_one("first");
    let (next, failed, total) = (
        AtomicU64::new(0),
        Mutex::new(None),
        Mutex::new(Seen::default()),
    );
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                while failed.lock().unwrap().is_none() {
                    let number = next.fetch_add(1, Relaxed);
                    if number >= histories {
                        break;
                    }
                    let seed = first.wrapping_add(number) % 1_000_000_000_000;
                    let history = history::draw(seed, STEPS);
                    match run(seed, &history) {
                        Ok(seen) => add(&mut total.lock().unwrap(), &seen),
                        Err(_) => *failed.lock().unwrap() = Some((seed, history)),
                    }
                }
            });
        }
    });
    if let Some((seed, history)) = failed.into_inner().unwrap() {
        panic!("{}", report(seed, history));
    }
    let seen = total.into_inner().unwrap();
    println!("{}", summary(histories, &seen));
    if histories >= HISTORIES {
        everything_came_up(&seen);
    }
}

/// A model test that never meets what it is for proves nothing.
fn everything_came_up(seen: &Seen) {
    for (what, count) in [
        ("crash", seen.crashes),
        ("call without an answer", seen.without_answer),
        ("call that overtook another", seen.reordered),
        ("purge", seen.purged),
        ("pruned version", seen.pruned),
    ] {
        assert!(count > 0, "no {what} came up");
    }
    // What a rotation does behind the answer isn't in the model: it has histories of its own (`year`, `crash`).
    let of_rotation = ["CancelRotateSecret", "RotateSecret"];
    for operation in OPERATIONS {
        if of_rotation.contains(&operation.name) {
            continue;
        }
        let refused = seen
            .answers
            .keys()
            .any(|(name, code)| *name == operation.name && *code != "ok");
        let answered = seen.answers.contains_key(&(operation.name, "ok"));
        assert!(answered && refused, "{} came up too little", operation.name);
    }
}

fn summary(histories: u64, seen: &Seen) -> String {
    let mut text = format!(
        "{histories} histories, {} answers, {} crashes, {} calls without an answer, {} reordered, {} secrets purged, \
         {} versions pruned\n",
        seen.answers.values().sum::<u64>(),
        seen.crashes,
        seen.without_answer,
        seen.reordered,
        seen.purged,
        seen.pruned,
    );
    for ((operation, code), count) in &seen.answers {
        let _ = writeln!(text, "  {operation} {code}: {count}");
    }
    text
}

fn add(total: &mut Seen, seen: &Seen) {
    for (key, count) in &seen.answers {
        *total.answers.entry(*key).or_default() += count;
    }
    total.crashes += seen.crashes;
    total.without_answer += seen.without_answer;
    total.reordered += seen.reordered;
    total.purged += seen.purged;
    total.pruned += seen.pruned;
}

fn run(seed: u64, history: &[Step]) -> Result<Seen, (usize, String)> {
    let mut at = 0;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(seed);
        for step in history {
            world.take(step)?;
            at += 1;
        }
        world.read_everything()?;
        Ok(world.seen)
    }));
    match outcome {
        Ok(Ok(seen)) => Ok(seen),
        Ok(Err(how)) => Err((at, how)),
        Err(_) => Err((at, "a panic; its message is above".to_owned())),
    }
}

fn report(seed: u64, history: Vec<Step>) -> String {
    let short = shortened(seed, history);
    let mut text = format!(
        "the history of seed {seed} fails; run it alone with\n  STRONGROOM_SEED={seed} cargo test -p strongroom \
         --test main model\nas short as it still fails:\n"
    );
    for step in &short {
        let _ = writeln!(text, "  {step:?}");
    }
    // The end says most.
    let skipped = text.len().saturating_sub(REPORT_BYTES);
    if skipped > 0 {
        let start = text.ceil_char_boundary(skipped);
        text = format!("(the beginning is left out) ...{}", &text[start..]);
    }
    if let Err((at, how)) = run(seed, &short) {
        let _ = write!(text, "step {} of {}:\n{how}", at + 1, short.len());
    }
    text
}

/// Takes out what isn't needed for the failure: halves of the history, then smaller parts, then single calls.
fn shortened(seed: u64, mut history: Vec<Step>) -> Vec<Step> {
    let until = Instant::now() + SHORTENING;
    if let Err((at, _)) = run(seed, &history) {
        history.truncate(at + 1);
    }
    let mut size = history.len().div_ceil(2);
    while size > 0 && Instant::now() < until {
        let mut from = 0;
        let mut shorter = false;
        while from < history.len() && Instant::now() < until {
            let mut without = history.clone();
            without.drain(from..(from + size).min(history.len()));
            if run(seed, &without).is_err() {
                history = without;
                shorter = true;
            } else {
                from += size;
            }
        }
        if !(shorter && size == 1) {
            size /= 2;
        }
    }
    for step in 0..history.len() {
        let mut call = 0;
        while let Step::Together(Batch { calls, .. }) = &history[step]
            && calls.len() > 1
            && call < calls.len()
        {
            let mut without = history.clone();
            if let Step::Together(batch) = &mut without[step] {
                batch.calls.remove(call);
            }
            if run(seed, &without).is_err() {
                history = without;
            } else {
                call += 1;
            }
        }
    }
    history
}
