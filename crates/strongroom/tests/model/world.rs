//! A node on a simulated store beside the model: does what a history says, and compares the two after each step.
//!
//! Calls that are under way at once may take effect in any order that agrees with who was answered before whom was
//! asked. There must be one order in which the model gives every answer that was given and ends in the state that is
//! in the store; a call without an answer may have happened or not.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use serde_json::{Value, json};
use strongroom::clock::Clock;
use strongroom::edge::control::DevServer;
use strongroom::node::{Assembly, Node};
use strongroom::pipeline::Failure;
use strongroom_keys::{Keyring, RootKey, SeededEntropy};
use strongroom_services::caller::{AccountId, Region};
use strongroom_services::secretsmanager::secret::{Lifecycle, Secret};
use strongroom_services::time::Timestamp;
use strongroom_store::simulated::{Chances, Simulated, now};
use strongroom_store::{Commit, Revision, Store};

use super::history::{ANY, Batch, CALLERS, Mishap, Step, resolve};
use super::reference::{Answer, Asked, Model};
use crate::invariants;
use crate::random::Random;

/// 14 November 2023, shortly before midnight UTC, and not on a full second.
const BEGINNING: i64 = 1_700_006_399_877;
/// Turns after which calls that are still under way hang.
const TURNS_MAX: usize = 20_000;
const RECORD_CACHE_BYTES: u64 = 1 << 20;
/// What only reads, but for the day of the access.
const READS: [&str; 2] = ["GetSecretValue", "BatchGetSecretValue"];

pub(crate) struct World {
    seed: u64,
    store: Arc<Simulated>,
    node: Arc<Node>,
    /// Milliseconds that passed while no node ran.
    passed: i64,
    restarts: u64,
    model: Model,
    /// What was in the store when it was looked at last, and at which revision that was.
    raw: (Revision, Arc<Vec<Secret>>),
    pub(crate) seen: Seen,
}

/// What came up, to be sure that it does.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    pub(crate) answers: std::collections::BTreeMap<(&'static str, &'static str), u64>,
    pub(crate) crashes: u64,
    pub(crate) without_answer: u64,
    pub(crate) reordered: u64,
    pub(crate) purged: u64,
    pub(crate) pruned: u64,
}

type Running = Pin<Box<dyn Future<Output = Result<Vec<u8>, Failure>>>>;

/// A call as it went out: to the node, and to the model where the two differ (in pagination tokens).
struct Sent {
    caller: usize,
    operation: &'static str,
    body: Value,
    model_body: Value,
}

/// What became of a call.
#[derive(Debug)]
struct Happened {
    outcome: Outcome,
    /// The turn in which it was asked, and the one in which it was answered.
    asked: usize,
    answered: usize,
}

