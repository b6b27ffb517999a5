//! Anchors, the machine's memory and the witness, with a real log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use strongroom::audit::anchors::memory::Memory;
use strongroom::audit::anchors::witness::{Note, Remedy, Trust, Witness, Wrong};
use strongroom::audit::anchors::{Anchor, AnchorTarget, Anchors, KeysOf, newest_head};
use strongroom::audit::feeds::{Authorization, Post};
use strongroom_audit::{Head, Kind, Log, NewKeyNote, Options, PublicKey, SigningKey};
use strongroom_keys::SecretBytes;

use super::until;
use crate::functions::scripted::{Scripted, answer, ok};
use crate::functions::wait;

fn open_log(folder: &Path) -> Log {
    let key = SigningKey::from_seed(&[7; 32]).unwrap();
    Log::open(
        &Options::new(folder),
        key,
        [9; 16],
        Arc::new(|| 1_700_000_000_000),
    )
    .unwrap()
    .log
}

/// A log's heads after each of so many events.
fn heads(count: usize) -> Vec<Head> {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(folder.path());
    (0..count)
        .map(|number| {
            wait(log.append(&[format!("{{\"number\":{number}}}")])).unwrap();
            log.head(0)
        })
        .collect()
}

/// What `heads` are signed with, as a server tells its witness.
fn keys(seeds: &[u8], notes: &[NewKeyNote]) -> String {
    let public = |seed: &u8| SigningKey::from_seed(&[*seed; 32]).unwrap().public();
    let keys: Vec<String> = seeds.iter().map(|seed| public(seed).to_base64()).collect();
    serde_json::json!({"PublicKeys": keys, "NewKeys": notes}).to_string()
}

fn keys_of() -> KeysOf {
    Arc::new(|_| Ok(keys(&[7], &[])))
}

fn anchor(target: AnchorTarget) -> Anchor {
    Anchor {
        target,
        every: Duration::from_millis(1),
    }
}

fn post(url: &str) -> Post {
    let authorization = Authorization {
        bearer_token: Some(SecretBytes::copy_of(b"t0ken")),
        signing_key: None,
    };
    Post::new(url, authorization, || Err("no TLS".to_owned())).unwrap()
}

#[test]
fn heads_go_to_every_anchor_while_the_log_grows_and_when_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let [log_folder, file, memory] =
        ["audit", "heads", "memory"].map(|name| folder.path().join(name));
    let log = open_log(&log_folder);
    let server = Scripted::start((0..200).map(|_| ok("", "")).collect());
    let anchors = Anchors::start(
        vec![
            anchor(AnchorTarget::File(file.clone())),
            anchor(AnchorTarget::Url(post(&server.url()))),
        ],
        Some(Memory::in_folder(memory.clone())),
        (&log_folder, &keys_of()),
        &log.durable(),
    )
    .unwrap();
    wait(log.append(&["{}"])).unwrap();
    let in_file = || -> Vec<Head> {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        text.lines()
            .map(|line| Head::decode(line).unwrap())
            .collect()
    };
    until("the event's head is in the file", || {
        in_file().last().is_some_and(|head| head.sequence >= 2)
    });
    until("and remembered by the machine", || {
        let newest = Memory::in_folder(memory.clone()).newest(log.id()).unwrap();
        newest.is_some_and(|head| head.sequence >= 2)
    });
    let appended = wait(log.append(&["{}"; 50])).unwrap();
    log.close();
    wait(anchors.finish());

    let last = newest_head(&log_folder).unwrap().unwrap();
    assert!(last.sequence >= appended);
    assert_eq!(in_file().last(), Some(&last));
    let remembered = Memory::in_folder(memory).newest(log.id()).unwrap();
    assert_eq!(remembered.as_ref(), Some(&last));
    let received = server.received();
    let posted = received.last().unwrap();
    assert!(
        posted.ends_with(&format!("\r\n\r\n{}\n", last.encode())),
        "{posted}"
    );
    assert!(
        posted
            .to_ascii_lowercase()
            .contains("authorization: bearer t0ken")
    );
    for state in anchors.states() {
        assert_eq!(state.last_error, None, "{}", state.name);
    }
    let sequences: Vec<u64> = in_file().iter().map(|head| head.sequence).collect();
    assert!(sequences.is_sorted(), "{sequences:?}");
}

