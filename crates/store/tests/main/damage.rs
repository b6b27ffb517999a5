//! Whatever happens to the file, no read gives a wrong answer, and the damage is named.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt;
use std::path::Path;

use redb::ReadableTable;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{Commit, Condition, FaultKind, Range, Store, Write};

use crate::support::{Unreliable, block_on, pair};

type Expected = BTreeMap<Vec<u8>, Vec<u8>>;

/// A store with records of all sizes, some overwritten and some deleted.
fn filled(folder: &Path) -> (Embedded, Expected) {
    let store = Embedded::open(&Options::new(folder)).unwrap();
    let mut expected = Expected::new();
    for number in 0..60_usize {
        let key = format!("record/{number:03}").into_bytes();
        let value: Vec<u8> = (0..number * 23)
            .map(|byte| (byte * 7 + number) as u8)
            .collect();
        expected.insert(key.clone(), value.clone());
        let put = Write::Put {
            key: key.clone(),
            value,
        };
        block_on(store.commit(Commit {
            conditions: vec![],
            writes: vec![put.clone()],
        }))
        .unwrap();
        if number % 5 == 0 {
            block_on(store.commit(Commit {
                conditions: vec![],
                writes: vec![put],
            }))
            .unwrap();
        }
        if number % 7 == 0 {
            expected.remove(&key);
            block_on(store.commit(Commit {
                conditions: vec![],
                writes: vec![Write::Delete { key }],
            }))
            .unwrap();
        }
    }
    (store, expected)
}

/// Reads everything in every way. Returns how many reads were refused; all others must be right.
fn read_all(store: &Embedded, expected: &Expected) -> usize {
    let mut refused = 0;
    let Ok(snapshot) = store.snapshot() else {
        return 1;
    };
    for number in 0..61 {
        let key = format!("record/{number:03}").into_bytes();
        match snapshot.get(&key) {
            Ok(entry) => assert_eq!(entry.map(|entry| entry.value).as_ref(), expected.get(&key)),
            Err(fault) => {
                assert!(matches!(fault.kind(), FaultKind::Damaged { .. }), "{fault}");
                assert!(fault.to_string().contains("store.redb"), "{fault}");
                refused += 1;
            }
        }
    }
    for range in [
        Range::prefix(b"record/"),
        Range::prefix(b"record/").reversed(),
        Range::between(*b"record/0305", *b"record/04"),
    ] {
        let within = expected.iter().filter(|(key, _)| range.contains(key));
        let mut within: Vec<_> = within.collect();
        if range.reverse {
            within.reverse();
        }
        let mut within = within.into_iter();
        let visited = snapshot.range(&range, &mut |entry| {
            assert_eq!(
                Some((entry.key, entry.value)),
                within.next().map(|(key, value)| (&key[..], &value[..]))
            );
            ControlFlow::Continue(())
        });
        match visited {
            Ok(()) => assert_eq!(within.next(), None),
            Err(_) => refused += 1,
        }
    }
    refused
}

/// Flips one bit, opens and reads, for every place given. Returns at how many places the damage was named.
fn flip_and_open(
    folder: &Path,
    image: &[u8],
    expected: &Expected,
    bits: impl Iterator<Item = usize>,
) -> usize {
    let path = folder.join("store.redb");
    let mut named = 0;
    for bit in bits {
        let mut flipped = image.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        match Embedded::open_on(&Options::new(folder), |file| Unreliable::new(file)) {
            Err(fault) => {
                assert!(
                    matches!(fault.kind(), FaultKind::Damaged { .. }),
                    "bit {bit}: {fault}"
                );
                assert!(
                    fault.to_string().contains("store.redb"),
                    "bit {bit}: {fault}"
                );
                named += 1;
            }
            // The bit means nothing: a free page, padding, a flag that opening sets anyway.
            Ok(store) => {
                assert_eq!(read_all(&store, expected), 0, "bit {bit}");
                assert_eq!(store.verify().faults, [], "bit {bit}");
                // Nor does it show once more is written: redb's list of free pages is right as well.
                for number in 0..3 {
                    block_on(store.commit(pair(&number.to_string()))).unwrap();
                }
                assert_eq!(read_all(&store, expected), 0, "bit {bit}");
                assert_eq!(store.verify().faults, [], "bit {bit}");
            }
        }
    }
    named
}

