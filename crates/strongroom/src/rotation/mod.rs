//! Carrying rotations out: finding the steps that are due, running their functions, and handing in what became of them.
//! What a step means is a rule, in `strongroom-services`.

mod followed;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use strongroom_keys::{Entropy, SecretBytes};
use strongroom_services::cloudtrail::event::{Call, service_calls};
use strongroom_services::cloudtrail::service_event::ServiceEvent;
use strongroom_services::cloudtrail::told::ServiceCall;
use strongroom_services::operation::Means;
use strongroom_services::records::{Changes, Key, Record, Records, Source};
use strongroom_services::refusal::Stop;
use strongroom_services::rotation::built_in;
use strongroom_services::rotation::function::{NotRun, Ran};
use strongroom_services::rotation::job::{
    self, Advance, Answer, Outcome, RotationJob, RotationStep, Turn, Work,
};
use strongroom_services::rotation::told;
use strongroom_store::{CommitError, FaultKind, Store};
use tokio::sync::Notify;

pub use followed::{Followed, OUTCOMES, Progress, Touched};

use crate::audit::{Logged, NotCommitted, entries};
use crate::edge::fresh_id;
use crate::functions::{self, Invocation, NotInvoked};
use crate::node::Node;
use crate::workers::{WorkerState, note_run, state};

/// Rotations that run at once.
const AT_ONCE: usize = 32;
/// How often steps that are due are looked for where nobody tells of one.
const LOOKED_FOR_EVERY: Duration = Duration::from_secs(1);
/// How long an answer is waited for: a function's longest time, and a little.
const ANSWERED_WITHIN: Duration = Duration::from_secs(15 * 60 + 30);
/// How often what became of a step is handed in where the store fails, and how long lies between two times.
const HANDED_IN_MAX: u32 = 600;
const HANDED_IN_EVERY: Duration = Duration::from_secs(1);
/// How long a rotation rests that can't go on for a fault of the server's, such as a damaged record.
const RESTS_FOR: Duration = Duration::from_secs(60);
/// Times that a decision is made anew that may have failed only because records changed between its reads.
const UNREADABLE_MAX: usize = 3;
/// Times that a decision is made anew because somebody else changed what it was based on.
const DECISIONS_MAX: usize = 200;

/// What carries rotations out.
pub struct RotationWorker {
    /// Tells this process from one that died.
    instance: u64,
    running: Mutex<HashSet<Key>>,
    /// Those that can't go on for a fault of the server's, and until when they aren't taken up.
    resting: Mutex<HashMap<Key, Instant>>,
    /// Steps that a process had taken which is gone aren't taken back yet.
    adopts: AtomicBool,
    /// There may be something due.
    due: Arc<Notify>,
    /// Something that ran does so no more.
    idle: Notify,
    state: Mutex<WorkerState>,
    followed: Followed,
}

impl RotationWorker {
    /// Nothing runs yet.
    pub fn new(entropy: &dyn Entropy) -> Self {
        let mut instance = [0; 8];
        entropy.fill(&mut instance);
        RotationWorker {
            instance: u64::from_be_bytes(instance),
            running: Mutex::default(),
            resting: Mutex::default(),
            adopts: AtomicBool::new(false),
            due: Arc::default(),
            idle: Notify::new(),
            state: Mutex::new(WorkerState::new("rotation")),
            followed: Followed::default(),
        }
    }

    /// How it is doing.
    pub fn state(&self) -> WorkerState {
        state(&self.state)
    }

    /// How many rotations have a step running.
    pub fn running(&self) -> usize {
        self.lock().len()
    }

    /// Whether changes make a step due.
    pub fn has_work_in(changes: &Changes) -> bool {
        let steps = Key::rotation_steps();
        let mut writes = changes.writes.iter();
        writes.any(|change| change.key().starts_with(&steps))
    }

    /// What operators follow.
    pub fn followed(&self) -> &Followed {
        &self.followed
    }

    /// Tells this process from others.
    pub fn instance(&self) -> u64 {
        self.instance
    }

    /// Looks for steps that are due at once.
    pub fn wake(&self) {
        self.due.notify_one();
    }

    /// Waits until no step is due and none runs.
    ///
    /// # Errors
    /// The store can't be read, or a rotation can't go on for a fault of the server's.
    pub async fn settled(&self, node: &Node) -> Result<(), String> {
        loop {
            let idle = self.idle.notified();
            let due = due_steps(node, 1).map_err(text)?;
            let adopts = self.adopts.load(Ordering::Acquire);
            if due.is_empty() && self.running() == 0 && !adopts {
                let rests = !self.resting().is_empty();
                return match self.state().last_error.filter(|_| rests) {
                    Some(error) => Err(error),
                    None => Ok(()),
                };
            }
            self.wake();
            // Notified of nothing, it looks again: a step may have become due meanwhile.
            let _ = tokio::time::timeout(LOOKED_FOR_EVERY, idle).await;
        }
    }