#[test]
fn an_anchor_that_fails_is_told_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(folder.path());
    let server = Scripted::start(vec![
        answer("500 Internal Server Error", "", "no"),
        answer("409 Conflict", "", "record 9 was witnessed already."),
        ok("", "kept"),
    ]);
    wait(log.append(&["{}"])).unwrap();
    log.head(0);
    let target = AnchorTarget::Witness(post(&format!("{}/audit/witness", server.url())));
    let anchors = Anchors::start(
        vec![Anchor {
            target,
            // Long enough for each answer to be seen.
            every: Duration::from_millis(300),
        }],
        None,
        (folder.path(), &keys_of()),
        &log.durable(),
    )
    .unwrap();
    let mut told = Vec::new();
    until("it is kept", || {
        told.extend(anchors.states()[0].last_error.clone());
        anchors.states()[0].done > 0
    });
    for part in [
        "answers 500: no",
        "refuses this log's head: record 9 was witnessed already.",
    ] {
        assert!(
            told.iter().any(|told| told.contains(part)),
            "{part}: {told:?}"
        );
    }
    let received = server.received();
    assert!(received[0].starts_with("POST /audit/witness HTTP/1.1\r\n"));
    let message: Vec<&str> = received[0]
        .split("\r\n\r\n")
        .last()
        .unwrap()
        .lines()
        .collect();
    assert!(Head::decode(message[0]).is_some());
    assert_eq!(message[1], keys(&[7], &[]).replace(",\"NewKeys\":[]", ""));
}

struct Noted {
    witness: Witness,
    log: Arc<Log>,
    _folder: tempfile::TempDir,
}

fn witness() -> Noted {
    let folder = tempfile::tempdir().unwrap();
    let log = Arc::new(open_log(&folder.path().join("audit")));
    let noting = Arc::clone(&log);
    let note: Note = Box::new(move |text| {
        let noted = noting.note(&[text]);
        Box::pin(async move { noted.await.map(drop).map_err(|fault| fault.to_string()) })
    });
    let token = SecretBytes::copy_of(b"t0ken");
    Noted {
        witness: Witness::new(&folder.path().join("audit-state"), token, note),
        log,
        _folder: folder,
    }
}

fn notes(log: &Log) -> Vec<String> {
    let mut notes = Vec::new();
    let read = log.reader().read(1, &mut |record| {
        if record.kind == Kind::Note {
            notes.push(String::from_utf8(record.payload.to_vec()).unwrap());
        }
        std::ops::ControlFlow::Continue(())
    });
    read.unwrap();
    notes
}

#[test]
fn a_witness_keeps_the_newest_head_and_refuses_one_that_goes_back() {
    let own = heads(3);
    // Signed by the same key, as a copy of the log that went on elsewhere has it.
    let other = of_copy();
    let witness = witness();
    let token = Some(b"Bearer t0ken".as_slice());
    for (token, body, status, part) in [
        (
            None,
            own[1].encode(),
            StatusCode::UNAUTHORIZED,
            "witness_token_file",
        ),
        (
            Some(b"Bearer other".as_slice()),
            own[1].encode(),
            StatusCode::UNAUTHORIZED,
            "token",
        ),
        (
            Some(b"t0ken".as_slice()),
            own[1].encode(),
            StatusCode::UNAUTHORIZED,
            "token",
        ),
        (token, "{}".to_owned(), StatusCode::BAD_REQUEST, "no head"),
        (
            token,
            "x".repeat(70_000),
            StatusCode::BAD_REQUEST,
            "no head",
        ),
        (token, own[1].encode(), StatusCode::OK, "kept"),
        (token, own[1].encode(), StatusCode::OK, "known"),
        (
            token,
            own[0].encode(),
            StatusCode::CONFLICT,
            "witnessed already",
        ),
        (
            token,
            own[0].encode(),
            StatusCode::CONFLICT,
            "witnessed already",
        ),
        (
            token,
            other.encode(),
            StatusCode::CONFLICT,
            "witnessed already",
        ),
        (token, own[2].encode(), StatusCode::OK, "kept"),
        (
            token,
            own[1].encode(),
            StatusCode::CONFLICT,
            "witnessed already",
        ),
    ] {
        let body = body + "\n" + &keys(&[7], &[]);
        let (found, text) = wait(witness.witness.take(token, body.as_bytes()));
        assert_eq!(found, status, "{body}: {text}");
        assert!(text.contains(part), "{body}: {text}");
    }
    let id = own[0].log.to_string();
    assert_eq!(witness.witness.give(&id), (StatusCode::OK, own[2].encode()));
    assert_eq!(
        witness.witness.give(&"0".repeat(32)).0,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        witness.witness.give("../../etc/passwd").0,
        StatusCode::BAD_REQUEST
    );
    let words: Vec<&str> = ["kept", "refused", "refused", "kept", "refused"].to_vec();
    let notes = notes(&witness.log);
    assert_eq!(notes.len(), words.len(), "{notes:?}");
    for (note, word) in notes.iter().zip(words) {
        assert!(note.contains(&format!("\"witness\":\"{word}\"")), "{note}");
    }
}

