//! The simulated store is as unkind as promised, and always in the same way.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use strongroom_store::simulated::{Chances, Simulated, now};
use strongroom_store::{CommitError, Fault, FaultKind, Revision, Store};

use crate::support::{all, has_pair, pair};

#[test]
fn the_same_seed_does_the_same() {
    let run = |seed| {
        let store = Simulated::new(seed);
        store.set_chances(Chances {
            no_space: 100_000,
            io: 100_000,
            crash: 50_000,
            delay: 300_000,
        });
        let answers: Vec<_> = (0..200)
            .map(|number| {
                if store.is_crashed() {
                    store.crash_and_reopen();
                }
                now(store.commit(pair(&number.to_string())))
            })
            .collect();
        store.crash_and_reopen();
        (answers, all(&store))
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}

#[test]
fn a_crash_keeps_what_was_acknowledged_and_the_first_few_of_the_rest() {
    let mut kept_some = BTreeSet::new();
    for seed in 0..200 {
        let store = Simulated::new(seed);
        now(store.commit(pair("acknowledged"))).unwrap();
        store.set_chances(Chances {
            delay: 1_000_000,
            ..Chances::default()
        });
        let mut context = Context::from_waker(Waker::noop());
        let mut commits: Vec<_> = (0..4)
            .map(|number| store.commit(pair(&number.to_string())))
            .collect();
        for commit in &mut commits {
            assert!(commit.as_mut().poll(&mut context).is_pending());
        }
        store.crash_and_reopen();
        assert!(has_pair(&store, "acknowledged"));
        let kept: Vec<_> = (0..4)
            .map(|number| has_pair(&store, &number.to_string()))
            .collect();
        assert!(
            kept.is_sorted_by(|earlier, later| earlier >= later),
            "{kept:?}"
        );
        kept_some.insert(kept.iter().filter(|kept| **kept).count());
        for mut commit in commits {
            let answer = poll_until_ready(commit.as_mut(), &mut context);
            assert!(
                matches!(answer, Err(CommitError::Fault(_))),
                "nobody is left to acknowledge it"
            );
        }
    }
    assert_eq!(kept_some.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
}

fn poll_until_ready<T>(
    mut future: Pin<&mut dyn Future<Output = T>>,
    context: &mut Context<'_>,
) -> T {
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(context) {
            return value;
        }
    }
}

#[test]
fn a_disk_that_fails_leaves_the_outcome_to_the_seed() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..50 {
        let store = Simulated::new(seed);
        store.next_commit_fails();
        let Err(CommitError::Fault(fault)) = now(store.commit(pair("k"))) else {
            panic!("it fails")
        };
        assert_eq!(*fault.kind(), FaultKind::Io);
        assert!(!fault.is_before_writing());
        outcomes.insert(has_pair(&store, "k"));
        now(store.commit(pair("next"))).unwrap();
    }
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_crash_during_a_commit_leaves_the_outcome_to_the_seed_and_the_store_silent() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..50 {
        let store = Simulated::new(seed);
        store.next_commit_crashes();
        now(store.commit(pair("k"))).unwrap_err();
        assert!(store.is_crashed());
        assert!(store.snapshot().is_err());
        assert!(store.health().is_err());
        now(store.commit(pair("next"))).unwrap_err();
        store.crash_and_reopen();
        outcomes.insert(has_pair(&store, "k"));
        assert!(!has_pair(&store, "next"));
    }
    assert_eq!(outcomes.len(), 2);
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    let store = Simulated::new(1);
    store.next_commit_finds_no_space();
    let Err(CommitError::Fault(fault)) = now(store.commit(pair("k"))) else {
        panic!("refused")
    };
    assert_eq!(*fault.kind(), FaultKind::NoSpace);
    assert!(fault.is_before_writing());
    now(store.commit(pair("k"))).unwrap();
    let read_only = Fault::new(FaultKind::ReadOnly, "the disk is read-only");
    store.refuse_commits(Some(read_only.clone()));
    assert_eq!(
        now(store.commit(pair("l"))),
        Err(read_only.clone().before_writing().into())
    );
    assert_eq!(store.health(), Err(read_only.before_writing()));
    assert!(has_pair(&store, "k"));
    store.refuse_commits(None);
    assert_eq!(now(store.commit(pair("l"))), Ok(Revision(2)));
}

#[test]
fn a_damaged_record_is_refused_by_itself_and_until_written_again() {
    let store = Simulated::new(1);
    now(store.commit(pair("k"))).unwrap();
    store.damage(b"left/k");
    let snapshot = store.snapshot().unwrap();
    let kind = FaultKind::Damaged {
        key: Some(b"left/k".to_vec()),
    };
    assert_eq!(*snapshot.get(b"left/k").unwrap_err().kind(), kind);
    assert!(snapshot.get(b"right/k").unwrap().is_some());
    drop(snapshot);
    now(store.commit(pair("k"))).unwrap();
    assert!(has_pair(&store, "k"));
}
