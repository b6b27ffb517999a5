//! What the first release writes stays readable: a log that it wrote lies beside this file.

use std::path::{Path, PathBuf};

use strongroom_audit::{Durability, Kind, Log, Options, Reader, verify};

use crate::support::{all, clock, key, open, options, run, settle};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/main/first_format")
}

fn small(folder: &Path) -> Options {
    Options {
        segment_bytes: 1500,
        ..options(folder, Durability::Write)
    }
}

#[test]
fn a_log_of_the_first_format_is_whole_and_goes_on() {
    let report = verify(&sample(), &[key(1).public()], &[]).unwrap();
    assert_eq!((report.findings, report.notes), (vec![], vec![]));
    let records = all(&Reader::open(&sample()).unwrap(), 1);
    let events = records.iter().filter(|record| record.kind == Kind::Event);
    let texts: Vec<_> = events.map(|record| record.payload.clone()).collect();
    let expected: Vec<_> = (0..20).map(|number| event(number).into_bytes()).collect();
    assert_eq!(texts, expected);
    assert!(records.iter().any(|record| record.kind == Kind::NewKey));

    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in crate::memory::read(&sample()) {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let opened = Log::open(&small(folder.path()), key(2), [0; 16], clock()).unwrap();
    assert_eq!((opened.created, opened.repaired), (false, None));
    run(opened.log.append(&["more"])).unwrap();
    opened.log.close();
    let report = verify(folder.path(), &[key(1).public()], &[]).unwrap();
    assert_eq!((report.findings, report.events), (vec![], 21));
}

fn event(number: u32) -> String {
    format!(
        "{{\"eventID\":\"{number:08x}\",\"filling\":\"{}\"}}",
        "x".repeat(100)
    )
}

/// Writes the sample anew: only where a new format comes beside the old one.
#[test]
#[ignore = "writes into the source"]
fn write_the_sample() {
    let folder = sample();
    std::fs::create_dir_all(&folder).unwrap();
    let log = open(&small(&folder)).log;
    for number in 0..20 {
        run(log.append(&[event(number)])).unwrap();
        if number == 8 {
            log.rotate_key(key(2)).unwrap();
        }
    }
    settle(&folder);
    log.close();
}
