//! What there is to say of a secret's rotation at a glance. For operators' JSON; nothing here holds a value of a secret.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::configuration::{Rotation, RotationRules};
use super::job::{self, RotationJob};
use super::named::arn_parts;
use super::repair::Pending;
use super::run;
use super::timeline::{NextStep, Run, RunState};
use crate::caller::{AccountId, Region};
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::secretsmanager::secret::{Lifecycle, Secret};
use crate::secretsmanager::secret_id::SecretId;
use crate::time::{Timestamp, text};

/// A secret's rotation at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Overview {
    /// The secret's ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Its name.
    pub name: String,
    /// How its rotation is.
    pub state: State,
    /// The function that rotates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// When it rotates, in words: an expression, or `every 30 days`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<String>,
    /// When it last rotated to the end.
    #[serde(
        with = "text::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub last_rotated: Option<Timestamp>,
    /// When it rotates next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextWindow>,
    /// The step of the rotation that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub under_way: Option<NextStep>,
    /// That its rotations fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<ShownFailing>,
    /// A version that was left pending, while no rotation is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<Pending>,
}

/// How a secret's rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It is turned off, or was never turned on.
    Off,
    /// It waits for its next window.
    Waiting,
    /// A rotation is under way.
    Running,
    /// One is under way, failed, and waits for its next attempt.
    Retrying,
    /// The last rotation failed for good; the next window is waited for.
    Failing,
}

/// When a secret rotates next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NextWindow {
    /// When its window opens.
    #[serde(with = "text")]
    pub from: Timestamp,
    /// When that is closed.
    #[serde(with = "text")]
    pub until: Timestamp,
    /// The moment that was chosen for it.
    #[serde(with = "text")]
    pub at: Timestamp,
}

/// That rotations fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownFailing {
    /// When the first of them began.
    #[serde(with = "text")]
    pub since: Timestamp,
    /// How many were given up since.
    pub rotations: u32,
    /// What the last one failed of.
    pub error: String,
    /// What to do about that, where it is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// A secret's rotation and its timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Shown {
    /// At a glance.
    pub overview: Overview,
    /// The rotation that is under way and those that are over, the newest first.
    pub runs: Vec<Run>,
}

impl State {
    /// In one word.
    pub fn name(self) -> &'static str {
        match self {
            State::Off => "off",
            State::Waiting => "waiting",
            State::Running => "running",
            State::Retrying => "retrying",
            State::Failing => "failing",
        }
    }
}

/// Which secrets are listed.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Of this account alone.
    pub account: Option<AccountId>,
    /// Of this region alone.
    pub region: Option<Region>,
    /// Only those whose rotation fails, or left a version pending.
    pub failing: bool,
    /// Behind the secret of this ARN.
    pub after: Option<String>,
}

impl Listing {
    /// Secrets for which rotation was ever asked, in the order of account, region and name; at most so many.
    pub fn read(
        &self,
        most: usize,
        records: &Records<'_>,
        now: Timestamp,
    ) -> Result<Vec<Overview>, Stop> {
        let mut found = Vec::new();
        let mut problem = None;
        each(self, records, |secret| {
            let Some(rotation) = &secret.rotation else {
                return ControlFlow::Continue(());
            };
            if self.failing && rotation.failing.is_none() && job::unfinished(&secret).is_none() {
                return ControlFlow::Continue(());
            }
            match Overview::of(&secret, &records.apart(), now) {
                Ok(overview) if !self.failing || overview.is_in_trouble() => found.push(overview),
                Ok(_) => {}
                Err(stop) => problem = Some(stop),
            }
            match problem.is_none() && found.len() < most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })?;
        problem.map_or(Ok(found), Err)
    }
}

/// Visits the secrets in use of a listing's account and region.
pub(super) fn each(
    listing: &Listing,
    records: &Records<'_>,
    mut visit: impl FnMut(Arc<Secret>) -> ControlFlow<()>,
) -> Result<(), Stop> {
    let range = match (&listing.account, &listing.region) {
        (Some(account), Some(region)) => Key::secrets(account, region),
        _ => Key::all_secrets(),
    };
    let after = listing.after.as_ref().and_then(|arn| {
        let (account, region) = arn_parts(arn)?;
        let id = SecretId::parse(arn.clone()).ok()?;
        let mut start = Key::secret(&account, &region, id.name()).into_bytes();
        start.push(0);
        Some(start)
    });
    let start = after.unwrap_or_else(|| range.as_bytes().to_vec());
    records.scan::<Secret>(&start, &range.end(), false, |secret| {
        let of_account = (listing.account.as_ref()).is_none_or(|it| *it == secret.account);
        let of_region = (listing.region.as_ref()).is_none_or(|it| *it == secret.region);
        match of_account && of_region && secret.lifecycle == Lifecycle::Active {
            true => visit(secret),
            false => ControlFlow::Continue(()),
        }
    })
}

