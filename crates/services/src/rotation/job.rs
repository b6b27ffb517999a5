//! A rotation that is under way: which step comes next, what its outcome means, and how it ends.
//!
//! A job is a record, and everything that happens to it is one commit that depends on the job and on the secret. Whoever
//! carries jobs out takes one ([`take`]), runs its step, and hands the outcome in ([`settle`]); where that process dies
//! in between, the step is run again. A step must bear that, as AWS asks of it.
//!
//! Source: reference/rotation.md §2.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strongroom_keys::SecretBytes;

use super::function::{self, NotRun, Ran};
use super::mask::Mask;
use super::run::{self, Ended, RotationRun, StepRun, Trouble};
use super::step::Step;
use super::{advice, built_in, invoking, opened, plan, told};
use crate::caller::{AccountId, Region};
use crate::cloudtrail::service_event::{About, ServiceEvent};
use crate::kms;
use crate::lambda::function_arn::FunctionArn;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::rotation::configuration::Failing;
use crate::secretsmanager::place::SecretPlace;
use crate::secretsmanager::secret::{Lifecycle, Secret, ValueKind, Version};
use crate::secretsmanager::version::{self, Value};
use crate::staging::{AWSCURRENT, AWSPENDING, AWSPREVIOUS};
use crate::time::Timestamp;

/// How long after each failed attempt the next begins. After the last attempt a rotation is given up.
///
/// AWS publishes neither. Source: reference/rotation.md §2.2, "typical".
const ATTEMPTS_AFTER: [Duration; 4] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
];
/// How long a step that found its function busy waits, the first time; each time twice as long.
const BUSY_AFTER: Duration = Duration::from_secs(1);
/// Times that a step may find its function busy before that counts as a failure.
const BUSY_MAX: u32 = 8;
/// How long whoever took a step has it to themselves: a function's longest time, and a minute.
const TAKEN_FOR: Duration = Duration::from_secs(16 * 60);
/// Bytes of a function's log that a run of a step keeps.
const LOG_BYTES_MAX: usize = 4 * 1024;

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// It rotates the secret.
    Rotation,
    /// It only tries the function, on a copy of the current value: `RotateImmediately` is false.
    Test,
}

/// Why a job was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// RotateSecret asked for it.
    Request,
    /// Its window came.
    Schedule,
    /// An operator decided about the version that an earlier one left pending.
    Operator,
}

/// A rotation that is under way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotationJob {
    /// The secret's account.
    pub account: AccountId,
    /// The secret's region.
    pub region: Region,
    /// The secret's name.
    pub name: String,
    /// The end of the secret's ARN.
    pub suffix: String,
    /// Tells it from earlier ones of the same secret.
    pub number: u64,
    /// What it does.
    pub kind: Kind,
    /// Why it was begun.
    pub trigger: Trigger,
    /// The version that it makes: its `ClientRequestToken`.
    pub version_id: String,
    /// The version that was current when it began.
    pub current_before: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// After this instant no further attempt is made; the next window's rotation goes on.
    pub attempts_until: Option<Timestamp>,
    /// The step to be run.
    pub step: Step,
    /// Which attempt at the whole rotation it is, from 1.
    pub attempt: u32,
    /// How often the step found its function busy.
    pub busy: u32,
    /// When it is to be taken up.
    pub due: Timestamp,
    /// Whose it is until then.
    pub taken_by: Option<u64>,
    /// What was done so far.
    pub steps: Vec<StepRun>,
}

/// The row that says whose job is to be taken up at its key's instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RotationStep(pub SecretPlace);

/// What happens next with a job.
pub enum Turn {
    /// Nothing just now: it is over, or waits.
    Rest(Changes),
    /// A step is to be run, once the changes are committed.
    Run(Changes, Box<Work>),
}

/// A step that is to be run.
#[derive(Debug)]
pub struct Work {
    /// The job, as it was taken.
    pub job: RotationJob,
    /// The secret's ARN.
    pub arn: String,
    /// The function to be invoked.
    pub function: FunctionArn,
    /// What it is given: JSON.
    pub event: SecretBytes,
    /// When it is taken up.
    pub started: Timestamp,
}

