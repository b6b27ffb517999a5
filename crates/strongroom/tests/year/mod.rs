//! A year of rotations in a node whose clock is moved: secrets with all kinds of schedules, processes that die in the
//! middle of a commit, and clocks that jump. Each secret rotates once in each of its windows, which a second reckoning
//! of the calendar tells, and a window that nobody was there for is made up for once.
//!
//! `STRONGROOM_YEAR_SECRETS` and `STRONGROOM_YEAR_DAYS` say how many, `STRONGROOM_SEED` which.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "all of it is tests; clippy only sees that of functions marked as such"
)]

#[path = "../../../services/tests/rules/calendar.rs"]
mod calendar;

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use serde_json::json;
use strongroom::clock::Clock;
use strongroom::edge::control::DevServer as _;
use strongroom::node::{Assembly, Node};
use strongroom_keys::{Keyring, RootKey, SeededEntropy};
use strongroom_services::caller::{AccountId, Region};
use strongroom_services::records::Record as _;
use strongroom_services::rotation::run::{Ended, RotationRun};
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_services::time::{Timestamp, rfc3339};
use strongroom_store::simulated::{Chances, Simulated};
use strongroom_store::{Change, ChangeKind, Range, Store, Watcher};
use tokio::runtime::Runtime;

use crate::random::{Random, setting};

/// So many take about ten seconds, without optimization.
const SECRETS: u64 = 60;
const DAYS: u64 = 60;
/// 1 January 2027, 00:00:00.123 UTC.
const BEGINNING: i64 = 1_798_761_600_123;
const HOUR: i64 = 3600 * 1000;
const DAY: i64 = 24 * HOUR;
/// How far the clock is moved at a time: a tenth of the shortest window, as no rotation is planned for its last tenth.
const STEP_SECONDS: u64 = 6 * 60;
/// Of a million commits, so many kill the process; among more secrets, which make more of them, fewer.
const CRASHES: u32 = 1500;
/// One of so many steps jumps.
const JUMPS: usize = 400;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";

/// A schedule, its `Duration`, and what the second reckoning knows of its windows.
struct Kind {
    rules: &'static str,
    every: Every,
    /// Hours for which a window is open; 0: until midnight.
    open: i64,
}

enum Every {
    Days(i64),
    Hours(i64),
    Walked(&'static str),
}

const KINDS: &[Kind] = &[
    Kind {
        rules: r#"{"AutomaticallyAfterDays": 30}"#,
        every: Every::Days(30),
        open: 24,
    },
    Kind {
        rules: r#"{"AutomaticallyAfterDays": 1}"#,
        every: Every::Days(1),
        open: 24,
    },
    Kind {
        rules: r#"{"AutomaticallyAfterDays": 7, "Duration": "3h"}"#,
        every: Every::Days(7),
        open: 3,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "rate(10 days)"}"#,
        every: Every::Days(10),
        open: 24,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "rate(4 hours)"}"#,
        every: Every::Hours(4),
        open: 1,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "rate(18 hours)", "Duration": "2h"}"#,
        every: Every::Hours(18),
        open: 2,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "cron(0 8 1 * ? *)"}"#,
        every: Every::Walked("cron(0 8 1 * ? *)"),
        open: 0,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "cron(0 8/8 * * ? *)"}"#,
        every: Every::Walked("cron(0 8/8 * * ? *)"),
        open: 1,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "cron(0 16 ? * SUN *)", "Duration": "4h"}"#,
        every: Every::Walked("cron(0 16 ? * SUN *)"),
        open: 4,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "cron(0 2 L * ? *)"}"#,
        every: Every::Walked("cron(0 2 L * ? *)"),
        open: 0,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "cron(0 23 ? * TUE#3 *)"}"#,
        every: Every::Walked("cron(0 23 ? * TUE#3 *)"),
        open: 0,
    },
    Kind {
        rules: r#"{"ScheduleExpression": "cron(0 0 ? * MON-FRI *)", "Duration": "6h"}"#,
        every: Every::Walked("cron(0 0 ? * MON-FRI *)"),
        open: 6,
    },
];

