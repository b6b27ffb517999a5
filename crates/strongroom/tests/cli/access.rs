//! `strongroom access` and `admin account policy`: why, who, and what bounds an account.

use std::io::Write as _;

use serde_json::Value;

use super::{Served, run, strongroom};

const ACCOUNT: &str = "123456789012";
const OTHER: &str = "210987654321";
const REGION: &str = "us-east-1";

/// A development server on a folder of its own.
struct Running {
    folder: tempfile::TempDir,
    server: Served,
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let server = Served::start(strongroom(&[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--account-id",
            ACCOUNT,
            "--data-dir",
            data.to_str().unwrap(),
        ]));
        let body = r#"{"Name": "prod/db", "SecretString": "v", "ClientRequestToken": "--------------------------------"}"#;
        let made = server.call(server.credentials(), REGION, "CreateSecret", body);
        assert_eq!(made.0, 200, "{}", made.1);
        Running { folder, server }
    }

    fn ask(&self, command: &[&str]) -> (i32, String, String) {
        let data = self.folder.path().join("data");
        let mut arguments = vec![command[0], "--data-dir", data.to_str().unwrap()];
        arguments.extend(&command[1..]);
        run(&arguments)
    }

    fn ok(&self, command: &[&str]) -> String {
        let (status, printed, error) = self.ask(command);
        assert_eq!(status, 0, "{command:?}: {error}");
        printed
    }

    fn error(&self, command: &[&str]) -> String {
        let (status, printed, error) = self.ask(command);
        assert!(status != 0 && printed.is_empty(), "{command:?}: {printed}");
        error
    }
}

#[test]
fn operators_are_told_why_and_who() {
    let running = Running::start();
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let read = "secretsmanager:GetSecretValue";
    let explain = |principal: &str, more: &[&str]| {
        let mut command = vec![
            "access",
            "explain",
            "--principal",
            principal,
            "--action",
            read,
            "--region",
            REGION,
        ];
        command.extend(more);
        running.ask(&command)
    };
    let (status, told, _) = explain(&root, &["--resource", "prod/db"]);
    assert!(
        status == 0 && told.contains(&format!("{root}\n  may {read}\n")),
        "{told}"
    );
    let (_, told, _) = explain(&root, &["--resource", "prod/db", "--json"]);
    let json: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(json["Explanations"][0]["Decision"], "Allowed");
    let gone = format!("arn:aws:iam::{ACCOUNT}:user/gone");
    for (principal, more, part) in [
        (
            gone.as_str(),
            &["--resource", "prod/db"][..],
            "has no user gone",
        ),
        ("root", &["--resource", "prod/db"], "is no principal"),
        (
            &root,
            &["--resource", "prod/db", "--context", "x"],
            "aws:SourceIp=10.1.2.3",
        ),
        (&root, &[], "--resource"),
        (
            &root,
            &["--resource", "prod/db", "--request-id", "x"],
            "cannot be used with",
        ),
    ] {
        let (status, _, error) = explain(principal, more);
        assert!(status != 0 && error.contains(part), "{error}");
    }
    let unknown = running.error(&["access", "explain", "--request-id", "x"]);
    assert!(unknown.contains("until it is restarted"), "{unknown}");

    let who = |name: &str| {
        [
            "access",
            "who-can",
            "--action",
            read,
            "--secret",
            name,
            "--account",
            ACCOUNT,
            "--region",
            REGION,
        ]
        .map(str::to_owned)
    };
    let command = who("prod/db");
    let told = running.ok(&command.each_ref().map(String::as_str));
    assert!(
        told.contains("1 of 1 principals may.") && told.contains(&root),
        "{told}"
    );
    let short = [
        "access", "who-can", "--action", read, "--secret", "prod/db", "--region", REGION,
    ];
    assert_eq!(running.ok(&short), told, "there is one account alone");
    running.ok(&["admin", "account", "create", OTHER]);
    assert!(running.error(&short).contains("--account"));
    let command = who("none");
    let told = running.error(&command.each_ref().map(String::as_str));
    assert!(told.contains("there is no none in account"), "{told}");
}

#[test]
fn an_account_is_bounded_by_policies_until_they_are_deleted() {
    let running = Running::start();
    running.ok(&["admin", "account", "create", OTHER]);
    let file = running.folder.path().join("policy.json");
    let path = file.to_str().unwrap();
    let write = |text: &str| {
        std::fs::File::create(&file)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap()
    };
    let policy = |verb: &'static str, more: &[&'static str]| {
        let mut command = vec!["admin", "account", "policy", verb, "--account", ACCOUNT];
        command.extend(more);
        command
    };
    let named = ["--name", "NoReads"];
    let read = || {
        let server = &running.server;
        let body = r#"{"SecretId": "prod/db"}"#;
        server.call(server.credentials(), REGION, "GetSecretValue", body)
    };
    write("{}");
    let put: Vec<&str> = policy("put", &named)
        .into_iter()
        .chain(["--file", path])
        .collect();
    let error = running.error(&put);
    assert!(
        error.contains("the policy is malformed") && error.contains("Statement"),
        "{error}"
    );

    let text = r#"{"Version": "2012-10-17", "Statement":
        {"Effect": "Deny", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}}"#;
    write(text);
    let told = running.ok(&put);
    assert!(told.contains("FullAWSAccess was attached"), "{told}");
    assert!(!running.ok(&put).contains("FullAWSAccess"));
    let (status, body) = read();
    assert!(
        status == 400 && body.contains("explicit deny in a service control policy"),
        "{body}"
    );
    assert_eq!(running.ok(&policy("list", &[])), "FullAWSAccess\nNoReads\n");
    let listed: Value = serde_json::from_str(&running.ok(&policy("list", &["--json"]))).unwrap();
    assert_eq!(listed["Names"][1], "NoReads");
    assert_eq!(running.ok(&policy("show", &named)).trim(), text);
    running.ok(&policy("delete", &named));
    assert_eq!(read().0, 200);
    let error = running.error(&policy("delete", &named));
    assert!(
        error.contains("has no service control policy NoReads"),
        "{error}"
    );
    let told = running.ok(&policy("delete", &["--name", "FullAWSAccess"]));
    assert!(told.contains("Nothing bounds"), "{told}");
}
