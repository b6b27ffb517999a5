//! A rotation as a list of what was done in it: the one that is under way and those that are over alike. For operators'
//! JSON, so instants are texts; nothing here holds a value of a secret.

use serde::{Deserialize, Serialize};

use super::job::{Kind, RotationJob, Trigger};
use super::run::{Ended, RotationRun, StepRun};
use crate::time::{Timestamp, text};

/// A rotation, and what was done in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Run {
    /// Tells it from others of the same secret: sixteen hexadecimal digits.
    pub number: String,
    /// The secret's ARN.
    #[serde(rename = "SecretARN")]
    pub secret_arn: String,
    /// The version that it makes.
    pub version_id: String,
    /// Whether it rotates, or only tries the function out.
    pub kind: Kind,
    /// Why it was begun.
    pub trigger: Trigger,
    /// By which function.
    pub function: String,
    /// How it is, or ended.
    pub state: RunState,
    /// When it began.
    #[serde(with = "text")]
    pub started: Timestamp,
    /// When it was over.
    #[serde(
        with = "text::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub finished: Option<Timestamp>,
    /// What it failed of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The steps that were run, in their order.
    pub steps: Vec<ShownStep>,
    /// The step that runs, or waits for its turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<NextStep>,
}

/// How a rotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// A step runs, or is about to.
    Running,
    /// It waits for its next attempt.
    Retrying,
    /// It was a success.
    Succeeded,
    /// It was given up after its last attempt.
    Failed,
    /// Someone else changed what it was based on.
    Abandoned,
    /// It was cancelled.
    Cancelled,
    /// The secret was deleted.
    Deleted,
}

/// A step that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownStep {
    /// AWS's name of it.
    pub step: String,
    /// In which attempt, from 1.
    pub attempt: u32,
    /// When it began.
    #[serde(with = "text")]
    pub started: Timestamp,
    /// How long it took.
    pub took_milliseconds: u64,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// What it failed of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What to do about that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The end of its function's log, line by line, values masked.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub log: Vec<String>,
}

/// The step of a rotation that is under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct NextStep {
    /// AWS's name of it.
    pub step: String,
    /// In which attempt, from 1.
    pub attempt: u32,
    /// Since when it runs; `None` while it waits.
    #[serde(
        with = "text::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub running_since: Option<Timestamp>,
    /// When it is taken up; `None` while it runs.
    #[serde(
        with = "text::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub at: Option<Timestamp>,
}

impl Run {
    /// Of a rotation that is under way.
    pub fn of_job(job: &RotationJob, arn: &str, function: &str, now: Timestamp) -> Self {
        let next = NextStep::of(job);
        let last = job.steps.last().and_then(|step| step.trouble.as_ref());
        Run {
            number: number(job.number),
            secret_arn: arn.to_owned(),
            version_id: job.version_id.clone(),
            kind: job.kind,
            trigger: job.trigger,
            function: function.to_owned(),
            state: match next.at {
                Some(at) if at > now => RunState::Retrying,
                _ => RunState::Running,
            },
            started: job.started,
            finished: None,
            error: last.map(|trouble| trouble.error.clone()),
            remedy: last.map(|trouble| trouble.remedy.clone()),
            steps: job.steps.iter().map(ShownStep::of).collect(),
            next: Some(next),
        }
    }

    /// Of one that is over.
    pub fn of_run(run: &RotationRun, arn: &str) -> Self {
        let trouble = run.trouble.as_ref();
        Run {
            number: number(run.number),
            secret_arn: arn.to_owned(),
            version_id: run.version_id.clone(),
            kind: run.kind,
            trigger: run.trigger,
            function: run.function.clone(),
            state: match run.ended {
                Ended::Succeeded => RunState::Succeeded,
                Ended::Failed => RunState::Failed,
                Ended::Abandoned => RunState::Abandoned,
                Ended::Cancelled => RunState::Cancelled,
                Ended::Deleted => RunState::Deleted,
            },
            started: run.started,
            finished: Some(run.finished),
            error: trouble.map(|trouble| trouble.error.clone()),
            remedy: trouble.map(|trouble| trouble.remedy.clone()),
            steps: run.steps.iter().map(ShownStep::of).collect(),
            next: None,
        }
    }
}

impl ShownStep {
    fn of(run: &StepRun) -> Self {
        let trouble = run.trouble.as_ref();
        ShownStep {
            step: run.step.name().to_owned(),
            attempt: run.attempt,
            started: run.started,
            took_milliseconds: run.took_milliseconds,
            succeeded: trouble.is_none(),
            error: trouble.map(|trouble| trouble.error.clone()),
            remedy: trouble.map(|trouble| trouble.remedy.clone()),
            log: run.log.lines().map(str::to_owned).collect(),
        }
    }
}

impl NextStep {
    pub(super) fn of(job: &RotationJob) -> Self {
        let running_since = job.running_since();
        NextStep {
            step: job.step.name().to_owned(),
            attempt: job.attempt,
            running_since,
            at: running_since.is_none().then_some(job.due),
        }
    }
}

/// A rotation's number as it is shown: a number of JSON can't hold all of it.
pub(super) fn number(number: u64) -> String {
    format!("{number:016x}")
}