impl Kind {
    /// The window after a rotation, in milliseconds.
    fn window_after(&self, base: i64) -> Option<(i64, i64)> {
        let midnight = base.div_euclid(DAY) * DAY;
        let from = match self.every {
            Every::Days(days) => midnight + days * DAY,
            Every::Hours(hours) => {
                let passed = (base - midnight).div_euclid(hours * HOUR);
                midnight + (passed + 1) * hours * HOUR
            }
            Every::Walked(expression) => {
                let base = Timestamp::from_milliseconds(base);
                calendar::walked(expression, base)?.milliseconds()
            }
        };
        let until = match self.open {
            0 => from.div_euclid(DAY) * DAY + DAY,
            hours => from + hours * HOUR,
        };
        Some((from, until))
    }
}

/// The rotations that ended, by the secret's name, once what the store told of them was read.
#[derive(Default)]
struct Rotations {
    told: Mutex<Vec<Vec<u8>>>,
    known: Mutex<HashSet<Vec<u8>>>,
    ended: Mutex<BTreeMap<String, Vec<(i64, Ended)>>>,
}

impl Watcher for Rotations {
    fn changed(&self, changes: &[Change]) {
        let created = changes.iter().filter(|change| {
            change.kind == ChangeKind::Created && change.key.starts_with(b"rotation-run\0")
        });
        let keys = created.map(|change| change.key.clone());
        self.told.lock().unwrap().extend(keys);
    }
}

impl Rotations {
    /// Looks for all that are kept.
    fn find(&self, store: &Simulated) {
        let mut told = self.told.lock().unwrap();
        let runs = Range::prefix(b"rotation-run\0");
        let visited = store.snapshot().unwrap().range(&runs, &mut |entry| {
            told.push(entry.key.to_vec());
            ControlFlow::Continue(())
        });
        visited.unwrap();
    }

    /// Reads those that were told of, or found.
    fn read(&self, store: &Simulated) {
        let mut keys = std::mem::take(&mut *self.told.lock().unwrap());
        let mut known = self.known.lock().unwrap();
        keys.retain(|key| !known.contains(key));
        if keys.is_empty() {
            return;
        }
        let snapshot = store.snapshot().unwrap();
        let mut ended = self.ended.lock().unwrap();
        for key in keys {
            // A commit that a death took back has left none.
            let Some(entry) = snapshot.get(&key).unwrap() else {
                continue;
            };
            if !known.insert(key.clone()) {
                continue;
            }
            let record = RotationRun::decode_at(&key, &entry.value).unwrap();
            let run = RotationRun::unwrap(&record).unwrap();
            let runs = ended.entry(run.name.clone()).or_default();
            runs.push((run.finished.milliseconds(), run.ended));
        }
    }
}

/// A process: it dies with its tasks.
struct Process {
    runtime: Runtime,
    node: Arc<Node>,
}

impl Process {
    fn start(store: &Arc<Simulated>, seed: u64, starts: u64, now: i64) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let assembly = Assembly {
            store: Arc::clone(store) as Arc<dyn Store>,
            keyring: Keyring::new(RootKey::generate(&SeededEntropy::new(seed))),
            entropy: Box::new(SeededEntropy::new(seed ^ ((starts + 1) << 32))),
            clock: Clock::standing_at(Timestamp::from_milliseconds(now - moved(store))),
            record_cache_bytes: 1 << 24,
            dev: true,
            seal_file: None,
        };
        let node = Node::assemble(assembly).unwrap();
        runtime.block_on(async { node.start_workers() });
        Process { runtime, node }
    }

    /// Makes a secret that rotates.
    fn make(&self, number: u64, kind: &Kind) {
        let account = AccountId::parse(ACCOUNT).unwrap();
        let region = Region::parse(REGION).unwrap();
        let function =
            format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-random-value");
        let create = json!({"Name": name(number), "ClientRequestToken": format!("{number:032}"), "SecretString": "first"});
        let rules: serde_json::Value = serde_json::from_str(kind.rules).unwrap();
        let rotate = json!({"SecretId": name(number), "ClientRequestToken": format!("{number:033}"),
            "RotationLambdaARN": function, "RotationRules": rules});
        self.runtime.block_on(async {
            for (operation, body) in [("CreateSecret", &create), ("RotateSecret", &rotate)] {
                let body = body.to_string();
                let asked = self
                    .node
                    .run_as_root(&account, &region, operation, body.as_bytes());
                assert!(asked.await.is_ok(), "{operation} {body}");
            }
        });
    }

    /// Lets time pass, and what falls due be done.
    fn pass(&self, seconds: u64) -> Result<(), String> {
        self.runtime.block_on(self.node.advance_clock(seconds))
    }
}