#[derive(Debug)]
enum Outcome {
    Answered(Answer),
    /// It happened as a whole or not at all.
    Unknown,
    /// It certainly didn't happen.
    NotDone,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let store = Arc::new(Simulated::new(seed));
        store.set_chances(Chances {
            delay: 300_000,
            ..Chances::default()
        });
        World {
            seed,
            node: node(&store, seed, 0, 0),
            store,
            passed: 0,
            restarts: 0,
            model: Model::default(),
            raw: Default::default(),
            seen: Seen::default(),
        }
    }

    /// # Errors
    /// How the node and the model differ.
    pub(crate) fn take(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Together(batch) => self.together(batch),
            Step::Wait(seconds) => {
                let passed = now(self.node.advance_clock(*seconds));
                passed.map_err(|error| format!("the purge failed: {error}"))?;
                self.check_after_purge()
            }
            Step::PurgeAgainst(milliseconds, mishap) => {
                self.passed += milliseconds;
                self.restart();
                self.order(*mishap);
                now(self.node.carry_out_due());
                self.settle();
                self.model.pass_time(self.now());
                self.check()?;
                now(self.node.carry_out_due());
                self.check_after_purge()
            }
            Step::WindowEnds => {
                let ends = self.model.secrets.values().filter_map(|it| it.deleted);
                if let Some(end) = ends.filter(|end| *end > self.now()).min() {
                    self.passed += end - self.now();
                    self.restart();
                    self.model.pass_time(self.now());
                }
                self.check()
            }
            Step::Crash => {
                self.store.crash_and_reopen();
                self.seen.crashes += 1;
                self.restart();
                self.check()
            }
        }
    }

    /// Every value that there should be is there.
    pub(crate) fn read_everything(&mut self) -> Result<(), String> {
        self.model.pass_time(self.now());
        for ((account, region, name), secret) in self.model.secrets.clone() {
            let caller = CALLERS.iter().position(|it| *it == (&account, &region));
            let caller = caller.ok_or("a secret of nobody's")?;
            let mut calls = vec![("RestoreSecret", json!({ "SecretId": name }))];
            for version in secret.versions {
                let body = json!({"SecretId": name, "VersionId": version.id});
                calls.push(("GetSecretValue", body));
            }
            for (operation, body) in calls {
                let sent = Sent {
                    caller,
                    operation,
                    model_body: body.clone(),
                    body,
                };
                let expected = self.model.answer(&Asked {
                    account: &account,
                    region: &region,
                    operation,
                    body: &sent.body,
                    now: self.now(),
                    new_arn: "",
                });
                let answer = now(start(Arc::clone(&self.node), &sent));
                match self.outcome(operation, answer)? {
                    Outcome::Answered(answer) if same_answer(&expected, &answer) => {}
                    other => {
                        let body = sent.body;
                        return Err(format!(
                            "{operation} {body}: {other:?} instead of {expected:?}"
                        ));
                    }
                }
            }
        }
        self.check()
    }

    fn together(&mut self, batch: &Batch) -> Result<(), String> {
        self.model.pass_time(self.now());
        let sent: Vec<Sent> = batch
            .calls
            .iter()
            .map(|call| {
                let body = resolve(call, &self.model);
                Sent {
                    caller: call.caller,
                    operation: call.operation,
                    model_body: body.clone(),
                    body,
                }
            })
            .collect();
        if let Some(mishap) = batch.mishap {
            self.order(mishap);
        }
        let happened = self.run(&sent, batch)?;
        let cut = batch.cut.filter(|_| {
            let unanswered = |it: &Happened| matches!(it.outcome, Outcome::Unknown);
            happened.iter().any(unanswered)
        });
        let crashes = cut.is_some_and(|cut| cut.crash);
        if crashes {
            self.store.crash_and_reopen();
            self.seen.crashes += 1;
            self.restart();
        } else {
            self.settle();
        }
        self.explain(&sent, &happened, batch.mishap.is_some() || crashes)?;
        if let ([sent], [Happened { outcome, .. }], None) = (&sent[..], &happened[..], batch.mishap)
            && let Outcome::Answered(Ok(answer)) = outcome
        {
            self.next_pages(sent, answer.clone())?;
        }
        Ok(())
    }

    /// Walks through the rest of a listing, page by page.
    fn next_pages(&mut self, first: &Sent, mut answer: Value) -> Result<(), String> {
        let mut shown = 0;
        while let Some(token) = answer["NextToken"].as_str() {
            let lists = ["SecretList", "Versions", "SecretValues", "Errors"];
            let length = |list: &&str| answer[list].as_array().map_or(0, Vec::len);
            shown += lists.iter().map(length).sum::<usize>();
            let (mut body, mut model_body) = (first.body.clone(), first.body.clone());
            body["NextToken"] = json!(token);
            model_body["NextToken"] = json!(shown);
            let sent = [Sent {
                body,
                model_body,
                ..*first
            }];
            let alone = Batch {
                calls: Vec::new(),
                purge: false,
                order: 0,
                mishap: None,
                cut: None,
            };
            let happened = self.run(&sent, &alone)?;
            self.explain(&sent, &happened, false)?;
            let [
                Happened {
                    outcome: Outcome::Answered(Ok(next)),
                    ..
                },
            ] = &happened[..]
            else {
                return Err("a next page was refused".to_owned());
            };
            answer = next.clone();
        }
        Ok(())
    }

    /// Runs calls side by side, until all are answered or the batch's cut.
    fn run(&mut self, sent: &[Sent], batch: &Batch) -> Result<Vec<Happened>, String> {
        let mut running: Vec<Option<Running>> = sent
            .iter()
            .map(|sent| Some(start(Arc::clone(&self.node), sent)))
            .collect();
        if batch.purge {
            let node = Arc::clone(&self.node);
            running.push(Some(Box::pin(async move {
                node.carry_out_due().await;
                Ok(Vec::new())
            })));
        }
        let mut happened: Vec<Happened> = sent
            .iter()
            .map(|_| Happened {
                outcome: Outcome::NotDone,
                asked: usize::MAX,
                answered: usize::MAX,
            })
            .collect();
        let mut random = Random::new(batch.order);
        let mut context = Context::from_waker(Waker::noop());
        for turn in 0.. {
            if batch.cut.is_some_and(|cut| cut.turns <= turn) {
                break;
            }
            if turn == TURNS_MAX {
                return Err("calls hang".to_owned());
            }
            let waiting: Vec<usize> = (0..running.len())
                .filter(|it| running[*it].is_some())
                .collect();
            if waiting.is_empty() {
                break;
            }
            let next = *random.pick(&waiting);
            if let Some(one) = happened.get_mut(next)
                && one.asked == usize::MAX
            {
                one.asked = turn;
                one.outcome = Outcome::Unknown;
            }
            let Some(future) = &mut running[next] else {
                continue;
            };
            let polled = future.as_mut().poll(&mut context);
            if self.store.is_crashed() {
                // Nobody was left to send this answer, or to go on with the other calls.
                break;
            }
            if let Poll::Ready(result) = polled {
                running[next] = None;
                if let Some(one) = happened.get_mut(next) {
                    one.answered = turn;
                    one.outcome = self.outcome(sent[next].operation, result)?;
                }
            }
        }
        Ok(happened)
    }

    fn outcome(
        &mut self,
        operation: &'static str,
        result: Result<Vec<u8>, Failure>,
    ) -> Result<Outcome, String> {
        let answer = match result {
            Ok(body) if body.is_empty() => Ok(Value::Null),
            Ok(body) => Ok(serde_json::from_slice(&body).map_err(|error| error.to_string())?),
            Err(Failure::Refused(refusal)) => Err(refusal.code),
            Err(Failure::NotStored(fault)) if READS.contains(&operation) => {
                return Err(format!(
                    "{operation} failed although it can be read: {fault}"
                ));
            }
            Err(Failure::NotStored(fault)) if fault.is_before_writing() => {
                return Ok(Outcome::NotDone);
            }
            Err(Failure::NotStored(_)) => return Ok(Outcome::Unknown),
            Err(Failure::Broken(cause)) => return Err(format!("{operation} broke: {cause}")),
            Err(Failure::NotAudited(fault)) => return Err(fault.to_string()),
            Err(Failure::Contended) => return Err(format!("{operation} gave up")),
            Err(Failure::Unauthenticated(_) | Failure::Distrusted(_) | Failure::Unreadable(_)) => {
                return Err("nobody signs here".to_owned());
            }
        };
        let code = answer.as_ref().err().copied().unwrap_or("ok");
        *self.seen.answers.entry((operation, code)).or_default() += 1;
        Ok(Outcome::Answered(answer))
    }

    /// Finds the order in which the calls took effect, and lets the model follow.
    fn explain(
        &mut self,
        sent: &[Sent],
        happened: &[Happened],
        in_trouble: bool,
    ) -> Result<(), String> {
        let raw = self.raw()?;
        let now = self.now();
        let arns = arns(happened, &raw);
        let before = self.model.clone();
        let mut search = Search {
            sent,
            happened,
            in_trouble,
            before: &before,
            raw: &raw,
            arns: &arns,
            now,
            order: Vec::new(),
            closest: (0, String::new()),
        };
        let Some(model) = search.from(&self.model) else {
            let mut how = search.closest.1;
            for (sent, happened) in sent.iter().zip(happened) {
                how += &format!("\n{} {}: {happened:?}", sent.operation, sent.body);
            }
            return Err(how);
        };
        self.seen.reordered += u64::from(!search.order.is_sorted());
        let unknown = |it: &&Happened| matches!(it.outcome, Outcome::Unknown);
        self.seen.without_answer += happened.iter().filter(unknown).count() as u64;
        for (place, secret) in &model.secrets {
            let before = self.model.secrets.get(place);
            let same = before.filter(|before| before.arn == secret.arn);
            let gone = |before: &super::reference::Secret| {
                let kept = |id: &str| secret.versions.iter().any(|it| it.id == id);
                before.versions.iter().filter(|it| !kept(&it.id)).count() as u64
            };
            self.seen.pruned += same.map_or(0, gone);
        }
        self.model = model;
        Ok(())
    }

    /// Every secret of the store, whose records fit together, once the dates of reads are written down.
    fn raw(&mut self) -> Result<Arc<Vec<Secret>>, String> {
        now(self.node.write_uses());
        let snapshot = self.store.snapshot().map_err(|fault| fault.to_string())?;
        let revision = snapshot.revision();
        drop(snapshot);
        if self.raw.0 != revision {
            self.raw = (revision, Arc::new(invariants::check(&*self.store)?));
        }
        Ok(Arc::clone(&self.raw.1))
    }

    fn check(&mut self) -> Result<(), String> {
        let raw = self.raw()?;
        differs(&self.model, &raw, self.now()).map_or(Ok(()), Err)
    }

    fn check_after_purge(&mut self) -> Result<(), String> {
        let before = self.model.secrets.len();
        self.model.pass_time(self.now());
        self.seen.purged += (before - self.model.secrets.len()) as u64;
        self.check()?;
        let raw = self.raw()?;
        match raw.iter().find(|secret| is_gone(secret, self.now())) {
            Some(secret) => Err(format!("{} was not purged", secret.arn())),
            None => Ok(()),
        }
    }

    fn order(&self, mishap: Mishap) {
        match mishap {
            Mishap::NoSpace => self.store.next_commit_finds_no_space(),
            Mishap::Io => self.store.next_commit_fails(),
            Mishap::Crash => self.store.next_commit_crashes(),
        }
    }

    /// What was queued is decided, a mishap that met nothing is used up, and what crashed starts again.
    fn settle(&mut self) {
        drop(now(self.store.commit(Commit::default())));
        if self.store.is_crashed() {
            self.store.crash_and_reopen();
            self.seen.crashes += 1;
            self.restart();
        }
    }

    fn restart(&mut self) {
        self.restarts += 1;
        self.node = node(&self.store, self.seed, self.restarts, self.passed);
    }

    fn now(&self) -> i64 {
        self.node.now().milliseconds()
    }
}