/// The head of a copy of the log of `heads`, with something else as its first event.
fn of_copy() -> Head {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(folder.path());
    wait(log.append(&["other", "events"])).unwrap();
    log.head(0)
}

fn told(head: &Head, seeds: &[u8], notes: &[NewKeyNote]) -> String {
    format!("{}\n{}\n", head.encode(), keys(seeds, notes))
}

/// A log's head, and one that it has after each of its keys, by seed, has followed the one before.
fn heads_of_keys(seeds: &[u8]) -> (Vec<Head>, Vec<NewKeyNote>) {
    let folder = tempfile::tempdir().unwrap();
    let log = open_log(folder.path());
    let (mut heads, mut notes) = (vec![log.head(0)], Vec::new());
    for seed in seeds {
        let key = SigningKey::from_seed(&[*seed; 32]).unwrap();
        notes.push(log.rotate_key(key).unwrap());
        heads.push(log.head(0));
    }
    (heads, notes)
}

#[test]
fn a_witness_believes_a_new_key_only_where_the_one_before_vouches_for_it() {
    let (heads, notes) = heads_of_keys(&[8, 9]);
    let (others, by_nobody) = heads_of_keys(&[10]);
    assert_eq!(others[0].log, heads[0].log);
    let forged = Head {
        sequence: 99,
        ..heads[0].clone()
    };
    let witness = witness();
    let take = |message: String| {
        let (status, said) = wait(
            witness
                .witness
                .take(Some(b"Bearer t0ken"), message.as_bytes()),
        );
        let kept = witness.witness.witnessed().unwrap().pop();
        let known = kept.map(|kept| {
            let key = PublicKey::from_base64(&kept.public_key).unwrap();
            (Head::decode(&kept.head).unwrap().sequence, key, kept.trust)
        });
        (status, said, known)
    };
    let public = |seed: u8| SigningKey::from_seed(&[seed; 32]).unwrap().public();
    let first = Some((heads[0].sequence, public(7), Trust::FirstUse));
    let last = Some((heads[2].sequence, public(9), Trust::VouchedFor));
    let (ok, forbidden) = (StatusCode::OK, StatusCode::FORBIDDEN);
    for (what, message, status, part, known) in [
        (
            "without a key",
            heads[0].encode(),
            forbidden,
            "isn't signed",
            None,
        ),
        (
            "forged",
            told(&forged, &[7], &[]),
            forbidden,
            "isn't signed",
            None,
        ),
        (
            "another's key",
            told(&heads[0], &[8], &[]),
            forbidden,
            "isn't signed",
            None,
        ),
        ("the first", told(&heads[0], &[7], &[]), ok, "kept", first),
        (
            "forged",
            told(&forged, &[7], &[]),
            forbidden,
            "isn't signed",
            first,
        ),
        (
            "nobody's word",
            told(&heads[2], &[7, 8, 9], &[]),
            forbidden,
            "--accept",
            first,
        ),
        (
            "half of it",
            told(&heads[2], &[9], &notes[1..]),
            forbidden,
            "--accept",
            first,
        ),
        (
            "another's word",
            told(&heads[2], &[9], &by_nobody),
            forbidden,
            "doesn't vouch",
            first,
        ),
        (
            "all words",
            told(&heads[2], &[7, 8, 9], &notes),
            ok,
            "kept",
            last,
        ),
        (
            "without keys, as it is known",
            heads[2].encode(),
            ok,
            "known",
            last,
        ),
        (
            "a former key",
            told(&heads[1], &[7, 8, 9], &notes),
            forbidden,
            "doesn't vouch",
            last,
        ),
        (
            "another key",
            told(&others[1], &[10], &by_nobody),
            forbidden,
            "doesn't vouch",
            last,
        ),
    ] {
        let (found, said, now) = take(message);
        assert_eq!(found, status, "{what}: {said}");
        assert!(said.contains(part), "{what}: {said}");
        assert_eq!(now, known, "{what}");
    }
    let wrong: Vec<Wrong> = witness
        .witness
        .findings()
        .iter()
        .map(|finding| finding.wrong)
        .collect();
    // What came twice is one finding.
    use Wrong::{Key, Signature};
    assert_eq!(wrong, [Signature, Signature, Key, Key, Key]);
    let state = witness.witness.state();
    assert!(
        state
            .last_error
            .unwrap()
            .contains("5 heads of other logs were refused")
    );
}

