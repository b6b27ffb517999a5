//! A new root key, left at each step on the way to it: the next start goes on by itself, and nothing is lost. Kills at
//! any moment are in `keys.rs`.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use strongroom_keys::SystemEntropy;
use strongroom_keys::seal::{self, SealFile, SealFileError, SealSource};
use strongroom_keys::{Keyring, RootKeyId};
use strongroom_store::{Commit, Store as _, Write};

use super::server::{ACCOUNT, Folder, REGION, Server, block_on};
use crate::cli::{ended, strongroom};
use crate::client::Client;

/// Things under the root key, so that sealing them anew takes a while.
const KMS_KEYS: usize = 150;
const PATIENCE: Duration = Duration::from_secs(60);

fn keys(folder: &Folder, arguments: &[&str]) -> std::process::Command {
    let mut command = strongroom(&["keys"]);
    command.args(arguments).arg("--data-dir").arg(&folder.data);
    command
}

fn status(folder: &Folder) -> Value {
    let (status, printed, error) = ended(keys(folder, &["status", "--json"]));
    assert_eq!(status, 0, "{error}");
    serde_json::from_str(&printed).unwrap()
}

/// Waits until nothing is left to do, which nobody asks for.
fn settled(folder: &Folder) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(folder);
        let jobs = status["Jobs"].as_array().unwrap();
        let is_done = |job: &Value| job["Finished"] == true && job["Running"] == false;
        let retiring = status["RetiringRootKeyIds"].as_array().unwrap();
        if retiring.is_empty() && jobs.iter().all(is_done) {
            return status;
        }
        assert!(Instant::now() < deadline, "it does not end: {status}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A key of the customer's for each of some secrets, whose ids are returned.
fn fill(server: &Server) -> Vec<String> {
    block_on(async {
        let mut client = Client::of_kms(&server.address, REGION).await.unwrap();
        let mut ids = Vec::new();
        for _ in 0..KMS_KEYS {
            let made = client.call("CreateKey", &json!({})).await.unwrap();
            let id = made.body["KeyMetadata"]["KeyId"].as_str().unwrap();
            ids.push(id.to_owned());
        }
        let mut client = server.client().await;
        for (number, id) in ids.iter().enumerate() {
            let body = json!({
                "Name": secret(number),
                "KmsKeyId": id,
                "ClientRequestToken": format!("{number:0>40}"),
                "SecretString": id,
            });
            let created = client.call("CreateSecret", &body).await.unwrap();
            assert_eq!(created.status, 200, "{created:?}");
        }
        ids
    })
}

fn secret(number: usize) -> String {
    format!("under-a-key/{number}")
}

async fn all_open(client: &mut Client, ids: &[String]) {
    for (number, id) in ids.iter().enumerate() {
        let body = json!({ "SecretId": secret(number) });
        let read = client.call("GetSecretValue", &body).await.unwrap();
        assert_eq!(read.body["SecretString"], json!(id), "{read:?}");
    }
}

fn unsealed(folder: &Folder) -> seal::Unsealed {
    let sealed = SealFile::read(&folder.data.join("seal.json")).unwrap();
    let source = SealSource::KeyFile(folder.data.join("root.key"));
    seal::unseal(&sealed, &[source]).unwrap()
}

fn root_key_id(folder: &Folder) -> RootKeyId {
    SealFile::read(&folder.data.join("seal.json"))
        .unwrap()
        .root_key_id()
}

/// The moments between the steps of a rewrap, each as a power cut leaves it.
#[test]
fn whatever_step_a_new_root_key_was_left_at_the_next_start_goes_on() {
    let folder = Folder::new();
    let server = folder.start().unwrap();
    let ids = fill(&server);
    server.kill();
    let first = root_key_id(&folder);

    // A new seal file was being written, or was written, and not yet put in the old one's place.
    let path = folder.data.join("seal.json");
    let whole = fs::read(&path).unwrap();
    let left = folder.data.join(".strongroom-abcdef.new");
    for length in [0, whole.len() / 2, whole.len()] {
        fs::write(&left, &whole[..length]).unwrap();
        let server = folder.start().unwrap();
        assert_eq!(settled(&folder)["RootKeyId"], first.to_string());
        server.kill();
    }

    // It was put in place, and no record knows of it.
    let keyring = Keyring::new(unsealed(&folder).root);
    let new = SealFile::edit(&path, |file| {
        let (root, file) = keyring.renew(file, &SystemEntropy).unwrap();
        Ok::<_, SealFileError>((file, root.id()))
    });
    let new = new.unwrap();
    assert_eq!(unsealed(&folder).retiring[0].id(), first);
    let server = folder.start().unwrap();
    let told = settled(&folder);
    assert_eq!(told["RootKeyId"], new.to_string());
    assert_eq!(told["Jobs"][0]["Name"], "rewrap");
    assert!(told["Jobs"][0]["Done"].as_u64().unwrap() > KMS_KEYS as u64);
    assert!(unsealed(&folder).retiring.is_empty());
    block_on(async { all_open(&mut server.client().await, &ids).await });

    // Sealed anew and with a second rewrap asked for at once: one at a time.
    let (one, _, _) = ended(keys(&folder, &["rewrap", "--wait"]));
    assert_eq!(one, 0);
    assert_ne!(root_key_id(&folder), new);
    block_on(async { all_open(&mut server.client().await, &ids).await });
    server.kill();
    let server = folder.start().unwrap();
    block_on(async { all_open(&mut server.client().await, &ids).await });
    server.kill();
    // The first root key's file is an older copy now.
    fs::write(&path, &whole).unwrap();
    let said = folder.start().err().unwrap();
    assert!(said.contains("newest copy"), "{said}");
}

/// Puts the access key of another server's account into this one's store.
fn take_over_an_access_key(folder: &Folder, other: &Folder) -> Vec<u8> {
    let server = other.start().unwrap();
    let made = ended({
        let mut command = strongroom(&["admin", "--data-dir"]);
        command
            .arg(&other.data)
            .args(["account", "create", "210987654321", "--json"]);
        command
    });
    let made: Value = serde_json::from_str(&made.1).unwrap();
    server.kill();
    let id = made["AccessKeyId"].as_str().unwrap();
    let key = format!("access-key\0{id}").into_bytes();
    let theirs = other.store();
    let value = theirs.snapshot().unwrap().get(&key).unwrap().unwrap().value;
    theirs.close();
    write(
        folder,
        Write::Put {
            key: key.clone(),
            value,
        },
    );
    key
}

fn write(folder: &Folder, write: Write) {
    let store = folder.store();
    let commit = Commit {
        conditions: Vec::new(),
        writes: vec![write],
    };
    block_on(store.commit(commit)).unwrap();
    store.close();
}

#[test]
fn a_record_that_no_root_key_opens_is_named_and_keeps_the_older_root_key() {
    let folder = Folder::new();
    let server = folder.start().unwrap();
    let ids = fill(&server);
    server.kill();
    let key = take_over_an_access_key(&folder, &Folder::new());
    let named = String::from_utf8_lossy(&key[b"access-key\0".len()..]).into_owned();

    let server = folder.start().unwrap();
    let first = root_key_id(&folder).to_string();
    let (code, _, error) = ended(keys(&folder, &["rewrap", "--wait"]));
    assert!(
        code == 1 && error.contains("it goes on trying") && error.contains(&named),
        "{error}"
    );
    let told = status(&folder);
    assert_eq!(told["RetiringRootKeyIds"], json!([first]));
    assert_eq!(told["Jobs"][0]["Failed"], 1, "{told}");
    let (_, doctor, _) = ended({
        let mut command = strongroom(&["doctor", "--data-dir"]);
        command.arg(&folder.data);
        command
    });
    assert!(
        doctor.contains("fail  job            rewrap: 1 records"),
        "{doctor}"
    );
    // Everything else is sealed anew, and another renewal waits for this one.
    assert!(told["Jobs"][0]["Done"].as_u64().unwrap() > KMS_KEYS as u64);
    let (code, _, error) = ended(keys(&folder, &["rewrap"]));
    assert!(code == 1 && error.contains("runs already"), "{error}");
    block_on(async { all_open(&mut server.client().await, &ids).await });
    server.kill();

    write(&folder, Write::Delete { key });
    let server = folder.start().unwrap();
    let told = settled(&folder);
    assert_eq!(told["Jobs"][0]["Failed"], 0, "{told}");
    block_on(async { all_open(&mut server.client().await, &ids).await });
}

/// The sealed value of a secret, as it is in the store.
fn sealed_value(folder: &Folder, number: usize) -> Vec<u8> {
    let secrets = folder.secrets().unwrap();
    let secret_record = secrets.iter().find(|it| it.name == secret(number)).unwrap();
    let version = &secret_record.versions[0].id;
    let key = secret_record.version_key(version).into_bytes();
    let store = folder.store();
    let value = store.snapshot().unwrap().get(&key).unwrap().unwrap().value;
    store.close();
    value
}

#[test]
fn data_keys_are_renewed_and_what_cannot_be_is_counted_and_named() {
    let folder = Folder::new();
    let server = folder.start().unwrap();
    let ids = fill(&server);
    let ask = |server: &Server, operation: &str, id: &str| {
        block_on(async {
            let mut client = Client::of_kms(&server.address, REGION).await.unwrap();
            let answer = client.call(operation, &json!({ "KeyId": id })).await;
            assert_eq!(answer.unwrap().status, 200);
        });
    };
    server.kill();
    let before = [0, 1, 2].map(|number| sealed_value(&folder, number));

    let server = folder.start().unwrap();
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{}", ids[1]);
    let (code, told, error) = ended(keys(
        &folder,
        &["rotate-data-keys", "--wait", "--key", &arn],
    ));
    assert_eq!(code, 0, "{error}");
    assert!(told.contains("rotate-data-keys: done, 1 renewed"), "{told}");
    server.kill();
    let after = [0, 1, 2].map(|number| sealed_value(&folder, number));
    assert!(before[0] == after[0] && before[1] != after[1] && before[2] == after[2]);

    let server = folder.start().unwrap();
    ask(&server, "DisableKey", &ids[2]);
    let (code, told, error) = ended(keys(&folder, &["rotate-data-keys", "--wait"]));
    assert!(
        code == 1 && error.contains("1 could not be renewed"),
        "{error}"
    );
    assert!(
        told.contains(&format!("{} renewed, 1 failed", KMS_KEYS - 1)),
        "{told}"
    );
    assert!(
        told.contains(&ids[2]) && told.contains("Disabled"),
        "{told}"
    );
    ask(&server, "EnableKey", &ids[2]);
    block_on(async { all_open(&mut server.client().await, &ids).await });
    let missing = arn.replace(&ids[1], "00000000-0000-0000-0000-000000000000");
    let (code, _, error) = ended(keys(&folder, &["rotate-data-keys", "--key", &missing]));
    assert!(
        code == 1 && error.contains("there is no KMS key"),
        "{error}"
    );
    server.kill();
    let last = [0, 1, 2].map(|number| sealed_value(&folder, number));
    assert!(after[0] != last[0] && after[1] != last[1] && after[2] == last[2]);
}
