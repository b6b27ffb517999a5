//! PutSecretValue and UpdateSecret, and the versions that they make. Source: api.md 6.2, 6.3;
//! versions-and-staging.md 3, 5, 6, 8.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    BEGINNING, DAY, LIMIT, NOT_FOUND, PARAMETER, REQUEST, Service, V1, V2, V3, VALIDATION, members,
};

fn version(number: usize) -> String {
    format!("version-{number:024}")
}

#[test]
fn a_new_value_becomes_current_and_the_old_one_previous() {
    for operation in ["PutSecretValue", "UpdateSecret"] {
        let mut service = Service::with_secret();
        for (version, value) in [(V2, "two"), (V3, "three")] {
            service.ok(
                operation,
                json!({"SecretId": "s", "ClientRequestToken": version, "SecretString": value}),
            );
        }
        assert_eq!(
            service.labels(),
            "2: AWSPREVIOUS, 3: AWSCURRENT",
            "{operation}"
        );
    }
}

#[test]
fn put_shows_the_labels_of_its_version_and_update_does_not() {
    let mut service = Service::with_secret();
    let put = service.put(V2, "two", json!(null));
    assert_eq!(members(&put), ["ARN", "Name", "VersionId", "VersionStages"]);
    assert_eq!(put["VersionStages"], json!(["AWSCURRENT"]));
    let updated = service.ok(
        "UpdateSecret",
        json!({"SecretId": "s", "ClientRequestToken": V3, "SecretString": "x"}),
    );
    assert_eq!(members(&updated), ["ARN", "Name", "VersionId"]);
    assert_eq!(updated["VersionId"], json!(V3));
}

#[test]
fn named_labels_move_to_the_new_version_and_others_stay() {
    for (labels, expected) in [
        (json!(["AWSCURRENT"]), "2: AWSPREVIOUS, 3: AWSCURRENT"),
        (
            json!(["AWSPENDING"]),
            "1: AWSPREVIOUS, 2: AWSCURRENT, 3: AWSPENDING",
        ),
        (json!(["X", "X"]), "1: AWSPREVIOUS, 2: AWSCURRENT, 3: X"),
        (json!(["AWSPREVIOUS"]), "2: AWSCURRENT, 3: AWSPREVIOUS"),
        (
            json!(["AWSCURRENT", "AWSPREVIOUS"]),
            "2: AWSPREVIOUS, 3: AWSCURRENT",
        ),
        (
            json!(["AWSCURRENT", "X"]),
            "2: AWSPREVIOUS, 3: AWSCURRENT X",
        ),
    ] {
        let mut service = Service::with_two_versions();
        service.put(V3, "three", labels.clone());
        assert_eq!(service.labels(), expected, "{labels}");
    }
}

#[test]
fn custom_labels_stay_on_the_version_that_was_current() {
    let mut service = Service::with_secret();
    service.ok(
        "UpdateSecretVersionStage",
        json!({"SecretId": "s", "VersionStage": "X", "MoveToVersionId": V1}),
    );
    service.put(V2, "two", json!(null));
    assert_eq!(service.labels(), "1: AWSPREVIOUS X, 2: AWSCURRENT");
}

#[test]
fn a_first_version_is_current_whatever_labels_it_asks_for() {
    for (labels, expected) in [
        (json!(null), "1: AWSCURRENT"),
        (json!(["X"]), "1: AWSCURRENT X"),
        (json!(["AWSPENDING"]), "1: AWSCURRENT AWSPENDING"),
        (json!(["AWSPREVIOUS"]), "1: AWSCURRENT"),
    ] {
        let mut service = Service::new();
        service.ok(
            "CreateSecret",
            json!({"Name": "s", "ClientRequestToken": V1}),
        );
        service.put(V1, "one", labels);
        assert_eq!(service.labels(), expected);
    }
}