impl Overview {
    /// Of a secret, whether it rotates or not.
    pub fn of(secret: &Secret, records: &Records<'_>, now: Timestamp) -> Result<Self, Stop> {
        let job = job::of_secret(secret, records)?;
        let function = |rotation: &Rotation| rotation.function.clone();
        let rotation = secret.rotation.as_ref();
        let run = job.as_deref().map(|job| Run::of_job(job, "", "", now));
        let is_on = rotation.is_some_and(|rotation| rotation.enabled)
            && secret.lifecycle == Lifecycle::Active;
        let failing = rotation.and_then(|rotation| rotation.failing.as_ref());
        Ok(Overview {
            arn: secret.arn(),
            name: secret.name.clone(),
            state: match (&run, is_on) {
                (Some(run), _) if run.state == RunState::Retrying => State::Retrying,
                (Some(_), _) => State::Running,
                (None, false) => State::Off,
                (None, true) if failing.is_some() => State::Failing,
                (None, true) => State::Waiting,
            },
            function: rotation.and_then(function),
            schedule: rotation
                .and_then(|rotation| rotation.rules.as_ref())
                .and_then(in_words),
            last_rotated: rotation.and_then(|rotation| rotation.last_rotated),
            next: rotation
                .and_then(|rotation| rotation.next)
                .map(|next| NextWindow {
                    from: next.tried_in().from,
                    until: next.tried_in().until,
                    at: next.at,
                }),
            under_way: job.as_deref().map(NextStep::of),
            failing: match failing {
                None => None,
                Some(failing) => Some(ShownFailing {
                    since: failing.since,
                    rotations: failing.rotations,
                    error: failing.error.clone(),
                    remedy: remedy(&failing.error, secret, job.as_deref(), records)?,
                }),
            },
            pending: match job {
                Some(_) => None,
                None => Pending::of(secret, records)?,
            },
        })
    }

    /// Whether somebody should look at it.
    pub fn is_in_trouble(&self) -> bool {
        self.failing.is_some() || self.pending.is_some()
    }
}

impl Shown {
    /// Of a secret, whether it rotates or not.
    pub fn of(secret: &Secret, records: &Records<'_>, now: Timestamp) -> Result<Self, Stop> {
        Ok(Shown {
            overview: Overview::of(secret, records, now)?,
            runs: runs(secret, records, now)?,
        })
    }
}

/// The rotation of a secret that is under way and those that are over, the newest first.
pub fn runs(secret: &Secret, records: &Records<'_>, now: Timestamp) -> Result<Vec<Run>, Stop> {
    let arn = secret.arn();
    let function = secret.rotation.as_ref();
    let function = function.and_then(|rotation| rotation.function.as_deref());
    let job = job::of_secret(secret, records)?;
    let job = job.map(|job| Run::of_job(&job, &arn, function.unwrap_or_default(), now));
    let over = run::of_secret(secret, records)?;
    let over = over.iter().map(|run| Run::of_run(run, &arn));
    Ok(job.into_iter().chain(over).collect())
}

/// The secrets of which a rotation is under way.
pub fn under_way(records: &Records<'_>) -> Result<Vec<Arc<Secret>>, Stop> {
    let jobs = Key::rotation_jobs();
    let mut found = Vec::new();
    records.scan::<RotationJob>(jobs.as_bytes(), &jobs.end(), false, |job| {
        found.push(Key::secret(&job.account, &job.region, &job.name));
        ControlFlow::Continue(())
    })?;
    let secrets = found.iter().map(|key| records.peek::<Secret>(key));
    let secrets: Result<Vec<_>, Stop> = secrets.collect();
    Ok(secrets?.into_iter().flatten().collect())
}

/// When a secret rotates, in words.
pub(super) fn in_words(rules: &RotationRules) -> Option<String> {
    let when = match (&rules.schedule_expression, rules.automatically_after_days) {
        (Some(expression), _) => expression.clone(),
        (None, Some(1)) => "every day".to_owned(),
        (None, Some(days)) => format!("every {days} days"),
        (None, None) => return None,
    };
    Some(match &rules.duration {
        Some(duration) => format!("{when} for {duration}"),
        None => when,
    })
}

/// What to do about an error, as it was told where it happened.
fn remedy(
    error: &str,
    secret: &Secret,
    job: Option<&RotationJob>,
    records: &Records<'_>,
) -> Result<Option<String>, Stop> {
    let steps = job.into_iter().flat_map(|job| job.steps.iter().rev());
    let mut troubles = steps.filter_map(|step| step.trouble.as_ref());
    if let Some(trouble) = troubles.find(|trouble| trouble.error == error) {
        return Ok(Some(trouble.remedy.clone()));
    }
    let over = run::of_secret(secret, records)?;
    let mut troubles = over.iter().filter_map(|run| run.trouble.as_ref());
    let found = troubles.find(|trouble| trouble.error == error);
    Ok(found.map(|trouble| trouble.remedy.clone()))
}