#[test]
fn a_flipped_bit_is_never_served_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected) = filled(folder.path());
    drop(store);
    let image = std::fs::read(folder.path().join("store.redb")).unwrap();
    let bits = (0..320 * 8)
        .step_by(3)
        .chain(9 * 8..10 * 8)
        .chain((320 * 8..image.len() * 8).step_by(997));
    let count = bits.clone().count();
    let named = flip_and_open(folder.path(), &image, &expected, bits);
    println!("{named} of {count} flipped bits mattered");
    assert!(named > count / 10);
}

#[test]
fn a_flipped_bit_is_never_served_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected) = filled(folder.path());
    // As a killed process leaves it.
    let image = std::fs::read(folder.path().join("store.redb")).unwrap();
    drop(store);
    let bits = (0..320 * 8)
        .step_by(3)
        .chain(9 * 8..10 * 8)
        .chain((320 * 8..image.len() * 8).step_by(1499));
    let named = flip_and_open(folder.path(), &image, &expected, bits);
    assert!(named > 100, "{named}");
}

/// redb keeps a list of free pages in the file. Were a wrong one believed, later commits would overwrite records.
#[test]
fn a_wrong_list_of_free_pages_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected) = filled(folder.path());
    drop(store);
    let path = folder.path().join("store.redb");
    let image = std::fs::read(&path).unwrap();
    // A page of redb's own has none of our records, and the beginning of a page is where it says what it holds.
    let pages = image.chunks(4096).enumerate().skip(1);
    let pages = pages.filter(|(_, page)| !page.windows(7).any(|bytes| bytes == b"record/"));
    let bits = pages.flat_map(|(number, page)| {
        let used = page
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        (0..used * 8)
            .step_by(233)
            .map(move |bit| number * 4096 * 8 + bit)
    });
    let (mut refused, mut opened) = (0, 0);
    for bit in bits {
        let mut flipped = image.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &flipped).unwrap();
        let Ok(store) =
            Embedded::open_on(&Options::new(folder.path()), |file| Unreliable::new(file))
        else {
            refused += 1;
            continue;
        };
        opened += 1;
        for number in 0..12 {
            block_on(store.commit(pair(&number.to_string()))).unwrap();
        }
        assert_eq!(store.verify().faults, [], "bit {bit}");
        assert_eq!(read_all(&store, &expected), 0, "bit {bit}");
    }
    assert!(
        refused > 100 && refused > 10 * opened,
        "{refused} refused, {opened} opened"
    );
}

#[test]
fn a_bit_flipped_under_a_running_store_is_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let (store, expected) = filled(folder.path());
    drop(store);
    // No cache: every read asks the disk.
    let options = Options {
        cache_bytes: 0,
        ..Options::new(folder.path())
    };
    let store = Embedded::open(&options).unwrap();
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(folder.path().join("store.redb"))
        .unwrap();
    let len = file.metadata().unwrap().len();
    let mut refused = 0;
    for offset in (0..len).step_by(331) {
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << (offset % 8))], offset)
            .unwrap();
        let reads = read_all(&store, &expected);
        if reads > 0 {
            refused += 1;
            let faults = store.verify().faults;
            assert!(!faults.is_empty(), "byte {offset}");
            assert!(
                matches!(faults[0].kind(), FaultKind::Damaged { .. }),
                "{}",
                faults[0]
            );
        }
        file.write_all_at(&byte, offset).unwrap();
        // Only what is damaged is refused, and only as long as it is.
        assert_eq!(read_all(&store, &expected), 0, "byte {offset}");
    }
    assert!(refused > 10, "{refused}");
    assert_eq!(store.verify().faults, []);
}

#[test]
fn a_truncated_file_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = filled(folder.path());
    let path = folder.path().join("store.redb");
    let running = std::fs::read(&path).unwrap();
    drop(store);
    let stopped = std::fs::read(&path).unwrap();
    for image in [running, stopped] {
        for len in [
            0,
            1,
            100,
            320,
            4_096,
            8_192,
            image.len() / 2,
            image.len() - 4_096,
            image.len() - 1,
        ] {
            std::fs::write(&path, &image[..len]).unwrap();
            let fault = Embedded::open(&Options::new(folder.path()))
                .err()
                .expect("refused");
            assert!(
                matches!(fault.kind(), FaultKind::Damaged { .. }),
                "{len}: {fault}"
            );
            assert!(fault.to_string().contains("store.redb"), "{len}: {fault}");
        }
    }
}

