//! The suite that every backend passes: what a [`Store`] promises, as cases whose names are the rules.
//!
//! It asserts, so it is for tests, in this crate and in those of backends elsewhere. It may not know which backend it
//! runs on, and starts neither threads nor a runtime: a backend that needs one runs it there.

use std::future::Future;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use crate::{
    COMMIT_BYTES_MAX, COMMIT_OPERATIONS_MAX, Change, ChangeKind, Commit, CommitError, Condition,
    Entry, FaultKind, OPERATION_OVERHEAD_BYTES, Range, Revision, Store, Watcher, Write,
};

/// One rule, shown on a store that nothing was written to before.
pub struct Case {
    /// The rule, as a sentence.
    pub name: &'static str,
    /// Panics where the store doesn't keep it.
    pub show: fn(Arc<dyn Store>) -> Showing,
}

/// The future of a [`Case`].
pub type Showing = Pin<Box<dyn Future<Output = ()>>>;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// Every rule.
        pub const CASES: &[Case] =
            &[$(Case { name: stringify!($name), show: |store| Box::pin($name(store)) }),*];
    };
}

cases![
    what_was_committed_is_read_back,
    an_empty_store_has_nothing,
    conditions_decide_on_presence_and_on_the_revision,
    a_conflict_names_the_first_condition_that_failed_and_writes_nothing,
    two_conditions_on_one_key_must_both_hold,
    a_commit_is_written_whole,
    a_range_is_in_order_within_its_bounds_and_can_be_reversed,
    a_range_stops_where_the_visitor_breaks,
    keys_may_be_empty_or_end_in_the_highest_byte,
    a_snapshot_does_not_see_what_comes_later,
    revisions_grow_with_each_change,
    a_key_deleted_and_made_again_has_a_new_revision,
    deleting_what_is_not_there_changes_nothing,
    an_empty_commit_answers_and_changes_nothing,
    an_empty_commit_still_checks_its_conditions,
    watchers_hear_of_each_change_in_order_before_the_answer,
    watchers_hear_nothing_of_what_was_refused,
    a_watcher_may_read_what_it_is_told_of,
    a_commit_at_the_limits_is_taken,
    a_commit_over_the_limits_is_refused,
    a_key_written_twice_is_refused,
    large_values_are_read_back,
    concurrent_commits_lose_nothing,
    concurrent_creators_of_one_key_have_one_winner,
    a_closed_store_refuses_everything,
    a_store_in_use_is_healthy,
];

