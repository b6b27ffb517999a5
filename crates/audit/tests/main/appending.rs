//! What appending promises: order, durability, one write for many, and an answer to everybody.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use strongroom_audit::{Appending, Durability, FaultKind, Kind, PAYLOAD_BYTES_MAX};

use crate::support::{all, open, options, run};

const BOTH: [Durability; 2] = [Durability::Write, Durability::Fsync];

#[test]
fn what_is_appended_is_read_in_order_and_one_calls_records_lie_together() {
    for durability in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let opened = open(&options(&folder.path().join("audit"), durability));
        assert!(opened.created && opened.repaired.is_none());
        let log = opened.log;
        assert_eq!(run(log.append(&["one", "two"])), Ok(3));
        assert_eq!(run(log.append(&["three"])), Ok(4));
        let records = all(&log.reader(), 1);
        let texts: Vec<_> = records
            .iter()
            .map(|record| record.payload.as_slice())
            .collect();
        assert_eq!(texts[1..], [&b"one"[..], b"two", b"three"]);
        assert_eq!(records[0].kind, Kind::Segment);
        let numbers: Vec<_> = records.iter().map(|record| record.sequence).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(log.reader().get(3).unwrap().unwrap().payload, b"two");
        assert_eq!(log.reader().get(5).unwrap(), None);
        assert_eq!(*log.durable().borrow(), 4);
    }
}

#[test]
fn many_tasks_on_many_threads_are_all_answered_and_each_finds_its_record() {
    for durability in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let log = Arc::new(open(&options(folder.path(), durability)).log);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .build()
            .unwrap();
        let answers = runtime.block_on(async {
            let tasks: Vec<_> = (0..64)
                .map(|task| {
                    let log = Arc::clone(&log);
                    tokio::spawn(async move {
                        let mut answers = Vec::new();
                        for number in 0..50 {
                            let text = format!("{task}/{number}");
                            // Some go away while they wait; what they queued is written all the same.
                            if number % 7 == 3 {
                                let mut appending = Box::pin(log.append(&[&text]));
                                let mut context = Context::from_waker(Waker::noop());
                                let _ = appending.as_mut().poll(&mut context);
                            } else {
                                answers.push((log.append(&[&text]).await.unwrap(), text));
                            }
                        }
                        answers
                    })
                })
                .collect();
            let mut answers = Vec::new();
            for task in tasks {
                answers.extend(task.await.unwrap());
            }
            answers
        });
        log.close();
        let records = all(&log.reader(), 1);
        // The segment's beginning, all events, the end.
        assert_eq!(records.len(), 64 * 50 + 2);
        for (sequence, text) in answers {
            let record = &records[sequence as usize - 1];
            assert_eq!(
                (record.sequence, &record.payload[..]),
                (sequence, text.as_bytes())
            );
        }
    }
}

#[test]
fn who_goes_away_keeps_nobody_else_waiting() {
    for durability in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let log = open(&options(folder.path(), durability)).log;
        let poll = |appending: &mut Pin<Box<Appending>>| {
            let mut context = Context::from_waker(Waker::noop());
            assert!(appending.as_mut().poll(&mut context).is_pending());
        };
        let mut leads = Box::pin(log.append(&["leads"]));
        poll(&mut leads);
        let mut goes = Box::pin(log.append(&["goes"]));
        poll(&mut goes);
        let waits = log.append(&["waits"]);
        let answered = run(async {
            let waiting = tokio::spawn(waits);
            tokio::task::yield_now().await;
            drop(goes);
            drop(leads);
            tokio::time::timeout(Duration::from_secs(10), waiting).await
        });
        assert_eq!(answered.unwrap().unwrap(), Ok(4), "{durability:?}");
    }
}

#[test]
fn nothing_is_appended_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&options(folder.path(), Durability::Fsync)).log;
    assert_eq!(run(log.append(&["one"])), Ok(2));
    assert_eq!(run(log.append(&[] as &[&str])), Ok(2));
}

#[test]
fn what_nobody_waits_for_is_written_soon() {
    for durability in BOTH {
        let folder = tempfile::tempdir().unwrap();
        let log = open(&options(folder.path(), durability)).log;
        drop(log.append(&["alone"]));
        let mut durable = log.durable();
        let waited = run(async {
            tokio::time::timeout(Duration::from_secs(10), durable.wait_for(|now| *now == 2))
                .await
                .map(|_| ())
        });
        assert!(waited.is_ok(), "{durability:?}");
    }
}

#[test]
fn the_head_follows_within_moments_and_covers_everything_after_a_close() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&options(folder.path(), Durability::Write)).log;
    run(log.append(&["one"])).unwrap();
    let started = Instant::now();
    let on_disk = || {
        let text = std::fs::read_to_string(folder.path().join("head")).unwrap();
        let heads = text
            .lines()
            .map(|line| strongroom_audit::Head::decode(line).unwrap());
        heads.max_by_key(|head| head.sequence).unwrap()
    };
    while on_disk().sequence < 2 {
        assert!(started.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
    let head = log.head(77);
    assert_eq!(
        (head.sequence, head.store_revision, head.log),
        (2, 77, log.id())
    );
    assert!(head.is_signed_by(crate::support::key(1).public()));
    assert!(!head.is_signed_by(crate::support::key(2).public()));
    drop(log.append(&["two"]));
    log.close();
    // Two events, the segment's beginning, the end.
    assert_eq!(on_disk().sequence, 4);
}

#[test]
fn a_closed_log_and_a_record_that_is_too_large_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&options(folder.path(), Durability::Write)).log;
    let large = vec![0; PAYLOAD_BYTES_MAX + 1];
    let fault = run(log.append(&[large])).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::TooLarge);
    assert!(log.health().is_ok());
    log.close();
    log.close();
    assert_eq!(
        run(log.append(&["late"])).unwrap_err().kind(),
        FaultKind::Closed
    );
    assert_eq!(log.health().unwrap_err().kind(), FaultKind::Closed);
}
