//! `strongroom dev`: what it prints and keeps.

use std::time::{Duration, Instant};

use super::{Served, clean, ended, get, mode, run, strongroom};

fn dev(arguments: &[&str]) -> std::process::Command {
    let mut all = vec!["dev", "--listen", "127.0.0.1:0", "--log-level", "warn"];
    all.extend(arguments);
    strongroom(&all)
}

#[test]
fn it_prints_what_a_client_needs_and_says_last_that_it_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let env_file = folder.path().join("strongroom.env");
    std::fs::write(&env_file, "old and longer than what will be there").unwrap();
    let mut server = Served::start(dev(&[
        "--env-file",
        env_file.to_str().unwrap(),
        "--region",
        "eu-west-1",
    ]));
    let names: Vec<&str> = server
        .lines
        .iter()
        .filter_map(|line| line.strip_prefix("export ")?.split('=').next())
        .collect();
    assert_eq!(
        names,
        [
            "AWS_ENDPOINT_URL",
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_DEFAULT_REGION",
            "AWS_REGION"
        ]
    );
    assert!(
        server
            .lines
            .last()
            .unwrap()
            .starts_with("ready http://127.0.0.1:")
    );
    assert_eq!(server.exported["AWS_ENDPOINT_URL"], server.url);
    assert_eq!(server.exported["AWS_REGION"], "eu-west-1");
    let id = &server.exported["AWS_ACCESS_KEY_ID"];
    assert!(id.len() == 20 && id.starts_with("AKIA"), "{id}");
    assert_eq!(server.exported["AWS_SECRET_ACCESS_KEY"].len(), 40);

    let written = std::fs::read_to_string(&env_file).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), server.lines[..5]);
    assert_eq!(mode(&env_file), 0o600);

    let (status, body) = server.call(server.credentials(), "eu-west-1", "ListSecrets", "{}");
    assert_eq!((status, body.as_str()), (200, "{\"SecretList\":[]}"));
    assert_eq!(get(server.url.strip_prefix("http://").unwrap(), "/").0, 404);
    assert_eq!(server.terminate(), 0);
}