fn node(store: &Arc<Simulated>, seed: u64, restarts: u64, passed: i64) -> Arc<Node> {
    let root_key = RootKey::generate(&SeededEntropy::new(seed));
    let assembly = Assembly {
        store: Arc::clone(store) as Arc<dyn Store>,
        keyring: Keyring::new(root_key),
        entropy: Box::new(SeededEntropy::new(seed ^ ((restarts + 1) << 32))),
        clock: Clock::standing_at(Timestamp::from_milliseconds(BEGINNING + passed)),
        record_cache_bytes: RECORD_CACHE_BYTES,
        dev: true,
        seal_file: None,
    };
    Node::assemble(assembly).expect("a store that just opened can be read")
}

fn start(node: Arc<Node>, sent: &Sent) -> Running {
    let (account, region) = CALLERS[sent.caller];
    let account = AccountId::parse(account).expect("twelve digits");
    let region = Region::parse(region).expect("a region's name");
    let (operation, body) = (sent.operation, sent.body.to_string());
    Box::pin(async move {
        node.run_as_root(&account, &region, operation, body.as_bytes())
            .await
    })
}

/// The search for an order.
struct Search<'a> {
    sent: &'a [Sent],
    happened: &'a [Happened],
    /// Whether something went wrong by which the dates of reads may be lost.
    in_trouble: bool,
    /// The model before all of the calls.
    before: &'a Model,
    raw: &'a [Secret],
    arns: &'a [String],
    now: i64,
    order: Vec<usize>,
    /// How the attempt failed that came farthest.
    closest: (usize, String),
}

