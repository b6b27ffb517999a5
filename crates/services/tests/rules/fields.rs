//! What responses show of a secret, and when it is absent. Source: api.md 3.

use serde_json::{Value, json};

use crate::harness::{BEGINNING, DAY, Service, V1, V2, members, seconds};
use strongroom_services::time::Timestamp;

/// Midnight before [`BEGINNING`] and the one after.
const TODAY: f64 = 1_699_920_000.0;
const TOMORROW: f64 = 1_700_006_400.0;

fn on_s(more: Value) -> Value {
    let mut body = more;
    body["SecretId"] = json!("s");
    body
}

#[test]
fn members_without_a_value_are_absent() {
    let mut service = Service::new();
    let created = service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1}),
    );
    assert_eq!(members(&created), ["ARN", "Name"]);
    let bare = ["ARN", "CreatedDate", "LastChangedDate", "Name"];
    assert_eq!(members(&service.describe()), bare);
    let listed = service.ok("ListSecrets", json!({}));
    assert_eq!(members(&listed), ["SecretList"]);
    assert_eq!(members(&listed["SecretList"][0]), bare);
    assert_eq!(
        members(&service.ok("GetResourcePolicy", on_s(json!({})))),
        ["ARN", "Name"]
    );
    assert_eq!(service.ok("UpdateSecret", on_s(json!({}))), created);
}

#[test]
fn describe_and_list_call_the_same_map_differently() {
    let mut service = Service::with_two_versions();
    let map = json!({V1: ["AWSPREVIOUS"], V2: ["AWSCURRENT"]});
    let described = service.describe();
    assert_eq!(described["VersionIdsToStages"], map);
    assert_eq!(described.get("SecretVersionsToStages"), None);
    let listed = service.ok("ListSecrets", json!({}))["SecretList"][0].clone();
    assert_eq!(listed["SecretVersionsToStages"], map);
    assert_eq!(listed.get("VersionIdsToStages"), None);
}

#[test]
fn a_version_without_labels_is_in_neither_map() {
    let mut service = Service::with_two_versions();
    service.put("version-3-----------------------", "three", json!(null));
    assert_eq!(service.labels(), "2: AWSPREVIOUS, 3: AWSCURRENT");
}

#[test]
fn dates_are_numbers_of_seconds_with_milliseconds() {
    let described = Service::with_secret().describe();
    assert_eq!(described["CreatedDate"], json!(1_700_006_399.877));
    assert_eq!(
        described["LastChangedDate"],
        seconds(Timestamp::from_milliseconds(BEGINNING))
    );
}

#[test]
fn the_day_of_the_last_access_is_noted_for_the_secret_and_the_version() {
    let mut service = Service::with_two_versions();
    assert_eq!(service.describe().get("LastAccessedDate"), None);
    service.ok("GetSecretValue", on_s(json!({"VersionId": V1})));
    assert_eq!(service.describe()["LastAccessedDate"], json!(TODAY));
    service.pass(std::time::Duration::from_millis(123));
    service.ok("GetSecretValue", on_s(json!({})));
    let described = service.describe();
    assert_eq!(described["LastAccessedDate"], json!(TOMORROW));
    assert_eq!(described["LastChangedDate"], json!(1_700_006_399.877));
    let versions = service.ok("ListSecretVersionIds", on_s(json!({})));
    let accessed = |id: &str| {
        let versions = versions["Versions"].as_array().unwrap();
        versions.iter().find(|it| it["VersionId"] == id).unwrap()["LastAccessedDate"].clone()
    };
    assert_eq!(
        (accessed(V1), accessed(V2)),
        (json!(TODAY), json!(TOMORROW))
    );
}

#[test]
fn describing_and_listing_are_no_access() {
    let mut service = Service::with_secret();
    for operation in [
        "DescribeSecret",
        "ListSecretVersionIds",
        "GetResourcePolicy",
    ] {
        service.ok(operation, on_s(json!({})));
    }
    service.ok("ListSecrets", json!({}));
    assert_eq!(service.describe().get("LastAccessedDate"), None);
}

