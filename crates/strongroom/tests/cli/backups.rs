//! Backups as an operator makes, checks and restores them.

use std::path::Path;

use serde_json::{Value, json};
use strongroom::backup::age::Identity;
use strongroom_keys::{SecretBytes, SystemEntropy};

use super::{Served, run, strongroom};

/// A development server with a customer's key and secrets under it, and an age identity.
struct Backed {
    folder: tempfile::TempDir,
    recipient: String,
}

impl Backed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::generate(&SystemEntropy);
        let text = identity.to_text().unwrap();
        std::fs::write(folder.path().join("id"), text.expose()).unwrap();
        Backed {
            recipient: identity.recipient().unwrap().to_string(),
            folder,
        }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn serve(&self, data: &str) -> Served {
        Served::start(strongroom(&[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            &self.at(data),
        ]))
    }

    fn backup(&self, data: &str, file: &str) -> String {
        let arguments = [
            "backup",
            "--data-dir",
            &self.at(data),
            "--output",
            &self.at(file),
        ];
        let (status, told, error) =
            run(&[&arguments[..], &["--recipient", &self.recipient]].concat());
        assert_eq!(status, 0, "{error}");
        told
    }

    fn restore(&self, file: &str, more: &[&str]) -> (i32, String, String) {
        let file = self.at(file);
        let id = self.at("id");
        run(&[&["restore", &file, "--identity", &id], more].concat())
    }
}

