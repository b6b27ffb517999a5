//! Nothing unrecorded: whoever got an answer has its event in the audit log, whatever ends the server in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use strongroom_audit::Reader;
use strongroom_store::{Range, Revision, Store as _};

use super::server::{Folder, block_on};
use crate::cli::strongroom;
use crate::client::Client;
use crate::random::{Random, setting};

const CLIENTS: usize = 16;
/// Secrets of each client.
const SECRETS: usize = 4;

/// An answer that came.
struct Answered {
    operation: &'static str,
    request_id: String,
    error: Option<String>,
}

/// Asks for this and that until the server is gone.
async fn ask(address: &str, number: usize, mut random: Random) -> Vec<Answered> {
    let mut answered = Vec::new();
    let Ok(mut client) = Client::connect(address, "us-east-1").await else {
        return answered;
    };
    for turn in 0.. {
        let name = format!("client-{number}/secret-{}", random.below(SECRETS));
        let (operation, body) = match random.below(8) {
            0 => (
                "CreateSecret",
                json!({"Name": name, "SecretString": "x", "ClientRequestToken": format!("{turn:032}")}),
            ),
            1 => (
                "PutSecretValue",
                json!({"SecretId": name, "SecretString": "y", "ClientRequestToken": format!("{:032}", random.number())}),
            ),
            2 => (
                "TagResource",
                json!({"SecretId": name, "Tags": [{"Key": "turn", "Value": turn.to_string()}]}),
            ),
            3 => ("DescribeSecret", json!({"SecretId": name, "Unknown": 1})),
            4 => ("DescribeSecret", json!({"SecretId": 5})),
            _ => ("GetSecretValue", json!({"SecretId": name})),
        };
        let Ok(answer) = client.call(operation, &body).await else {
            return answered;
        };
        answered.push(Answered {
            operation,
            request_id: answer.request_id.clone(),
            error: answer.result().err().map(str::to_owned),
        });
    }
    answered
}

/// The events of a log that nobody writes, by request id; those that a service made for a caller aside.
fn events(folder: &Folder) -> BTreeMap<String, Vec<Value>> {
    let reader = Reader::open(&folder.data.join("audit")).unwrap();
    let mut events: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let read = reader.read(1, &mut |record| {
        if let Ok(event) = serde_json::from_slice::<Value>(record.payload)
            && let Some(id) = event["requestID"].as_str()
            && event["userIdentity"]["invokedBy"].is_null()
        {
            events.entry(id.to_owned()).or_default().push(event);
        }
        ControlFlow::Continue(())
    });
    read.unwrap();
    events
}

fn verify(folder: &Folder) -> String {
    let verified = strongroom(&["audit", "verify", "--data-dir"])
        .arg(&folder.data)
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&verified.stdout) + String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success(), "{said}");
    said.into_owned()
}

/// `STRONGROOM_AUDIT_KILLS` says how often the server is killed.
#[test]
fn each_answer_has_its_event_however_often_the_server_is_killed() {
    let kills = setting("STRONGROOM_AUDIT_KILLS", 8);
    let seed = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!("STRONGROOM_SEED={seed} decides what is asked; the machine decides when it ends");
    let mut random = Random::new(seed);
    let (mut total, mut seen) = (0, BTreeSet::new());
    for durability in ["fsync", "write"] {
        let folder = Folder::new().with(&["--audit", durability]);
        for round in 0..kills.div_ceil(2) {
            let server = folder
                .start()
                .unwrap_or_else(|said| panic!("round {round}: {said}"));
            let alive = Duration::from_millis(20 + random.number() % 400);
            let answered: Vec<Answered> = block_on(async {
                let mut asking = Vec::new();
                for number in 0..CLIENTS {
                    let address = server.address.clone();
                    let random = Random::new(random.number());
                    asking.push(tokio::spawn(
                        async move { ask(&address, number, random).await },
                    ));
                }
                tokio::time::sleep(alive).await;
                server.kill();
                let mut answered = Vec::new();
                for asking in asking {
                    answered.extend(asking.await.unwrap());
                }
                answered
            });
            // What was committed and not logged is logged at the next start.
            let server = folder
                .start()
                .unwrap_or_else(|said| panic!("round {round}: {said}"));
            server.kill();
            verify(&folder);
            let events = events(&folder);
            for Answered {
                operation,
                request_id,
                error,
            } in &answered
            {
                let of_call = events.get(request_id).map_or(&[][..], Vec::as_slice);
                assert_eq!(
                    of_call.len(),
                    1,
                    "round {round}, {operation} {request_id}: {of_call:#?}"
                );
                let event = &of_call[0];
                assert_eq!(event["eventName"], *operation);
                assert_eq!(event["errorCode"].as_str(), error.as_deref(), "{event:#}");
            }
            let twice = events.iter().find(|(_, events)| events.len() > 1);
            assert!(twice.is_none(), "round {round}: {twice:#?}");
            total += answered.len();
            seen.extend(answered.iter().map(|each| each.operation));
            let log = folder.log();
            assert!(!log.contains("panicked"), "{log}");
            folder.clear_log();
        }
    }
    println!("{kills} kills, {total} answers, each with its event");
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert!(total as u64 > 20 * kills, "{total}");
}