#[test]
fn a_value_is_returned_exactly_as_it_was_stored() {
    for value in [
        json!({"SecretString": "{ \"a\" :1.0}\n"}),
        json!({"SecretString": " \u{e9}\u{1f511}\"\\\u{7}\r\n"}),
        json!({"SecretString": "\u{0}"}),
        json!({"SecretBinary": "AAECAwT//g=="}),
        json!({"SecretString": "x".repeat(65_536)}),
    ] {
        let mut service = Service::with_secret();
        let mut body = value.clone();
        body["SecretId"] = json!("s");
        body["ClientRequestToken"] = json!(V2);
        service.ok("PutSecretValue", body);
        let mut read = service.ok("GetSecretValue", json!({"SecretId": "s"}));
        let read = read.as_object_mut().unwrap();
        read.retain(|member, _| member.starts_with("Secret"));
        assert_eq!(Value::Object(read.clone()), value);
    }
}

#[test]
fn a_put_that_makes_no_version_is_refused() {
    let none = "You must provide either SecretString or SecretBinary.";
    let two = "You can't specify both a binary secret value and a string secret value in the same secret.";
    for (more, code, text) in [
        (json!({}), REQUEST, none),
        (json!({"SecretString": null}), REQUEST, none),
        (
            json!({"SecretString": "x", "SecretBinary": "eA=="}),
            PARAMETER,
            two,
        ),
        (json!({"SecretString": ""}), VALIDATION, ""),
        (json!({"SecretBinary": ""}), VALIDATION, ""),
        (
            json!({"SecretBinary": "not base64"}),
            "SerializationException",
            "",
        ),
        (
            json!({"SecretString": "x", "VersionStages": []}),
            VALIDATION,
            "",
        ),
        (
            json!({"SecretString": "x", "VersionStages": [""]}),
            VALIDATION,
            "",
        ),
        (
            json!({"SecretString": "x", "VersionStages": ["x".repeat(257)]}),
            VALIDATION,
            "",
        ),
        (
            json!({"SecretString": "x", "RotationToken": "short"}),
            VALIDATION,
            "",
        ),
        (
            json!({"SecretString": "x", "RotationToken": "a".repeat(36)}),
            REQUEST,
            "",
        ),
    ] {
        let mut service = Service::with_secret();
        let mut body = more.clone();
        body["SecretId"] = json!("s");
        body["ClientRequestToken"] = json!(V2);
        let refused = match code {
            "SerializationException" => (
                service.ask("PutSecretValue", &body).unwrap_err().code,
                String::new(),
            ),
            _ => service.refused("PutSecretValue", body),
        };
        assert_eq!(refused.0, code, "{more} {}", refused.1);
        assert!(text.is_empty() || refused.1 == text, "{more} {}", refused.1);
    }
}

#[test]
fn existence_and_state_are_told_before_token_and_value() {
    let mut service = Service::with_secret();
    for operation in ["PutSecretValue", "UpdateSecret"] {
        let both = |id: &str| json!({"SecretId": id, "SecretString": "x", "SecretBinary": "eA=="});
        assert_eq!(service.code(operation, both("missing")), NOT_FOUND);
        assert_eq!(
            service.code(operation, both("s")),
            if operation == "PutSecretValue" {
                REQUEST
            } else {
                PARAMETER
            }
        );
    }
    service.ok("DeleteSecret", json!({"SecretId": "s"}));
    let refused = service.refused("PutSecretValue", json!({"SecretId": "s"}));
    assert_eq!(refused, (REQUEST, crate::harness::MARKED.to_owned()));
}

#[test]
fn update_changes_what_it_names_and_nothing_else() {
    let mut service = Service::new();
    service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1, "SecretString": "one", "Description": "d", "Type": "T"}),
    );
    let before = service.describe();
    assert_eq!(
        members(&service.ok("UpdateSecret", json!({"SecretId": "s"}))),
        ["ARN", "Name"]
    );
    assert_eq!(service.describe(), before);
    service.ok("UpdateSecret", json!({"SecretId": "s", "Description": "e"}));
    let described = service.describe();
    assert_eq!(
        (&described["Description"], &described["Type"]),
        (&json!("e"), &json!("T"))
    );
    service.ok("UpdateSecret", json!({"SecretId": "s", "Description": ""}));
    assert_eq!(service.describe().get("Description"), None);
    assert_eq!(service.labels(), "1: AWSCURRENT");
}

