//! `strongroom audit verify` and `public-key`: what they say of a server's log, offline and on copies.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Served, run, signal_pid, strongroom};

fn dev(folder: &Path) -> Served {
    dev_with(folder, &[])
}

fn dev_with(folder: &Path, more: &[&str]) -> Served {
    let folder = folder.to_str().unwrap();
    let mut arguments = vec!["dev", "--listen", "127.0.0.1:0", "--log-level", "error"];
    arguments.extend(["--data-dir", folder]);
    arguments.extend(more);
    Served::start(strongroom(&arguments))
}

fn work(server: &Served) {
    for name in ["one", "two", "three"] {
        let token = "0".repeat(32);
        let name = format!("{name}-{}", server.pid());
        let body = format!(
            "{{\"Name\":\"{name}\",\"SecretString\":\"v\",\"ClientRequestToken\":\"{token}\"}}"
        );
        let (status, _) = server.call(server.credentials(), "us-east-1", "CreateSecret", &body);
        assert_eq!(status, 200);
        let (status, _) = server.call(server.credentials(), "us-east-1", "ListSecrets", "{}");
        assert_eq!(status, 200);
    }
}

fn verify(folder: &Path, more: &[&str]) -> (i32, String, String) {
    let mut arguments = vec!["audit", "verify", "--data-dir", folder.to_str().unwrap()];
    arguments.extend(more);
    run(&arguments)
}

/// Every file below a folder, with its content.
fn files(folder: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    found
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(target, bytes).unwrap();
    }
}

#[test]
fn a_log_is_whole_after_an_orderly_end_after_a_kill_and_beside_a_running_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (status, _, error) = verify(folder.path(), &[]);
    assert_ne!(status, 0);
    assert!(error.contains("error: "), "{error}");
    let mut server = dev(&data);
    work(&server);
    let (status, told, _) = verify(&data, &[]);
    assert_eq!(status, 0, "{told}");
    assert!(told.contains("heads       1 kept elsewhere"), "{told}");
    assert!(told.contains(", in 1 segment\n"), "{told}");
    assert!(!told.contains("not compared"), "{told}");
    assert_eq!(server.terminate(), 0);
    let before = files(&data);
    let (status, told, _) = verify(&data, &[]);
    assert_eq!(status, 0, "{told}");
    assert!(told.ends_with("The audit log is whole.\n"), "{told}");
    assert!(told.contains("heads       1 kept elsewhere"), "{told}");
    assert!(!told.contains("no public key"), "{told}");
    assert_eq!(files(&data), before, "it reads only");

    let server = dev(&data);
    work(&server);
    signal_pid(server.pid(), "KILL");
    drop(server);
    let before = files(&data);
    let (status, told, _) = verify(&data, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (status, &report["Findings"]),
        (0, &serde_json::json!([])),
        "{told}"
    );
    assert!(report["Events"].as_u64().unwrap() >= 12, "{told}");
    assert_eq!(files(&data), before, "it reads only");

    // A moved copy that nobody may write to.
    let moved = folder.path().join("moved");
    copy(&data, &moved);
    for path in files(&moved).keys() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
    }
    let (status, told, _) = verify(&moved, &[]);
    assert_eq!(status, 0, "{told}");
}

