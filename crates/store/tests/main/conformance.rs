//! Every backend keeps every rule of the suite.

use std::sync::Arc;

use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::simulated::{Chances, Simulated, now};
use strongroom_store::{
    Change, Commit, CommitError, Condition, FaultKind, Snapshot, Store, Watcher, Write, conformance,
};

use crate::support::{block_on, has_pair, pair};

#[test]
fn the_embedded_store_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(conformance::run(|name| {
        Arc::new(Embedded::open(&Options::new(folder.path().join(name))).unwrap()) as Arc<dyn Store>
    }));
}

/// The suite polls all tasks on one thread; here they run on several, beside readers that check each snapshot.
#[test]
fn many_threads_lose_nothing_and_every_snapshot_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(Embedded::open(&Options::new(folder.path())).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    let counters = |value: u64| {
        ["a", "b"].map(|key| Write::Put {
            key: key.into(),
            value: value.to_le_bytes().to_vec(),
        })
    };
    let read = |snapshot: &dyn Snapshot| {
        let [a, b] = ["a", "b"].map(|key| snapshot.get(key.as_bytes()).unwrap().unwrap());
        assert_eq!((&a.value, a.modified), (&b.value, b.modified));
        (u64::from_le_bytes(a.value.clone().try_into().unwrap()), a)
    };
    runtime
        .block_on(store.commit(Commit {
            conditions: vec![],
            writes: counters(0).into(),
        }))
        .unwrap();
    let first = store.snapshot().unwrap();
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            runtime.spawn(async move {
                for _ in 0..5 {
                    loop {
                        let (count, entry) = read(store.snapshot().unwrap().as_ref());
                        let conditions = vec![Condition::unchanged(&entry)];
                        let writes = counters(count + 1).into();
                        match store.commit(Commit { conditions, writes }).await {
                            Ok(_) => break,
                            Err(error) => {
                                assert_eq!(error, CommitError::Conflict { key: b"a".to_vec() })
                            }
                        }
                    }
                }
            })
        })
        .collect();
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        read(store.snapshot().unwrap().as_ref());
    }
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
    assert_eq!(read(store.snapshot().unwrap().as_ref()).0, 64 * 5);
    assert_eq!(read(first.as_ref()).0, 0, "held all the while");
}

#[test]
fn a_store_whose_watcher_panics_answers_nothing_more() {
    struct Panics;
    impl Watcher for Panics {
        fn changed(&self, _: &[Change]) {
            panic!("as a test");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(&Options::new(folder.path())).unwrap();
    store.watch(Arc::new(Panics));
    let answer = block_on(store.commit(pair("told")));
    let Err(CommitError::Fault(fault)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(*fault.kind(), FaultKind::Closed);
    assert!(!fault.is_before_writing());
    store.close();
    assert_eq!(store.health().unwrap_err().kind(), &FaultKind::Closed);
    assert!(store.snapshot().is_err());
    drop(store);
    assert!(has_pair(
        &Embedded::open(&Options::new(folder.path())).unwrap(),
        "told"
    ));
}

#[test]
fn the_simulated_store_conforms() {
    now(conformance::run(|_| Arc::new(Simulated::new(1))));
}

#[test]
fn the_simulated_store_conforms_when_it_dawdles() {
    for seed in 0..20 {
        now(conformance::run(|_| {
            let store = Simulated::new(seed);
            store.set_chances(Chances {
                delay: 500_000,
                ..Chances::default()
            });
            Arc::new(store)
        }));
    }
}