/// What became of a step.
#[derive(Debug)]
pub struct Outcome {
    /// What the function did.
    pub ran: Ran,
    /// The end of its log; may hold values.
    pub log: SecretBytes,
    /// How long it took.
    pub took: Duration,
}

/// Begins a job. The pending version is there before the first step, empty for a rotation.
pub fn begin(
    secret: &mut Secret,
    version_id: &str,
    kind: Kind,
    trigger: Trigger,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    if secret.version(version_id).is_none() {
        secret.versions.push(Version {
            id: version_id.to_owned(),
            created: means.now,
            accessed: None,
            kms_key_id: None,
            customer_key: None,
            kind: ValueKind::Awaited,
        });
    }
    secret.labels.hold(AWSPENDING, version_id);
    let mut number = [0; 8];
    means.entropy.fill(&mut number);
    let job = RotationJob {
        account: secret.account.clone(),
        region: secret.region.clone(),
        name: secret.name.clone(),
        suffix: secret.suffix.clone(),
        number: u64::from_be_bytes(number),
        kind,
        trigger,
        version_id: version_id.to_owned(),
        current_before: secret.labels.holder(AWSCURRENT).map(str::to_owned),
        started: means.now,
        attempts_until: match trigger {
            Trigger::Request | Trigger::Operator => None,
            // One that was missed is made up for, however long its attempts take.
            Trigger::Schedule => (secret.rotation.as_ref())
                .and_then(|rotation| rotation.next)
                .map(|next| next.until)
                .filter(|until| *until > means.now),
        },
        step: match kind {
            Kind::Rotation => Step::Create,
            Kind::Test => Step::Test,
        },
        attempt: 1,
        busy: 0,
        due: means.now,
        taken_by: None,
        steps: Vec::new(),
    };
    let name = match kind {
        Kind::Rotation => "RotationStarted",
        Kind::Test => "TestRotationStarted",
    };
    changes.tell(job.service_event(name, None, secret));
    changes.put(job.row_key(), &job.row())?;
    changes.put(job.key(), &job)
}

/// Begins a rotation that nobody asked for just now: of the version that an earlier one left pending, or of a new one.
pub(super) fn begin_scheduled(
    secret: &mut Secret,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    let version_id = match unfinished(secret) {
        Some(pending) => pending.to_owned(),
        None => kms::fresh_uuid(means.entropy),
    };
    secret.changed = means.now;
    let (kind, trigger) = (Kind::Rotation, Trigger::Schedule);
    begin(secret, &version_id, kind, trigger, means, changes)
}

/// The version that a rotation left pending: one that has AWSPENDING and isn't current.
pub fn unfinished(secret: &Secret) -> Option<&str> {
    let pending = secret.labels.holder(AWSPENDING)?;
    (secret.labels.holder(AWSCURRENT) != Some(pending)).then_some(pending)
}

/// Takes a job whose row is due, to run its step.
pub fn take(
    row: &RotationStep,
    row_key: &Key,
    records: &Records<'_>,
    means: &Means<'_>,
    by: u64,
) -> Result<Turn, Stop> {
    let mut changes = Changes::none();
    changes.delete(row_key.clone());
    let Some(found) = records.read::<RotationJob>(row.0.rotation_job())? else {
        return Ok(Turn::Rest(changes));
    };
    let job = RotationJob::clone(&found);
    if job.row_key() != *row_key {
        return Ok(Turn::Rest(changes));
    }
    match Scene::with(job, changes, records, means, by)? {
        Ok(scene) => scene.go_on(),
        Err(turn) => Ok(turn),
    }
}

/// Notes what became of a step, and takes the next where there is one.
pub fn settle(
    work: &Work,
    outcome: &Outcome,
    records: &Records<'_>,
    means: &Means<'_>,
    by: u64,
) -> Result<Turn, Stop> {
    match Scene::of(work, records, means, by)? {
        Ok(scene) => {
            let mask = mask_of(&scene.secret, records, means)?;
            scene.settle(work.started, outcome, mask.as_ref())
        }
        Err(turn) => Ok(turn),
    }
}

