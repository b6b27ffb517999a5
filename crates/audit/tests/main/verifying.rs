//! What verifying says of logs that are whole, and of the simplest damage. `tampering` has the rest.

use strongroom_audit::{Change, Durability, Log, LogId, Options, verify};

use crate::support::{all, clock, key, open, options, run, settle};

fn small(folder: &std::path::Path) -> Options {
    Options {
        segment_bytes: 20_000,
        ..options(folder, Durability::Write)
    }
}

fn fill(log: &Log, events: usize) {
    for number in 0..events {
        let text = format!(
            "{{\"eventID\":\"{number:032x}\",\"text\":\"{}\"}}",
            "x".repeat(300)
        );
        run(log.append(&[text])).unwrap();
    }
}

#[test]
fn a_log_is_whole_while_it_is_open_once_it_is_closed_and_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(folder.path());
    let keys = [key(1).public()];
    for round in 1..4 {
        let log = open(&options).log;
        fill(&log, 200);
        settle(folder.path());
        let head = log.head(9);
        let report = verify(folder.path(), &keys, std::slice::from_ref(&head)).unwrap();
        assert_eq!(report.findings, [], "{report:#?}");
        assert_eq!(report.events, 200 * round);
        log.close();
        let report = verify(folder.path(), &keys, &[head]).unwrap();
        assert_eq!(report.findings, []);
        assert_eq!(report.notes, [""; 0]);
        assert_eq!(report.public_keys, [keys[0].to_base64()]);
        assert!(report.segments > 3 * round);
        let records = all(&log.reader(), 1);
        assert_eq!(
            report.last_sequence,
            records.last().map(|record| record.sequence)
        );
        for record in records.iter().step_by(7) {
            assert_eq!(
                log.reader().get(record.sequence).unwrap().as_ref(),
                Some(record)
            );
        }
    }
    let report = verify(folder.path(), &[], &[]).unwrap();
    assert!(report.is_whole() && report.notes[0].contains("no public key"));
    let report = verify(folder.path(), &[key(2).public()], &[]).unwrap();
    assert!(
        report.findings[0].what.contains("nobody trusted"),
        "{report:#?}"
    );
}

#[test]
fn another_key_signs_once_the_one_before_vouches_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(folder.path());
    let log = open(&options).log;
    fill(&log, 100);
    let note = log.rotate_key(key(2)).unwrap();
    let second = key(2).public();
    assert_eq!(note.keys(log.id()), Some((key(1).public(), second)));
    assert_eq!(note.keys(LogId([0; 16])), None, "of another log");
    fill(&log, 100);
    log.close();
    drop(log);
    let log = Log::open(&options, key(2), [0; 16], clock()).unwrap().log;
    fill(&log, 100);
    settle(folder.path());
    log.close();
    for keys in [
        vec![key(1).public()],
        vec![second],
        vec![key(1).public(), second],
        vec![],
    ] {
        let report = verify(folder.path(), &keys, &[]).unwrap();
        assert_eq!(report.findings, [], "{keys:?}");
        assert_eq!(
            report.public_keys,
            [key(1).public().to_base64(), second.to_base64()]
        );
    }
    drop(log);
    // A key that nobody vouches for.
    let log = Log::open(&options, key(3), [0; 16], clock()).unwrap().log;
    log.close();
    let report = verify(folder.path(), &[key(1).public()], &[]).unwrap();
    assert_eq!(report.findings[0].file, "head");
}