#[test]
fn a_new_key_alone_makes_no_version() {
    let mut service = Service::with_two_versions();
    let updated = service.ok(
        "UpdateSecret",
        json!({"SecretId": "s", "KmsKeyId": "alias/aws/secretsmanager"}),
    );
    assert_eq!(members(&updated), ["ARN", "Name"]);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
    assert_eq!(
        service.code(
            "UpdateSecret",
            json!({"SecretId": "s", "KmsKeyId": "alias/none"})
        ),
        NOT_FOUND
    );
}

#[test]
fn twenty_labels_fit_and_the_next_is_refused() {
    let labels: Vec<String> = (0..19).map(|n| format!("L{n}")).collect();
    let mut service = Service::with_secret();
    service.put(V2, "two", json!(labels));
    // AWSCURRENT is the twentieth; promoting another version adds AWSPREVIOUS.
    let put = |labels: Value| json!({"SecretId": "s", "ClientRequestToken": V3, "SecretString": "x", "VersionStages": labels});
    assert_eq!(service.code("PutSecretValue", put(json!(null))), LIMIT);
    assert_eq!(
        service.code("PutSecretValue", put(json!(["one more"]))),
        LIMIT
    );
    service.ok("PutSecretValue", put(json!(["L0"])));
}

#[test]
fn versions_beyond_a_hundred_go_oldest_first_once_they_are_a_day_old_and_without_labels() {
    let mut service = Service::with_secret();
    service.ok(
        "UpdateSecretVersionStage",
        json!({"SecretId": "s", "VersionStage": "kept", "MoveToVersionId": V1}),
    );
    for number in 2..=100 {
        service.pass(Duration::from_secs(1));
        service.put(&version(number), "x", json!(null));
    }
    let full = json!({"SecretId": "s", "ClientRequestToken": version(101), "SecretString": "x"});
    service.now = strongroom_services::time::Timestamp::from_milliseconds(BEGINNING + 1_000)
        .after(DAY - Duration::from_millis(1));
    let (code, text) = service.refused("PutSecretValue", full.clone());
    assert_eq!(code, LIMIT);
    assert!(
        text.starts_with("You've reached the limit of versions"),
        "{text}"
    );
    assert_eq!(service.code("UpdateSecret", full.clone()), LIMIT);
    service.pass(Duration::from_millis(1));
    service.ok("PutSecretValue", full);
    let listed = service.ok(
        "ListSecretVersionIds",
        json!({"SecretId": "s", "IncludeDeprecated": true}),
    );
    let ids: Vec<&str> = listed["Versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["VersionId"].as_str().unwrap())
        .collect();
    assert_eq!((ids.len(), service.count("version")), (100, 100));
    assert!(ids.contains(&V1), "it has a label");
    assert!(
        !ids.contains(&version(2).as_str()),
        "the oldest without one"
    );
    assert!(ids.contains(&version(3).as_str()));
}

#[test]
fn a_version_that_loses_its_last_label_to_the_new_one_may_be_the_one_to_go() {
    let mut service = Service::with_secret();
    service.put(&version(2), "x", json!(null));
    service.pass(DAY);
    for number in 3..=100 {
        service.put(&version(number), "x", json!(["X"]));
    }
    assert_eq!(service.count("version"), 100);
    // V1 is AWSPREVIOUS, a day old, and the only old one.
    service.put(&version(101), "x", json!(null));
    assert_eq!(
        service.code("GetSecretValue", json!({"SecretId": "s", "VersionId": V1})),
        NOT_FOUND
    );
    assert_eq!(service.count("version"), 100);
}
