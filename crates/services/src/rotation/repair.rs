//! A version that a rotation left pending: what is known of it, and the two ways out.
//!
//! To finish makes it current, as the rotation would have; to abandon takes its label off. Either is decided by an
//! operator, who isn't shown the value, and is one commit.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::built_in;
use super::configuration::Rotation;
use super::job::{self, Kind, Trigger};
use super::named::Named;
use super::run::{self, Ended, RotationRun};
use super::step::Step;
use super::timeline::number;
use super::{opened, plan};
use crate::access::Problem;
use crate::cloudtrail::service_event::{About, ServiceEvent};
use crate::lambda::function_arn::FunctionArn;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::secretsmanager::secret::{Lifecycle, Secret, ValueKind};
use crate::staging::{AWSCURRENT, AWSPENDING};
use crate::time::{Timestamp, rfc3339, text};

/// A version that has AWSPENDING, and that no rotation is at work on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Pending {
    /// The version.
    pub version_id: String,
    /// When it was made.
    #[serde(with = "text")]
    pub created: Timestamp,
    /// Which rotation left it; `None`: none that is remembered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_by: Option<LeftBy>,
    /// Whether it has a value.
    pub has_value: bool,
    /// Whether setSecret, when it last ran, said that the value was set.
    pub was_set: bool,
    /// Whether testSecret, when it last ran, said that the value works.
    pub was_tested: bool,
    /// Whether the current version is newer.
    pub is_overtaken: bool,
    /// When a rotation goes on with it by itself.
    #[serde(
        with = "text::optional",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub tried_again: Option<Timestamp>,
    /// What would be best.
    pub advice: Advice,
    /// All of it in words.
    pub explanation: String,
}

/// The rotation that left a version pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LeftBy {
    /// Its number.
    pub run: String,
    /// When it began.
    #[serde(with = "text")]
    pub started: Timestamp,
    /// When it was over.
    #[serde(with = "text")]
    pub finished: Timestamp,
    /// How it ended.
    pub ended: Ended,
    /// The step that it came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What it failed of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What would be best for a version that was left pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Advice {
    /// Make it current.
    Finish,
    /// Take its label off.
    Abandon,
    /// Mend what the error says, and rotate again: that goes on with this version.
    Retry,
}

/// A way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// The version becomes current.
    Finish,
    /// Its label is taken off.
    Abandon,
}

/// What an operator wants done.
#[derive(Clone, Debug)]
pub struct Repair {
    /// Of which secret.
    pub named: Named,
    /// The version that was explained; another one isn't touched.
    pub version_id: Option<String>,
    /// How; `None`: nothing but `cancel`.
    pub way: Option<Way>,
    /// End the rotation that is under way.
    pub cancel: bool,
    /// Finish although nothing says that the value works.
    pub force: bool,
}

/// What was done, and how the secret is then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Repaired {
    /// The secret's ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// A sentence for each thing.
    pub done: Vec<String>,
}

impl Pending {
    /// Of a secret without a rotation under way; `None`: no version of it is left pending.
    pub fn of(secret: &Secret, records: &Records<'_>) -> Result<Option<Self>, Stop> {
        match job::unfinished(secret) {
            Some(_) => Ok(Self::left_by(&run::of_secret(secret, records)?, secret)),
            None => Ok(None),
        }
    }

    /// The same, of a secret whose rotations these were, the newest first.
    fn left_by(runs: &[Arc<RotationRun>], secret: &Secret) -> Option<Self> {
        let version = job::unfinished(secret).and_then(|id| secret.version(id))?;
        let of_it = runs.iter().filter(|run| {
            run.kind == Kind::Rotation
                && run.trigger != Trigger::Operator
                && run.version_id == version.id
        });
        let of_it: Vec<&Arc<RotationRun>> = of_it.collect();
        let current = secret.labels.holder(AWSCURRENT);
        let current = current.and_then(|id| secret.version(id));
        let rotation = secret.rotation.as_ref();
        let mut pending = Pending {
            version_id: version.id.clone(),
            created: version.created,
            left_by: of_it.first().map(|run| LeftBy::of(run)),
            has_value: version.kind != ValueKind::Awaited,
            was_set: passed(Step::Set, &of_it),
            was_tested: passed(Step::Test, &of_it),
            is_overtaken: current.is_some_and(|current| current.created > version.created),
            tried_again: rotation
                .and_then(|rotation| rotation.next)
                .map(|next| next.at),
            advice: Advice::Abandon,
            explanation: String::new(),
        };
        pending.advice = pending.advise();
        pending.explanation = pending.explain();
        Some(pending)
    }

    /// Whether it may become current without force.
    pub fn is_safe(&self) -> bool {
        self.has_value && self.was_tested && !self.is_overtaken
    }