#[test]
fn what_was_pruned_is_no_damage_and_what_was_removed_is() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(folder.path());
    let keys = [key(1).public()];
    let log = open(&options).log;
    fill(&log, 400);
    settle(folder.path());
    let segments = log.reader().segments();
    let old = segments[3].first_milliseconds + 1;
    assert_eq!(log.prune(old), Ok(3));
    assert_eq!(log.prune(old), Ok(0));
    let report = verify(folder.path(), &keys, &[]).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.pruned_before_segment, Some(4));
    assert_eq!(report.first_sequence, Some(segments[3].first_sequence));
    assert_eq!(
        all(&log.reader(), 1)[0].sequence,
        segments[3].first_sequence
    );
    // The newest closed one stays, whatever is asked for.
    assert!(log.prune(i64::MAX).unwrap() > 3);
    assert_eq!(log.reader().segments().len(), 2);
    log.close();
    drop(log);
    let log = open(&options).log;
    fill(&log, 200);
    settle(folder.path());
    log.close();
    assert_eq!(verify(folder.path(), &keys, &[]).unwrap().findings, []);
    let first = log.reader().segments()[0].number;
    for ending in ["zst", "digest"] {
        std::fs::remove_file(folder.path().join(format!("segment-{first:08}.{ending}"))).unwrap();
    }
    let report = verify(folder.path(), &keys, &[]).unwrap();
    assert_eq!(report.findings[0].change, Change::Removed, "{report:#?}");
    assert!(report.findings[0].what.contains("pruned"));
}

#[test]
fn what_is_gone_is_named_from_its_first_record_to_its_last() {
    let keys = [key(1).public()];
    for (what, gone, segment_bytes, events) in [
        ("a segment", 3, 2_000, 400),
        ("the first segment", 1, 2_000, 400),
        ("the header of a frame", 1, 400_000, 6_000),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            segment_bytes,
            ..small(folder.path())
        };
        let log = open(&options).log;
        fill(&log, events);
        settle(folder.path());
        log.close();
        let segment = log.reader().segments()[gone - 1];
        let path = |ending: &str| folder.path().join(format!("segment-{gone:08}.{ending}"));
        let is_frame = what.contains("frame");
        if is_frame {
            let mut bytes = std::fs::read(path("zst")).unwrap();
            bytes[5] ^= 1;
            std::fs::write(path("zst"), bytes).unwrap();
        } else {
            std::fs::remove_file(path("zst")).unwrap();
            std::fs::remove_file(path("digest")).unwrap();
        }
        let report = verify(folder.path(), &keys, &[]).unwrap();
        let [found] = &report.findings[..] else {
            panic!("{what}: {report:#?}");
        };
        assert_eq!(found.file, format!("segment-{gone:08}.zst"), "{what}");
        assert_eq!(found.sequence, Some(segment.first_sequence), "{what}");
        let last = found.last_sequence;
        if is_frame {
            assert!(
                last > found.sequence && last < segment.last_sequence,
                "{report:#?}"
            );
            assert_eq!(
                report.records + last.unwrap(),
                report.last_sequence.unwrap()
            );
        } else {
            assert_eq!(last, segment.last_sequence, "{what}");
        }
    }
}

#[test]
fn a_log_that_was_put_back_from_an_older_copy_is_found_by_a_head_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let options = small(folder.path());
    let keys = [key(1).public()];
    let log = open(&options).log;
    fill(&log, 10);
    log.close();
    drop(log);
    let older = crate::memory::read(folder.path());
    let log = open(&options).log;
    fill(&log, 10);
    let head = log.head(1);
    log.close();
    drop(log);
    for (name, bytes) in older {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    assert!(verify(folder.path(), &keys, &[]).unwrap().is_whole());
    let report = verify(folder.path(), &keys, &[head]).unwrap();
    let changes: Vec<_> = report
        .findings
        .iter()
        .map(|finding| finding.change)
        .collect();
    assert!(changes.contains(&Change::Cut), "{report:#?}");
}

#[test]
fn an_empty_folder_is_whole_unless_a_head_says_that_there_was_a_log() {
    let folder = tempfile::tempdir().unwrap();
    assert!(verify(folder.path(), &[], &[]).unwrap().is_whole());
    let other = tempfile::tempdir().unwrap();
    let log = open(&small(other.path())).log;
    let head = log.head(1);
    let report = verify(folder.path(), &[key(1).public()], &[head]).unwrap();
    assert!(!report.is_whole());
}
