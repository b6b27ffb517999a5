//! Damage is detected and named, never served.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use serde_json::json;
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_store::{Commit, Store as _, Write};

use super::server::{Folder, block_on};
use crate::client::Client;
use crate::random::{Random, setting};

const SECRETS: usize = 30;
const DAMAGES: u64 = 12;

fn name(number: usize) -> String {
    format!("secret-{number}")
}

fn token(number: usize) -> String {
    format!("token-{number:030}")
}

fn value(number: usize) -> String {
    name(number).repeat(20 + 40 * number)
}

fn filled() -> Folder {
    // The file is put back after each damage, while the audit log goes on.
    let folder = Folder::new().with(&["--restored"]);
    let server = folder.start().unwrap();
    block_on(async {
        let mut client = server.client().await;
        for number in 0..SECRETS {
            let body = json!({
                "Name": name(number),
                "ClientRequestToken": token(number),
                "SecretString": value(number),
            });
            let created = client.call("CreateSecret", &body).await.unwrap();
            assert_eq!(created.status, 200, "{created:?}");
        }
    });
    server.kill();
    folder
}

/// Reads every secret: a wrong value never comes. Returns how many reads failed, each of them with a 5xx.
async fn read_all(client: &mut Client) -> usize {
    let mut failed = 0;
    for number in 0..SECRETS {
        let body = json!({"SecretId": name(number)});
        let Ok(read) = client.call("GetSecretValue", &body).await else {
            panic!("the server is gone");
        };
        match read.status {
            200 => assert_eq!(
                read.body["SecretString"],
                json!(value(number)),
                "secret {number}"
            ),
            _ => {
                assert_eq!(
                    read.body["__type"],
                    json!("InternalServiceError"),
                    "{read:?}"
                );
                assert!(!read.body.to_string().contains("redb"), "{read:?}");
                failed += 1;
            }
        }
    }
    failed
}

#[test]
fn a_damaged_file_is_named_and_no_wrong_value_is_served() {
    let seed = setting("STRONGROOM_SEED", u64::from(std::process::id()));
    println!("STRONGROOM_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = filled();
    let path = folder.data.join("store.redb");
    let whole = fs::read(&path).unwrap();
    // Beside the store lies what tells an older copy of it from the newest.
    let revision = fs::read(folder.data.join("REVISION")).unwrap();
    let restore = || {
        fs::write(&path, &whole).unwrap();
        fs::write(folder.data.join("REVISION"), &revision).unwrap();
    };
    let mut detected = 0;
    let damages = setting("STRONGROOM_DAMAGES", DAMAGES);
    for _ in 0..damages {
        let file = File::options().write(true).open(&path).unwrap();
        let length = 1 + random.below(64);
        let at = random.below(whole.len() - length);
        let junk: Vec<u8> = whole[at..at + length]
            .iter()
            .map(|byte| byte ^ 0x5a)
            .collect();
        file.write_all_at(&junk, at as u64).unwrap();
        match folder.start() {
            Err(said) => {
                assert!(said.contains("store.redb"), "damage at {at}: {said}");
                assert!(!said.contains("panicked"), "damage at {at}: {said}");
                detected += 1;
            }
            Ok(server) => {
                let failed = block_on(async { read_all(&mut server.client().await).await });
                server.kill();
                let log = folder.log();
                assert!(
                    failed == 0 || log.contains("damaged"),
                    "damage at {at}: {log}"
                );
                assert!(!log.contains("panicked"), "damage at {at}: {log}");
                detected += usize::from(failed > 0);
            }
        }
        folder.clear_log();
        restore();
    }
    println!("{detected} damages detected; the others hit bytes that nothing uses");
    assert!(damages < 50 || detected > 0);
    let server = folder.start().unwrap();
    assert_eq!(
        block_on(async { read_all(&mut server.client().await).await }),
        0
    );
}

#[test]
fn a_value_that_was_tampered_with_is_named_and_not_served() {
    let folder = filled();
    let secrets = folder.secrets().unwrap();
    let secret =
        |number: usize| -> &Secret { secrets.iter().find(|it| it.name == name(number)).unwrap() };
    let key = |number: usize| secret(number).version_key(&token(number)).into_bytes();
    let store = folder.store();
    let stored = |number: usize| {
        store
            .snapshot()
            .unwrap()
            .get(&key(number))
            .unwrap()
            .unwrap()
            .value
    };
    let mut flipped = stored(2);
    *flipped.last_mut().unwrap() ^= 1;
    let mut cut = stored(3);
    cut.truncate(cut.len() / 2);
    let put = |number: usize, value: Vec<u8>| Write::Put {
        key: key(number),
        value,
    };
    let writes = vec![
        // Another secret's value, a changed one, half a one, one of an unknown format, none.
        put(0, stored(1)),
        put(2, flipped),
        put(3, cut),
        put(4, vec![99, 1, 2, 3]),
        Write::Delete { key: key(5) },
    ];
    let tampered = Commit {
        conditions: Vec::new(),
        writes,
    };
    block_on(store.commit(tampered)).unwrap();
    store.close();
    drop(store);

    let server = folder.start().unwrap();
    block_on(async {
        let mut client = server.client().await;
        assert_eq!(read_all(&mut client).await, 5);
        let ids: Vec<String> = (0..7).map(name).collect();
        for id in &ids {
            let described = client
                .call("DescribeSecret", &json!({ "SecretId": id }))
                .await;
            assert_eq!(described.unwrap().status, 200);
        }
    });
    server.kill();
    let log = folder.log();
    for number in [0, 2, 3, 4, 5] {
        assert!(
            log.contains(&name(number)),
            "secret {number} is not named: {log}"
        );
    }
    for number in 0..SECRETS {
        assert!(!log.contains(&value(number)), "a value is in the log");
    }
}
