//! A disk that is full or fails, and somebody who lays hands on the files while the log is open: it refuses, says why, and
//! comes back by itself.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use strongroom_audit::{Durability, Fault, FaultKind, Kind, Log, Options, Room, verify, verify_on};

use crate::memory::{Memory, Trouble};
use crate::support::{all, clock, key, open, options, run, settle};

/// Waits until the log is in this state.
fn wait_for(log: &Log, wanted: impl Fn(&Result<(), Fault>) -> bool) -> Result<(), Fault> {
    let started = Instant::now();
    loop {
        let health = log.health();
        if wanted(&health) {
            return health;
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{health:?}");
        std::thread::yield_now();
    }
}

fn kind_of(health: &Result<(), Fault>) -> Option<FaultKind> {
    health.as_ref().err().map(Fault::kind)
}

#[test]
fn a_full_disk_refuses_before_anything_is_half_written_and_recovers() {
    let memory = Memory::default();
    let options = Options {
        reserve_bytes: 1000,
        ..options(Path::new("memory"), Durability::Write)
    };
    let log = Log::open_on(memory.shared(), &options, key(1), [7; 16], clock())
        .unwrap()
        .log;
    run(log.append(&["before"])).unwrap();
    for (room, kind) in [
        (
            Room {
                free_bytes: 999,
                read_only: false,
            },
            FaultKind::NoSpace,
        ),
        (
            Room {
                free_bytes: 1 << 30,
                read_only: true,
            },
            FaultKind::ReadOnly,
        ),
    ] {
        memory.state().room = Some(room);
        let fault = wait_for(&log, Result::is_err).unwrap_err();
        assert_eq!(fault.kind(), kind);
        assert_eq!(run(log.append(&["refused"])).unwrap_err().kind(), kind);
        memory.state().room = None;
        wait_for(&log, Result::is_ok).unwrap();
        run(log.append(&["taken again"])).unwrap();
    }
    log.close();
    let report = verify_on(&memory, &[key(1).public()], &[]).unwrap();
    assert_eq!((report.findings, report.events), (vec![], 3));
}

#[test]
fn a_write_or_a_sync_that_fails_is_told_to_everybody_and_leaves_a_whole_log() {
    for (durability, trouble) in [
        (Durability::Write, Trouble::Writes),
        (Durability::Fsync, Trouble::Writes),
        (Durability::Fsync, Trouble::Syncs),
    ] {
        for (error, kind) in [
            (io::ErrorKind::StorageFull, FaultKind::NoSpace),
            (io::ErrorKind::Other, FaultKind::Io),
        ] {
            let memory = Memory::default();
            let options = options(Path::new("memory"), durability);
            let log = Log::open_on(memory.shared(), &options, key(1), [7; 16], clock())
                .unwrap()
                .log;
            let first = run(log.append(&["before"])).unwrap();
            memory.state().trouble = Some((error, trouble));
            let fault = run(async {
                let (one, two) = tokio::join!(log.append(&["lost"]), log.append(&["lost too"]));
                assert_eq!(one, two);
                one.unwrap_err()
            });
            assert_eq!(fault.kind(), kind);
            assert_eq!(log.health(), Err(fault));
            memory.state().trouble = None;
            wait_for(&log, Result::is_ok).unwrap();
            let second = run(log.append(&["after"])).unwrap();
            assert_eq!(second, first + 1);
            log.close();
            let report = verify_on(&memory, &[key(1).public()], &[]).unwrap();
            assert_eq!((report.findings, report.events), (vec![], 2));
        }
    }
}

#[test]
fn hands_on_the_files_of_an_open_log_are_noticed_and_the_log_goes_on_with_a_note() {
    type Change = fn(&Path, &str);
    let changes: [(&str, bool, Change); 8] = [
        ("was removed", true, |folder, raw| {
            fs::remove_file(folder.join(raw)).unwrap()
        }),
        ("was cut off", true, |folder, raw| {
            let file = fs::OpenOptions::new()
                .write(true)
                .open(folder.join(raw))
                .unwrap();
            file.set_len(700).unwrap();
        }),
        ("was written to", true, |folder, raw| {
            use std::io::Write;
            let file = fs::OpenOptions::new().append(true).open(folder.join(raw));
            file.unwrap().write_all(b"more").unwrap();
        }),
        ("was replaced", false, |folder, raw| {
            fs::copy(folder.join(raw), folder.join("copy")).unwrap();
            fs::rename(folder.join("copy"), folder.join(raw)).unwrap();
        }),
        ("head of the audit log was removed", false, |folder, _| {
            fs::remove_file(folder.join("head")).unwrap();
        }),
        (
            "segment-00000001.zst of the audit log was removed",
            true,
            |folder, _| {
                fs::remove_file(folder.join("segment-00000001.zst")).unwrap();
            },
        ),
        (
            "segment-00000002.digest of the audit log was changed",
            true,
            |folder, _| {
                fs::write(folder.join("segment-00000002.digest"), "{}").unwrap();
            },
        ),
        ("was removed", true, |folder, _| {
            fs::remove_dir_all(folder).unwrap()
        }),
    ];
    std::thread::scope(|scope| {
        for (said, damages, change) in changes {
            scope.spawn(move || {
                let folder = tempfile::tempdir().unwrap();
                let folder = folder.path().join("audit");
                let options = Options {
                    segment_bytes: 5000,
                    ..options(&folder, Durability::Write)
                };
                let log = open(&options).log;
                for number in 0..120 {
                    run(log.append(&[format!("event {number} {}", "x".repeat(60))])).unwrap();
                }
                settle(&folder);
                // What there is has been looked at.
                std::thread::sleep(Duration::from_millis(1500));
                let raw = format!(
                    "segment-{:08}.raw",
                    log.reader().segments().last().unwrap().number
                );
                change(&folder, &raw);
                let fault = wait_for(&log, Result::is_err).unwrap_err();
                assert_eq!(fault.kind(), FaultKind::Tampered, "{fault}");
                assert!(fault.what().contains(said), "{said}: {fault}");
                let refused = run(log.append(&["refused"]));
                assert_eq!(kind_of(&refused.map(drop)), Some(FaultKind::Tampered));
                wait_for(&log, Result::is_ok).unwrap();
                let sequence = run(log.append(&["later"])).unwrap();
                assert!(sequence > 120);
                let last = log.reader().segments().last().unwrap().first_sequence;
                let records = all(&log.reader(), last);
                let note = records
                    .iter()
                    .find(|record| record.kind == Kind::Damage)
                    .unwrap();
                assert!(String::from_utf8_lossy(&note.payload).contains(said));
                std::thread::sleep(Duration::from_millis(1500));
                assert_eq!(log.health(), Ok(()), "it is told once");
                log.close();
                let report = verify(&folder, &[key(1).public()], &[]).unwrap();
                assert_eq!(!report.is_whole(), damages, "{said}: {report:#?}");
                assert!(
                    report.notes.iter().any(|note| note.contains(said)),
                    "{report:#?}"
                );
            });
        }
    });
}