/// Carries a step of a built-in function out: all of it, or up to what the shell must do for it. `answer` is what came
/// of that. What the function reads and changes is told to the records, as calls of the service: the shell records it
/// with the changes, or before it does what it must.
pub fn carry_out(
    work: &Work,
    answer: Option<&Answer>,
    records: &Records<'_>,
    means: &Means<'_>,
    by: u64,
) -> Result<Advance, Stop> {
    let mut scene = match Scene::of(work, records, means, by)? {
        Ok(scene) => scene,
        Err(turn) => return Ok(Advance::Turn(turn)),
    };
    let took = answer.map_or(Duration::ZERO, |answer| answer.took);
    let ran = match scene.carry_out(answer, &work.function) {
        Ok(Some(call)) => return Ok(Advance::Call(call)),
        Ok(None) => Ran::Done,
        Err(built_in::Failure::Failed(text)) => Ran::NotRun {
            why: NotRun::Failed,
            text,
        },
        Err(built_in::Failure::Unavailable(cause)) => return Err(Stop::Unavailable(cause)),
    };
    if !matches!(ran, Ran::Done) {
        // What it did before it failed isn't to be kept.
        scene = match Scene::of(work, records, means, by)? {
            Ok(scene) => scene,
            Err(turn) => return Ok(Advance::Turn(turn)),
        };
    }
    let outcome = Outcome {
        ran,
        log: SecretBytes::new(Vec::new()),
        took,
    };
    let mask = Mask::default();
    let turn = scene.settle(work.started, &outcome, Some(&mask))?;
    Ok(Advance::Turn(turn))
}

/// What a step of a built-in function comes to.
pub enum Advance {
    /// The shell must do something first.
    Call(built_in::Call),
    /// It is over.
    Turn(Turn),
}

/// What came of something that the shell did for a built-in function.
#[derive(Debug)]
pub struct Answer {
    /// What was answered, or why it failed, in words that hold no value.
    pub said: Result<SecretBytes, String>,
    /// How long it took.
    pub took: Duration,
}

/// Takes a job back that whoever took it will not go on with: that process is gone.
pub fn give_back(
    place: &Key,
    records: &Records<'_>,
    now: Timestamp,
    by: u64,
) -> Result<Changes, Stop> {
    let mut changes = Changes::none();
    let found = records.read::<RotationJob>(place.clone())?;
    if let Some(found) = found.filter(|job| job.taken_by.is_some_and(|taken| taken != by)) {
        let mut job = RotationJob::clone(&found);
        changes.delete(job.row_key());
        job.wait_until(now, &mut changes)?;
    }
    Ok(changes)
}

/// Ends a secret's job, where there is one, because its rotation was cancelled. Whether there was one.
pub fn cancel(
    secret: &mut Secret,
    records: &Records<'_>,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<bool, Stop> {
    end_early(Ended::Cancelled, secret, records, means, changes)
}

/// The same because the secret is to be deleted.
pub fn end_with_secret(
    secret: &mut Secret,
    records: &Records<'_>,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<bool, Stop> {
    end_early(Ended::Deleted, secret, records, means, changes)
}

/// Removes all that is kept of a secret's rotations.
pub(crate) fn forget(
    secret: &Secret,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    if secret.rotation.is_some() {
        forget_plans(secret, records, changes)?;
        run::forget_all(secret, records, changes)?;
    }
    Ok(())
}

/// Removes what would rotate a secret.
pub(crate) fn forget_plans(
    secret: &Secret,
    records: &Records<'_>,
    changes: &mut Changes,
) -> Result<(), Stop> {
    plan::remove_row(secret, changes);
    if let Some(job) = of_secret(secret, records)? {
        changes.delete(job.row_key());
        changes.delete(job.key());
    }
    Ok(())
}

