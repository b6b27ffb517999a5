//! `init` and `serve`: from nothing to a server in production.

use std::path::Path;

use super::{Served, ended, get, run, strongroom};

fn config(folder: &Path) -> String {
    let path = folder.join("strongroom.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndir = \"{0}/data\"\n[seal]\nkey_file = \"{0}/root.key\"\n[log]\nlevel = \"warn\"\n",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_server_is_initialised_once_and_served_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (status, _, error) = run(&["serve", "--config", &config]);
    assert!(status == 1 && error.contains("strongroom init"), "{error}");

    let (status, printed, error) = run(&[
        "init",
        "--config",
        &config,
        "--account-id",
        "123456789012",
        "--json",
    ]);
    assert_eq!(status, 0, "{error}");
    let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let root = (
        made["AccessKeyId"].as_str().unwrap(),
        made["SecretAccessKey"].as_str().unwrap(),
    );
    assert_eq!(made["AccountId"], "123456789012");

    let (status, printed, error) = run(&["init", "--config", &config]);
    assert!(
        status == 1 && printed.is_empty() && error.contains("initialised already"),
        "{error}"
    );

    let mut command = strongroom(&["serve", "--config", &config]);
    command
        .env("STRONGROOM_OPERATIONS_LISTEN", "127.0.0.1:0")
        .env("STRONGROOM_LOG_FORMAT", "json");
    let mut server = Served::start(command);
    assert!(
        server.exported.is_empty(),
        "credentials are not for a server's log: {:?}",
        server.lines
    );
    assert_eq!(server.call(root, "us-east-1", "ListSecrets", "{}").0, 200);

    let address = server.url.strip_prefix("http://").unwrap();
    for control in ["/_strongroom/reset", "/_strongroom/clock"] {
        assert_eq!(get(address, control).0, 404, "{control} is for dev alone");
    }
    let (status, told, _) = run(&["admin", "--config", &config, "status"]);
    assert!(status == 0 && told.contains(&server.url), "{told}");
    let column = told
        .lines()
        .find_map(|line| line.find(&server.url))
        .unwrap();
    for line in told.lines().skip(1) {
        let (name, state) = line.split_at(column);
        assert!(name.ends_with(' ') && !state.starts_with(' '), "{line}");
    }
    assert_eq!(server.terminate(), 0);
    assert!(!folder.path().join("data/admin.sock").exists());
}

#[test]
fn an_account_that_asks_more_often_than_it_may_is_told_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (_, printed, _) = run(&["init", "--config", &config, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let root = (
        made["AccessKeyId"].as_str().unwrap(),
        made["SecretAccessKey"].as_str().unwrap(),
    );
    for (percent, refused) in [("0", false), ("1", true)] {
        let mut command = strongroom(&["serve", "--config", &config]);
        command.env("STRONGROOM_LIMITS_REQUEST_RATE_PERCENT", percent);
        let server = Served::start(command);
        let ask = || server.call(root, "us-east-1", "GetRandomPassword", "{}");
        // One percent is a request each two seconds.
        assert_eq!(ask().0, 200);
        let (status, body) = (0..100)
            .map(|_| ask())
            .max_by_key(|(status, _)| *status)
            .unwrap();
        assert_eq!(status, if refused { 400 } else { 200 }, "{body}");
        assert_eq!(body.contains("ThrottlingException"), refused, "{body}");
        // It is the operation's own rate.
        assert_eq!(server.call(root, "us-east-1", "ListSecrets", "{}").0, 200);
    }
}

#[test]
fn who_guesses_at_credentials_is_told_to_the_operator_and_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (_, printed, _) = run(&["init", "--config", &config, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let id = made["AccessKeyId"].as_str().unwrap();
    let log = folder.path().join("log");
    let file = std::fs::File::create(&log).unwrap();
    let server = Served::start_with_log(strongroom(&["serve", "--config", &config]), file);
    let ask = |secret| server.call((id, secret), "us-east-1", "ListSecrets", "{}");
    for _ in 0..12 {
        assert_eq!(ask("guessed").0, 400);
    }
    assert_eq!(ask(made["SecretAccessKey"].as_str().unwrap()).0, 200);
    let told = std::fs::read_to_string(&log).unwrap();
    let lines: Vec<&str> = told
        .lines()
        .filter(|line| line.contains("wrong signatures"))
        .collect();
    assert!(lines.len() == 1 && lines[0].contains("127.0.0.1"), "{told}");
}

#[test]
fn health_readiness_and_metrics_are_on_a_listener_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let (_, printed, _) = run(&["init", "--config", &config, "--json"]);
    let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let root = (
        made["AccessKeyId"].as_str().unwrap(),
        made["SecretAccessKey"].as_str().unwrap(),
    );
    // A port that was free a moment ago: `serve` does not print where it serves operations.
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let mut command = strongroom(&["serve", "--config", &config]);
    command.env("STRONGROOM_OPERATIONS_LISTEN", &address);
    let server = Served::start(command);
    for _ in 0..3 {
        assert_eq!(server.call(root, "us-east-1", "ListSecrets", "{}").0, 200);
    }
    assert_eq!(
        server
            .call(root, "us-east-1", "GetSecretValue", r#"{"SecretId":"s"}"#)
            .0,
        400
    );
    assert_eq!(
        server
            .call(
                ("AKIANOBODYNOBODYNOBO", "x"),
                "us-east-1",
                "ListSecrets",
                "{}"
            )
            .0,
        400
    );

    assert_eq!(get(&address, "/healthz"), (200, "alive\n".to_owned()));
    let (status, ready) = get(&address, "/readyz");
    assert!(
        status == 200 && ready.contains(r#""ready":true"#),
        "{ready}"
    );
    assert_eq!(get(&address, "/secrets").0, 404);
    let (_, metrics) = get(&address, "/metrics");
    for line in [
        "strongroom_build_info{version=",
        "strongroom_wrong_signatures_total 1",
        r#"strongroom_requests_total{operation="ListSecrets",outcome="success"} 3"#,
        r#"strongroom_requests_total{operation="ListSecrets",outcome="refused"} 1"#,
        r#"strongroom_requests_total{operation="GetSecretValue",outcome="refused"} 1"#,
        r#"strongroom_request_duration_seconds_count{operation="ListSecrets"} 4"#,
        r#"strongroom_request_duration_seconds_bucket{le="+Inf",operation="ListSecrets"} 4"#,
        "strongroom_connections_accepted_total 5",
        "strongroom_store_healthy 1",
    ] {
        assert!(metrics.contains(line), "{line} is missing in\n{metrics}");
    }
    assert!(
        !metrics.contains("CreateSecret"),
        "what nobody asked for has no series"
    );
    assert_eq!(
        get(server.url.strip_prefix("http://").unwrap(), "/metrics").0,
        404
    );
}

#[test]
fn a_passphrase_opens_what_it_sealed_and_another_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let text = std::fs::read_to_string(&config).unwrap();
    let sealed = text
        .lines()
        .filter(|line| !line.starts_with("key_file"))
        .collect::<Vec<_>>()
        .join("\n");
    let sealed = sealed.replace("[seal]", "[seal]\npassphrase_env = \"PASSPHRASE\"");
    std::fs::write(&config, sealed).unwrap();
    let with = |command: &str, passphrase: Option<&str>| {
        let mut command = strongroom(&[command, "--config", &config]);
        passphrase.map(|passphrase| command.env("PASSPHRASE", passphrase));
        command
    };
    let (status, _, error) = ended(with("init", None));
    assert!(
        status == 1 && error.contains("$PASSPHRASE, which is not set"),
        "{error}"
    );
    let (status, _, error) = ended(with("init", Some("short")));
    assert!(status == 1 && error.contains("15"), "{error}");
    let good = "correct horse battery staple";
    assert_eq!(ended(with("init", Some(good))).0, 0);
    let (status, _, error) = ended(with("serve", Some("incorrect horse battery")));
    assert!(
        status == 1 && error.contains("passphrase is wrong"),
        "{error}"
    );
    Served::start(with("serve", Some(good)));
}