/// How far the store says that the clock was moved.
fn moved(store: &Simulated) -> i64 {
    let entry = store.snapshot().unwrap().get(b"development-clock").unwrap();
    entry.map_or(0, |entry| {
        i64::from_be_bytes(entry.value.try_into().unwrap())
    })
}

#[test]
fn each_secret_rotates_once_in_each_of_its_windows() {
    let secrets = setting("STRONGROOM_YEAR_SECRETS", SECRETS);
    let days = i64::try_from(setting("STRONGROOM_YEAR_DAYS", DAYS)).unwrap();
    let seed = setting("STRONGROOM_SEED", RandomState::new().hash_one("year"));
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let store = Arc::new(Simulated::new(seed));
    let rotations = Arc::new(Rotations::default());
    store.watch(Arc::clone(&rotations) as Arc<dyn Watcher>);
    let (mut now, end) = (BEGINNING, BEGINNING + days * DAY);
    let (mut starts, mut crashes) = (0, 0);
    let mut process = Process::start(&store, seed, starts, now);
    for number in 0..secrets {
        process.make(number, kind_of(number));
    }
    process.pass(0).unwrap();
    store.set_chances(Chances {
        crash: CRASHES / u32::try_from(secrets.div_ceil(SECRETS)).unwrap(),
        ..Chances::default()
    });
    // When nobody was there, or the clock jumped.
    let mut gaps: Vec<(i64, i64)> = Vec::new();
    while now < end {
        let jump = random
            .one_in(JUMPS)
            .then(|| 3600 * (1 + random.below(60) as u64));
        let seconds = jump.unwrap_or(STEP_SECONDS);
        let before = now;
        now += i64::try_from(seconds).unwrap() * 1000;
        if jump.is_some() {
            gaps.push((before, now));
        }
        let advanced = process.pass(seconds);
        if store.is_crashed() {
            crashes += 1;
            starts += 1;
            process.runtime.shutdown_background();
            store.crash_and_reopen();
            // What the last commit did is there or isn't, and nobody was told.
            rotations.find(&store);
            rotations.read(&store);
            store.watch(Arc::clone(&rotations) as Arc<dyn Watcher>);
            // It may take a while until somebody notices.
            let away = i64::try_from(random.below(3 * 3600)).unwrap() * 1000;
            gaps.push((before, now + away));
            now += away;
            process = Process::start(&store, seed, starts, now);
        } else {
            advanced.unwrap();
        }
        rotations.read(&store);
    }
    // What a death in the last moment left over.
    store.set_chances(Chances::default());
    process.pass(0).unwrap();
    rotations.read(&store);
    let ended = rotations.ended.lock().unwrap();
    let mut total = 0;
    for number in 0..secrets {
        let kind = kind_of(number);
        let runs = &ended[&name(number)];
        total += runs.len();
        check(kind, runs, now, &gaps).unwrap_or_else(|problem| {
            panic!(
                "seed {seed}, {} with {}: {problem}; {}",
                name(number),
                kind.rules,
                left_of(&store, &name(number))
            )
        });
    }
    println!(
        "{secrets} secrets rotated {total} times in {days} days, with {crashes} deaths and {} jumps of the clock",
        gaps.len() - crashes
    );
    assert!(crashes > 0 && gaps.len() > crashes, "too little went wrong");
}

/// Whether the rotations of a secret are those that its schedule asks for.
fn check(kind: &Kind, runs: &[(i64, Ended)], now: i64, gaps: &[(i64, i64)]) -> Result<(), String> {
    let shown = |at: i64| rfc3339(Timestamp::from_milliseconds(at));
    let excused = |from: i64, until: i64| gaps.iter().any(|gap| gap.0 < until && from < gap.1);
    let mut base = None;
    for (at, ended) in runs.iter().copied() {
        if ended != Ended::Succeeded {
            return Err(format!("at {} it ended with {ended:?}", shown(at)));
        }
        let window = base.and_then(|base| kind.window_after(base));
        if let Some((from, until)) = window {
            let whose = format!("the window from {} to {}", shown(from), shown(until));
            if at < from {
                return Err(format!("it rotated at {}, before {whose}", shown(at)));
            }
            // Late, where somebody was there in the last part of the window and after it.
            if at >= until && !excused(until - HOUR, at) {
                let near = |other: i64| (other - at).abs() < 2 * DAY;
                let others: Vec<String> = runs
                    .iter()
                    .filter(|run| near(run.0))
                    .map(|run| shown(run.0))
                    .collect();
                let gaps: Vec<String> = gaps
                    .iter()
                    .filter(|gap| near(gap.0))
                    .map(|gap| format!("{} to {}", shown(gap.0), shown(gap.1)))
                    .collect();
                return Err(format!(
                    "it rotated at {}, after {whose}; rotations {others:?}, nobody there {gaps:?}",
                    shown(at)
                ));
            }
        }
        base = Some(at);
    }
    let Some(base) = base else {
        return Err("it never rotated".to_owned());
    };
    match kind.window_after(base) {
        Some((from, until)) if until <= now && !excused(from, until) => Err(format!(
            "after {} it missed the window from {}",
            shown(base),
            shown(from)
        )),
        _ => Ok(()),
    }
}

