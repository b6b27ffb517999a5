//! A history that dies at every change it makes to the disk, with that change done in part: whatever was answered is there
//! when the log is opened again, and it is whole.

use std::collections::BTreeMap;

use strongroom_audit::{Durability, Kind, Log, Options, Repair, verify_on};

use crate::memory::{Files, Memory};
use crate::support::{Random, all, clock, key, options, run};

/// What a history was answered.
#[derive(Default)]
struct Answered(BTreeMap<u64, String>);

fn small(durability: Durability) -> Options {
    Options {
        segment_bytes: 2500,
        ..options(std::path::Path::new("memory"), durability)
    }
}

/// Runs a history on a disk until something fails, or it ends.
fn history(disk: &Memory, durability: Durability, seed: u64, answered: &mut Answered) {
    let mut random = Random(seed);
    let mut round = 0;
    while round < 2 {
        round += 1;
        let signer = key(1);
        let Ok(opened) = Log::open_on(disk.shared(), &small(durability), signer, [7; 16], clock())
        else {
            return;
        };
        let log = opened.log;
        for step in 0..25 {
            match random.below(20) {
                0 => drop(log.head(step)),
                1 => {
                    // Somebody who doesn't wait.
                    drop(log.append(&["not waited for"]));
                }
                2 => {
                    // Where it fails, some of what it was to remove may be gone.
                    let pruned = log.prune(i64::MAX);
                    let first = log.reader().segments()[0].first_sequence;
                    answered.0.retain(|sequence, _| *sequence >= first);
                    if pruned.is_err() {
                        return;
                    }
                }
                _ => {
                    let text = format!("{round}/{step} {}", "x".repeat(random.below(400) as usize));
                    match run(log.append(&[&text])) {
                        Ok(sequence) => drop(answered.0.insert(sequence, text)),
                        Err(_) => return,
                    }
                }
            }
        }
    }
}

/// What is left must open, have all that was answered, and be whole before and after.
fn check(files: &Files, durability: Durability, answered: &Answered, told: &str) {
    let keys = [key(1).public()];
    let before = verify_on(&Memory::of(files), &keys, &[]).unwrap();
    assert_eq!(before.findings, [], "before it is opened: {told}");
    let memory = Memory::of(files);
    let opened = Log::open_on(
        memory.shared(),
        &small(durability),
        key(1),
        [7; 16],
        clock(),
    );
    let opened = opened.unwrap();
    assert!(
        matches!(opened.repaired, None | Some(Repair::CutTail { .. })),
        "{:?}: {told}",
        opened.repaired
    );
    let log = opened.log;
    let text = "after the crash".to_owned();
    let sequence = run(log.append(&[&text])).unwrap();
    assert!(!answered.0.contains_key(&sequence), "{told}");
    let records = all(&log.reader(), 1);
    let events: BTreeMap<u64, &[u8]> = records
        .iter()
        .filter(|record| record.kind == Kind::Event)
        .map(|record| (record.sequence, record.payload.as_slice()))
        .collect();
    for (sequence, text) in &answered.0 {
        assert_eq!(
            events.get(sequence),
            Some(&text.as_bytes()),
            "record {sequence}: {told}"
        );
    }
    let repaired = opened.repaired.is_some();
    let noted = records.iter().any(|record| record.kind == Kind::Repair);
    assert!(!repaired || noted, "{told}");
    // What was being closed is closed.
    log.close();
    let after = verify_on(&memory, &keys, &[log.head(0)]).unwrap();
    assert_eq!(after.findings, [], "after it was opened: {told}");
}

#[test]
fn a_history_that_is_killed_at_any_change_loses_nothing_that_was_answered() {
    for (durability, seed) in [(Durability::Write, 1), (Durability::Fsync, 2)] {
        let whole = Memory::default();
        history(&whole, durability, seed, &mut Answered::default());
        let changes = whole.state().changes;
        assert!(changes > 60, "{changes}");
        for stop_at in 1..=changes {
            for torn_permille in [0, 400, 999] {
                let disk = Memory::default();
                disk.state().stop_at = Some(stop_at);
                disk.state().torn_permille = torn_permille;
                let mut answered = Answered::default();
                history(&disk, durability, seed, &mut answered);
                let told = format!("{durability:?}, change {stop_at}, torn at {torn_permille}");
                check(&disk.files(), durability, &answered, &told);
            }
        }
    }
}

#[test]
fn with_fsync_a_power_cut_at_any_change_loses_nothing_that_was_answered() {
    let durability = Durability::Fsync;
    let whole = Memory::default();
    history(&whole, durability, 3, &mut Answered::default());
    let changes = whole.state().changes;
    for stop_at in 1..=changes {
        let disk = Memory::default();
        disk.state().stop_at = Some(stop_at);
        let mut answered = Answered::default();
        history(&disk, durability, 3, &mut answered);
        let told = format!("power cut at change {stop_at}");
        check(&disk.files_after_power_cut(), durability, &answered, &told);
    }
}
