//! A disk that is full, read-only or failing takes no commit and no reader along, damages nothing, and is used again
//! by itself once it is well.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{CommitError, Fault, FaultKind, Store};

use crate::support::{Known, Seed, Trouble, Unreliable, all, block_on, has_pair, pair};

struct Fixture {
    store: Embedded,
    disk: Arc<Unreliable>,
    options: Options,
    _folder: tempfile::TempDir,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    // No cache: what is read comes from the disk.
    let options = Options {
        cache_bytes: 0,
        ..Options::new(folder.path())
    };
    let mut disk = None;
    let store = Embedded::open_on(&options, |file| {
        let unreliable = Unreliable::new(file);
        disk = Some(Arc::clone(&unreliable));
        unreliable
    });
    let store = store.unwrap();
    for number in 0..20 {
        block_on(store.commit(pair(&format!("before{number}")))).unwrap();
    }
    Fixture {
        store,
        disk: disk.unwrap(),
        options,
        _folder: folder,
    }
}

impl Fixture {
    fn commit(&self, name: &str) -> Result<(), Fault> {
        match block_on(self.store.commit(pair(name))) {
            Ok(_) => Ok(()),
            Err(CommitError::Fault(fault)) => Err(fault),
            Err(other) => panic!("{other}"),
        }
    }

    fn assert_reads_go_on(&self) {
        for number in 0..20 {
            assert!(has_pair(&self.store, &format!("before{number}")));
        }
        assert!(all(&self.store).len() >= 40);
    }

    /// Commits until one is taken, which must be soon.
    fn recovers(&self) {
        let give_up = Instant::now() + Duration::from_secs(20);
        while let Err(fault) = self.commit("after") {
            assert!(Instant::now() < give_up, "{fault}");
        }
        assert_eq!(self.store.health(), Ok(()));
        assert_eq!(self.store.verify().faults, []);
    }

    /// The store as a new process finds it, which must be what this one shows.
    fn assert_found_again(self) {
        let before = all(&self.store);
        let options = self.options.clone();
        drop(self.store);
        let store = Embedded::open(&options).unwrap();
        assert_eq!(all(&store), before);
    }
}

#[test]
fn a_full_disk_is_seen_before_it_is_met() {
    let fixture = fixture();
    fixture.disk.set_room(1 << 20, false);
    let fault = fixture.commit("full").unwrap_err();
    assert_eq!(*fault.kind(), FaultKind::NoSpace);
    assert!(fault.is_before_writing());
    let folder = fixture.options.folder.display();
    assert_eq!(
        fault.to_string(),
        format!(
            "the disk of {folder} is full: 1024 KiB are left, and 2049 KiB are needed to write safely: free some space \
             on that disk; reads go on, and writing resumes by itself"
        )
    );
    assert_eq!(
        fixture.store.health().unwrap_err().kind(),
        &FaultKind::NoSpace
    );
    assert!(!has_pair(&fixture.store, "full"));
    fixture.assert_reads_go_on();
    fixture.disk.set_room(1 << 30, false);
    fixture.commit("after").unwrap();
    fixture.assert_found_again();
}

#[test]
fn a_read_only_disk_refuses_commits_and_serves_reads() {
    let fixture = fixture();
    fixture.disk.set_room(1 << 40, true);
    let fault = fixture.commit("refused").unwrap_err();
    assert_eq!(*fault.kind(), FaultKind::ReadOnly);
    assert!(fault.is_before_writing());
    fixture.assert_reads_go_on();
    fixture.disk.set_room(1 << 40, false);
    fixture.commit("after").unwrap();
    fixture.assert_found_again();
}

#[test]
fn what_the_disk_answers_is_what_the_operator_reads() {
    for (kind, expected) in [
        (ErrorKind::StorageFull, FaultKind::NoSpace),
        (ErrorKind::QuotaExceeded, FaultKind::NoSpace),
        (ErrorKind::ReadOnlyFilesystem, FaultKind::ReadOnly),
        (ErrorKind::Other, FaultKind::Io),
    ] {
        let fixture = fixture();
        fixture.disk.break_with(kind);
        for attempt in 0..3 {
            let fault = fixture.commit("refused").unwrap_err();
            assert_eq!(*fault.kind(), expected, "{attempt} {fault}");
            assert!(fault.is_before_writing(), "no header was written");
            assert!(fault.to_string().contains("store.redb"), "{fault}");
            assert_eq!(fixture.store.health().unwrap_err().kind(), &expected);
            fixture.assert_reads_go_on();
        }
        assert!(!has_pair(&fixture.store, "refused"));
        fixture.disk.mend();
        fixture.recovers();
        fixture.assert_found_again();
    }
}

