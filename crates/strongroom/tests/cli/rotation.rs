//! `strongroom rotation`: what people see of rotations, and how they get a secret out of one that failed.

use std::net::TcpListener;

use serde_json::{Value, json};

use super::{Served, plain, run, strongroom};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
const TOKEN: &str = "version-2-----------------------";

/// A development server whose functions elsewhere nobody answers for.
struct Running {
    folder: tempfile::TempDir,
    server: Served,
}

impl Running {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        // A port that was free, and at which nobody listens any more.
        let closed = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let server = Served::start(strongroom(&[
            "dev",
            "--listen",
            "127.0.0.1:0",
            "--account-id",
            ACCOUNT,
            "--data-dir",
            data.to_str().unwrap(),
            "--lambda-endpoint",
            &format!("http://{closed}"),
        ]));
        Running { folder, server }
    }

    fn call(&self, operation: &str, body: &Value) -> Value {
        let credentials = self.server.credentials();
        let (status, answer) =
            (self.server).call(credentials, REGION, operation, &body.to_string());
        assert_eq!(status, 200, "{operation}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// Makes a secret and lets a function of this name rotate it; its ARN.
    fn rotated_by(&self, secret: &str, function: &str, value: &str) -> String {
        self.call(
            "CreateSecret",
            &json!({"Name": secret, "SecretString": value, "ClientRequestToken": "version-1-----------------------"}),
        );
        let answer = self.call(
            "RotateSecret",
            &json!({
                "SecretId": secret, "ClientRequestToken": TOKEN,
                "RotationLambdaARN": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"),
                "RotationRules": {"AutomaticallyAfterDays": 30},
            }),
        );
        answer["ARN"].as_str().unwrap().to_owned()
    }

    /// Lets time pass; what fell due is done then.
    fn pass(&self, seconds: u32) {
        let address = self.server.url.strip_prefix("http://").unwrap();
        let body = format!("{{\"advance_seconds\": {seconds}}}");
        let (status, answer) = plain(
            address,
            &format!(
                "POST /_strongroom/clock HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
        );
        assert_eq!(status, 200, "{answer}");
    }

    fn ask(&self, command: &[&str]) -> (i32, String, String) {
        let data = self.folder.path().join("data");
        let mut arguments = vec!["rotation", "--data-dir", data.to_str().unwrap()];
        arguments.extend(command);
        run(&arguments)
    }

    fn ok(&self, command: &[&str]) -> String {
        let (status, printed, error) = self.ask(command);
        assert_eq!(status, 0, "{command:?}: {printed}{error}");
        printed
    }

    fn json(&self, command: &[&str]) -> Value {
        serde_json::from_str(&self.ok(&[command, &["--json"]].concat())).unwrap()
    }

    fn labels(&self, secret: &str) -> Value {
        self.call("DescribeSecret", &json!({"SecretId": secret}))["VersionIdsToStages"].clone()
    }
}

#[test]
fn a_rotation_that_went_well_is_listed_shown_and_followed_to_its_end() {
    let running = Running::start();
    assert_eq!(running.ok(&["list"]), "No secret rotates.\n");
    let arn = running.rotated_by("good", "strongroom-random-value", "v");
    let followed = running.ok(&["tail", &arn, "--until-over"]);
    for part in [
        "Rotation ",
        "by request",
        "createSecret",
        "finishSecret",
        "succeeded after",
    ] {
        assert!(followed.contains(part), "{part} is missing: {followed}");
    }
    let lines = running.ok(&["tail", "good", "--region", REGION, "--until-over", "--json"]);
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<&str> = lines
        .iter()
        .map(|line| line["Event"].as_str().unwrap())
        .collect();
    assert_eq!(events, ["Started", "Step", "Step", "Step", "Step", "Ended"]);
    assert_eq!(lines[5]["State"], "Succeeded");
    let number = lines[0]["Run"].as_str().unwrap();
    let behind = running.ok(&["tail", &arn, "--until-over", "--after", number]);
    assert_eq!(behind, "", "it was told");

    let listed = running.ok(&["list"]);
    assert!(
        listed.starts_with("waiting") && listed.contains(&arn) && listed.contains("every 30 days"),
        "{listed}"
    );
    let shown = running.ok(&["show", &arn]);
    assert!(
        shown.contains("createSecret  attempt 1") || shown.contains("createSecret attempt 1"),
        "{shown}"
    );
    let json = running.json(&["show", &arn]);
    assert_eq!(json["Overview"]["State"], "Waiting");
    assert_eq!(json["Runs"][0]["Steps"].as_array().unwrap().len(), 4);
    let nothing = running.ok(&["repair", &arn]);
    assert!(nothing.contains("nothing to repair"), "{nothing}");
    assert!(
        running
            .ok(&["list", "--failing"])
            .starts_with("No secret's rotation fails")
    );
}

#[test]
fn a_rotation_that_fails_is_named_explained_and_abandoned() {
    let running = Running::start();
    let arn = running.rotated_by("bad", "nowhere", "v");
    // The first attempt is over before the next one's time comes.
    for seconds in [0, 5, 30, 120, 600] {
        running.pass(seconds);
    }
    let (status, followed, _) = running.ask(&["tail", &arn, "--until-over"]);
    assert!(
        status == 1 && followed.contains("failed after"),
        "{followed}"
    );
    let listed = running.ok(&["list", "--failing"]);
    for part in [
        "failing",
        &arn,
        "fails since",
        "what to do",
        "left it pending",
    ] {
        assert!(listed.contains(part), "{part} is missing: {listed}");
    }
    let json = running.json(&["list", "--failing"]);
    assert_eq!(json["Secrets"][0]["Pending"]["Advice"], "Abandon");
    let attempts = running.json(&["show", &arn])["Runs"][0]["Steps"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(attempts, 5);

    let data = running.folder.path().join("data");
    let (status, diagnosed, _) = run(&["doctor", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(status, 1, "{diagnosed}");
    assert!(
        diagnosed.contains(&format!("{arn} fails since")),
        "{diagnosed}"
    );
    assert!(diagnosed.contains("left pending"), "{diagnosed}");

    let advice = running.ok(&["repair", &arn]);
    assert!(
        advice.contains("has no value") && advice.contains("--abandon"),
        "{advice}"
    );
    for (arguments, part) in [
        (&["--finish", "--yes"][..], "has no value"),
        (&["--finish", "--force", "--yes"], "has no value"),
        (&["--force"], "--finish"),
        (&["--abandon", "--json"], "--yes"),
    ] {
        let (status, printed, error) = running.ask(&[&["repair", &arn], arguments].concat());
        assert!(
            status != 0 && error.contains(part),
            "{arguments:?}: {printed}{error}"
        );
    }
    assert_eq!(running.labels("bad")[TOKEN], json!(["AWSPENDING"]));
    let done = running.ok(&["repair", &arn, "--abandon", "--yes"]);
    assert!(done.contains(TOKEN), "{done}");
    assert!(running.labels("bad").get(TOKEN).is_none());
    let shown = running.ok(&["show", &arn]);
    assert!(shown.contains("decided by an operator"), "{shown}");
}

#[test]
fn a_rotation_that_is_tried_again_is_ended_on_demand() {
    let running = Running::start();
    let arn = running.rotated_by("slow", "nowhere", "v");
    running.pass(0);
    let (_, _, error) = running.ask(&["repair", &arn, "--abandon", "--yes"]);
    assert!(error.contains("--cancel"), "{error}");
    assert!(running.ok(&["repair", &arn]).contains("is under way"));
    let done = running.ok(&["repair", &arn, "--cancel", "--abandon", "--yes"]);
    assert_eq!(done.lines().count(), 2, "{done}");
    let overview = running.json(&["show", &arn])["Overview"].clone();
    assert!(
        overview["Next"].is_object() && overview.get("Pending").is_none(),
        "{overview}"
    );
}

#[test]
fn the_graph_shows_who_is_rotated_with_whose_credentials_and_doctor_names_circles() {
    let running = Running::start();
    let random = "strongroom-random-value";
    let admin = running.rotated_by("admin", random, "{}");
    let app = running.rotated_by("app", random, &json!({"masterarn": admin}).to_string());
    running.pass(0);
    let put = |secret: &str, master: &str| {
        let value = json!({"masterarn": master, "password": "hunter2-hunter2"}).to_string();
        running.call(
            "PutSecretValue",
            &json!({"SecretId": secret, "SecretString": value,
            "ClientRequestToken": format!("{secret:-<32}")}),
        );
    };
    put("app", &admin);
    let graph = running.json(&["graph"]);
    assert_eq!(graph["Edges"][0]["SecretARN"], json!(app));
    assert_eq!(graph["Edges"][0]["MasterARN"], json!(admin));
    assert_eq!(graph["Findings"][0]["Kind"], "WindowsMeet");
    put("admin", &app);
    let text = running.ok(&["graph", "--region", REGION]);
    assert!(
        text.contains("in a circle") && text.contains(&format!("rotated with {admin}")),
        "{text}"
    );
    assert!(running.ok(&["list"]).contains("in a circle"));
    let dot = running.ok(&["graph", "--dot"]);
    assert!(
        dot.starts_with("digraph") && dot.contains(&format!("\"{app}\" -> \"{admin}\"")),
        "{dot}"
    );
    let data = running.folder.path().join("data");
    let (status, diagnosed, _) = run(&["doctor", "--data-dir", data.to_str().unwrap()]);
    assert!(
        status == 1 && diagnosed.contains("in a circle"),
        "{diagnosed}"
    );
    for told in [text, dot, diagnosed] {
        assert!(!told.contains("hunter2"), "{told}");
    }
    let none = running.ok(&["graph", "--region", "eu-west-1"]);
    assert!(none.starts_with("No secret rotates"), "{none}");
}

#[test]
fn a_secret_that_can_t_be_found_is_asked_for_better() {
    let running = Running::start();
    for (command, part) in [
        (
            &["show", "none", "--region", REGION][..],
            "there is no secret none",
        ),
        (&["show", "none"], "--region"),
        (
            &["show", "none", "--region", REGION, "--account", "1"],
            "account",
        ),
        (
            &["tail", "none", "--region", REGION],
            "there is no secret none",
        ),
        (&["list", "--region", "Mars!"], "region"),
        (&["tail", "--until-over"], "SECRET"),
    ] {
        let (status, printed, error) = running.ask(command);
        let is_told = error.to_lowercase().contains(&part.to_lowercase());
        assert!(status != 0 && is_told, "{command:?}: {printed}{error}");
    }
}

#[test]
fn what_the_service_asks_for_to_rotate_is_in_the_audit_log() {
    let running = Running::start();
    let arn = running.rotated_by("good", "strongroom-random-value", "v4lue");
    running.ok(&["tail", &arn, "--until-over"]);
    let other = running.rotated_by("other", "rotate", "v4lue");
    // Whatever becomes of it: nobody answers for the function.
    running.ok(&["show", &other]);
    running.pass(1);
    let data = running.folder.path().join("data");
    let query = |more: &[&str]| {
        let mut arguments = vec!["audit", "query", "--data-dir", data.to_str().unwrap()];
        arguments.extend(["--order", "oldest", "--limit", "0"]);
        arguments.extend(more);
        let (status, printed, error) = run(&arguments);
        assert_eq!(status, 0, "{error}");
        printed
    };
    let told = query(&["--json"]);
    assert!(!told.contains("v4lue"));
    let events: Vec<Value> = told
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let by_service = |event: &&Value| event["userIdentity"]["type"] == "AWSService";
    let of_secret = |arn: &str| -> Vec<&str> {
        let events = events.iter().filter(by_service);
        let events = events.filter(|event| event["requestParameters"].to_string().contains(arn));
        events
            .map(|event| event["eventName"].as_str().unwrap())
            .collect()
    };
    let read = ["GetSecretValue", "Decrypt", "GetSecretValue", "Decrypt"];
    let expected = [
        &[
            "GetSecretValue",
            "Decrypt",
            "PutSecretValue",
            "GenerateDataKey",
        ][..],
        &read,
        &read,
        &read,
        &["UpdateSecretVersionStage"],
    ];
    assert_eq!(of_secret(&arn), expected.concat());
    let invoked = of_secret(&other);
    assert!(
        !invoked.is_empty() && invoked.iter().all(|name| *name == "Invoke"),
        "{invoked:?}"
    );
    let table = query(&["--event-name", "PutSecretValue"]);
    assert!(table.contains("secretsmanager.amazonaws.com"), "{table}");
    let (status, printed, _) = run(&["audit", "verify", "--data-dir", data.to_str().unwrap()]);
    assert_eq!(status, 0, "{printed}");
}