#[test]
fn each_change_moves_the_date_of_the_last_change_and_no_other_call_does() {
    let policy = json!({"ResourcePolicy": r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"secretsmanager:*","Resource":"*"}]}"#});
    for (operation, body, changes) in [
        (
            "PutSecretValue",
            json!({"ClientRequestToken": V2, "SecretString": "x"}),
            true,
        ),
        (
            "PutSecretValue",
            json!({"ClientRequestToken": V1, "SecretString": "one"}),
            false,
        ),
        (
            "UpdateSecret",
            json!({"ClientRequestToken": V2, "SecretString": "x"}),
            true,
        ),
        (
            "UpdateSecret",
            json!({"ClientRequestToken": V1, "SecretString": "one"}),
            false,
        ),
        ("UpdateSecret", json!({"Description": "d"}), true),
        ("UpdateSecret", json!({"KmsKeyId": ""}), true),
        ("UpdateSecret", json!({}), false),
        (
            "UpdateSecretVersionStage",
            json!({"VersionStage": "X", "MoveToVersionId": V1}),
            true,
        ),
        (
            "UpdateSecretVersionStage",
            json!({"VersionStage": "AWSCURRENT", "MoveToVersionId": V1}),
            false,
        ),
        (
            "TagResource",
            json!({"Tags": [{"Key": "k", "Value": "v"}]}),
            true,
        ),
        ("UntagResource", json!({"TagKeys": ["k"]}), true),
        ("PutResourcePolicy", policy, true),
        ("DeleteResourcePolicy", json!({}), false),
        ("DeleteSecret", json!({}), true),
        ("RestoreSecret", json!({}), false),
        ("GetSecretValue", json!({}), false),
        ("ListSecretVersionIds", json!({}), false),
    ] {
        let mut service = Service::with_secret();
        let before = seconds(service.now);
        service.pass(DAY);
        service.ok(operation, on_s(body.clone()));
        let expected = if changes {
            seconds(service.now)
        } else {
            before
        };
        assert_eq!(
            service.describe()["LastChangedDate"],
            expected,
            "{operation} {body}"
        );
    }
}

#[test]
fn a_description_is_shown_unless_it_is_empty() {
    for (given, shown) in [("d", Some(json!("d"))), ("", None)] {
        let mut service = Service::new();
        service.ok(
            "CreateSecret",
            json!({"Name": "s", "ClientRequestToken": V1, "Description": given}),
        );
        assert_eq!(service.describe().get("Description"), shown.as_ref());
    }
}

#[test]
fn the_service_key_is_shown_as_no_key_however_it_was_named() {
    for named in [
        "",
        "alias/aws/secretsmanager",
        "arn:aws:kms:us-east-1:123456789012:alias/aws/secretsmanager",
    ] {
        let mut service = Service::new();
        service.ok(
            "CreateSecret",
            json!({"Name": "s", "ClientRequestToken": V1, "SecretString": "x", "KmsKeyId": named}),
        );
        assert_eq!(service.describe().get("KmsKeyId"), None, "{named}");
        let versions = service.ok("ListSecretVersionIds", on_s(json!({})));
        assert_eq!(
            versions["Versions"][0]["KmsKeyIds"],
            json!(["DefaultEncryptionKey"])
        );
    }
}

#[test]
fn the_date_of_deletion_is_the_end_of_the_window() {
    let mut service = Service::with_secret();
    let deleted = service.ok("DeleteSecret", on_s(json!({"RecoveryWindowInDays": 7})));
    let end = seconds(service.now.after(7 * DAY));
    assert_eq!(deleted["DeletionDate"], end);
    assert_eq!(service.describe()["DeletedDate"], end);
    let listed = service.ok("ListSecrets", json!({"IncludePlannedDeletion": true}));
    assert_eq!(listed["SecretList"][0]["DeletedDate"], end);
}

#[test]
fn a_value_has_the_date_of_its_version_and_a_description_that_of_the_secret() {
    let mut service = Service::with_secret();
    let first = seconds(service.now);
    service.pass(DAY);
    let second = seconds(service.now);
    service.put(V2, "two", json!(null));
    assert_eq!(
        service.ok("GetSecretValue", on_s(json!({})))["CreatedDate"],
        second
    );
    assert_eq!(service.describe()["CreatedDate"], first);
}