/// Each write, sync and change of length of one commit fails once, for one operation or for good.
#[test]
fn whichever_operation_fails_nothing_is_damaged_and_reads_go_on() {
    let operations = {
        let fixture = fixture();
        fixture.disk.set_trouble(Trouble {
            kind: ErrorKind::Other,
            from: u64::MAX,
            times: 0,
            reads_too: false,
        });
        fixture.commit("counted").unwrap();
        fixture.disk.operations()
    };
    assert!(operations > 5, "{operations}");
    let mut unknown = 0;
    for times in [1, u64::MAX] {
        for from in 0..operations {
            let fixture = fixture();
            let known = Known::by(&fixture.store);
            fixture.disk.set_trouble(Trouble {
                kind: ErrorKind::Other,
                from,
                times,
                reads_too: false,
            });
            let answer = fixture.commit("doubtful");
            fixture.assert_reads_go_on();
            let seen = has_pair(&fixture.store, "doubtful");
            assert_eq!(seen, answer.is_ok(), "not acknowledged, not visible yet");
            fixture.disk.mend();
            fixture.recovers();
            let seen = has_pair(&fixture.store, "doubtful");
            match &answer {
                Ok(()) => assert!(seen),
                Err(fault) if fault.is_before_writing() => assert!(!seen, "{from}"),
                Err(_) => unknown += 1,
            }
            // Watchers know exactly what is there, also where the answer was a fault.
            let entries = all(&fixture.store);
            let later = entries
                .into_iter()
                .filter(|entry| !entry.key.windows(6).any(|key| key == b"before"));
            let later = later.map(|entry| (entry.key, entry.modified)).collect();
            assert_eq!(known.keys(), later, "{from}");
            fixture.assert_found_again();
        }
    }
    assert!(unknown > 0, "the last sync leaves the outcome open");
}

#[test]
fn a_failed_read_is_a_fault_and_reading_resumes() {
    let fixture = fixture();
    fixture.disk.set_trouble(Trouble {
        kind: ErrorKind::Other,
        from: 0,
        times: u64::MAX,
        reads_too: true,
    });
    let snapshot = fixture.store.snapshot().unwrap();
    let fault = (0..20)
        .find_map(|number| {
            snapshot
                .get(format!("left/before{number}").as_bytes())
                .err()
        })
        .expect("without a cache, some page has to be read");
    assert_eq!(*fault.kind(), FaultKind::Io);
    drop(snapshot);
    fixture.disk.mend();
    // Nobody commits: reading alone brings it back.
    let give_up = Instant::now() + Duration::from_secs(20);
    while let Err(fault) = fixture.store.snapshot().unwrap().get(b"left/before0") {
        assert_eq!(*fault.kind(), FaultKind::Io);
        assert!(Instant::now() < give_up, "{fault}");
    }
    fixture.assert_reads_go_on();
    fixture.recovers();
    fixture.assert_found_again();
}

#[test]
fn a_snapshot_from_before_a_failure_stays_as_it_was() {
    let fixture = fixture();
    let snapshot = fixture.store.snapshot().unwrap();
    fixture.disk.break_with(ErrorKind::StorageFull);
    fixture.commit("refused").unwrap_err();
    for number in 0..20 {
        assert!(
            snapshot
                .get(format!("left/before{number}").as_bytes())
                .unwrap()
                .is_some()
        );
    }
    fixture.disk.mend();
    fixture.recovers();
    for round in 0..30 {
        fixture.commit(&format!("before{}", round % 20)).unwrap();
    }
    // By now its pages are reused: it must answer rightly or not at all, and not call that damage.
    for number in 0..20 {
        let name = format!("before{number}");
        match snapshot.get(format!("left/{name}").as_bytes()) {
            Ok(entry) => assert_eq!(entry.unwrap().value, name.repeat(40).into_bytes()),
            Err(fault) => assert_eq!(*fault.kind(), FaultKind::Io, "{fault}"),
        }
    }
    drop(snapshot);
    fixture.assert_reads_go_on();
}