#[test]
fn beside_a_running_server_a_log_is_compared_with_the_head_that_its_store_holds() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = dev(&data);
    work(&server);
    assert_eq!(server.terminate(), 0);
    // A data folder whose log is an older copy, and whose store is the one that a server has.
    let older = folder.path().join("older");
    copy(&data.join("audit"), &older.join("audit"));
    let server = dev(&data);
    work(&server);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "audit" {
            std::os::unix::fs::symlink(&path, older.join(path.file_name().unwrap())).unwrap();
        }
    }
    let (status, told, _) = verify(&data, &[]);
    assert_eq!(status, 0, "{told}");
    let (status, told, _) = verify(&older, &[]);
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("CUT") && told.contains("NOT whole"), "{told}");
    let keys = || run(&["audit", "public-key", "--data-dir", older.to_str().unwrap()]);
    let (status, beside, _) = keys();
    assert_eq!((status, beside.trim().len()), (0, 44), "{beside}");

    // A socket that is elsewhere, or isn't there.
    let socket = folder.path().join("elsewhere.sock");
    fs::rename(data.join("admin.sock"), &socket).unwrap();
    let (status, told, _) = verify(&older, &[]);
    assert_eq!(status, 0, "{told}");
    assert!(
        told.contains("not compared") && told.contains("no server answers"),
        "{told}"
    );
    let (status, told, _) = verify(&older, &["--socket", socket.to_str().unwrap()]);
    assert_eq!(status, 1, "{told}");
    let (status, _, error) = keys();
    assert!(
        status != 0 && error.contains("another process has the store"),
        "{error}"
    );
    drop(server);
}

#[test]
fn nothing_found_is_never_what_a_mistaken_question_looks_like() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let _server = dev(&data);
    let (data, none) = (data.to_str().unwrap(), folder.path().to_str().unwrap());
    for (arguments, part) in [
        (&["query", "--log", data][..], "there is no audit log in"),
        (&["query", "--data-dir", none], "there is no audit log in"),
        (&["verify", "--data-dir", none], "there is no audit log in"),
        (&["verify", "--log", "/none"], "there is no audit log in"),
        (
            &["query", "--data-dir", data, "--from", "1m", "--to", "2m"],
            "--from is later than --to",
        ),
        (&["query"], "<--data-dir <DIR>|--log <DIR>>"),
        (&["verify"], "<--data-dir <DIR>|--log <DIR>>"),
    ] {
        let (status, _, error) = run(&[&["audit"], arguments].concat());
        assert!(
            status != 0 && error.contains(part),
            "{arguments:?}: {error}"
        );
    }
}

#[test]
fn what_the_server_noted_can_be_read_an_older_copy_that_it_was_told_to_accept_among_it() {
    let folder = tempfile::tempdir().unwrap();
    let (data, older) = (folder.path().join("data"), folder.path().join("older"));
    for round in 0..2 {
        let mut server = dev(&data);
        work(&server);
        assert_eq!(server.terminate(), 0);
        if round == 0 {
            copy(&data.join("audit"), &older);
        }
    }
    fs::remove_dir_all(data.join("audit")).unwrap();
    copy(&older, &data.join("audit"));
    let _server = dev_with(&data, &["--restored"]);
    let data = data.to_str().unwrap();
    let (status, told, _) = run(&["audit", "notes", "--data-dir", data]);
    let kinds: Vec<&str> = told
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .collect();
    assert_eq!(
        (status, &kinds[..]),
        (0, &["closed", "opened", "note"][..]),
        "{told}"
    );
    assert!(
        told.contains("\"note\":\"restored\"") && told.contains("which the store knows"),
        "{told}"
    );
    let from = "2999-01-01T00:00:00Z";
    let (status, told, _) = run(&[
        "audit",
        "notes",
        "--data-dir",
        data,
        "--from",
        from,
        "--json",
    ]);
    assert_eq!((status, &*told), (0, ""));
}