#[test]
fn something_else_entirely_is_refused_and_named() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    let path = folder.path().join("store.redb");
    for content in [vec![0; 100_000], b"hello".repeat(9_999), vec![0xff; 8_192]] {
        std::fs::write(&path, content).unwrap();
        let fault = Embedded::open(&Options::new(folder.path()))
            .err()
            .expect("refused");
        assert!(matches!(fault.kind(), FaultKind::Damaged { .. }), "{fault}");
    }
}

#[test]
fn a_damaged_page_can_be_looked_for_without_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = filled(folder.path());
    let records = store.verify().records;
    drop(store);
    let path = folder.path().join("store.redb");
    let mut image = std::fs::read(&path).unwrap();
    // A value's own bytes, of a record that is there.
    let value: Vec<u8> = (0..59 * 23)
        .map(|byte: usize| (byte * 7 + 59) as u8)
        .collect();
    let places: Vec<_> = (0..image.len() - value.len())
        .filter(|at| image[*at..*at + value.len()] == value)
        .collect();
    for at in places {
        image[at + 700] ^= 1;
    }
    std::fs::write(&path, image).unwrap();
    Embedded::open(&Options::new(folder.path()))
        .err()
        .expect("refused");
    let store = Embedded::open_unverified(&Options::new(folder.path())).unwrap();
    let verification = store.verify();
    assert_eq!(verification.records, records - 1);
    let kinds: Vec<_> = verification
        .faults
        .iter()
        .map(|fault| fault.kind().clone())
        .collect();
    assert_eq!(
        kinds,
        [FaultKind::Damaged {
            key: Some(b"record/059".to_vec())
        }]
    );
    assert!(
        verification.faults[0]
            .to_string()
            .starts_with("the record `record/059` in ")
    );
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.get(b"record/059").unwrap_err().kind(), &kinds[0]);
    assert!(snapshot.get(b"record/058").unwrap().is_some());
}

/// Changes the file as redb does, so that its own checksums are right and only ours can tell.
fn tamper(folder: &Path, change: impl FnOnce(&mut redb::Table<'_, &'static [u8], &'static [u8]>)) {
    let database = redb::Database::open(folder.join("store.redb")).unwrap();
    let mut transaction = database.begin_write().unwrap();
    transaction.set_quick_repair(true);
    change(
        &mut transaction
            .open_table(redb::TableDefinition::new("records"))
            .unwrap(),
    );
    transaction.commit().unwrap();
}

#[test]
fn a_missing_record_is_noticed_by_their_number() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    tamper(folder.path(), |records| {
        drop(records.remove(&b"record/001"[..]).unwrap())
    });
    let fault = Embedded::open(&Options::new(folder.path()))
        .err()
        .expect("refused");
    assert_eq!(*fault.kind(), FaultKind::Damaged { key: None });
    assert!(
        fault
            .to_string()
            .contains("store.redb has 50 records where 51 were written"),
        "{fault}"
    );
}

#[test]
fn a_record_under_another_key_is_not_served() {
    let folder = tempfile::tempdir().unwrap();
    drop(filled(folder.path()));
    tamper(folder.path(), |records| {
        let other = records
            .get(&b"record/002"[..])
            .unwrap()
            .unwrap()
            .value()
            .to_vec();
        records
            .insert(&b"record/001"[..], other.as_slice())
            .unwrap();
    });
    let fault = Embedded::open(&Options::new(folder.path()))
        .err()
        .expect("refused");
    assert_eq!(
        *fault.kind(),
        FaultKind::Damaged {
            key: Some(b"record/001".to_vec())
        }
    );
    let store = Embedded::open_unverified(&Options::new(folder.path())).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.get(b"record/001"), Err(fault.clone()));
    let refused = snapshot.range(&Range::all(), &mut |entry| {
        assert_ne!(entry.key, b"record/001");
        ControlFlow::Continue(())
    });
    assert_eq!(refused, Err(fault.clone()));
    // Deciding a commit by it is refused as well; replacing it is not.
    let condition = Condition::absent(*b"record/001");
    let answer = block_on(store.commit(Commit {
        conditions: vec![condition],
        writes: vec![],
    }));
    assert_eq!(answer, Err(fault.before_writing().into()));
    let writes = vec![Write::Put {
        key: b"record/001".to_vec(),
        value: vec![1],
    }];
    block_on(store.commit(Commit {
        conditions: vec![],
        writes,
    }))
    .unwrap();
    assert_eq!(store.verify().faults, []);
}