    fn advise(&self) -> Advice {
        if self.is_safe() {
            return Advice::Finish;
        }
        // Whoever uses the secret may be shut out already: only the function knows how to go on.
        if self.was_set && !self.is_overtaken {
            return Advice::Retry;
        }
        Advice::Abandon
    }

    fn explain(&self) -> String {
        let mut said = vec![match &self.left_by {
            Some(left) => left.to_string(),
            None => format!(
                "Version {} has AWSPENDING since {}, and no rotation that is remembered left it there.",
                self.version_id,
                rfc3339(self.created)
            ),
        }];
        said.push(
            match (self.has_value, self.was_set, self.was_tested) {
                (false, ..) => "It has no value, so the function never stored one.",
                (true, true, true) => {
                    "It has a value, which the function says was set and passed its test."
                }
                (true, false, true) => "It has a value, which passed the function's test.",
                (true, true, false) => {
                    "It has a value, which the function says was set where it is used, but not that it passed its test."
                }
                (true, false, false) => {
                    "It has a value, of which nothing says that it was set where it is used."
                }
            }
            .to_owned(),
        );
        if self.is_overtaken {
            said.push("The current version is newer: somebody put another value since.".to_owned());
        }
        said.push(match self.tried_again {
            Some(at) => format!("A rotation goes on with it at {}.", rfc3339(at)),
            None => "Nothing goes on with it by itself, since rotation is off.".to_owned(),
        });
        said.push(
            match self.advice {
                Advice::Finish => "Best finish it: then it is current, as the rotation meant it to be.",
                Advice::Abandon if self.has_value => {
                    "Best abandon it: what is current stays, and the value stays too, without a label."
                }
                Advice::Abandon => "Best abandon it: what is current stays, and nothing is lost.",
                Advice::Retry => {
                    "Best mend what the error says and rotate again, which goes on with this version: what uses the \
                     secret may have the new value already. See which of the two values it takes before you finish it by \
                     force or abandon it."
                }
            }
            .to_owned(),
        );
        said.join(" ")
    }
}

impl LeftBy {
    fn of(run: &RotationRun) -> Self {
        let trouble = run.trouble.as_ref();
        let last = run.steps.last();
        LeftBy {
            run: number(run.number),
            started: run.started,
            finished: run.finished,
            ended: run.ended,
            step: last.map(|step| step.step.name().to_owned()),
            error: trouble
                .or_else(|| last.and_then(|step| step.trouble.as_ref()))
                .map(|trouble| trouble.error.clone()),
        }
    }
}

impl fmt::Display for LeftBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.ended {
            Ended::Succeeded => "ended well",
            Ended::Failed => "failed",
            Ended::Abandoned => "was given up",
            Ended::Cancelled => "was cancelled",
            Ended::Deleted => "ended with the secret's deletion",
        };
        write!(
            f,
            "The rotation of {} left it pending: it {how} at {}",
            rfc3339(self.started),
            rfc3339(self.finished)
        )?;
        match &self.step {
            Some(step) => write!(f, " in {step}")?,
            None => f.write_str(" before its first step")?,
        }
        match &self.error {
            Some(error) => write!(f, " ({error})."),
            None => f.write_str("."),
        }
    }
}

impl Advice {
    /// What `strongroom rotation repair` takes for it.
    pub fn flag(self) -> Option<&'static str> {
        match self {
            Advice::Finish => Some("--finish"),
            Advice::Abandon => Some("--abandon"),
            Advice::Retry => None,
        }
    }
}

/// What a step came to when it last ran for a version. `runs` are its, the newest first.
fn passed(step: Step, runs: &[&Arc<RotationRun>]) -> bool {
    let mut steps = runs.iter().flat_map(|run| run.steps.iter().rev());
    let last = steps.find(|found| found.step == step);
    last.is_some_and(|last| last.trouble.is_none())
}