/// Shows every rule, each on a fresh store.
pub async fn run(mut fresh: impl FnMut(&'static str) -> Arc<dyn Store>) {
    for case in CASES {
        (case.show)(fresh(case.name)).await;
    }
}

async fn what_was_committed_is_read_back(store: Arc<dyn Store>) {
    let revision = commit(&store, vec![], vec![put("k", "v")]).await;
    let entry = Entry {
        key: b"k".to_vec(),
        value: b"v".to_vec(),
        modified: revision,
    };
    assert_eq!(get(&store, "k"), Some(entry));
    let revision = commit(&store, vec![], vec![put("k", "")]).await;
    let entry = Entry {
        key: b"k".to_vec(),
        value: vec![],
        modified: revision,
    };
    assert_eq!(get(&store, "k"), Some(entry));
}

async fn an_empty_store_has_nothing(store: Arc<dyn Store>) {
    assert_eq!(get(&store, "k"), None);
    assert_eq!(keys(&store, &Range::all()), [""; 0]);
}

async fn conditions_decide_on_presence_and_on_the_revision(store: Arc<dyn Store>) {
    let absent = Condition::absent(*b"k");
    let first = commit(&store, vec![absent.clone()], vec![put("k", "1")]).await;
    refused(&store, vec![absent.clone()], vec![put("k", "2")], "k").await;
    refused(
        &store,
        vec![at("k", Revision(first.0 + 1))],
        vec![put("k", "2")],
        "k",
    )
    .await;
    refused(
        &store,
        vec![at("other", first)],
        vec![put("k", "2")],
        "other",
    )
    .await;
    let second = commit(&store, vec![at("k", first)], vec![put("k", "2")]).await;
    refused(&store, vec![at("k", first)], vec![put("k", "3")], "k").await;
    commit(&store, vec![at("k", second)], vec![delete("k")]).await;
    refused(&store, vec![at("k", second)], vec![put("k", "4")], "k").await;
    commit(&store, vec![absent], vec![put("k", "4")]).await;
}

async fn a_conflict_names_the_first_condition_that_failed_and_writes_nothing(
    store: Arc<dyn Store>,
) {
    let revision = commit(&store, vec![], vec![put("a", "1"), put("b", "1")]).await;
    let conditions = vec![
        at("a", revision),
        Condition::absent(*b"b"),
        at("c", revision),
    ];
    refused(
        &store,
        conditions,
        vec![put("a", "2"), put("d", "2"), delete("b")],
        "b",
    )
    .await;
    assert_eq!(keys(&store, &Range::all()), ["a", "b"]);
    assert_eq!(get(&store, "a").map(|entry| entry.modified), Some(revision));
}

async fn two_conditions_on_one_key_must_both_hold(store: Arc<dyn Store>) {
    let revision = commit(&store, vec![], vec![put("k", "1")]).await;
    let contradiction = vec![at("k", revision), Condition::absent(*b"k")];
    refused(&store, contradiction, vec![put("k", "2")], "k").await;
    commit(
        &store,
        vec![at("k", revision), at("k", revision)],
        vec![put("k", "2")],
    )
    .await;
}

async fn a_commit_is_written_whole(store: Arc<dyn Store>) {
    commit(&store, vec![], vec![put("b", "1"), put("c", "1")]).await;
    let revision = commit(
        &store,
        vec![],
        vec![put("a", "2"), delete("b"), put("c", "2")],
    )
    .await;
    let found: Vec<_> = entries(&store, &Range::all());
    let expected = ["a", "c"].map(|key| Entry {
        key: key.into(),
        value: b"2".to_vec(),
        modified: revision,
    });
    assert_eq!(found, expected);
}

async fn a_range_is_in_order_within_its_bounds_and_can_be_reversed(store: Arc<dyn Store>) {
    let all = ["a", "a/", "a/1", "a/10", "a/2", "a0", "b"];
    for key in ["a/2", "b", "a", "a/10", "a0", "a/1", "a/"] {
        commit(&store, vec![], vec![put(key, "v")]).await;
    }
    let cases: [(Range, &[&str]); 9] = [
        (Range::all(), &all),
        (Range::prefix(b"a/"), &["a/", "a/1", "a/10", "a/2"]),
        (Range::prefix(b"a/1"), &["a/1", "a/10"]),
        (
            Range::between(*b"a/", *b"b"),
            &["a/", "a/1", "a/10", "a/2", "a0"],
        ),
        (Range::between(*b"a/0", *b"a/15"), &["a/1", "a/10"]),
        (Range::between(*b"b", *b"b"), &[]),
        (Range::between(*b"b", *b"a"), &[]),
        (
            Range {
                start: b"a0".to_vec(),
                end: None,
                reverse: false,
            },
            &["a0", "b"],
        ),
        (Range::all().after(b"a/10"), &["a/2", "a0", "b"]),
    ];
    for (range, expected) in cases {
        assert_eq!(keys(&store, &range), expected, "{range:?}");
        let mut backwards = expected.to_vec();
        backwards.reverse();
        assert_eq!(keys(&store, &range.reversed()), backwards);
    }
    assert_eq!(
        keys(&store, &Range::all().reversed().after(b"a/10")),
        ["a/1", "a/", "a"]
    );
}

async fn a_range_stops_where_the_visitor_breaks(store: Arc<dyn Store>) {
    commit(
        &store,
        vec![],
        (0..9).map(|number| put(&number.to_string(), "v")).collect(),
    )
    .await;
    for (range, expected) in [(Range::all(), "012"), (Range::all().reversed(), "876")] {
        let mut seen = String::new();
        let visited = snapshot(&store).range(&range, &mut |entry| {
            seen.push_str(&String::from_utf8_lossy(entry.key));
            if seen.len() == 3 {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        assert_eq!(visited, Ok(()));
        assert_eq!(seen, expected);
    }
}

async fn keys_may_be_empty_or_end_in_the_highest_byte(store: Arc<dyn Store>) {
    let edges: [&[u8]; 7] = [
        b"",
        b"\0",
        b"\0\0",
        b"a\xff",
        b"a\xff\xff",
        b"\xff",
        b"\xff\xff",
    ];
    for edge in edges {
        let write = Write::Put {
            key: edge.to_vec(),
            value: edge.to_vec(),
        };
        commit(&store, vec![Condition::absent(edge)], vec![write]).await;
    }
    let found: Vec<_> = entries(&store, &Range::all())
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    assert_eq!(found, edges);
    for (prefix, expected) in [
        (&b""[..], &edges[..]),
        (b"\0", &edges[1..3]),
        (b"a\xff", &edges[3..5]),
        (b"\xff", &edges[5..]),
        (b"\xff\xff", &edges[6..]),
    ] {
        let found: Vec<_> = entries(&store, &Range::prefix(prefix))
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        assert_eq!(found, expected);
    }
    let empty = snapshot(&store).get(b"").unwrap_or_default();
    assert_eq!(empty.map(|entry| entry.value), Some(vec![]));
}

async fn a_snapshot_does_not_see_what_comes_later(store: Arc<dyn Store>) {
    let revision = commit(&store, vec![], vec![put("a", "1"), put("b", "1")]).await;
    let before = snapshot(&store);
    commit(
        &store,
        vec![],
        vec![put("a", "2"), delete("b"), put("c", "2")],
    )
    .await;
    let after = snapshot(&store);
    commit(
        &store,
        vec![],
        (0..50)
            .map(|number| put(&format!("d{number}"), "3"))
            .collect(),
    )
    .await;
    assert_eq!(before.revision(), revision);
    assert!(before.revision() < after.revision());
    let read = |snapshot: &dyn crate::Snapshot, key: &str| {
        let entry = snapshot.get(key.as_bytes()).unwrap_or_default();
        entry.map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
    };
    let seen =
        |snapshot: &dyn crate::Snapshot| ["a", "b", "c", "d0"].map(|key| read(snapshot, key));
    assert_eq!(
        seen(before.as_ref()),
        [Some("1".into()), Some("1".into()), None, None]
    );
    assert_eq!(
        seen(after.as_ref()),
        [Some("2".into()), None, Some("2".into()), None]
    );
    let mut count = 0;
    let counted = before.range(&Range::all(), &mut |entry| {
        assert_eq!(entry.modified, revision);
        count += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((counted, count), (Ok(()), 2));
}

async fn revisions_grow_with_each_change(store: Arc<dyn Store>) {
    let mut last = snapshot(&store).revision();
    for round in 0..20 {
        let revision = commit(&store, vec![], vec![put("k", &round.to_string())]).await;
        assert!(revision > last);
        assert_eq!(get(&store, "k").map(|entry| entry.modified), Some(revision));
        assert!(snapshot(&store).revision() >= revision);
        last = revision;
    }
}

async fn a_key_deleted_and_made_again_has_a_new_revision(store: Arc<dyn Store>) {
    let first = commit(&store, vec![], vec![put("k", "same")]).await;
    commit(&store, vec![], vec![delete("k")]).await;
    assert_eq!(get(&store, "k"), None);
    let second = commit(
        &store,
        vec![Condition::absent(*b"k")],
        vec![put("k", "same")],
    )
    .await;
    assert!(second > first);
    refused(&store, vec![at("k", first)], vec![delete("k")], "k").await;
}

async fn deleting_what_is_not_there_changes_nothing(store: Arc<dyn Store>) {
    let heard = Heard::by(&store);
    let revision = commit(&store, vec![], vec![put("a", "1")]).await;
    assert_eq!(commit(&store, vec![], vec![delete("b")]).await, revision);
    assert_eq!(snapshot(&store).revision(), revision);
    let second = commit(&store, vec![], vec![delete("b"), put("c", "1")]).await;
    assert_eq!(
        heard.all().concat(),
        [
            change("a", ChangeKind::Created, revision),
            change("c", ChangeKind::Created, second)
        ]
    );
}

async fn an_empty_commit_answers_and_changes_nothing(store: Arc<dyn Store>) {
    let heard = Heard::by(&store);
    assert_eq!(
        commit(&store, vec![], vec![]).await,
        snapshot(&store).revision()
    );
    let revision = commit(&store, vec![], vec![put("k", "v")]).await;
    assert_eq!(commit(&store, vec![], vec![]).await, revision);
    assert_eq!(heard.all().len(), 1);
}

async fn an_empty_commit_still_checks_its_conditions(store: Arc<dyn Store>) {
    let revision = commit(&store, vec![], vec![put("k", "v")]).await;
    assert_eq!(
        commit(&store, vec![at("k", revision)], vec![]).await,
        revision
    );
    refused(&store, vec![Condition::absent(*b"k")], vec![], "k").await;
}

async fn watchers_hear_of_each_change_in_order_before_the_answer(store: Arc<dyn Store>) {
    let heard = Heard::by(&store);
    let first = commit(&store, vec![], vec![put("a", "1"), put("b", "1")]).await;
    assert_eq!(heard.all().len(), 1);
    let second = commit(&store, vec![], vec![put("a", "1"), delete("b")]).await;
    assert_eq!(
        heard.all(),
        [
            vec![
                change("a", ChangeKind::Created, first),
                change("b", ChangeKind::Created, first)
            ],
            vec![
                change("a", ChangeKind::Updated, second),
                change("b", ChangeKind::Deleted, second)
            ],
        ]
    );
    let also = Heard::by(&store);
    let commits = (0..30).map(|number| {
        store.commit(Commit {
            conditions: vec![],
            writes: vec![put(&format!("n{number}"), "v")],
        })
    });
    for answer in together(commits.collect()).await {
        let revision = answer.unwrap_or_default();
        assert!(
            also.all()
                .iter()
                .any(|changes| changes[0].modified == revision)
        );
    }
    let revisions: Vec<_> = also
        .all()
        .iter()
        .map(|changes| changes[0].modified)
        .collect();
    assert_eq!(revisions.len(), 30);
    assert!(revisions.is_sorted_by(|before, after| before < after));
}

async fn watchers_hear_nothing_of_what_was_refused(store: Arc<dyn Store>) {
    let heard = Heard::by(&store);
    refused(&store, vec![at("k", Revision(1))], vec![put("k", "v")], "k").await;
    assert!(heard.all().is_empty());
}

async fn a_watcher_may_read_what_it_is_told_of(store: Arc<dyn Store>) {
    struct Reader(std::sync::Weak<dyn Store>, Mutex<Vec<Option<Vec<u8>>>>);
    impl Watcher for Reader {
        fn changed(&self, changes: &[Change]) {
            let Some(store) = self.0.upgrade() else {
                return;
            };
            for change in changes {
                let read = snapshot(&store).get(&change.key).unwrap_or_default();
                let value = read.map(|entry| entry.value);
                self.1
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(value);
            }
        }
    }
    let reader = Arc::new(Reader(Arc::downgrade(&store), Mutex::default()));
    store.watch(Arc::clone(&reader) as Arc<dyn Watcher>);
    commit(&store, vec![], vec![put("k", "1")]).await;
    commit(&store, vec![], vec![delete("k")]).await;
    let read = reader
        .1
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    assert_eq!(read, [Some(b"1".to_vec()), None]);
}

async fn a_commit_at_the_limits_is_taken(store: Arc<dyn Store>) {
    let writes: Vec<_> = (0..COMMIT_OPERATIONS_MAX - 1)
        .map(|number| put(&number.to_string(), "v"))
        .collect();
    commit(&store, vec![Condition::absent(*b"x")], writes).await;
    let value = vec![7; COMMIT_BYTES_MAX - OPERATION_OVERHEAD_BYTES - 1];
    commit(
        &store,
        vec![],
        vec![Write::Put {
            key: b"k".to_vec(),
            value: value.clone(),
        }],
    )
    .await;
    assert!(get(&store, "k").is_some_and(|entry| entry.value == value));
}

async fn a_commit_over_the_limits_is_refused(store: Arc<dyn Store>) {
    let many: Vec<_> = (0..COMMIT_OPERATIONS_MAX)
        .map(|number| put(&number.to_string(), "v"))
        .collect();
    let commits = [
        Commit {
            conditions: vec![Condition::absent(*b"x")],
            writes: many,
        },
        Commit {
            conditions: vec![],
            writes: vec![Write::Put {
                key: b"k".to_vec(),
                value: vec![7; COMMIT_BYTES_MAX - OPERATION_OVERHEAD_BYTES],
            }],
        },
    ];
    for commit in commits {
        let (operations, bytes) = (commit.operations(), commit.size_bytes());
        assert_eq!(
            store.commit(commit).await,
            Err(CommitError::TooLarge { operations, bytes })
        );
    }
    assert_eq!(keys(&store, &Range::all()), [""; 0]);
}

async fn a_key_written_twice_is_refused(store: Arc<dyn Store>) {
    let writes = vec![put("k", "1"), put("l", "1"), delete("k")];
    let answer = store
        .commit(Commit {
            conditions: vec![],
            writes,
        })
        .await;
    assert_eq!(
        answer,
        Err(CommitError::WrittenTwice { key: b"k".to_vec() })
    );
    assert_eq!(keys(&store, &Range::all()), [""; 0]);
}

async fn large_values_are_read_back(store: Arc<dyn Store>) {
    for (number, len) in [0, 1, 4_000, 4_096, 65_536, 400_000]
        .into_iter()
        .enumerate()
    {
        let value: Vec<u8> = (0..len)
            .map(|byte: usize| (byte * 31 + number) as u8)
            .collect();
        let key = format!("k{number}");
        commit(
            &store,
            vec![],
            vec![Write::Put {
                key: key.clone().into(),
                value: value.clone(),
            }],
        )
        .await;
        assert!(
            get(&store, &key).is_some_and(|entry| entry.value == value),
            "{len} bytes"
        );
    }
}

async fn concurrent_commits_lose_nothing(store: Arc<dyn Store>) {
    const TASKS: usize = 64;
    const ROUNDS: usize = 4;
    commit(
        &store,
        vec![],
        (0..4)
            .map(|number| put(&format!("counter{number}"), "0"))
            .collect(),
    )
    .await;
    let tasks = (0..TASKS).map(|task| {
        let store = Arc::clone(&store);
        Box::pin(async move {
            for round in 0..ROUNDS {
                let key = format!("counter{}", (task + round) % 4);
                loop {
                    let Some(entry) = get(&store, &key) else {
                        panic_missing(&key)
                    };
                    let count: usize = String::from_utf8_lossy(&entry.value)
                        .parse()
                        .unwrap_or_default();
                    let next = put(&key, &(count + 1).to_string());
                    let own = put(&format!("own/{task}/{round}"), "done");
                    let conditions = vec![Condition::unchanged(&entry)];
                    match store
                        .commit(Commit {
                            conditions,
                            writes: vec![next, own],
                        })
                        .await
                    {
                        Ok(_) => break,
                        Err(error) => {
                            assert_eq!(
                                error,
                                CommitError::Conflict {
                                    key: key.clone().into()
                                }
                            );
                        }
                    }
                }
            }
        })
    });
    together(tasks.collect()).await;
    let counts = entries(&store, &Range::prefix(b"counter"));
    let counts = counts
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.value).parse().unwrap_or(0));
    assert_eq!(counts.sum::<usize>(), TASKS * ROUNDS);
    assert_eq!(
        entries(&store, &Range::prefix(b"own/")).len(),
        TASKS * ROUNDS
    );
}

async fn concurrent_creators_of_one_key_have_one_winner(store: Arc<dyn Store>) {
    let commits = (0..64).map(|number| {
        let conditions = vec![Condition::absent(*b"k")];
        store.commit(Commit {
            conditions,
            writes: vec![put("k", &number.to_string())],
        })
    });
    let answers = together(commits.collect()).await;
    let winners: Vec<_> = answers
        .iter()
        .enumerate()
        .filter_map(|(number, answer)| Some((number, answer.as_ref().ok()?)))
        .collect();
    let [(number, revision)] = winners[..] else {
        return assert_eq!(winners.len(), 1);
    };
    let value = number.to_string().into_bytes();
    assert_eq!(
        get(&store, "k"),
        Some(Entry {
            key: b"k".to_vec(),
            value,
            modified: *revision
        })
    );
}

async fn a_closed_store_refuses_everything(store: Arc<dyn Store>) {
    commit(&store, vec![], vec![put("k", "v")]).await;
    store.close();
    store.close();
    let kinds = [
        store.snapshot().err(),
        store.health().err(),
        match store
            .commit(Commit {
                conditions: vec![],
                writes: vec![put("k", "w")],
            })
            .await
        {
            Err(CommitError::Fault(fault)) => Some(fault),
            _ => None,
        },
    ];
    for fault in kinds {
        assert_eq!(
            fault.map(|fault| fault.kind().clone()),
            Some(FaultKind::Closed)
        );
    }
}

async fn a_store_in_use_is_healthy(store: Arc<dyn Store>) {
    commit(&store, vec![], vec![put("k", "v")]).await;
    assert_eq!(store.health(), Ok(()));
}

fn put(key: &str, value: &str) -> Write {
    Write::Put {
        key: key.into(),
        value: value.into(),
    }
}

fn delete(key: &str) -> Write {
    Write::Delete { key: key.into() }
}

fn at(key: &str, modified: Revision) -> Condition {
    Condition {
        key: key.into(),
        modified,
    }
}

fn change(key: &str, kind: ChangeKind, modified: Revision) -> Change {
    Change {
        key: key.into(),
        kind,
        modified,
    }
}

async fn commit(
    store: &Arc<dyn Store>,
    conditions: Vec<Condition>,
    writes: Vec<Write>,
) -> Revision {
    let answer = store.commit(Commit { conditions, writes }).await;
    assert_eq!(answer.as_ref().err(), None);
    answer.unwrap_or_default()
}

async fn refused(
    store: &Arc<dyn Store>,
    conditions: Vec<Condition>,
    writes: Vec<Write>,
    key: &str,
) {
    let before = snapshot(store).revision();
    let answer = store.commit(Commit { conditions, writes }).await;
    assert_eq!(answer, Err(CommitError::Conflict { key: key.into() }));
    assert_eq!(snapshot(store).revision(), before);
}

fn snapshot(store: &Arc<dyn Store>) -> Box<dyn crate::Snapshot + '_> {
    let snapshot = store.snapshot();
    assert_eq!(snapshot.as_ref().err(), None);
    match snapshot {
        Ok(snapshot) => snapshot,
        Err(fault) => panic_missing(&fault.to_string()),
    }
}

#[expect(
    clippy::panic,
    reason = "a suite for tests, which has nothing to go on with"
)]
fn panic_missing(what: &str) -> ! {
    panic!("missing: {what}")
}

fn get(store: &Arc<dyn Store>, key: &str) -> Option<Entry> {
    let entry = snapshot(store).get(key.as_bytes());
    assert_eq!(entry.as_ref().err(), None);
    entry.unwrap_or_default()
}

fn entries(store: &Arc<dyn Store>, range: &Range) -> Vec<Entry> {
    let mut entries = Vec::new();
    let visited = snapshot(store).range(range, &mut |entry| {
        entries.push(entry.to_entry());
        ControlFlow::Continue(())
    });
    assert_eq!(visited, Ok(()));
    entries
}

fn keys(store: &Arc<dyn Store>, range: &Range) -> Vec<String> {
    let entries = entries(store, range);
    entries
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.key).into_owned())
        .collect()
}

/// A watcher that remembers.
#[derive(Default)]
struct Heard(Mutex<Vec<Vec<Change>>>);

impl Heard {
    fn by(store: &Arc<dyn Store>) -> Arc<Self> {
        let heard = Arc::new(Self::default());
        store.watch(Arc::clone(&heard) as Arc<dyn Watcher>);
        heard
    }

    fn all(&self) -> Vec<Vec<Change>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Watcher for Heard {
    fn changed(&self, changes: &[Change]) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(changes.to_vec());
    }
}

/// Runs futures side by side on this task.
async fn together<F: Future + Unpin>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures
        .into_iter()
        .map(|future| (Some(future), None))
        .collect();
    std::future::poll_fn(|context| {
        let mut pending = false;
        for (future, answer) in &mut running {
            let Some(unanswered) = future else { continue };
            match Pin::new(unanswered).poll(context) {
                Poll::Ready(value) => (*future, *answer) = (None, Some(value)),
                Poll::Pending => pending = true,
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    running
        .into_iter()
        .filter_map(|(_, answer)| answer)
        .collect()
}
