//! The folder: one process, one format, nothing older than what was acknowledged.

use std::os::unix::fs::PermissionsExt;

use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{FaultKind, Revision, Store};

use crate::support::{all, block_on, has_pair, pair};

#[test]
fn a_store_is_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path().join("made/on/the/way"));
    let store = Embedded::open(&options).unwrap();
    assert_eq!(store.snapshot().unwrap().revision(), Revision::ABSENT);
    let revision = block_on(store.commit(pair("one"))).unwrap();
    drop(store);
    let store = Embedded::open(&options).unwrap();
    assert!(has_pair(&store, "one"));
    assert_eq!(store.snapshot().unwrap().revision(), revision);
    assert!(block_on(store.commit(pair("two"))).unwrap() > revision);
    assert_eq!(store.verify().records, 4);
}

#[test]
fn only_this_user_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path().join("store"));
    let store = Embedded::open(&options).unwrap();
    block_on(store.commit(pair("one"))).unwrap();
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&options.folder), 0o700);
    for entry in std::fs::read_dir(&options.folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[test]
fn a_second_server_is_told_who_has_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(&Options::new(folder.path())).unwrap();
    let fault = Embedded::open(&Options::new(folder.path()))
        .err()
        .expect("refused");
    let pid = std::process::id();
    assert_eq!(*fault.kind(), FaultKind::Locked { pid: Some(pid) });
    assert_eq!(
        fault.to_string(),
        format!(
            "the folder {} is in use by process {pid}: stop that process, or give this one a folder of its own",
            folder.path().display()
        )
    );
    block_on(store.commit(pair("undisturbed"))).unwrap();
    store.close();
    drop(store);
    Embedded::open(&Options::new(folder.path())).unwrap();
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(Embedded::open(&Options::new(folder.path())).unwrap());
    let path = folder.path().join("store.redb");
    let before = std::fs::read(&path).unwrap();
    std::fs::write(folder.path().join("FORMAT"), "strongroom-store 2\n").unwrap();
    let fault = Embedded::open(&Options::new(folder.path()))
        .err()
        .expect("refused");
    assert_eq!(*fault.kind(), FaultKind::NewerFormat { found: 2, reads: 1 });
    assert_eq!(
        fault.to_string(),
        format!(
            "the data in {} has format 2, and this program reads formats up to 1: start the newer version of this \
             program that wrote it, or restore a backup made by this version",
            folder.path().display()
        )
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_folder_without_its_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(Embedded::open(&Options::new(folder.path())).unwrap());
    for content in [
        "",
        "strongroom-store",
        "strongroom-store 0\n",
        "strongroom-store x\n",
        "another 1\n",
    ] {
        std::fs::write(folder.path().join("FORMAT"), content).unwrap();
        let fault = Embedded::open(&Options::new(folder.path()))
            .err()
            .expect("refused");
        assert_eq!(
            *fault.kind(),
            FaultKind::Damaged { key: None },
            "{content:?}"
        );
        assert!(
            fault.to_string().contains("FORMAT names no format"),
            "{fault}"
        );
    }
    std::fs::remove_file(folder.path().join("FORMAT")).unwrap();
    let fault = Embedded::open(&Options::new(folder.path()))
        .err()
        .expect("refused");
    assert!(fault.to_string().contains("FORMAT is missing"), "{fault}");
}

#[test]
fn an_older_copy_of_the_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    let path = folder.path().join("store.redb");
    let store = Embedded::open(&options).unwrap();
    block_on(store.commit(pair("one"))).unwrap();
    drop(store);
    let older = std::fs::read(&path).unwrap();
    let store = Embedded::open(&options).unwrap();
    block_on(store.commit(pair("two"))).unwrap();
    drop(store);
    std::fs::write(&path, older).unwrap();
    let fault = Embedded::open(&options).err().expect("refused");
    assert_eq!(*fault.kind(), FaultKind::Damaged { key: None });
    assert!(
        fault
            .to_string()
            .contains("is at revision 1, but revision 2 was acknowledged"),
        "{fault}"
    );
    std::fs::remove_file(folder.path().join("REVISION")).unwrap();
    assert!(has_pair(&Embedded::open(&options).unwrap(), "one"));
}

#[test]
fn a_lost_file_is_not_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(folder.path());
    let store = Embedded::open(&options).unwrap();
    block_on(store.commit(pair("one"))).unwrap();
    drop(store);
    std::fs::remove_file(folder.path().join("store.redb")).unwrap();
    let fault = Embedded::open(&options).err().expect("refused");
    assert_eq!(*fault.kind(), FaultKind::Damaged { key: None });
    assert!(
        fault.to_string().contains("store.redb is missing"),
        "{fault}"
    );
    assert!(!folder.path().join("store.redb").exists());
}

#[test]
fn an_interrupted_beginning_is_begun_again() {
    for leftovers in [
        &["FORMAT"][..],
        &["FORMAT", "store.redb.new"],
        &["FORMAT.new"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        for name in leftovers {
            let content = if *name == "FORMAT" {
                "strongroom-store 1\n"
            } else {
                "half of someth"
            };
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        assert_eq!(all(&store), []);
        block_on(store.commit(pair("one"))).unwrap();
    }
}

#[test]
fn what_waits_when_the_store_closes_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    let store = Embedded::open(&Options::new(folder.path())).unwrap();
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut commits: Vec<_> = (0..50)
        .map(|number| store.commit(pair(&number.to_string())))
        .collect();
    let unanswered: Vec<_> = commits
        .iter_mut()
        .map(|commit| commit.as_mut().poll(&mut context))
        .collect();
    store.close();
    for (first, commit) in unanswered.into_iter().zip(commits) {
        match first {
            std::task::Poll::Ready(answer) => assert!(answer.is_ok()),
            std::task::Poll::Pending => assert!(block_on(commit).is_ok()),
        }
    }
    drop(store);
    let store = Embedded::open(&Options::new(folder.path())).unwrap();
    assert_eq!(store.verify().records, 100);
}

#[test]
fn what_the_first_release_wrote_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/main/first_format");
    for name in ["FORMAT", "REVISION", "store.redb"] {
        std::fs::copy(sample.join(name), folder.path().join(name)).unwrap();
    }
    let store = Embedded::open(&Options::new(folder.path())).unwrap();
    let found: Vec<_> = all(&store)
        .into_iter()
        .map(|entry| (entry.key, entry.value, entry.modified.0))
        .collect();
    let expected: [(&[u8], &[u8], u64); 4] = [
        (b"", b"an empty key", 1),
        (b"binary", &[0, 255, 128], 1),
        (b"empty", b"no longer", 3),
        (b"long", &[b'x'; 5000], 2),
    ];
    let expected = expected.map(|(key, value, modified)| (key.to_vec(), value.to_vec(), modified));
    assert_eq!(found, expected);
    block_on(store.commit(pair("goes on"))).unwrap();
}
