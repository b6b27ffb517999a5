//! A version that awaits its value, as a rotation makes it first. Source: versions-and-staging.md 2, 4, 5; api.md 5, 6.8.

use serde_json::{Value, json};

use crate::harness::{NOT_FOUND, PARAMETER, REQUEST, Service, V1, V2, members};

/// V1 is current; V2 awaits its value.
fn service() -> Service {
    let mut service = Service::with_secret();
    service.await_value(V2);
    service
}

fn put(value: &str, labels: Value) -> Value {
    json!({"SecretId": "s", "ClientRequestToken": V2, "SecretString": value, "VersionStages": labels})
}

#[test]
fn it_cannot_be_read_by_id_or_by_label() {
    let by_id =
        format!("Secrets Manager can't find the specified secret value for VersionId: {V2}");
    let by_label =
        "Secrets Manager can't find the specified secret value for staging label: AWSPENDING";
    for (version, label, text) in [
        (Some(V2), None, by_id.as_str()),
        (Some(V2), Some("AWSPENDING"), by_id.as_str()),
        (None, Some("AWSPENDING"), by_label),
    ] {
        let body = json!({"SecretId": "s", "VersionId": version, "VersionStage": label});
        let refused = service().refused("GetSecretValue", body);
        assert_eq!(
            refused,
            (NOT_FOUND, text.to_owned()),
            "{version:?} {label:?}"
        );
    }
}

#[test]
fn it_is_described_and_listed() {
    let mut service = service();
    assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
    let listed = service.ok("ListSecretVersionIds", json!({"SecretId": "s"}));
    assert_eq!(listed["Versions"].as_array().unwrap().len(), 2);
}

#[test]
fn a_put_with_its_token_fills_it() {
    for (labels, expected) in [
        (json!(["AWSPENDING"]), "1: AWSCURRENT, 2: AWSPENDING"),
        (json!(["X"]), "1: AWSCURRENT, 2: AWSPENDING X"),
        (json!(null), "1: AWSPREVIOUS, 2: AWSCURRENT AWSPENDING"),
    ] {
        let mut service = service();
        let answer = service.ok("PutSecretValue", put("two", labels.clone()));
        assert_eq!(answer["VersionId"], json!(V2));
        assert_eq!(service.labels(), expected, "{labels}");
        let read = service.ok("GetSecretValue", json!({"SecretId": "s", "VersionId": V2}));
        assert_eq!(read["SecretString"], json!("two"));
        // From now on it is a version like any other.
        service.ok("PutSecretValue", put("two", json!(null)));
        assert_eq!(
            service.code("PutSecretValue", put("other", json!(null))),
            crate::harness::EXISTS
        );
        assert_eq!(service.labels(), expected, "{labels}");
    }
}

#[test]
fn it_cannot_become_current() {
    let stage = |label: &str, remove: Value| json!({"SecretId": "s", "VersionStage": label, "RemoveFromVersionId": remove, "MoveToVersionId": V2});
    let code = service().code("UpdateSecretVersionStage", stage("AWSCURRENT", json!(V1)));
    assert!([REQUEST, PARAMETER].contains(&code), "{code}");
    service().ok("UpdateSecretVersionStage", stage("X", json!(null)));
}

#[test]
fn taking_its_label_away_clears_a_stuck_rotation() {
    let mut service = service();
    let body = json!({"SecretId": "s", "VersionStage": "AWSPENDING", "RemoveFromVersionId": V2});
    service.ok("UpdateSecretVersionStage", body);
    assert_eq!(service.labels(), "1: AWSCURRENT");
    let listed = service.ok(
        "ListSecretVersionIds",
        json!({"SecretId": "s", "IncludeDeprecated": true}),
    );
    let deprecated = &listed["Versions"][0];
    assert_eq!(deprecated["VersionId"], json!(V2));
    assert_eq!(
        members(deprecated),
        ["CreatedDate", "KmsKeyIds", "VersionId"]
    );
}

#[test]
fn it_goes_with_its_secret() {
    let mut service = service();
    service.ok(
        "DeleteSecret",
        json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true}),
    );
    assert_eq!((service.count("secret"), service.count("version")), (0, 0));
}

#[test]
fn a_new_key_leaves_it_as_it_is() {
    let mut service = service();
    service.ok("UpdateSecret", json!({"SecretId": "s", "KmsKeyId": ""}));
    assert_eq!(
        service.code("GetSecretValue", json!({"SecretId": "s", "VersionId": V2})),
        NOT_FOUND
    );
}