fn asked(server: &Served, operation: &str, body: Value) -> Value {
    let (status, answer) = server.call(
        server.credentials(),
        "us-east-1",
        operation,
        &body.to_string(),
    );
    assert_eq!(status, 200, "{operation}: {answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}

fn refused(server: &Served, operation: &str, body: Value) -> String {
    let (status, answer) = server.call(
        server.credentials(),
        "us-east-1",
        operation,
        &body.to_string(),
    );
    assert_eq!(status, 400, "{answer}");
    answer
}

fn token(of: &str) -> String {
    format!("{of:-<32}")
}

fn kms(server: &Served, operation: &str, body: Value) -> Value {
    let service = ("kms", "TrentService");
    let body = body.to_string();
    let (status, answer) =
        server.call_to(service, server.credentials(), "us-east-1", operation, &body);
    assert_eq!(status, 200, "{operation}: {answer}");
    serde_json::from_str(&answer).unwrap_or_default()
}

/// A secret with two versions, labels, tags and a description, under a customer's key.
fn fill(server: &Served) -> (String, String) {
    let key = kms(server, "CreateKey", json!({}))["KeyMetadata"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let made = asked(
        server,
        "CreateSecret",
        json!({"Name": "one", "ClientRequestToken": token("1"),
        "SecretString": "first", "KmsKeyId": key, "Description": "of the shop",
        "Tags": [{"Key": "team", "Value": "shop"}]}),
    );
    asked(
        server,
        "PutSecretValue",
        json!({"SecretId": "one", "ClientRequestToken": token("2"), "SecretString": "second"}),
    );
    asked(
        server,
        "CreateSecret",
        json!({"Name": "two", "ClientRequestToken": token("1"), "SecretString": "other"}),
    );
    (made["ARN"].as_str().unwrap().to_owned(), key)
}

fn value(server: &Served, body: Value) -> Value {
    asked(server, "GetSecretValue", body)["SecretString"].clone()
}

#[test]
fn one_secret_comes_back_into_a_running_server_with_all_of_it() {
    let backed = Backed::new();
    let server = backed.serve("data");
    let (arn, key) = fill(&server);
    let before = asked(&server, "DescribeSecret", json!({"SecretId": "one"}));
    backed.backup("data", "b.age");
    asked(
        &server,
        "DeleteSecret",
        json!({"SecretId": "one", "ForceDeleteWithoutRecovery": true}),
    );
    kms(
        &server,
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    let data = backed.at("data");
    let into = ["--into-running", "--data-dir", &data, "--secret", &arn];

    let (status, told, _) = backed.restore("b.age", &[&into[..], &["--dry-run"]].concat());
    assert!(
        status == 0 && told.contains("Nothing was changed"),
        "{told}"
    );
    assert!(refused(&server, "DescribeSecret", json!({"SecretId": "one"})).contains("NotFound"));
    let (status, told, error) = backed.restore("b.age", &into);
    assert!(
        status == 0 && told.contains("with 2 versions"),
        "{told}{error}"
    );
    kms(&server, "CancelKeyDeletion", json!({"KeyId": key}));
    kms(&server, "EnableKey", json!({"KeyId": key}));
    assert_eq!(value(&server, json!({"SecretId": "one"})), "second");
    assert_eq!(
        value(
            &server,
            json!({"SecretId": "one", "VersionStage": "AWSPREVIOUS"})
        ),
        "first"
    );
    let mut after = asked(&server, "DescribeSecret", json!({"SecretId": "one"}));
    // The day of the last read may have come meanwhile.
    after.as_object_mut().unwrap().remove("LastAccessedDate");
    assert_eq!(after, before);
    let listed = asked(&server, "ListSecrets", json!({}));
    assert_eq!(listed["SecretList"].as_array().unwrap().len(), 2);

    // What is there is replaced only on demand, and is then as it was.
    asked(
        &server,
        "PutSecretValue",
        json!({"SecretId": "one", "ClientRequestToken": token("3"), "SecretString": "third"}),
    );
    let (status, _, error) = backed.restore("b.age", &into);
    assert!(status == 1 && error.contains("--overwrite"), "{error}");
    let (status, _, error) = backed.restore("b.age", &[&into[..], &["--overwrite"]].concat());
    assert_eq!(status, 0, "{error}");
    assert_eq!(value(&server, json!({"SecretId": "one"})), "second");
    assert!(
        refused(
            &server,
            "GetSecretValue",
            json!({"SecretId": "one", "VersionId": token("3")})
        )
        .contains("NotFound")
    );
    let (status, _, error) = backed.restore(
        "b.age",
        &[
            "--into-running",
            "--data-dir",
            &data,
            "--secret",
            &format!("{arn}x"),
        ],
    );
    assert!(
        status == 1 && error.contains("is not in the backup"),
        "{error}"
    );
}

#[test]
fn an_account_comes_back_also_from_under_another_root_key() {
    let backed = Backed::new();
    let server = backed.serve("data");
    fill(&server);
    let before = kms(&server, "ListKeys", json!({}));
    backed.backup("data", "b.age");
    let data = backed.at("data");
    let key_file = backed.at("data/root.key");
    let (status, _, error) = run(&["keys", "rewrap", "--wait", "--data-dir", &data]);
    assert_eq!(status, 0, "{error}");
    asked(
        &server,
        "DeleteSecret",
        json!({"SecretId": "one", "ForceDeleteWithoutRecovery": true}),
    );
    let into = [
        "--into-running",
        "--data-dir",
        &data,
        "--account",
        "123456789012",
        "--overwrite",
    ];
    let (status, _, error) = backed.restore("b.age", &into);
    assert!(status == 1 && error.contains("another root key"), "{error}");
    let (status, told, error) = backed.restore(
        "b.age",
        &[&into[..], &["--seal-key-file", &key_file]].concat(),
    );
    assert!(
        status == 0 && told.contains("with 2 secrets"),
        "{told}{error}"
    );
    assert_eq!(value(&server, json!({"SecretId": "one"})), "second");
    assert_eq!(value(&server, json!({"SecretId": "two"})), "other");
    assert_eq!(kms(&server, "ListKeys", json!({})), before);

    // Into a server that never knew it, whose root key is another one.
    let stranger = backed.serve("stranger");
    let stranger_data = backed.at("stranger");
    let into = [
        "--into-running",
        "--data-dir",
        &stranger_data,
        "--account",
        "123456789012",
        "--overwrite",
    ];
    let (status, _, error) = backed.restore(
        "b.age",
        &[&into[..], &["--seal-key-file", &key_file]].concat(),
    );
    assert_eq!(status, 0, "{error}");
    let body = json!({"SecretId": "one"}).to_string();
    let (status, read) = stranger.call(server.credentials(), "us-east-1", "GetSecretValue", &body);
    assert!(status == 200 && read.contains("second"), "{read}");
}

#[test]
fn what_is_not_whole_is_refused_and_nothing_is_touched() {
    let backed = Backed::new();
    let mut server = backed.serve("data");
    fill(&server);
    let key_file = backed.at("data/root.key");
    backed.backup("data", "b.age");
    assert_eq!(server.terminate(), 0);
    // Without a server the folder itself is read.
    backed.backup("data", "offline.age");
    let (file, id) = (backed.at("b.age"), backed.at("id"));
    let verify = [
        "backup",
        "verify",
        &file,
        "--identity",
        &id,
        "--seal-key-file",
        &key_file,
    ];
    let (status, told, error) = run(&verify);
    assert!(
        status == 0 && told.contains("3 open, of 2 secrets"),
        "{told}{error}"
    );

    let whole = std::fs::read(&file).unwrap();
    let target = backed.at("target");
    let mut wrong = vec![
        ("cut", whole[..whole.len() - 1].to_vec()),
        ("longer", [&whole[..], b"x"].concat()),
        ("no backup", b"something else".to_vec()),
    ];
    for at in [30, whole.len() / 2, whole.len() - 5] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        wrong.push(("flipped", flipped));
    }
    for (what, bytes) in wrong {
        std::fs::write(backed.at("wrong.age"), bytes).unwrap();
        let (status, _, error) = backed.restore("wrong.age", &["--data-dir", &target]);
        assert!(
            status == 1 && error.contains("the backup"),
            "{what}: {error}"
        );
        assert!(!Path::new(&target).exists(), "{what}");
    }
    let stranger = Identity::generate(&SystemEntropy).to_text().unwrap();
    std::fs::write(backed.at("stranger"), stranger.expose()).unwrap();
    let arguments = [
        "restore",
        &file,
        "--identity",
        &backed.at("stranger"),
        "--data-dir",
        &target,
    ];
    let (status, _, error) = run(&arguments);
    assert!(
        status == 1 && error.contains("no identity that was given opens it"),
        "{error}"
    );
    let (status, _, error) = backed.restore("b.age", &["--data-dir", &backed.at("data")]);
    assert!(status == 1 && error.contains("isn't empty"), "{error}");
    let (status, _, error) = backed.restore("b.age", &["--data-dir", &target]);
    assert_eq!(status, 0, "{error}");
    let again = [
        "backup",
        "--data-dir",
        &target,
        "--output",
        &file,
        "--recipient",
        &backed.recipient,
    ];
    let (status, _, error) = run(&again);
    assert!(status == 1 && error.contains("exists already"), "{error}");
}

#[test]
fn a_passphrase_makes_and_opens_a_backup() {
    let backed = Backed::new();
    let mut server = backed.serve("data");
    fill(&server);
    assert_eq!(server.terminate(), 0);
    let (data, file, passphrase) = (
        backed.at("data"),
        backed.at("p.age"),
        backed.at("passphrase"),
    );
    std::fs::write(&passphrase, "correct horse battery staple\n").unwrap();
    let arguments = [
        "backup",
        "--data-dir",
        &data,
        "--output",
        &file,
        "--passphrase-file",
        &passphrase,
    ];
    let (status, _, error) = run(&arguments);
    assert_eq!(status, 0, "{error}");
    let verify =
        |passphrase: &str| run(&["backup", "verify", &file, "--passphrase-file", passphrase]);
    assert_eq!(verify(&passphrase).0, 0);
    let wrong = SecretBytes::copy_of(b"wrong horse\n");
    std::fs::write(backed.at("wrong"), wrong.expose()).unwrap();
    let (status, _, error) = verify(&backed.at("wrong"));
    assert!(
        status == 1 && error.contains("the passphrase is wrong"),
        "{error}"
    );
}