#[test]
fn a_store_opens_for_reading_on_a_disk_that_takes_no_writes() {
    let fixture = fixture();
    let options = fixture.options.clone();
    fixture.disk.break_with(ErrorKind::StorageFull);
    drop(fixture.store);
    let mut disk = None;
    let store = Embedded::open_on(&options, |file| {
        let unreliable = Unreliable::new(file);
        unreliable.break_with(ErrorKind::StorageFull);
        disk = Some(Arc::clone(&unreliable));
        unreliable
    });
    let fixture = Fixture {
        store: store.unwrap(),
        disk: disk.unwrap(),
        ..fixture
    };
    fixture.assert_reads_go_on();
    assert_eq!(
        fixture.commit("refused").unwrap_err().kind(),
        &FaultKind::NoSpace
    );
    fixture.disk.mend();
    fixture.recovers();
    fixture.assert_found_again();
}

#[test]
fn random_failures_under_load_lose_nothing() {
    let seed = std::env::var("STRONGROOM_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or(7);
    println!("STRONGROOM_SEED={seed}");
    let mut seed = Seed(seed);
    let fixture = fixture();
    let mut acknowledged = Vec::new();
    for round in 0..25 {
        let from = seed.below(150);
        let times = 1 + seed.below(20);
        fixture.disk.set_trouble(Trouble {
            kind: ErrorKind::Other,
            from,
            times,
            reads_too: false,
        });
        for number in 0..1 + seed.below(8) {
            let name = format!("{round}/{number}");
            if fixture.commit(&name).is_ok() {
                acknowledged.push(name);
            }
            fixture.assert_reads_go_on();
        }
        fixture.disk.mend();
        fixture.recovers();
    }
    assert!(acknowledged.len() > 20, "{}", acknowledged.len());
    for name in &acknowledged {
        assert!(has_pair(&fixture.store, name), "{name}");
    }
    fixture.assert_found_again();
}

/// The real thing, where this user may mount: a small disk that is filled up and emptied again.
#[test]
fn a_real_disk_that_fills_up() {
    let mount = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=6m", "tmpfs"])
        .arg(mount.path())
        .output();
    if !mounted.is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: this user may not mount a tmpfs; the tests above fail the disk without it"
        );
        return;
    }
    struct Unmount<'a>(&'a std::path::Path);
    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg(self.0).status();
        }
    }
    let _unmount = Unmount(mount.path());
    // With a reserve that is seen first, and without, so that redb's own writes fail.
    for reserve_bytes in [2 << 20, 0] {
        let folder = mount.path().join(reserve_bytes.to_string());
        let options = Options {
            reserve_bytes,
            cache_bytes: 0,
            ..Options::new(&folder)
        };
        let store = Embedded::open(&options).unwrap();
        block_on(store.commit(pair("before"))).unwrap();
        let filler = mount.path().join("filler");
        let filled = std::fs::write(&filler, vec![1; 8 << 20]);
        assert_eq!(filled.unwrap_err().kind(), ErrorKind::StorageFull);
        let mut acknowledged = vec!["before".to_owned()];
        let fault = (0..10_000)
            .find_map(|number| {
                let name = number.to_string();
                match block_on(store.commit(pair(&name))) {
                    Ok(_) => {
                        acknowledged.push(name);
                        None
                    }
                    Err(CommitError::Fault(fault)) => Some(fault),
                    Err(other) => panic!("{other}"),
                }
            })
            .expect("the disk is full");
        assert_eq!(*fault.kind(), FaultKind::NoSpace, "{fault}");
        for name in &acknowledged {
            assert!(has_pair(&store, name));
        }
        std::fs::remove_file(filler).unwrap();
        let give_up = Instant::now() + Duration::from_secs(20);
        while let Err(error) = block_on(store.commit(pair("after"))) {
            assert!(Instant::now() < give_up, "{error}");
        }
        drop(store);
        let store = Embedded::open(&options).unwrap();
        for name in &acknowledged {
            assert!(has_pair(&store, name));
        }
        drop(store);
        std::fs::remove_dir_all(folder).unwrap();
    }
}