impl Search<'_> {
    fn from(&mut self, model: &Model) -> Option<Model> {
        let left: Vec<usize> = (0..self.sent.len())
            .filter(|it| !matches!(self.happened[*it].outcome, Outcome::NotDone))
            .filter(|it| !self.order.contains(it))
            .collect();
        if left.is_empty() {
            let mut model = model.clone();
            if self.in_trouble {
                lose_dates(&mut model, self.before, self.raw);
            }
            return match differs(&model, self.raw, self.now) {
                None => Some(model),
                Some(how) => self.fail(1, how),
            };
        }
        let first_answer = left.iter().map(|it| self.happened[*it].answered).min();
        for next in left {
            if first_answer < Some(self.happened[next].asked) {
                continue;
            }
            self.order.push(next);
            for new_arn in self.new_arns(model, next) {
                for happens in [true, false] {
                    if let Some(after) = self.after(model, next, &new_arn, happens)
                        && let Some(found) = self.from(&after)
                    {
                        return Some(found);
                    }
                }
            }
            self.order.pop();
        }
        None
    }

    /// The model after one more call, where that call's answer fits.
    fn after(&mut self, model: &Model, next: usize, new_arn: &str, happens: bool) -> Option<Model> {
        let sent = &self.sent[next];
        let mut after = model.clone();
        let (account, region) = CALLERS[sent.caller];
        let expected = after.answer(&Asked {
            account,
            region,
            operation: sent.operation,
            body: &sent.model_body,
            now: self.now,
            new_arn,
        });
        let outcome = match &self.happened[next].outcome {
            Outcome::Answered(answer) => answer,
            // A call that would have changed nothing needs to be looked at once only.
            Outcome::Unknown if happens => return Some(after),
            _ => return (after != *model).then(|| model.clone()),
        };
        if !same_answer(&expected, outcome) {
            let (operation, body) = (sent.operation, &sent.body);
            return self.fail(
                0,
                format!("{operation} {body}\nanswered {outcome:?}\nexpected {expected:?}"),
            );
        }
        happens.then_some(after)
    }

    /// What the ARN may be of a secret that the call makes: the one it was told, else any that turned up and isn't taken.
    fn new_arns(&self, model: &Model, next: usize) -> Vec<String> {
        let sent = &self.sent[next];
        if sent.operation != "CreateSecret" {
            return vec![String::new()];
        }
        if let Outcome::Answered(answer) = &self.happened[next].outcome {
            let arn = answer
                .as_ref()
                .ok()
                .and_then(|answer| answer["ARN"].as_str());
            return vec![arn.unwrap_or_default().to_owned()];
        }
        let (account, region) = CALLERS[sent.caller];
        let name = sent.body["Name"].as_str().unwrap_or_default();
        let start = format!("arn:aws:secretsmanager:{region}:{account}:secret:{name}-");
        let possible = |arn: &String| {
            let taken = model.secrets.values().any(|secret| secret.arn == *arn);
            arn.len() == start.len() + 6 && arn.starts_with(&start) && !taken
        };
        let mut arns: Vec<String> = self
            .arns
            .iter()
            .filter(|arn| possible(arn))
            .cloned()
            .collect();
        arns.push("an ARN that nobody has seen".to_owned());
        arns.dedup();
        arns
    }

    fn fail<T>(&mut self, more: usize, how: String) -> Option<T> {
        let depth = self.order.len() + more;
        if self.closest.0 < depth {
            self.closest = (depth, how);
        }
        None
    }
}