/// A secret's rotation that is under way.
pub fn of_secret(secret: &Secret, records: &Records<'_>) -> Result<Option<Arc<RotationJob>>, Stop> {
    let place = Key::rotation_job(&secret.account, &secret.region, &secret.name);
    let job = records.read::<RotationJob>(place)?;
    Ok(job.filter(|job| job.suffix == secret.suffix))
}

/// A job and its secret, while it is decided what becomes of them.
struct Scene<'a> {
    job: RotationJob,
    secret: Secret,
    /// Whether anything of the secret changed.
    touched: bool,
    changes: Changes,
    records: &'a Records<'a>,
    means: &'a Means<'a>,
    by: u64,
}

impl<'a> Scene<'a> {
    /// Of a job's step whose outcome is known now. Otherwise what is left to do: the job was cancelled, or the secret is
    /// gone.
    fn of(
        work: &Work,
        records: &'a Records<'a>,
        means: &'a Means<'a>,
        by: u64,
    ) -> Result<Result<Self, Turn>, Stop> {
        let found = records.read::<RotationJob>(work.job.key())?;
        let taken = &work.job;
        let mine = |job: &Arc<RotationJob>| {
            job.number == taken.number
                && job.taken_by == Some(by)
                && (job.step, job.attempt, job.due) == (taken.step, taken.attempt, taken.due)
        };
        match found.filter(mine) {
            None => Ok(Err(Turn::Rest(Changes::none()))),
            Some(found) => {
                let job = RotationJob::clone(&found);
                let mut changes = Changes::none();
                changes.delete(job.row_key());
                Self::with(job, changes, records, means, by)
            }
        }
    }

    fn with(
        job: RotationJob,
        mut changes: Changes,
        records: &'a Records<'a>,
        means: &'a Means<'a>,
        by: u64,
    ) -> Result<Result<Self, Turn>, Stop> {
        let Some(secret) = job.secret(records)? else {
            // With it goes all that would be told of it.
            changes.delete(job.row_key());
            changes.delete(job.key());
            return Ok(Err(Turn::Rest(changes)));
        };
        Ok(Ok(Scene {
            job,
            secret: Secret::clone(&secret),
            touched: false,
            changes,
            records,
            means,
            by,
        }))
    }

    fn is_current(&self) -> bool {
        self.secret.labels.holder(AWSCURRENT) == Some(&self.job.version_id)
    }

    /// Carries out what a built-in function does in the step.
    fn carry_out(
        &mut self,
        answer: Option<&Answer>,
        function: &FunctionArn,
    ) -> Result<Option<built_in::Call>, built_in::Failure> {
        let caller = opened::service_caller(&self.secret.account, &self.secret.region);
        let given = self.means.given(&caller);
        let (records, means) = (self.records, self.means);
        let version_id = self.job.version_id.clone();
        let configured = self.secret.rotation.as_ref();
        let metadata = configured.map_or(&[][..], |rotation| &rotation.metadata);
        let Some(built_in) = built_in::of(function, metadata, &self.secret)? else {
            let text = format!("{function} isn't built in");
            return Err(built_in::Failure::Failed(text));
        };
        let answer = match answer.map(|answer| &answer.said) {
            Some(Err(text)) => return Err(built_in::Failure::Failed(text.clone())),
            Some(Ok(said)) => Some(said),
            None => None,
        };
        let current = self.value_of(self.secret.labels.holder(AWSCURRENT))?;
        let pending = self.value_of(Some(&version_id))?;
        if answer.is_some() {
            // Reading them was told of before the values were given away.
            records.tell(|told| told.calls.clear());
        }
        let before = self.secret.clone();
        let rotation = built_in::Rotation {
            secret: &before,
            version_id: &version_id,
            current: current.as_ref(),
        };
        match (self.job.step, &pending) {
            // Made in an earlier attempt.
            (Step::Create, Some(_)) => Ok(None),
            (Step::Create, None) => {
                let created = match answer {
                    Some(said) => built_in::Created::Value(built_in.created(&rotation, said)?),
                    None => built_in.create(&rotation, records, means, &mut self.changes)?,
                };
                let value = match created {
                    built_in::Created::Asked(call) => return Ok(Some(call)),
                    built_in::Created::Value(value) => built_in::fitting(value)?,
                };
                let labels = [AWSPENDING.to_owned()];
                told::writing(&before, &version_id).tell(records, |_| {
                    version::add(
                        &mut self.secret,
                        &version_id,
                        &value,
                        Some(&labels),
                        records,
                        &given,
                        &mut self.changes,
                    )
                })?;
                self.touched = true;
                Ok(None)
            }
            (_, None) => Err(built_in::Failure::Failed(
                "the pending version has no value".to_owned(),
            )),
            (Step::Set | Step::Test, Some(_)) if answer.is_some() => Ok(None),
            (step @ (Step::Set | Step::Test), Some(pending)) => {
                built_in.step(step, &rotation, pending, records, means)
            }
            (Step::Finish, Some(pending)) => {
                built_in.finish(&rotation, pending, records, means, &mut self.changes)?;
                told::promoted(&before, &version_id, records);
                self.secret.labels.promote(&version_id);
                self.touched = true;
                Ok(None)
            }
        }
    }