    /// Those that rest, without those that have rested.
    fn resting(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Instant>> {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        resting.retain(|_, until| *until > now);
        resting
    }

    fn rest(&self, place: Key, node: &Node, error: &str) {
        let rested = Instant::now() + RESTS_FOR;
        self.resting().insert(place, rested);
        let error = Err(error.to_owned());
        note_run(&self.state, 0, node.now(), node.store(), error);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries out the steps that fall due, for as long as there is the node.
pub fn start(node: &Arc<Node>) {
    let weak = Arc::downgrade(node);
    node.rotations().adopts.store(true, Ordering::Release);
    tokio::spawn(async move {
        loop {
            let Some(node) = weak.upgrade() else { return };
            let worker = node.rotations();
            if worker.adopts.load(Ordering::Acquire) && adopt(&node).await {
                worker.adopts.store(false, Ordering::Release);
            }
            let started = start_due(&node);
            note_run(
                &worker.state,
                started.as_ref().map_or(0, |started| *started),
                node.now(),
                node.store(),
                started.map(|_| ()),
            );
            // The node isn't held meanwhile, so that it can end.
            let due = Arc::clone(&worker.due);
            drop(node);
            let _ = tokio::time::timeout(LOOKED_FOR_EVERY, due.notified()).await;
        }
    });
}

/// Steps that a process had taken which is gone are taken back: they begin again at once. Whether all were.
async fn adopt(node: &Node) -> bool {
    let prefix = Key::rotation_jobs();
    let mut places = Vec::new();
    let found = node
        .records()
        .scan(prefix.as_bytes(), &prefix.end(), false, &mut |key, _| {
            places.push(Key::from_bytes(key.to_vec()));
            ControlFlow::Continue(())
        });
    if let Err(stop) = found {
        tracing::error!(
            error = text(stop),
            "rotations that were under way can't be found"
        );
        return false;
    }
    let by = node.rotations().instance;
    for place in places {
        let given_back = decide(node, |records, means| {
            job::give_back(&place, records, means.now, by).map(|changes| (changes, ()))
        });
        if let Err(error) = given_back.await {
            tracing::error!(error, "a rotation that was under way can't be taken up");
            if node.store().health().is_err() {
                return false;
            }
        }
    }
    true
}

/// Starts what is due, as far as there is room; how many.
fn start_due(node: &Arc<Node>) -> Result<u64, String> {
    let worker = node.rotations();
    let room = AT_ONCE.saturating_sub(worker.running());
    let mut started = 0;
    for (key, step) in due_steps(node, room).map_err(text)? {
        let Some(running) = Running::begin(node, step.0.rotation_job()) else {
            continue;
        };
        started += 1;
        tokio::spawn(async move {
            let node = Arc::clone(&running.node);
            // A server that ends leaves what it had taken to the next start.
            if let Err(error) = carry_out(&node, &step, &key).await
                && !is_closed(node.store())
            {
                let (secret, place) = (step.0.name, running.place.clone());
                tracing::error!(
                    error,
                    secret,
                    "a rotation can't go on; it is taken up again later"
                );
                node.rotations().rest(place, &node, &error);
            }
            drop(running);
        });
    }
    Ok(started)
}

/// That a rotation's step runs in this process.
struct Running {
    node: Arc<Node>,
    place: Key,
}

impl Running {
    /// `None` where one runs already.
    fn begin(node: &Arc<Node>, place: Key) -> Option<Self> {
        let begun = node.rotations().lock().insert(place.clone());
        begun.then(|| Running {
            node: Arc::clone(node),
            place,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let worker = self.node.rotations();
        worker.lock().remove(&self.place);
        worker.due.notify_one();
        worker.idle.notify_waiters();
    }
}

/// Runs the steps of a rotation for as long as one follows the other.
async fn carry_out(node: &Node, step: &RotationStep, row: &Key) -> Result<(), String> {
    let by = node.rotations().instance;
    let taken = decide(node, |records, means| {
        job::take(step, row, records, means, by).map(parts)
    });
    let mut next = taken.await?;
    while let Some(work) = next {
        next = match work.function.is_built_in() {
            true => run_built_in(node, &work).await?,
            false => {
                let outcome = run(node, &work).await?;
                hand_in(node, &work, &outcome).await?
            }
        };
    }
    Ok(())
}

/// Invokes the function of a step, once that is recorded.
async fn run(node: &Node, work: &Work) -> Result<Outcome, String> {
    let events = told_by(node, &work.job, &[told::invocation(work)]);
    record(node, events, &work.arn).await?;
    let began = Instant::now();
    let invocation = Invocation {
        function: work.function.clone(),
        payload: SecretBytes::copy_of(work.event.expose()),
    };
    let invoked = node.functions().invoke(node, invocation);
    let answered = tokio::time::timeout(ANSWERED_WITHIN, invoked).await;
    let nothing = || SecretBytes::new(Vec::new());
    let (ran, log) = match answered {
        Err(_) => {
            let text = "the function didn't answer within its longest time".to_owned();
            let why = NotRun::Unreachable;
            (Ran::NotRun { why, text }, nothing())
        }
        Ok(Err(not_invoked)) => (not_run(&not_invoked), nothing()),
        Ok(Ok(functions::Answer {
            payload,
            error,
            log_tail,
            ..
        })) => match error {
            None => (Ran::Done, log_tail),
            Some(_) => (Ran::Failed(payload), log_tail),
        },
    };
    Ok(Outcome {
        ran,
        log,
        took: began.elapsed(),
    })
}

/// Records what is about to be done. A log that can't be written may come back.
async fn record(node: &Node, events: Vec<Logged>, secret: &str) -> Result<(), String> {
    let mut attempts = 0;
    loop {
        match node.recorder().record(events.clone()).await {
            Ok(()) => return Ok(()),
            Err(fault) if attempts >= HANDED_IN_MAX || is_closed(node.store()) => {
                return Err(fault.to_string());
            }
            Err(fault) => {
                attempts += 1;
                if attempts == 1 {
                    tracing::error!(%fault, %secret, "a rotation's step waits, as it can't be recorded");
                }
                tokio::time::sleep(HANDED_IN_EVERY).await;
            }
        }
    }
}

/// The events of what the service asks for to carry a rotation on.
fn told_by(node: &Node, job: &RotationJob, calls: &[ServiceCall]) -> Vec<Logged> {
    if !node.recorder().is_on() {
        return Vec::new();
    }
    let call = Call::of_service(&job.account, &job.region, node.now());
    entries(service_calls(&call, calls, &mut fresh_id))
}

fn not_run(not_invoked: &NotInvoked) -> Ran {
    Ran::NotRun {
        why: match not_invoked {
            NotInvoked::Missing(_) => NotRun::Missing,
            NotInvoked::Denied(_) => NotRun::Denied,
            NotInvoked::Busy(_) => NotRun::Busy,
            NotInvoked::Unfit(_) => NotRun::Unfit,
            NotInvoked::Unreachable(_) => NotRun::Unreachable,
        },
        text: not_invoked.to_string(),
    }
}

/// Hands in what became of a step; the next step, where there is one. A store that fails may come back.
async fn hand_in(node: &Node, work: &Work, outcome: &Outcome) -> Result<Option<Box<Work>>, String> {
    let by = node.rotations().instance;
    let mut attempts = 0;
    loop {
        let settled = decide(node, |records, means| {
            job::settle(work, outcome, records, means, by).map(parts)
        });
        match settled.await {
            Ok(next) => return Ok(next),
            Err(error) if attempts >= HANDED_IN_MAX || is_closed(node.store()) => {
                return Err(error);
            }
            Err(error) => {
                attempts += 1;
                if attempts == 1 {
                    let secret = &work.arn;
                    tracing::error!(error, %secret, "what became of a rotation's step can't be stored");
                }
                tokio::time::sleep(HANDED_IN_EVERY).await;
            }
        }
    }
}

/// Carries a step of a built-in function out.
async fn run_built_in(node: &Node, work: &Work) -> Result<Option<Box<Work>>, String> {
    let by = node.rotations().instance;
    let mut asked = None;
    loop {
        let advanced = decide_as(node, Some(&work.job), |records, means| {
            job::carry_out(work, asked.as_ref(), records, means, by).map(|advance| match advance {
                Advance::Call(call) => (Changes::none(), Err(call)),
                Advance::Turn(turn) => {
                    let (changes, next) = parts(turn);
                    (changes, Ok(next))
                }
            })
        });
        match advanced.await {
            Ok(Ok(next)) => return Ok(next),
            Ok(Err(call)) => asked = Some(answer_to(node, &call).await),
            Err(error) if is_closed(node.store()) => return Err(error),
            Err(error) => {
                let secret = &work.arn;
                tracing::error!(error, %secret, "a built-in function can't do its step");
                let text = "the server can't do the step; its log says why".to_owned();
                let why = NotRun::Unfit;
                let outcome = Outcome {
                    ran: Ran::NotRun { why, text },
                    log: SecretBytes::new(Vec::new()),
                    took: Duration::ZERO,
                };
                return hand_in(node, work, &outcome).await;
            }
        }
    }
}

/// Does what a built-in function asks for.
async fn answer_to(node: &Node, call: &built_in::Call) -> Answer {
    let began = Instant::now();
    let said = match call {
        built_in::Call::Post(post) => {
            let webhooks = node.functions().webhooks();
            webhooks.post(post, node.real_seconds()).await
        }
    };
    Answer {
        said,
        took: began.elapsed(),
    }
}

fn parts(turn: Turn) -> (Changes, Option<Box<Work>>) {
    match turn {
        Turn::Rest(changes) => (changes, None),
        Turn::Run(changes, work) => (changes, Some(work)),
    }
}

/// The rows of steps that are due, the oldest first.
fn due_steps(node: &Node, most: usize) -> Result<Vec<(Key, RotationStep)>, Stop> {
    let start = Key::rotation_steps();
    let end = Key::rotation_steps_due(node.now()).end();
    let mut due = Vec::new();
    if most == 0 {
        return Ok(due);
    }
    let source: &dyn Source = node.records();
    let resting = node.rotations().resting().clone();
    source.scan(start.as_bytes(), &end, false, &mut |key, bytes| {
        match RotationStep::decode_at(key, bytes) {
            Ok(decoded) => {
                let steps = RotationStep::unwrap(&decoded).into_iter();
                let awake = steps.filter(|step| !resting.contains_key(&step.0.rotation_job()));
                let key = Key::from_bytes(key.to_vec());
                due.extend(awake.map(|step| (key.clone(), RotationStep::clone(step))));
            }
            // The others don't wait for it.
            Err(error) => tracing::error!(%error, "a row of a rotation can't be read"),
        }
        match due.len() < most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(Ok(())),
        }
    })?;
    Ok(due)
}

/// Decides and commits, anew where others were faster.
pub(crate) async fn decide<T>(
    node: &Node,
    rule: impl Fn(&Records<'_>, &Means<'_>) -> Result<(Changes, T), Stop>,
) -> Result<T, String> {
    decide_as(node, None, rule).await
}

/// The same for a function that is built in, in a rotation: what the rule tells of reading and changing is recorded, with
/// the changes or, where there are none, before this returns.
async fn decide_as<T>(
    node: &Node,
    acts_in: Option<&RotationJob>,
    rule: impl Fn(&Records<'_>, &Means<'_>) -> Result<(Changes, T), Stop>,
) -> Result<T, String> {
    let mut unreadable = 0;
    for _ in 0..DECISIONS_MAX {
        let (decided, calls, seen) = {
            let records = Records::of(node.records());
            let decided = rule(&records, &node.means());
            (decided, records.take_told().calls, records.into_seen())
        };
        let (changes, decided) = match decided {
            Ok(decided) => decided,
            Err(_) if unreadable < UNREADABLE_MAX => {
                unreadable += 1;
                continue;
            }
            Err(stop) => return Err(text(stop)),
        };
        let events = acts_in.map_or_else(Vec::new, |job| told_by(node, job, &calls));
        if changes.writes.is_empty() {
            let recorded = node.recorder().record(events).await;
            recorded.map_err(|fault| fault.to_string())?;
            return Ok(decided);
        }
        let progress = Progress::in_changes(&changes);
        match node.commit_telling(seen, changes, events).await {
            Ok(()) => {
                node.rotations().followed.note(progress);
                return Ok(decided);
            }
            Err(NotCommitted::Store(CommitError::Conflict { .. })) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    Err("others changed the secret all the time".to_owned())
}

/// Tells what the service did by itself.
pub fn tell(events: &[ServiceEvent]) {
    for event in events {
        let (name, secret) = (event.name, &event.resource);
        match &event.error {
            None => tracing::info!(event = name, %secret, request_id = event.request_id),
            Some(error) => {
                tracing::warn!(event = name, %secret, request_id = event.request_id, %error);
            }
        }
    }
}

fn is_closed(store: &dyn Store) -> bool {
    let health = store.health();
    health.is_err_and(|fault| *fault.kind() == FaultKind::Closed)
}

fn text(stop: Stop) -> String {
    match stop {
        Stop::Unavailable(cause) => cause.to_string(),
        Stop::Refused(refusal) => refusal.message.unwrap_or_default(),
    }
}
