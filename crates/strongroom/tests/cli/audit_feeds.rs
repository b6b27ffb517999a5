//! Feeds and deliveries of a whole server: what it is told by its configuration, and what is left after a kill.

use std::path::{Path, PathBuf};

use super::{Served, get, run, strongroom};
use crate::audit::until;

const ACCOUNT: &str = "123456789012";

/// A configuration with a feed to a file, and what an account of it is asked as.
fn initialised(folder: &Path) -> (String, (String, String)) {
    let path = folder.join("strongroom.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[data]\ndir = \"{0}/data\"\n[seal]\nkey_file = \"{0}/root.key\"\n\
         [log]\nlevel = \"error\"\n[[audit.feeds]]\nname = \"file\"\nkind = \"file\"\npath = \"{0}/events\"\nfrom = \"start\"\n\
         [[audit.feeds]]\nname = \"down\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:1/\"\n",
        folder.display()
    );
    std::fs::write(&path, text).unwrap();
    let config = path.to_str().unwrap().to_owned();
    let (status, printed, error) = run(&[
        "init",
        "--config",
        &config,
        "--account-id",
        ACCOUNT,
        "--json",
    ]);
    assert_eq!(status, 0, "{error}");
    let made: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let text = |member: &str| made[member].as_str().unwrap().to_owned();
    (config, (text("AccessKeyId"), text("SecretAccessKey")))
}

/// The names of secrets whose creation a feed told of, each once.
fn created(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut names = Vec::new();
    for line in text.lines() {
        // A kill may leave a part of a line, whose event comes again.
        let Ok(event) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        if event["eventName"] == "CreateSecret" {
            let name = event["requestParameters"]["name"]
                .as_str()
                .unwrap()
                .to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[test]
fn a_feed_goes_on_behind_a_kill_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (config, (id, secret)) = initialised(folder.path());
    let file = folder.path().join("events");
    let mut expected = Vec::new();
    for round in 0..3 {
        let mut server = Served::start(strongroom(&["serve", "--config", &config]));
        for number in 0..5 {
            let name = format!("secret-{round}-{number}");
            let body = format!(
                "{{\"Name\":\"{name}\",\"SecretString\":\"v4lue\",\"ClientRequestToken\":\"token-for-one-more-{name}-0123456789\"}}"
            );
            let (status, answer) = server.call((&id, &secret), "us-east-1", "CreateSecret", &body);
            assert_eq!(status, 200, "{answer}");
            expected.push(name);
        }
        match round {
            // At once, whatever the feed has done by then.
            0 | 1 => super::signal(&server.child, "KILL"),
            _ => {
                until("all are in the file", || created(&file) == expected);
                assert_eq!(server.terminate(), 0);
            }
        }
    }
    assert!(!std::fs::read_to_string(&file).unwrap().contains("v4lue"));
}

#[test]
fn a_feed_whose_target_is_down_is_told_to_the_operator() {
    let folder = tempfile::tempdir().unwrap();
    let (config, (id, secret)) = initialised(folder.path());
    let mut command = strongroom(&["serve", "--config", &config]);
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    command.env("STRONGROOM_OPERATIONS_LISTEN", port.to_string());
    let server = Served::start(command);
    assert_eq!(
        server
            .call((&id, &secret), "us-east-1", "ListSecrets", "{}")
            .0,
        200
    );
    let metrics = || get(&port.to_string(), "/metrics").1;
    until("the feed fails", || {
        let metrics = metrics();
        metrics.contains("strongroom_audit_feed_events_total{feed=\"down\"} 0")
            && !metrics.contains("strongroom_audit_feed_lag{feed=\"down\"} 0")
            && metrics.contains("strongroom_jobs_failing 1")
    });
    let (_, told, _) = run(&["admin", "--config", &config, "status"]);
    assert!(
        told.contains("feed down")
            && told.contains("can't be reached")
            && told.contains("tried again at"),
        "{told}"
    );
}

#[test]
fn a_trail_of_a_development_server_delivers_to_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let arguments = [
        "dev",
        "--listen",
        "127.0.0.1:0",
        "--log-level",
        "error",
        "--data-dir",
    ];
    let server = Served::start(strongroom(
        &[&arguments[..], &[data.to_str().unwrap()]].concat(),
    ));
    let service = (
        "cloudtrail",
        "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
    );
    for (operation, body) in [
        (
            "CreateTrail",
            "{\"Name\":\"main\",\"S3BucketName\":\"trail-logs\"}",
        ),
        ("StartLogging", "{\"Name\":\"main\"}"),
    ] {
        let answered = server.call_to(service, server.credentials(), "us-east-1", operation, body);
        assert_eq!(answered.0, 200, "{answered:?}");
    }
    let region = data.join(format!(
        "buckets/trail-logs/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1"
    ));
    until("a log file is there", || !files_in(&region).is_empty());
    let status = || {
        server
            .call_to(
                service,
                server.credentials(),
                "us-east-1",
                "GetTrailStatus",
                "{\"Name\":\"main\"}",
            )
            .1
    };
    until("its delivery is told", || {
        status().contains("\"LatestDeliveryTime\":")
    });
    assert!(!status().contains("LatestDeliveryError"), "{}", status());
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.path().is_dir() {
            true => found.extend(files_in(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}