impl Repair {
    /// Does what is asked.
    ///
    /// # Errors
    /// A rotation is under way, nothing is pending, or it isn't safe; says what to do.
    pub fn carry_out(
        &self,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<(Changes, Repaired), Problem> {
        let found = self.named.find(records)?;
        if found.lifecycle != Lifecycle::Active {
            return asked(
                "the secret is scheduled for deletion: restore it with RestoreSecret first",
            );
        }
        let mut secret = Secret::clone(&found);
        let mut changes = Changes::none();
        let mut done = Vec::new();
        let under_way = job::of_secret(&secret, records)?;
        if under_way.is_some() && !self.cancel {
            return asked(
                "a rotation of it is under way: wait until it is over, or end it with --cancel (rotation stays on)",
            );
        }
        let mut runs = run::of_secret(&secret, records)?;
        if let Some(job) = under_way
            && job::cancel(&mut secret, records, means, &mut changes)?
        {
            let place = (&job.account, &job.region, job.name.as_str());
            let ended = Key::rotation_run(place, job.started, job.number);
            let ended = changes.pending::<RotationRun>(&ended)?;
            runs.splice(0..0, ended);
            // The row that began it is gone.
            plan::plan_anew_if_missed(&mut secret, means.now, &mut changes)?;
            done.push(
                "The rotation that was under way is ended; rotation stays as it was.".to_owned(),
            );
        }
        match self.way {
            Some(way) => {
                let Some(pending) = Pending::left_by(&runs, &secret) else {
                    return asked("no version of it is left pending");
                };
                let text = self.settle(way, &pending, &mut secret, records, means, &mut changes)?;
                done.push(text);
            }
            None if done.is_empty() => {
                return asked("nothing is asked, and no rotation is under way");
            }
            None => {}
        }
        secret.changed = means.now;
        changes.put(secret.key(), &secret)?;
        let arn = secret.arn();
        Ok((changes, Repaired { arn, done }))
    }

    fn settle(
        &self,
        way: Way,
        pending: &Pending,
        secret: &mut Secret,
        records: &Records<'_>,
        means: &Means<'_>,
        changes: &mut Changes,
    ) -> Result<String, Problem> {
        let id = pending.version_id.as_str();
        if self.version_id.as_ref().is_some_and(|asked| asked != id) {
            return asked(&format!(
                "version {id} is pending now, not the one that was asked about: look at it again"
            ));
        }
        let (name, ended, text) = match way {
            Way::Finish => {
                if !pending.has_value {
                    return asked(
                        "the pending version has no value, so it can't become current: abandon it",
                    );
                }
                if !pending.is_safe() && !self.force {
                    return asked(&format!(
                        "{} To make it current all the same, say --force.",
                        pending.explanation
                    ));
                }
                finish_built_in(secret, id, records, means, changes)?;
                secret.labels.promote(id);
                job::note_success(id, secret, means.now, changes)?;
                let text = format!("Version {id} is current, and counts as rotated.");
                ("RotationSucceeded", Ended::Succeeded, text)
            }
            Way::Abandon => {
                secret.labels.release(AWSPENDING, id);
                secret.drop_if_awaited(id);
                let text = match pending.has_value {
                    true => format!(
                        "Version {id} isn't pending any more; its value is kept without a label."
                    ),
                    false => format!("Version {id} is gone; it had no value."),
                };
                ("RotationAbandoned", Ended::Abandoned, text)
            }
        };
        let arn = secret.arn();
        changes.tell(ServiceEvent {
            name,
            account: secret.account.clone(),
            region: secret.region.clone(),
            request_id: format!("Rotation-{arn}-{id}"),
            resource: arn,
            about: About::Secret { version_id: None },
            error: None,
        });
        let run = decided(secret, id, ended, means);
        run::remember(&run, records, changes)?;
        Ok(text)
    }
}

/// What a built-in function does when a version becomes current.
fn finish_built_in(
    secret: &Secret,
    version_id: &str,
    records: &Records<'_>,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<(), Problem> {
    let Some(Rotation {
        function: Some(function),
        metadata,
        ..
    }) = &secret.rotation
    else {
        return Ok(());
    };
    let Ok(function) = FunctionArn::parse(function) else {
        return Ok(());
    };
    let built_in = built_in::of(&function, metadata, secret).map_err(Stop::from)?;
    let value = |id: Option<&str>| match id.and_then(|id| secret.version(id)) {
        Some(version) => opened::open(secret, version, records, means),
        None => Ok(None),
    };
    let Some(built_in) = built_in else {
        return Ok(());
    };
    let current = value(secret.labels.holder(AWSCURRENT))?;
    let rotation = built_in::Rotation {
        secret,
        version_id,
        current: current.as_ref(),
    };
    let Some(pending) = value(Some(version_id))? else {
        return Ok(());
    };
    let finished = built_in.finish(&rotation, &pending, records, means, changes);
    finished.map_err(|failure| match failure {
        built_in::Failure::Failed(text) => Problem::Asked(text),
        built_in::Failure::Unavailable(cause) => Problem::Unavailable(cause),
    })
}

/// The line in the timeline that says that an operator decided.
fn decided(secret: &Secret, version_id: &str, ended: Ended, means: &Means<'_>) -> RotationRun {
    let mut number = [0; 8];
    means.entropy.fill(&mut number);
    let rotation = secret.rotation.as_ref();
    RotationRun {
        account: secret.account.clone(),
        region: secret.region.clone(),
        name: secret.name.clone(),
        suffix: secret.suffix.clone(),
        number: u64::from_be_bytes(number),
        kind: Kind::Rotation,
        trigger: Trigger::Operator,
        version_id: version_id.to_owned(),
        function: rotation
            .and_then(|rotation| rotation.function.clone())
            .unwrap_or_default(),
        started: means.now,
        finished: means.now,
        ended,
        trouble: None,
        steps: Vec::new(),
    }
}

fn asked<T>(text: &str) -> Result<T, Problem> {
    Err(Problem::Asked(text.to_owned()))
}
