//! A secret's rotations that are over: the timeline. The newest are kept.

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::job::{Kind, Trigger};
use super::step::Step;
use crate::caller::{AccountId, Region};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::secretsmanager::secret::Secret;
use crate::time::Timestamp;

/// Rotations of a secret that are remembered.
pub const RUNS_KEPT: usize = 20;

/// A rotation that is over. It holds no value of the secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotationRun {
    /// The secret's account.
    pub account: AccountId,
    /// The secret's region.
    pub region: Region,
    /// The secret's name.
    pub name: String,
    /// The end of the secret's ARN.
    pub suffix: String,
    /// Tells it from others that began at the same instant.
    pub number: u64,
    /// Whether it rotated, or only tried the function out.
    pub kind: Kind,
    /// Why it was begun.
    pub trigger: Trigger,
    /// The version that it made.
    pub version_id: String,
    /// By which function.
    pub function: String,
    /// When it began.
    pub started: Timestamp,
    /// When it was over.
    pub finished: Timestamp,
    /// How it ended.
    pub ended: Ended,
    /// What it failed of, where it did, and what to do about it.
    pub trouble: Option<Trouble>,
    /// What was done, in its order.
    pub steps: Vec<StepRun>,
}

/// How a rotation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// The new version is current; of a test: the function passed.
    Succeeded,
    /// It was given up after its last attempt.
    Failed,
    /// Someone else changed what it was based on.
    Abandoned,
    /// CancelRotateSecret ended it.
    Cancelled,
    /// The secret was deleted.
    Deleted,
}

/// A run of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRun {
    /// Which step.
    pub step: Step,
    /// In which attempt at the whole rotation, from 1.
    pub attempt: u32,
    /// When it began.
    pub started: Timestamp,
    /// How long it took, in milliseconds.
    pub took_milliseconds: u64,
    /// What it failed of; `None`: it didn't.
    pub trouble: Option<Trouble>,
    /// What the function wrote to its log at the end, without values.
    pub log: String,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// What happened.
    pub error: String,
    /// What to do about it.
    pub remedy: String,
}

impl RotationRun {
    /// Its place.
    pub fn key(&self) -> Key {
        Key::rotation_run(
            (&self.account, &self.region, &self.name),
            self.started,
            self.number,
        )
    }
}

/// Remembers a rotation, and forgets the oldest above [`RUNS_KEPT`].
pub(super) fn remember(
    run: &RotationRun,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let earlier = keys(&run.account, &run.region, &run.name, records)?;
    let too_many = (earlier.len() + 1).saturating_sub(RUNS_KEPT);
    for key in earlier.into_iter().take(too_many) {
        changes.delete(key);
    }
    changes.put(run.key(), run)
}

/// Forgets all rotations of a secret.
pub(super) fn forget_all(
    secret: &Secret,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let all = keys(&secret.account, &secret.region, &secret.name, records)?;
    all.into_iter().for_each(|key| changes.delete(key));
    Ok(())
}

/// A secret's rotations that are over, the newest first.
pub fn of_secret(
    secret: &Secret,
    records: &Records<'_>,
) -> Result<Vec<std::sync::Arc<RotationRun>>, Stop> {
    let prefix = Key::rotation_runs(&secret.account, &secret.region, &secret.name);
    let mut found = Vec::new();
    records.scan::<RotationRun>(prefix.as_bytes(), &prefix.end(), true, |run| {
        if run.suffix == secret.suffix {
            found.push(run);
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn keys(
    account: &AccountId,
    region: &Region,
    name: &str,
    records: &Records<'_>,
) -> Result<Vec<Key>, Stop> {
    let prefix = Key::rotation_runs(account, region, name);
    let mut keys = Vec::new();
    records.scan_keys(prefix.as_bytes(), &prefix.end(), false, |key| {
        keys.push(Key::from_bytes(key.to_vec()));
        ControlFlow::Continue(())
    })?;
    Ok(keys)
}
