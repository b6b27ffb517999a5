//! What was acknowledged is there after the process was killed and after the power went; what wasn't is there as a
//! whole or not at all.

use std::io::{BufRead, BufReader, ErrorKind, Write as _};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{FaultKind, Store};

use crate::support::{Seed, Trouble, Unreliable, block_on, has_pair, pair};

const CHILD: &str = "STRONGROOM_CRASH_CHILD";
const WRITERS: u64 = 64;

/// Kills a process that writes, again and again. `STRONGROOM_CRASH_ROUNDS` sets how often, 20 by default.
#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged() {
    let setting = |name: &str, default: u64| {
        std::env::var(name)
            .ok()
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    };
    let rounds = setting("STRONGROOM_CRASH_ROUNDS", 20);
    let seed = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!("STRONGROOM_SEED={seed}");
    let mut seed = Seed(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::the_process_that_is_killed",
                "--nocapture",
            ])
            .env(CHILD, folder.path())
            .env("STRONGROOM_CRASH_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        lines
            .by_ref()
            .find(|line| line.starts_with("acknowledged "))
            .expect("it commits something");
        if round == 0 {
            let fault = Embedded::open(&Options::new(folder.path())).err().unwrap();
            assert_eq!(
                *fault.kind(),
                FaultKind::Locked {
                    pid: Some(child.id())
                }
            );
        }
        // A moment of the seed's choosing: the one thing here that isn't waited for.
        std::thread::sleep(Duration::from_micros(seed.below(40_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines {
            // The last line may be torn; then it doesn't end in its full stop.
            if let Some(name) = line
                .strip_prefix("acknowledged ")
                .and_then(|rest| rest.strip_suffix('.'))
            {
                acknowledged.push(name.to_owned());
            }
        }
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        for name in &acknowledged {
            assert!(has_pair(&store, name), "round {round} lost {name}");
        }
        let count = store.snapshot().unwrap().revision().0;
        for name in
            (0..WRITERS).flat_map(|writer| (0..count).map(move |n| format!("{round}-{writer}-{n}")))
        {
            // Asserts that there is no half of it.
            if !has_pair(&store, &name) && name.ends_with("00") {
                break;
            }
        }
        assert_eq!(store.verify().faults, []);
    }
    assert!(acknowledged.len() as u64 > rounds);
}

/// Not a test of its own: the process that the test above kills.
#[test]
fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let round = std::env::var("STRONGROOM_CRASH_ROUND").unwrap();
    let store = Arc::new(Embedded::open(&Options::new(folder)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, round) = (Arc::clone(&store), round.clone());
            runtime.spawn(async move {
                for number in 0.. {
                    let name = format!("{round}-{writer}-{number}");
                    store.commit(pair(&name)).await.unwrap();
                    let mut out = std::io::stdout().lock();
                    out.write_all(format!("acknowledged {name}.\n").as_bytes())
                        .unwrap();
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

/// Cuts the power at an operation of the seed's choosing, many times, with any sectors written that weren't synced.
#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let first = std::env::var("STRONGROOM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(0);
    for number in first..first + 60 {
        println!("STRONGROOM_SEED={number}");
        let mut seed = Seed(number);
        let folder = tempfile::tempdir().unwrap();
        let mut disk = None;
        let store = Embedded::open_on(&Options::new(folder.path()), |file| {
            let unreliable = Unreliable::new(file);
            disk = Some(Arc::clone(&unreliable));
            unreliable
        });
        let (store, disk) = (store.unwrap(), disk.unwrap());
        let from = seed.below(120);
        let trouble = Trouble {
            kind: ErrorKind::Other,
            from,
            times: u64::MAX,
            reads_too: false,
        };
        disk.set_trouble(trouble);
        let acknowledged = Mutex::new(Vec::new());
        let next = AtomicU64::new(0);
        block_on(async {
            for _ in 0..40 {
                // Several at once, so that groups form.
                let names: Vec<_> = (0..4)
                    .map(|_| next.fetch_add(1, Ordering::Relaxed).to_string())
                    .collect();
                let mut commits: Vec<_> =
                    names.iter().map(|name| store.commit(pair(name))).collect();
                let mut context = std::task::Context::from_waker(std::task::Waker::noop());
                let polled: Vec<_> = commits
                    .iter_mut()
                    .map(|commit| commit.as_mut().poll(&mut context))
                    .collect();
                for ((name, polled), commit) in names.iter().zip(polled).zip(commits) {
                    let answer = match polled {
                        Poll::Ready(answer) => answer,
                        Poll::Pending => commit.await,
                    };
                    if answer.is_ok() {
                        acknowledged.lock().unwrap().push(name.clone());
                    }
                }
            }
        });
        let image = disk.after_power_cut(&mut seed);
        drop(store);
        std::fs::write(folder.path().join("store.redb"), image).unwrap();
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        for name in acknowledged.lock().unwrap().iter() {
            assert!(has_pair(&store, name), "lost {name}");
        }
        for name in 0..next.load(Ordering::Relaxed) {
            has_pair(&store, &name.to_string());
        }
        assert_eq!(store.verify().faults, []);
    }
}