#[test]
fn a_log_alone_is_verified_with_the_public_key_and_with_heads_that_were_kept() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = dev(&data);
    work(&server);
    assert_eq!(server.terminate(), 0);
    let early = folder.path().join("early");
    copy(&data.join("audit"), &early);
    let mut server = dev(&data);
    work(&server);
    assert_eq!(server.terminate(), 0);
    let (status, key, _) = run(&["audit", "public-key", "--data-dir", data.to_str().unwrap()]);
    assert_eq!((status, key.trim().len()), (0, 44), "{key}");
    let key_file = folder.path().join("audit.pub");
    fs::write(&key_file, &key).unwrap();
    let heads = fs::read_to_string(data.join("audit/head")).unwrap();
    let anchors = folder.path().join("heads");
    fs::write(&anchors, heads).unwrap();
    let verify_log = |log: &Path, more: &[&Path]| {
        let mut arguments = vec!["audit", "verify", "--log", log.to_str().unwrap()];
        arguments.extend(["--public-key", key_file.to_str().unwrap()]);
        for file in more {
            arguments.extend(["--anchor", file.to_str().unwrap()]);
        }
        run(&arguments)
    };
    let (status, told, _) = verify_log(&data.join("audit"), &[&anchors]);
    assert_eq!(status, 0, "{told}");
    // An older copy of all of it is whole by itself, and behind the heads that were kept.
    assert_eq!(verify_log(&early, &[]).0, 0);
    let (status, told, _) = verify_log(&early, &[&anchors]);
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("CUT") && told.contains("NOT whole"), "{told}");
    // Another key.
    fs::write(&key_file, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    let (status, told, _) = verify_log(&data.join("audit"), &[]);
    assert_eq!(status, 1, "{told}");
    assert!(told.contains("which nobody trusted vouches for"), "{told}");
    fs::write(&key_file, "nonsense\n").unwrap();
    let (status, _, error) = verify_log(&data.join("audit"), &[]);
    assert_eq!(status, 1);
    assert!(error.contains("public-key"), "{error}");
}

#[test]
fn what_was_done_to_a_log_is_named_with_its_event() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut server = dev(&data);
    work(&server);
    assert_eq!(server.terminate(), 0);
    let segment = data.join("audit/segment-00000001.raw");
    let whole = fs::read(&segment).unwrap();
    let text = String::from_utf8_lossy(&whole).into_owned();
    assert!(text.contains("\"eventName\":\"CreateSecret\""), "{text}");
    let at = |what: &str| {
        let found = whole
            .windows(what.len())
            .position(|part| part == what.as_bytes());
        found.unwrap()
    };
    let mut changed = whole.clone();
    changed[at("ListSecrets")] = b'X';
    fs::write(&segment, &changed).unwrap();
    let (status, told, _) = verify(&data, &[]);
    assert_eq!(status, 1, "{told}");
    let named = "ALTERED     segment-00000001.raw, record ";
    assert!(told.contains(named) && told.contains(", event "), "{told}");
    fs::write(&segment, &whole[..whole.len() - 300]).unwrap();
    let (status, told, _) = verify(&data, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        (status, &report["Findings"][0]["Change"]),
        (1, &"cut".into()),
        "{told}"
    );
    fs::write(&segment, &whole).unwrap();
    assert_eq!(verify(&data, &[]).0, 0);
    fs::write(data.join("audit/notes.txt"), "mine").unwrap();
    let (status, told, _) = verify(&data, &[]);
    assert_eq!(status, 1, "{told}");
    assert!(
        told.contains("notes.txt doesn't belong to the log"),
        "{told}"
    );
}

#[test]
fn a_key_that_took_over_from_another_is_believed_by_whoever_has_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let place = data.to_str().unwrap();
    let mut server = dev(&data);
    work(&server);
    let (status, keys, wrong) = run(&["audit", "rotate-key", "--data-dir", place]);
    assert_eq!(status, 0, "{wrong}");
    assert_eq!(keys.lines().count(), 2, "{keys}");
    assert_eq!(server.terminate(), 0);
    // It goes on with the new key.
    let mut server = dev(&data);
    work(&server);
    assert_eq!(server.terminate(), 0);
    let (_, printed, _) = run(&["audit", "public-key", "--data-dir", place]);
    assert_eq!(printed, keys);
    let file = folder.path().join("audit.pub");
    for key in keys.lines() {
        fs::write(&file, format!("{key}\n")).unwrap();
        let (status, said, _) = verify(&data, &["--public-key", file.to_str().unwrap()]);
        assert_eq!(status, 0, "{said}");
    }
}