/// What the store has of a secret's rotation, for whoever looks into a failure.
fn left_of(store: &Simulated, name: &str) -> String {
    let mut left = Vec::new();
    let snapshot = store.snapshot().unwrap();
    let end = format!("\0{name}").into_bytes();
    let visited = snapshot.range(&Range::all(), &mut |entry| {
        if entry.key.starts_with(b"rotation-") && entry.key.ends_with(&end) {
            left.push(String::from_utf8_lossy(entry.key).replace('\0', " "));
        }
        if entry.key.starts_with(b"secret\0") && entry.key.ends_with(&end) {
            let record = Secret::decode_at(entry.key, entry.value).unwrap();
            let secret = Secret::unwrap(&record).unwrap();
            left.push(format!("{:?} {:?}", secret.rotation, secret.labels));
        }
        ControlFlow::Continue(())
    });
    visited.unwrap();
    left.join(", ")
}

/// How a secret is rotated. Those that rotate several times a day are few among many, as they are with people.
fn kind_of(number: u64) -> &'static Kind {
    let kind = &KINDS[usize::try_from(number).unwrap() % KINDS.len()];
    match kind.open {
        1 | 2 if number >= 120 => &KINDS[0],
        _ => kind,
    }
}

fn name(number: u64) -> String {
    format!("secret-{number}")
}

#[test]
fn a_damaged_record_holds_up_no_rotation_but_its_own() {
    let store = Arc::new(Simulated::new(1));
    let process = Process::start(&store, 1, 0, BEGINNING);
    let daily = &KINDS[1];
    for number in 0..3 {
        process.make(number, daily);
    }
    process.pass(0).unwrap();
    // In the middle of its rotation, and in wait for the next.
    let place = |kind: &str, number| format!("{kind}\0{ACCOUNT}\0{REGION}\0{}", name(number));
    process.runtime.shutdown_background();
    store.crash_and_reopen();
    store.damage(place("secret", 0).as_bytes());
    store.damage(place("rotation-job", 1).as_bytes());
    let process = Process::start(&store, 1, 1, BEGINNING);
    let rotations = Arc::new(Rotations::default());
    store.watch(Arc::clone(&rotations) as Arc<dyn Watcher>);
    for _ in 0..3 {
        assert!(process.pass(2 * 24 * 3600).is_err(), "the damage is told");
    }
    rotations.read(&store);
    let ended = rotations.ended.lock().unwrap();
    assert_eq!(ended.get(&name(2)).map(Vec::len), Some(3));
    assert_eq!(ended.len(), 1);
}

#[test]
fn the_check_finds_rotations_that_are_missing_doubled_early_or_late() {
    let daily = &KINDS[1];
    let at = |day: i64, hour: i64| (BEGINNING + day * DAY + hour * HOUR, Ended::Succeeded);
    let right = [at(0, 0), at(1, 5), at(2, 23)];
    let now = at(3, 20).0;
    assert_eq!(check(daily, &right, now, &[]), Ok(()));
    for (wrong, problem) in [
        (vec![at(0, 0), at(1, 5), at(1, 6)], "before"),
        (vec![at(0, 0), at(2, 5)], "after"),
        (vec![at(0, 0), at(1, 5)], "missed"),
        (vec![], "never"),
        (vec![at(0, 0), (at(1, 5).0, Ended::Failed)], "ended with"),
    ] {
        assert!(
            check(daily, &wrong, now, &[])
                .unwrap_err()
                .contains(problem),
            "{problem}"
        );
    }
    let gap = (at(1, 22).0, at(2, 5).0);
    assert_eq!(
        check(daily, &[at(0, 0), at(2, 5), at(3, 1)], now, &[gap]),
        Ok(())
    );
}