    /// The value of a version, where it has one.
    fn value_of(&self, id: Option<&str>) -> Result<Option<Value>, Stop> {
        match id.and_then(|id| self.secret.version(id)) {
            Some(version) => opened::read(&self.secret, version, self.records, self.means),
            None => Ok(None),
        }
    }

    /// Notes what became of the step, and goes on.
    fn settle(
        mut self,
        started: Timestamp,
        outcome: &Outcome,
        mask: Option<&Mask>,
    ) -> Result<Turn, Stop> {
        let busy = self.job.busy < BUSY_MAX && outcome.ran.is_busy();
        if busy {
            let wait = BUSY_AFTER * 2_u32.saturating_pow(self.job.busy);
            self.job.busy += 1;
            let at = self.means.now.after(wait);
            return self.wait_until(at);
        }
        let trouble = trouble_of(&outcome.ran, self.job.step, mask);
        self.job.busy = 0;
        self.job.steps.push(StepRun {
            step: self.job.step,
            attempt: self.job.attempt,
            started,
            took_milliseconds: u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
            trouble: trouble.clone(),
            log: log_of(&outcome.log, mask),
        });
        match (trouble, self.job.kind, self.job.step.next()) {
            // What it does after it has moved AWSCURRENT is not what makes a rotation.
            (_, Kind::Rotation, _) if self.is_current() => self.end(Ended::Succeeded),
            (Some(trouble), _, _) => self.fail(trouble),
            (None, Kind::Test, _) => self.end(Ended::Succeeded),
            (None, Kind::Rotation, Some(next)) => {
                self.job.step = next;
                self.go_on()
            }
            (None, Kind::Rotation, None) => {
                let trouble = Trouble {
                    error: "finishSecret returned, and AWSCURRENT isn't on the new version".to_owned(),
                    remedy: "let finishSecret move AWSCURRENT to the version of ClientRequestToken with \
                             UpdateSecretVersionStage"
                        .to_owned(),
                };
                if let Some(last) = self.job.steps.last_mut() {
                    last.trouble = Some(trouble.clone());
                }
                self.fail(trouble)
            }
        }
    }