/// Takes back the dates of reads that the store hasn't, but none that it had before.
fn lose_dates(model: &mut Model, before: &Model, raw: &[Secret]) {
    let lost = |date: &mut Option<i64>, before: Option<i64>, stored: Option<Timestamp>| {
        if stored.map(Timestamp::milliseconds) == before {
            *date = before;
        }
    };
    for (place, secret) in &mut model.secrets {
        let Some(stored) = raw.iter().find(|stored| stored.arn() == secret.arn) else {
            continue;
        };
        let earlier = before.secrets.get(place);
        let earlier = earlier.filter(|earlier| earlier.arn == secret.arn);
        let date = earlier.and_then(|earlier| earlier.accessed);
        lost(&mut secret.accessed, date, stored.accessed);
        for version in &mut secret.versions {
            let Some(stored) = stored.version(&version.id) else {
                continue;
            };
            let mut versions = earlier.iter().flat_map(|earlier| &earlier.versions);
            let date = versions.find(|each| each.id == version.id);
            let date = date.and_then(|version| version.accessed);
            lost(&mut version.accessed, date, stored.accessed);
        }
    }
}

/// Every ARN that is in the store or was answered.
fn arns(happened: &[Happened], raw: &[Secret]) -> Vec<String> {
    let answered = happened.iter().filter_map(|it| match &it.outcome {
        Outcome::Answered(Ok(answer)) => answer["ARN"].as_str().map(str::to_owned),
        _ => None,
    });
    raw.iter().map(Secret::arn).chain(answered).collect()
}