#[test]
fn what_a_witness_refused_is_kept_until_an_operator_has_dealt_with_it() {
    let (heads, _) = heads_of_keys(&[8]);
    let noted = witness();
    let folder = noted._folder.path().join("audit-state");
    let take = |witness: &Witness, message: String| {
        wait(witness.take(Some(b"Bearer t0ken"), message.as_bytes())).0
    };
    assert_eq!(
        take(&noted.witness, told(&heads[0], &[7], &[])),
        StatusCode::OK
    );
    assert_eq!(
        take(&noted.witness, told(&heads[1], &[8], &[])),
        StatusCode::FORBIDDEN
    );
    let forged = Head {
        sequence: 99,
        ..heads[0].clone()
    };
    assert_eq!(
        take(&noted.witness, told(&forged, &[7], &[])),
        StatusCode::FORBIDDEN
    );
    let findings = noted.witness.findings();
    let [key, signature] = findings.as_slice() else {
        panic!("{findings:?}");
    };

    // As after a restart.
    let noting = Arc::clone(&noted.log);
    let note: Note = Box::new(move |text| {
        let noted = noting.note(&[text]);
        Box::pin(async move { noted.await.map(drop).map_err(|fault| fault.to_string()) })
    });
    let again = Witness::new(&folder, SecretBytes::copy_of(b"t0ken"), note);
    assert_eq!(again.findings(), findings);
    let settle = |id: &str, remedy| wait(again.settle(id, remedy));
    assert!(
        settle("0123", Remedy::Accept)
            .unwrap_err()
            .contains("no finding")
    );
    assert!(
        settle(&signature.id, Remedy::Accept)
            .unwrap_err()
            .contains("can't be accepted")
    );
    settle(&signature.id, Remedy::Dismiss).unwrap();
    settle(&key.id, Remedy::Accept).unwrap();
    assert_eq!(again.findings(), []);
    assert_eq!(again.state().last_error, None);
    let kept = again.witnessed().unwrap().remove(0);
    assert_eq!(
        (kept.trust, kept.head),
        (Trust::Accepted, heads[1].encode())
    );
    // From now on it is that key's.
    assert_eq!(take(&again, told(&heads[1], &[8], &[])), StatusCode::OK);
    assert_eq!(
        take(&again, told(&heads[0], &[7], &[])),
        StatusCode::FORBIDDEN
    );
    let words: Vec<String> = notes(&noted.log)
        .iter()
        .map(|note| {
            serde_json::from_str::<serde_json::Value>(note).unwrap()["witness"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(
        words,
        [
            "kept",
            "refused",
            "refused",
            "dismissed",
            "accepted",
            "refused"
        ]
    );
}

#[test]
fn a_witness_that_knows_a_head_alone_believes_the_key_that_comes_first() {
    let own = heads(2);
    let witness = witness();
    let folder = witness._folder.path().join("audit-state").join("witness");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{}.json", own[0].log));
    std::fs::write(file, format!("{}\n", own[1].encode())).unwrap();
    for (head, status) in [(&own[0], StatusCode::CONFLICT), (&own[1], StatusCode::OK)] {
        let message = told(head, &[7], &[]);
        let (found, said) = wait(
            witness
                .witness
                .take(Some(b"Bearer t0ken"), message.as_bytes()),
        );
        assert_eq!(found, status, "{said}");
    }
    assert_eq!(
        witness.witness.witnessed().unwrap()[0].trust,
        Trust::FirstUse
    );
}

#[test]
fn a_witness_that_cant_note_a_head_doesnt_keep_it() {
    let head = heads(1).remove(0);
    let witness = witness();
    witness.log.close();
    let token = Some(b"Bearer t0ken".as_slice());
    let (status, _) = wait(
        witness
            .witness
            .take(token, told(&head, &[7], &[]).as_bytes()),
    );
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        witness.witness.give(&head.log.to_string()).0,
        StatusCode::NOT_FOUND
    );
}

#[test]
fn what_the_machine_remembers_is_whole_or_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let memory = Memory::in_folder(folder.path().join("state"));
    let own = heads(2);
    assert_eq!(memory.newest(own[0].log).unwrap(), None);
    for head in [&own[1], &own[0]] {
        memory.remember(head).unwrap();
        assert_eq!(memory.newest(head.log).unwrap().as_ref(), Some(head));
    }
    let file = memory.folder().join(format!("{}.json", own[0].log));
    std::fs::write(&file, "{\"LogId\":").unwrap();
    assert!(
        memory
            .newest(own[0].log)
            .unwrap_err()
            .contains("is damaged")
    );
}