    /// Takes the job's step, or ends the job where its ground is gone.
    fn go_on(self) -> Result<Turn, Stop> {
        if let Some(ended) = self.job.overtaken(&self.secret) {
            return self.end(ended);
        }
        let rotation = self.secret.rotation.as_ref();
        let function = rotation.and_then(|rotation| rotation.function.as_deref());
        let Some(Ok(function)) = function.map(FunctionArn::parse) else {
            return self.fail(Trouble {
                error: "the secret has no rotation function any more".to_owned(),
                remedy: "give it one with RotateSecret and RotationLambdaARN".to_owned(),
            });
        };
        let arn = self.secret.arn();
        if let Some(text) = invoking::denied(&function, &self.secret, self.records, self.means)? {
            return self.fail(Trouble {
                error: text,
                remedy: advice::on_not_run(NotRun::Denied).to_owned(),
            });
        }
        let Scene {
            mut job,
            secret,
            touched,
            mut changes,
            means,
            by,
            ..
        } = self;
        job.taken_by = Some(by);
        job.due = means.now.after(TAKEN_FOR);
        if touched {
            changes.put(secret.key(), &secret)?;
        }
        changes.put(job.row_key(), &job.row())?;
        changes.put(job.key(), &job)?;
        let token = function::rotation_token(
            &arn,
            &job.version_id,
            job.number,
            means.keyring,
            means.entropy,
        );
        let event = function::event(job.step, &arn, &job.version_id, &token)?;
        let work = Work {
            job,
            arn,
            function,
            event,
            started: means.now,
        };
        Ok(Turn::Run(changes, Box::new(work)))
    }

    /// Waits for its next turn.
    fn wait_until(mut self, at: Timestamp) -> Result<Turn, Stop> {
        if self.touched {
            self.changes.put(self.secret.key(), &self.secret)?;
        }
        self.job.wait_until(at, &mut self.changes)?;
        Ok(Turn::Rest(self.changes))
    }

    /// An attempt failed: another one begins later from the first step, or the rotation is given up.
    fn fail(mut self, trouble: Trouble) -> Result<Turn, Stop> {
        if let Some(ended) = self.job.overtaken(&self.secret) {
            return self.end(ended);
        }
        let attempts_before = usize::try_from(self.job.attempt - 1).unwrap_or(usize::MAX);
        let (name, waits) = match self.job.kind {
            Kind::Rotation => ("RotationFailed", &ATTEMPTS_AFTER[..]),
            // Whoever set it up waits for the answer.
            Kind::Test => ("TestRotationFailed", &[][..]),
        };
        let until = self.job.attempts_until;
        let next = waits
            .get(attempts_before)
            .map(|wait| self.means.now.after(*wait))
            .filter(|next| until.is_none_or(|until| *next < until));
        let error = self.job.error_of_step(&self.secret);
        let event = self.job.service_event(name, Some(error), &self.secret);
        self.changes.tell(event);
        self.touched = true;
        let is_last = next.is_none();
        self.job.note_failing(&trouble, is_last, &mut self.secret);
        match next {
            Some(next) => {
                self.job.attempt += 1;
                self.job.step = Step::Create;
                self.wait_until(next)
            }
            None => self.finish(Ended::Failed, Some(trouble)),
        }
    }

    /// It is over, and hasn't failed.
    fn end(mut self, ended: Ended) -> Result<Turn, Stop> {
        let name = match (self.job.kind, ended) {
            (Kind::Rotation, Ended::Succeeded) => "RotationSucceeded",
            (Kind::Test, Ended::Succeeded) => "TestRotationSucceeded",
            _ => "RotationAbandoned",
        };
        let event = self.job.service_event(name, None, &self.secret);
        self.changes.tell(event);
        self.finish(ended, None)
    }

    fn finish(self, ended: Ended, trouble: Option<Trouble>) -> Result<Turn, Stop> {
        let Scene {
            job,
            mut secret,
            mut changes,
            records,
            means,
            ..
        } = self;
        let now = means.now;
        match (job.kind, ended) {
            (Kind::Rotation, Ended::Succeeded) => {
                note_success(&job.version_id, &mut secret, now, &mut changes)?;
            }
            (Kind::Rotation, Ended::Failed) => {
                plan::plan_anew_if_missed(&mut secret, now, &mut changes)?;
            }
            (Kind::Rotation, _) => {
                // A version without a value is of no use to anybody.
                secret.labels.release(AWSPENDING, &job.version_id);
                secret.drop_if_awaited(&job.version_id);
                plan::plan_anew_if_missed(&mut secret, now, &mut changes)?;
            }
            (Kind::Test, _) => {
                job.clear_test(&mut secret, &mut changes);
                if let (Ended::Succeeded, Some(rotation)) = (ended, &mut secret.rotation) {
                    rotation.failing = None;
                }
                plan::make_up_for(&mut secret, now, &mut changes)?;
            }
        }
        secret.changed = now;
        changes.put(secret.key(), &secret)?;
        changes.delete(job.key());
        let run = job.over(ended, trouble, &secret, now);
        run::remember(&run, records, &mut changes)?;
        Ok(Turn::Rest(changes))
    }
}