#[test]
fn a_temporary_folder_goes_with_it_even_at_the_second_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = dev(&[]);
    command.env("TMPDIR", folder.path());
    let mut server = Served::start(command);
    let inside = std::fs::read_dir(folder.path())
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    assert_eq!(mode(&inside), 0o700);
    for file in ["root.key", "seal.json", "admin.sock", "store.redb"] {
        assert_eq!(mode(&inside.join(file)), 0o600, "{file}");
    }
    // A connection in the middle of a body keeps an orderly end waiting.
    let mut busy =
        std::net::TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    std::io::Write::write_all(
        &mut busy,
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
    )
    .unwrap();
    super::signal(&server.child, "INT");
    let began = Instant::now();
    while server.child.try_wait().unwrap().is_none() {
        super::signal(&server.child, "INT");
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::yield_now();
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn on_the_same_folder_it_goes_on_with_the_same_credentials() {
    let folder = tempfile::tempdir().unwrap();
    // Longer than a socket's path may be.
    let data = folder.path().join("x".repeat(120));
    let data = data.to_str().unwrap();
    let mut server = Served::start(dev(&["--data-dir", data]));
    assert_eq!(mode(std::path::Path::new(data)), 0o700);
    let made: Vec<String> = server.lines[1..3].to_vec();
    let (status, body) = server.call(server.credentials(), "us-east-1", "CreateSecret", r#"{"Name":"s","SecretString":"v","ClientRequestToken":"11111111111111111111111111111111"}"#);
    assert_eq!(status, 200, "{body}");

    let (status, _, error) = run(&["dev", "--listen", "127.0.0.1:0", "--data-dir", data]);
    assert!(
        status == 1
            && error.contains("in use by process")
            && error.contains(&server.pid().to_string()),
        "{error}"
    );
    let (status, listed, error) = run(&["admin", "--data-dir", data, "account", "list"]);
    assert_eq!(
        (status, listed.starts_with("123456789012  AKIA")),
        (0, true),
        "{listed}{error}"
    );
    assert_eq!(server.terminate(), 0);

    let server = Served::start(dev(&["--data-dir", data]));
    assert_eq!(server.lines[1..3], made);
    let (_, body) = server.call(
        server.credentials(),
        "us-east-1",
        "GetSecretValue",
        r#"{"SecretId":"s"}"#,
    );
    assert!(body.contains(r#""SecretString":"v""#), "{body}");
    drop(server);

    let mut command = dev(&["--data-dir", data]);
    command
        .env("AWS_ACCESS_KEY_ID", "AKIAFIXEDFIXEDFIXED1")
        .env("AWS_SECRET_ACCESS_KEY", "it's fixed");
    let server = Served::start(command);
    assert_eq!(server.exported["AWS_SECRET_ACCESS_KEY"], r"'it'\''s fixed'");
    let fixed = ("AKIAFIXEDFIXEDFIXED1", "it's fixed");
    assert_eq!(
        server
            .call(fixed, "us-east-1", "DescribeSecret", r#"{"SecretId":"s"}"#)
            .0,
        200
    );
    let old = made
        .iter()
        .map(|line| line.split_once('=').unwrap().1)
        .collect::<Vec<_>>();
    let (status, body) = server.call((old[0], old[1]), "us-east-1", "ListSecrets", "{}");
    assert!(
        status == 400 && body.contains("UnrecognizedClientException"),
        "{body}"
    );
}

#[test]
fn another_account_is_made_beside_and_sees_nothing_of_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let server = Served::start(dev(&["--data-dir", data]));
    let token = "11111111111111111111111111111111";
    let body = format!(r#"{{"Name":"s","SecretString":"v","ClientRequestToken":"{token}"}}"#);
    assert_eq!(
        server
            .call(server.credentials(), "us-east-1", "CreateSecret", &body)
            .0,
        200
    );

    let create: &[&str] = &[
        "admin",
        "--data-dir",
        data,
        "account",
        "create",
        "210987654321",
        "--json",
    ];
    let (status, made, _) = run(create);
    assert_eq!(status, 0);
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    let keys: Vec<&String> = made.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["AccessKeyId", "AccountId", "SecretAccessKey"]);
    assert_eq!(made["AccountId"], "210987654321");
    let other = (
        made["AccessKeyId"].as_str().unwrap(),
        made["SecretAccessKey"].as_str().unwrap(),
    );
    assert_eq!(
        server.call(other, "us-east-1", "ListSecrets", "{}"),
        (200, "{\"SecretList\":[]}".to_owned())
    );

    let (status, _, error) = run(create);
    assert!(status == 1 && error.contains("already exists"), "{error}");
    let (status, _, error) = run(&["admin", "--data-dir", data, "account", "create", "12"]);
    assert!(status == 1 && error.contains("12"), "{error}");
}

#[test]
fn it_begins_with_what_a_seed_file_says() {
    let folder = tempfile::tempdir().unwrap();
    let seed = folder.path().join("seed.toml");
    std::fs::write(
        &seed,
        r#"
        [[accounts]]
        id = "210987654321"
        access_key_id = "AKIATHEIRTHEIRTHEIR1"
        secret_access_key = "theirs"

        [[secrets]]
        name = "MyDatabaseSecret"
        value = { username = "admin", password = "mypassword" }
        description = "the database"
        tags = { team = "a" }

        [[secrets]]
        name = "key"
        binary = "AAEC"
        region = "eu-west-1"
        account = "210987654321"
        "#,
    )
    .unwrap();
    let (data, seed) = (folder.path().join("data"), seed.to_str().unwrap());
    let arguments = ["--data-dir", data.to_str().unwrap(), "--seed", seed];
    for _ in 0..2 {
        // The second time all of it is there already.
        let server = Served::start(dev(&arguments));
        let (_, body) = server.call(
            server.credentials(),
            "us-east-1",
            "GetSecretValue",
            r#"{"SecretId":"MyDatabaseSecret"}"#,
        );
        assert!(
            body.contains(
                r#""SecretString":"{\"password\":\"mypassword\",\"username\":\"admin\"}""#
            ),
            "{body}"
        );
        let (_, body) = server.call(
            server.credentials(),
            "us-east-1",
            "DescribeSecret",
            r#"{"SecretId":"MyDatabaseSecret"}"#,
        );
        assert!(
            body.contains("the database") && body.contains(r#"{"Key":"team","Value":"a"}"#),
            "{body}"
        );
        let theirs = ("AKIATHEIRTHEIRTHEIR1", "theirs");
        let (_, body) = server.call(
            theirs,
            "eu-west-1",
            "GetSecretValue",
            r#"{"SecretId":"key"}"#,
        );
        assert!(body.contains(r#""SecretBinary":"AAEC""#), "{body}");
    }

    std::fs::write(
        seed,
        "[[secrets]]\nname = \"bad name\"\nvalue = \"marked-value\"\n",
    )
    .unwrap();
    let (status, _, error) = ended(dev(&["--seed", seed]));
    assert!(
        status == 1
            && error.contains("secret bad name was refused: ")
            && !error.contains("marked-value"),
        "{error}"
    );
}

#[test]
fn it_stays_small() {
    let server = Served::start(dev(&[]));
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kibibytes: u64 = line
        .split_ascii_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    assert!(kibibytes < 40 * 1_024, "{line}");
}

#[test]
fn its_memory_is_its_own() {
    let server = Served::start(dev(&[]));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let cores: Vec<&str> = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap()
        .split_ascii_whitespace()
        .collect();
    assert_eq!(cores[4..6], ["0", "0"]);
}

#[test]
fn out_of_open_files_it_waits_and_goes_on() {
    let program = env!("CARGO_BIN_EXE_strongroom");
    let few = "ulimit -n 60; exec \"$0\" dev --listen 127.0.0.1:0 --log-level error";
    let mut command = clean("sh");
    command.args(["-c", few, program]);
    let server = Served::start(command);
    let address = server.url.strip_prefix("http://").unwrap();
    let crowd: Vec<_> = (0..200)
        .map(|_| std::net::TcpStream::connect(address).unwrap())
        .collect();
    drop(crowd);
    assert_eq!(get(address, "/_strongroom/clock").0, 200);
}

#[test]
fn a_lambda_endpoint_is_a_url_that_it_can_ask() {
    for (arguments, expected) in [
        (vec!["--lambda-endpoint", "localhost:9001"], "https://"),
        (vec!["--lambda-endpoint", "http://h/?a=b"], "has a query"),
        (
            vec!["--lambda-endpoint", "http://user:word@h/"],
            "holds no credentials",
        ),
        (
            vec!["--lambda-ca-file", "/nowhere/at/all.pem"],
            "--lambda-endpoint",
        ),
        (
            vec![
                "--lambda-endpoint",
                "https://h",
                "--lambda-ca-file",
                "/nowhere/at/all.pem",
            ],
            "/nowhere/at/all.pem can't be read",
        ),
    ] {
        let (status, _, told) = ended(dev(&arguments));
        assert_ne!(status, 0);
        assert!(told.contains(expected), "{arguments:?}: {told}");
    }
    let mut server = Served::start(dev(&["--lambda-endpoint", "http://127.0.0.1:9001/base"]));
    assert_eq!(server.terminate(), 0);
}
