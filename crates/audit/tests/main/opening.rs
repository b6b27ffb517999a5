//! What opening finds again, cuts off, and refuses to go on from.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;

use strongroom_audit::{Durability, FaultKind, Kind, Log, Options, Reader, Repair, Resting};

use crate::support::{all, clock, key, open, options, run};

const FIRST: &str = "segment-00000001.raw";

fn small(folder: &std::path::Path) -> Options {
    Options {
        segment_bytes: 2000,
        ..options(folder, Durability::Write)
    }
}

#[test]
fn a_log_goes_on_where_it_was_under_the_same_id() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(folder.path());
    for round in 0..5 {
        let opened = Log::open(&options, key(1), [round; 16], clock()).unwrap();
        assert_eq!((opened.created, opened.repaired), (round == 0, None));
        assert_eq!(opened.log.id().0, [0; 16]);
        for number in 0..20 {
            run(opened
                .log
                .append(&[format!("{round}/{number} {}", "x".repeat(100))]))
            .unwrap();
        }
    }
    let reader = Reader::open(folder.path()).unwrap();
    let records = all(&reader, 1);
    let events: Vec<_> = records
        .iter()
        .filter(|record| record.kind == Kind::Event)
        .collect();
    assert_eq!(events.len(), 100);
    let numbers: Vec<_> = records.iter().map(|record| record.sequence).collect();
    assert_eq!(numbers, (1..=records.len() as u64).collect::<Vec<_>>());
    let segments = reader.segments();
    assert!(segments.len() > 5);
    for pair in segments.windows(2) {
        assert_eq!(pair[0].last_sequence.unwrap() + 1, pair[1].first_sequence);
    }
    for record in &records {
        assert_eq!(reader.get(record.sequence).unwrap().as_ref(), Some(record));
    }
}

#[test]
fn a_log_is_locked_while_it_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(folder.path());
    let opened = open(&options);
    let fault = Log::open(&options, key(1), [0; 16], clock()).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Locked);
    drop(opened);
    open(&options);
}

#[test]
fn an_unfinished_record_is_cut_off_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), Durability::Write);
    let log = open(&options).log;
    run(log.append(&["one"])).unwrap();
    log.close();
    drop(log);
    let path = folder.path().join(FIRST);
    // The next record, as it was being written.
    let whole = fs::read(&path).unwrap();
    let closed = whole.len() - (25 + 2 + 32);
    let mut torn = whole[closed..].to_vec();
    torn[0] = 4;
    for len in [1, 7, 8, 20] {
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(&torn[..len]).unwrap();
        let opened = open(&options);
        let expected = fs::read(&path).unwrap();
        assert!(expected.starts_with(&whole));
        let Some(Repair::CutTail { segment, bytes, .. }) = opened.repaired.clone() else {
            panic!("{:?}", opened.repaired);
        };
        assert_eq!((segment, bytes), (1, len as u64));
        let last = all(&opened.log.reader(), 4).remove(0);
        assert_eq!((last.sequence, last.kind), (4, Kind::Repair));
        drop(opened);
        fs::write(&path, &whole).unwrap();
        fs::remove_file(folder.path().join("head")).unwrap();
        fs::remove_dir_all(folder.path()).unwrap();
        fs::create_dir_all(folder.path()).unwrap();
        let log = open(&options).log;
        run(log.append(&["one"])).unwrap();
        log.close();
    }
}

#[test]
fn a_log_that_is_only_looked_at_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), Durability::Write);
    let log = open(&options).log;
    run(log.append(&["one"; 10])).unwrap();
    let head = log.head(0);
    drop(log);
    let segment = OpenOptions::new()
        .append(true)
        .open(folder.path().join(FIRST))
        .unwrap();
    let files = || [FIRST, "head"].map(|name| fs::read(folder.path().join(name)).unwrap());
    let looked = |expected| {
        let before = files();
        let resting = Resting::find(&options).unwrap();
        assert_eq!(resting.id(), Some(head.log));
        assert_eq!(resting.reader().holds(&head).unwrap(), expected);
        let other = Log::open(&options, key(1), [0; 16], clock()).unwrap_err();
        assert_eq!(other.kind(), FaultKind::Locked);
        drop(resting);
        assert!(files() == before);
    };
    looked(true);
    // What would be cut off and noted, and what would make a new segment.
    (&segment).write_all(&[4, 0, 0]).unwrap();
    looked(true);
    segment.set_len(400).unwrap();
    looked(false);
    let opened = Resting::find(&options).unwrap();
    let opened = opened.open(key(1), [0; 16], clock()).unwrap();
    assert!(matches!(opened.repaired, Some(Repair::Damage { .. })));
}

#[test]
fn what_was_changed_stays_as_it_is_and_the_log_goes_on_in_a_new_segment() {
    type Change = fn(&std::path::Path);
    let changes: [(&str, Change); 6] = [
        ("is damaged at byte", |folder| {
            let file = OpenOptions::new()
                .write(true)
                .open(folder.join(FIRST))
                .unwrap();
            file.write_all_at(b"X", 300).unwrap();
        }),
        ("ends with record", |folder| {
            let file = OpenOptions::new()
                .write(true)
                .open(folder.join(FIRST))
                .unwrap();
            file.set_len(400).unwrap();
        }),
        ("the newest segment was removed", |folder| {
            fs::remove_file(folder.join(FIRST)).unwrap();
        }),
        ("the file head was removed", |folder| {
            fs::remove_file(folder.join("head")).unwrap();
        }),
        ("a part of the file head", |folder| {
            let file = OpenOptions::new()
                .write(true)
                .open(folder.join("head"))
                .unwrap();
            file.write_all_at(b"X", 30).unwrap();
        }),
        ("doesn't begin as a segment does", |folder| {
            let file = OpenOptions::new()
                .write(true)
                .open(folder.join(FIRST))
                .unwrap();
            file.set_len(20).unwrap();
        }),
    ];
    for (said, change) in changes {
        let folder = tempfile::tempdir().unwrap();
        let options = options(folder.path(), Durability::Write);
        let log = open(&options).log;
        for number in 0..10 {
            run(log.append(&[format!("event {number}")])).unwrap();
        }
        log.close();
        drop(log);
        change(folder.path());
        let evidence = fs::read(folder.path().join(FIRST));
        let opened = open(&options);
        let Some(Repair::Damage { what }) = opened.repaired.clone() else {
            panic!("{said}: {:?}", opened.repaired);
        };
        assert!(what.contains(said), "{what}");
        // No number is used again.
        let sequence = run(opened.log.append(&["later"])).unwrap();
        assert!(sequence >= 15, "{said}: {sequence}");
        let records = all(&opened.log.reader(), 13);
        let note = records
            .iter()
            .find(|record| record.kind == Kind::Damage)
            .unwrap();
        assert!(String::from_utf8_lossy(&note.payload).contains(said));
        drop(opened);
        if let Ok(evidence) = evidence {
            assert_eq!(
                fs::read(folder.path().join(FIRST)).unwrap(),
                evidence,
                "{said}"
            );
        }
        assert_eq!(open(&options).repaired, None, "{said} is told once");
    }
}

#[test]
fn a_newer_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path(), Durability::Write);
    drop(open(&options));
    let file = OpenOptions::new()
        .write(true)
        .open(folder.path().join(FIRST))
        .unwrap();
    file.write_all_at(&[9], 7).unwrap();
    let fault = Log::open(&options, key(1), [0; 16], clock()).unwrap_err();
    assert_eq!(fault.kind(), FaultKind::NewerFormat);
}