/// The version is current: its rotation is a success, and the next one is planned.
pub(super) fn note_success(
    version_id: &str,
    secret: &mut Secret,
    now: Timestamp,
    changes: &mut Changes,
) -> Result<(), Stop> {
    secret.labels.release(AWSPENDING, version_id);
    if let Some(rotation) = &mut secret.rotation {
        rotation.last_rotated = Some(now);
        rotation.failing = None;
    }
    plan::plan(secret, now, changes)
}

fn end_early(
    ended: Ended,
    secret: &mut Secret,
    records: &Records<'_>,
    means: &Means<'_>,
    changes: &mut Changes,
) -> Result<bool, Stop> {
    let Some(job) = of_secret(secret, records)? else {
        return Ok(false);
    };
    changes.delete(job.row_key());
    changes.delete(job.key());
    if job.kind == Kind::Test {
        job.clear_test(secret, changes);
    }
    let run = job.over(ended, None, secret, means.now);
    run::remember(&run, records, changes)?;
    Ok(true)
}

impl RotationJob {
    /// Since when its step runs; `None` while it waits for its turn.
    pub fn running_since(&self) -> Option<Timestamp> {
        self.taken_by?;
        let taken_for = i64::try_from(TAKEN_FOR.as_millis()).ok()?;
        let since = self.due.milliseconds().saturating_sub(taken_for);
        Some(Timestamp::from_milliseconds(since))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::rotation_job(&self.account, &self.region, &self.name)
    }

    /// The place of its row.
    pub(crate) fn row_key(&self) -> Key {
        Key::rotation_step(self.due, &self.account, &self.region, &self.name)
    }

    fn row(&self) -> RotationStep {
        RotationStep(SecretPlace {
            account: self.account.clone(),
            region: self.region.clone(),
            name: self.name.clone(),
        })
    }

    /// The secret, unless it is gone, or to be.
    fn secret(&self, records: &Records<'_>) -> Result<Option<Arc<Secret>>, Stop> {
        let place = Key::secret(&self.account, &self.region, &self.name);
        let found = records.read::<Secret>(place)?;
        Ok(found
            .filter(|secret| secret.suffix == self.suffix && secret.lifecycle == Lifecycle::Active))
    }

    /// How it ended without a step: the version is current already, or somebody changed what it was based on.
    fn overtaken(&self, secret: &Secret) -> Option<Ended> {
        let current = secret.labels.holder(AWSCURRENT);
        if current == Some(&self.version_id) {
            return Some(match self.kind {
                Kind::Rotation => Ended::Succeeded,
                Kind::Test => Ended::Abandoned,
            });
        }
        let pending = secret.labels.holder(AWSPENDING) == Some(&self.version_id);
        let based = current == self.current_before.as_deref();
        (!pending || !based).then_some(Ended::Abandoned)
    }

    /// Waits for its next turn.
    fn wait_until(&mut self, at: Timestamp, changes: &mut Changes) -> Result<(), Stop> {
        self.due = at;
        self.taken_by = None;
        changes.put(self.row_key(), &self.row())?;
        changes.put(self.key(), self)
    }

    /// What AWS says of a failed step.
    fn error_of_step(&self, secret: &Secret) -> String {
        let rotation = secret.rotation.as_ref();
        let function = rotation.and_then(|rotation| rotation.function.as_deref());
        format!(
            "Error when executing lambda {} during {} step",
            function.unwrap_or_default(),
            self.step.name()
        )
    }

