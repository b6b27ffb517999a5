//! What the store and the log of a server must hold when its rotations are over: nothing under way, and each rotation
//! told of as it went, without a password.

use std::ops::{ControlFlow, RangeInclusive};

use strongroom_services::records::Record as _;
use strongroom_services::rotation::job::Kind;
use strongroom_services::rotation::run::{Ended, RotationRun, StepRun};
use strongroom_services::rotation::step::Step;
use strongroom_store::{Range, Store as _};

use super::super::server::Folder;
use crate::invariants;

const STEPS: [Step; 4] = [Step::Create, Step::Set, Step::Test, Step::Finish];
const ATTEMPTS: u32 = 5;

/// What was done.
#[derive(Default)]
pub(super) struct Expected {
    /// The versions that were made current, in their order.
    pub(super) rotations: Vec<String>,
    /// Tests of the function that were asked for.
    pub(super) tests: u64,
    /// Whether the server was killed meanwhile.
    pub(super) killed: bool,
    /// What must stand nowhere.
    pub(super) passwords: Vec<String>,
}

/// What is told of it.
pub(super) struct Told {
    pub(super) given_up: u64,
}

/// # Errors
/// What isn't as it must be.
pub(super) fn check(folder: &Folder, log: &str, expected: &Expected) -> Result<Told, String> {
    let mut runs: Vec<RotationRun> = Vec::new();
    let mut wrong = Vec::new();
    let store = folder.store();
    if let Err(why) = invariants::check(&store) {
        wrong.push(why);
    }
    let snapshot = store.snapshot().unwrap();
    let read = snapshot.range(&Range::all(), &mut |entry| {
        if entry.key.starts_with(b"rotation-job\0") || entry.key.starts_with(b"rotation-step\0") {
            wrong.push(format!("{} is left", entry.key.escape_ascii()));
        }
        if entry.key.starts_with(b"rotation-run\0") {
            let record = RotationRun::decode(entry.value).unwrap();
            runs.extend(RotationRun::unwrap(&record).map(|run| RotationRun::clone(run)));
        }
        for password in &expected.passwords {
            let password = password.as_bytes();
            if entry.value.windows(password.len()).any(|it| it == password) {
                wrong.push(format!("{} holds a password", entry.key.escape_ascii()));
            }
        }
        ControlFlow::Continue(())
    });
    read.unwrap();
    drop(snapshot);
    store.close();
    if expected
        .passwords
        .iter()
        .any(|password| log.contains(password))
    {
        wrong.push("the log holds a password".to_owned());
    }
    runs.sort_by_key(|run| run.started);
    wrong.extend(runs.iter().filter_map(|run| {
        let why = way_of(run).err()?;
        Some(format!("{why}: {run:#?}"))
    }));
    let (tests, rotations): (Vec<_>, Vec<_>) = runs.iter().partition(|run| run.kind == Kind::Test);
    if (tests.len() as u64) < expected.tests {
        wrong.push(format!("{} tests are told of", tests.len()));
    }
    let (succeeded, failed): (Vec<&RotationRun>, Vec<_>) = rotations
        .iter()
        .partition(|run| run.ended == Ended::Succeeded);
    let made: Vec<&String> = succeeded.iter().map(|run| &run.version_id).collect();
    if made != expected.rotations.iter().collect::<Vec<_>>() {
        wrong.push(format!("{made:?} are told to have been made"));
    }
    if failed.iter().any(|run| run.ended != Ended::Failed) {
        wrong.push(format!("these neither failed nor succeeded: {failed:#?}"));
    }
    let attempts_failed: Vec<_> = rotations.iter().map(|run| run.attempts_failed()).collect();
    let least = attempts_failed.iter().map(|failed| *failed.start()).sum();
    let most = attempts_failed.iter().map(|failed| *failed.end()).sum();
    for (event, in_runs) in [
        (r#"event="RotationStarted""#, exactly(rotations.len())),
        (r#"event="RotationSucceeded""#, exactly(succeeded.len())),
        (r#"event="RotationFailed""#, least..=most),
        (r#"event="TestRotationStarted""#, exactly(tests.len())),
    ] {
        let logged = log.matches(event).count();
        // A killed server may not have come to log what it had done.
        if logged > *in_runs.end() || (!expected.killed && logged < *in_runs.start()) {
            wrong.push(format!(
                "{logged} times {event}, and {in_runs:?} in the runs"
            ));
        }
    }
    match wrong.is_empty() {
        true => Ok(Told {
            given_up: failed.len() as u64,
        }),
        false => Err(wrong.join("\n")),
    }
}

fn exactly(count: usize) -> RangeInclusive<usize> {
    count..=count
}

trait Attempts {
    fn attempts_failed(&self) -> RangeInclusive<usize>;
}

impl Attempts for RotationRun {
    /// A success may end with a step that failed: when all was done, which is no failed attempt, or before a call that
    /// outlived its server did it.
    fn attempts_failed(&self) -> RangeInclusive<usize> {
        let last = self.steps.last().map_or(1, |step| step.attempt as usize);
        let failed = self.steps.last().is_some_and(|step| step.trouble.is_some());
        match self.ended {
            Ended::Succeeded => last - 1..=last - usize::from(!failed),
            _ => exactly(last),
        }
    }
}

/// Each attempt goes through the steps in their order, up to one that fails, and then there is another attempt.
fn way_of(run: &RotationRun) -> Result<(), String> {
    let failed = |step: &StepRun| step.trouble.is_some();
    let ended_in_trouble = run.ended == Ended::Failed;
    if run.trouble.is_some() != ended_in_trouble {
        return Err("what it failed of isn't told".to_owned());
    }
    if run.kind == Kind::Test {
        let alone = run.steps.len() <= 1 && run.steps.iter().all(|it| it.step == Step::Test);
        let told = run.steps.last().is_some_and(failed) == ended_in_trouble;
        return match alone && told {
            true => Ok(()),
            false => Err("a test is testSecret alone".to_owned()),
        };
    }
    let last = run.steps.last().map_or(0, |step| step.attempt);
    let given_up_early = ended_in_trouble && last != ATTEMPTS;
    if last > ATTEMPTS || given_up_early {
        return Err(format!("it took {last} attempts"));
    }
    for attempt in 1..=last {
        let steps: Vec<&StepRun> = (run.steps.iter())
            .filter(|step| step.attempt == attempt)
            .collect();
        let in_order = steps.iter().zip(STEPS).all(|(run, step)| run.step == step);
        let (end, before) = steps.split_last().ok_or("an attempt is missing")?;
        if !in_order || steps.len() > STEPS.len() || before.iter().any(|step| failed(step)) {
            return Err(format!("attempt {attempt} doesn't go through its steps"));
        }
        if !failed(end) && (attempt < last || ended_in_trouble) {
            return Err(format!("attempt {attempt} ends without a failure"));
        }
    }
    match run.steps.is_sorted_by_key(|step| step.attempt) {
        true => Ok(()),
        false => Err("attempts are mixed up".to_owned()),
    }
}