/// A folder that was stopped in an orderly way, after some calls.
fn used(folder: &Folder, calls: usize) {
    let server = folder.start().unwrap();
    block_on(async {
        let mut client = server.client().await;
        for number in 0..calls {
            let name = format!("secret-{number}-{calls}");
            let token = format!("{name:0>32}");
            let body = json!({"Name": name, "SecretString": "x", "ClientRequestToken": token});
            let created = client.call("CreateSecret", &body).await.unwrap();
            assert_eq!(created.status, 200, "{created:?}");
        }
    });
    server.stop();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &to);
        } else if kind.is_file() {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Every file of a folder with what is in it. Not which process has the store, nor the store's file: its library writes
/// its own bookkeeping there whenever it opens it.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            files.extend(self::files(&entry.path()));
        } else if kind.is_file() && entry.file_name() != "LOCK" && entry.file_name() != "store.redb"
        {
            files.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    files
}

/// The revision and the records of a server that doesn't run.
fn records(folder: &Folder) -> (Revision, BTreeMap<Vec<u8>, Vec<u8>>) {
    let store = folder.store();
    let snapshot = store.snapshot().unwrap();
    let mut records = BTreeMap::new();
    let read = snapshot.range(&Range::all(), &mut |entry| {
        records.insert(entry.key.to_vec(), entry.value.to_vec());
        ControlFlow::Continue(())
    });
    read.unwrap();
    let revision = snapshot.revision();
    drop(snapshot);
    store.close();
    (revision, records)
}

/// Where a folder was, and which parts of an older copy are put back into it.
type PutBack = (&'static str, fn(&Path, &Path), &'static str);

#[test]
fn an_older_copy_of_the_folder_or_of_a_part_of_it_is_refused_unless_it_is_meant() {
    let whole = |old: &Path, data: &Path| {
        fs::remove_dir_all(data).unwrap();
        copy(old, data);
    };
    let log = |old: &Path, data: &Path| {
        fs::remove_dir_all(data.join("audit")).unwrap();
        copy(&old.join("audit"), &data.join("audit"));
    };
    let store = |old: &Path, data: &Path| {
        for name in ["store.redb", "REVISION"] {
            fs::copy(old.join(name), data.join(name)).unwrap();
        }
    };
    let gone = |_: &Path, data: &Path| fs::remove_dir_all(data.join("audit")).unwrap();
    let cases: [PutBack; 4] = [
        ("the whole folder", whole, "this machine remembers"),
        ("the audit log", log, "which the store knows"),
        ("the store", store, "the store is at revision"),
        ("no audit log", gone, "the audit log of this data is gone"),
    ];
    for (what, put_back, told) in cases {
        let folder = Folder::new();
        used(&folder, 3);
        let old = tempfile::tempdir().unwrap();
        copy(&folder.data, old.path());
        used(&folder, 5);
        // The copy that is newest starts as if nothing were.
        used(&folder, 1);
        put_back(old.path(), &folder.data);
        let found = (files(&folder.data), records(&folder));
        for _ in 0..2 {
            let refused = folder.start().err().unwrap_or_default();
            assert!(refused.contains(told), "{what}: {refused}");
            assert!(refused.contains("--restored"), "{what}: {refused}");
            let mut changed = files(&folder.data);
            for (path, bytes) in &found.0 {
                let same = changed.remove(path).is_some_and(|now| now == *bytes);
                assert!(same, "{what}: {} was changed", path.display());
            }
            assert!(changed.is_empty(), "{what}: {:?} came", changed.keys());
            assert!(records(&folder) == found.1, "{what}: records were changed");
        }
        let meant = folder.with(&["--restored"]);
        used(&meant, 2);
        let folder = meant.without_arguments();
        used(&folder, 4);
        verify(&folder);
    }
}