fn is_gone(secret: &Secret, now: i64) -> bool {
    matches!(secret.lifecycle, Lifecycle::Deleting { at } if at.milliseconds() <= now)
}

/// How the store differs from the model; values are compared by reading them.
fn differs(model: &Model, raw: &[Secret], now: i64) -> Option<String> {
    let mut left = model.secrets.len();
    for secret in raw.iter().filter(|secret| !is_gone(secret, now)) {
        let place = (
            secret.account.to_string(),
            secret.region.to_string(),
            secret.name.clone(),
        );
        let Some(expected) = model.secrets.get(&place) else {
            return Some(format!(
                "{} is in the store and should not be",
                secret.arn()
            ));
        };
        left -= 1;
        let wrong = fields(secret, expected);
        if !wrong.is_empty() {
            return Some(format!("{}\n{}", secret.arn(), wrong.join("\n")));
        }
    }
    (left > 0).then(|| format!("{left} secrets are missing of {:?}", model.secrets.keys()))
}

/// The fields in which a secret differs.
fn fields(secret: &Secret, expected: &super::reference::Secret) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut compare = |what: &str, stored: &dyn std::fmt::Debug, expected: &dyn std::fmt::Debug| {
        wrong.push(format!(
            "{what}: {stored:?} is stored, {expected:?} is expected"
        ));
    };
    macro_rules! compare {
        ($what:literal, $stored:expr, $expected:expr) => {{
            let (stored, expected) = (&$stored, &$expected);
            if stored != expected {
                compare($what, stored, expected);
            }
        }};
    }
    let at = |instant: Option<Timestamp>| instant.map(Timestamp::milliseconds);
    compare!("ARN", secret.arn(), expected.arn);
    compare!("created", secret.created.milliseconds(), expected.created);
    compare!("changed", secret.changed.milliseconds(), expected.changed);
    compare!("accessed", at(secret.accessed), expected.accessed);
    compare!("description", secret.description, expected.description);
    compare!("type", secret.secret_type, expected.secret_type);
    compare!("KMS key", secret.kms_key_id, None);
    compare!(
        "policy",
        secret.resource_policy.as_ref().map(|policy| policy.text()),
        expected.policy.as_deref()
    );
    compare!("labels", invariants::labels(secret), expected.labels);
    let deleted = match secret.lifecycle {
        Lifecycle::Active => None,
        Lifecycle::Deleting { at } => Some(at.milliseconds()),
    };
    compare!("deleted", deleted, expected.deleted);
    let tags = secret.tags.iter();
    let tags: Vec<_> = tags
        .map(|tag| (tag.key.clone(), tag.value.clone()))
        .collect();
    compare!("tags", tags, expected.tags);
    compare!("count", secret.versions.len(), expected.versions.len());
    for (version, expected) in secret.versions.iter().zip(&expected.versions) {
        let created = version.created.milliseconds();
        let accessed = at(version.accessed);
        compare!(
            "version",
            (&version.id, created, accessed),
            (&expected.id, expected.created, expected.accessed)
        );
    }
    wrong
}

fn same_answer(expected: &Answer, given: &Answer) -> bool {
    match (expected, given) {
        (Ok(expected), Ok(given)) => same_value(expected, given),
        (Err(expected), Err(given)) => expected == given,
        _ => false,
    }
}

fn same_value(expected: &Value, given: &Value) -> bool {
    match (expected, given) {
        (Value::String(any), Value::String(_)) if any == ANY => true,
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64(), other.as_f64());
            (one.unwrap_or_default() - other.unwrap_or_default()).abs() < 0.000_5
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_value(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .all(|(name, a)| other.get(name).is_some_and(|b| same_value(a, b)))
        }
        (one, other) => one == other,
    }
}