    fn note_failing(&self, trouble: &Trouble, is_last: bool, secret: &mut Secret) {
        let Some(rotation) = &mut secret.rotation else {
            return;
        };
        let failing = rotation.failing.get_or_insert_with(|| Failing {
            since: self.started,
            rotations: 0,
            error: String::new(),
        });
        failing.rotations += u32::from(is_last);
        failing.error.clone_from(&trouble.error);
    }

    /// Removes the version that was only there to be tried.
    fn clear_test(&self, secret: &mut Secret, changes: &mut Changes) {
        secret.labels.release(AWSPENDING, &self.version_id);
        version::remove_unlabelled(secret, &self.version_id, changes);
    }

    fn over(
        &self,
        ended: Ended,
        trouble: Option<Trouble>,
        secret: &Secret,
        now: Timestamp,
    ) -> RotationRun {
        let rotation = secret.rotation.as_ref();
        let function = rotation.and_then(|rotation| rotation.function.clone());
        RotationRun {
            account: self.account.clone(),
            region: self.region.clone(),
            name: self.name.clone(),
            suffix: self.suffix.clone(),
            number: self.number,
            kind: self.kind,
            trigger: self.trigger,
            version_id: self.version_id.clone(),
            function: function.unwrap_or_default(),
            started: self.started,
            finished: now,
            ended,
            trouble,
            steps: self.steps.clone(),
        }
    }

    fn service_event(
        &self,
        name: &'static str,
        error: Option<String>,
        secret: &Secret,
    ) -> ServiceEvent {
        let arn = secret.arn();
        ServiceEvent {
            name,
            account: self.account.clone(),
            region: self.region.clone(),
            request_id: format!("Rotation-{arn}-{}", self.version_id),
            resource: arn,
            about: About::Secret { version_id: None },
            error,
        }
    }
}

impl RotationStep {
    /// Whether a key of the index is this row's.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        self.0.is_at(key)
    }
}

/// The values that must not be shown: those of the versions that a rotation deals with. `None` where one doesn't open.
fn mask_of(
    secret: &Secret,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Option<Mask>, Stop> {
    let mut values = Vec::new();
    for label in [AWSCURRENT, AWSPENDING, AWSPREVIOUS] {
        let holder = secret.labels.holder(label);
        let Some(version) = holder.and_then(|id| secret.version(id)) else {
            continue;
        };
        match opened::open(secret, version, records, means) {
            Ok(value) => values.extend(value),
            Err(Stop::Refused(_)) => return Ok(None),
            Err(stop) => return Err(stop),
        }
    }
    Ok(Some(Mask::of(values.iter().map(Value::bytes))))
}

/// Stands for texts of a function that can't be shown.
const WITHHELD: &str = "(withheld: the account may not open the secret's values with their KMS key, so they can't be masked)";

fn trouble_of(ran: &Ran, step: Step, mask: Option<&Mask>) -> Option<Trouble> {
    match ran {
        Ran::Done => None,
        Ran::Failed(payload) => {
            let (error_type, message) = function::failure_of(payload.expose());
            let error = match mask {
                None => WITHHELD.to_owned(),
                Some(mask) => match error_type {
                    Some(error_type) => mask.masked(format!("{error_type}: {message}").as_bytes()),
                    None => mask.masked(message.as_bytes()),
                },
            };
            let remedy = advice::on_failure(step, &error);
            Some(Trouble { error, remedy })
        }
        Ran::NotRun { why, text } => Some(Trouble {
            error: text.clone(),
            remedy: advice::on_not_run(*why).to_owned(),
        }),
    }
}

/// What is kept of a function's log. Where its beginning was cut off, so may a value be, and then its rest isn't known:
/// the first line goes.
fn log_of(log: &SecretBytes, mask: Option<&Mask>) -> String {
    let Some(mask) = mask else {
        return WITHHELD.to_owned();
    };
    let log = log.expose();
    let mut kept = log;
    if log.len() >= LOG_BYTES_MAX {
        let tail = &log[log.len() - LOG_BYTES_MAX..];
        let line = tail.iter().position(|byte| *byte == b'\n');
        kept = line.map_or(&[], |line| &tail[line + 1..]);
    }
    mask.masked(kept)
}
