//! Anchors, the machine's memory and the witness, with a real log.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use strongroom::audit::anchors::memory::Memory;
use strongroom::audit::anchors::witness::{Note, Witness};
use strongroom::audit::anchors::{Anchor, AnchorTarget, Anchors, newest_head};
use strongroom::audit::feeds::{Authorization, Post};
use strongroom_audit::{Head, Kind, Log, Options, SigningKey};
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
        &log_folder,
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
    let anchors =
        Anchors::start(vec![anchor(target)], None, folder.path(), &log.durable()).unwrap();
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
    assert!(server.received()[0].starts_with("POST /audit/witness HTTP/1.1\r\n"));
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
    let other = Head {
        hash: own[0].hash,
        ..own[1].clone()
    };
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
        (token, "x".repeat(5000), StatusCode::BAD_REQUEST, "no head"),
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
        (
            token,
            format!("{}\n", own[2].encode()),
            StatusCode::OK,
            "kept",
        ),
        (
            token,
            own[1].encode(),
            StatusCode::CONFLICT,
            "witnessed already",
        ),
    ] {
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

#[test]
fn a_witness_that_cant_note_a_head_doesnt_keep_it() {
    let head = heads(1).remove(0);
    let witness = witness();
    witness.log.close();
    let token = Some(b"Bearer t0ken".as_slice());
    let (status, _) = wait(witness.witness.take(token, head.encode().as_bytes()));
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
