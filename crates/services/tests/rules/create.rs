//! CreateSecret. Source: api.md 6.1.

use serde_json::{Value, json};

use crate::harness::{LIMIT, NOT_FOUND, PARAMETER, REQUEST, Service, V1, VALIDATION, members};

fn create(more: Value) -> Value {
    let mut body = more;
    if body.get("Name").is_none() {
        body["Name"] = json!("s");
    }
    body["ClientRequestToken"] = json!(V1);
    body
}

#[test]
fn a_secret_with_a_value_has_one_current_version_of_the_token() {
    for value in [
        json!({"SecretString": "x"}),
        json!({"SecretBinary": "AP8="}),
    ] {
        let mut service = Service::new();
        let created = service.ok("CreateSecret", create(value.clone()));
        assert_eq!(members(&created), ["ARN", "Name", "VersionId"]);
        assert_eq!(created["VersionId"], json!(V1));
        assert_eq!(service.labels(), "1: AWSCURRENT");
        let read = service.ok("GetSecretValue", json!({"SecretId": "s"}));
        for (member, value) in value.as_object().unwrap() {
            assert_eq!(read[member], *value);
        }
    }
}

#[test]
fn a_secret_without_a_value_has_no_version() {
    let mut service = Service::new();
    service.ok("CreateSecret", create(json!({})));
    let versions = service.ok(
        "ListSecretVersionIds",
        json!({"SecretId": "s", "IncludeDeprecated": true}),
    );
    assert_eq!(versions["Versions"], json!([]));
    let refused = service.refused("GetSecretValue", json!({"SecretId": "s"}));
    let text =
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    assert_eq!(refused, (NOT_FOUND, text.to_owned()));
}

#[test]
fn a_request_that_makes_no_secret_is_refused() {
    let two = "You can't specify both a binary secret value and a string secret value in the same secret.";
    let name = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
    for (more, code, text) in [
        (
            json!({"SecretString": "x", "SecretBinary": "eA=="}),
            PARAMETER,
            two,
        ),
        (json!({"Name": "a b"}), VALIDATION, name),
        (json!({"Name": "arn:aws:x"}), VALIDATION, name),
        (json!({"Name": "x".repeat(513)}), VALIDATION, ""),
        (json!({"Name": ""}), VALIDATION, ""),
        (json!({"SecretString": ""}), VALIDATION, ""),
        (json!({"SecretString": "x".repeat(65_537)}), VALIDATION, ""),
        (
            json!({"SecretString": "\u{e9}".repeat(32_769)}),
            VALIDATION,
            "",
        ),
        (json!({"Description": "x".repeat(2_049)}), VALIDATION, ""),
        (json!({"KmsKeyId": "alias/none"}), NOT_FOUND, ""),
        (
            json!({"KmsKeyId": "arn:aws:kms:eu-west-1:123456789012:alias/aws/x"}),
            NOT_FOUND,
            "",
        ),
        (
            json!({"Tags": [{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]}),
            PARAMETER,
            "",
        ),
        (
            json!({"Tags": [{"Key": "aws:k", "Value": "1"}]}),
            PARAMETER,
            "",
        ),
        (
            json!({"Tags": [{"Key": "AWS:k", "Value": "1"}]}),
            PARAMETER,
            "",
        ),
        (json!({"Tags": [{"Value": "1"}]}), PARAMETER, ""),
        (
            json!({"AddReplicaRegions": [{"Region": "us-east-1"}]}),
            PARAMETER,
            "Invalid replica region.",
        ),
        (
            json!({"AddReplicaRegions": [{"Region": "eu-west-1"}]}),
            REQUEST,
            "",
        ),
        (
            json!({"AddReplicaRegions": [{"Region": "Europe"}]}),
            VALIDATION,
            "",
        ),
        (json!({"AddReplicaRegions": []}), VALIDATION, ""),
    ] {
        let refused = Service::new().refused("CreateSecret", create(more.clone()));
        assert_eq!(refused.0, code, "{more} {}", refused.1);
        assert!(text.is_empty() || refused.1 == text, "{more} {}", refused.1);
    }
}

#[test]
fn the_largest_request_is_accepted() {
    let tags: Vec<Value> = (0..50)
        .map(|n| json!({"Key": format!("{n:0>128}"), "Value": "v".repeat(256)}))
        .collect();
    let body = create(json!({
        "Name": "n".repeat(512),
        "Description": "d".repeat(2_048),
        "SecretString": "\u{e9}".repeat(32_768),
        "Tags": tags,
    }));
    Service::new().ok("CreateSecret", body);
}

#[test]
fn a_name_that_is_scheduled_for_deletion_is_taken_until_the_window_is_over() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    service.ok(
        "DeleteSecret",
        json!({"SecretId": "s", "RecoveryWindowInDays": 7}),
    );
    let text = "You can't create this secret because a secret with this name is already scheduled for deletion.";
    // The same token and value do not help.
    let again = create(json!({"SecretString": "one"}));
    assert_eq!(
        service.refused("CreateSecret", again.clone()),
        (REQUEST, text.to_owned())
    );
    service.pass(7 * crate::harness::DAY);
    let created = service.ok("CreateSecret", again);
    assert_ne!(created["ARN"], json!(arn));
    assert_eq!(service.labels(), "1: AWSCURRENT");
    // Nothing of the old one is left, and its purge spares the new one.
    for kind in ["secret", "version", "created"] {
        assert_eq!(service.count(kind), 1, "{kind}");
    }
    assert_eq!(service.count("purge-due"), 0);
    service.pass(30 * crate::harness::DAY);
    service.purge();
    assert_eq!(service.arn(), created["ARN"].as_str().unwrap());
}

#[test]
fn a_secret_made_again_has_a_new_arn() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    service.ok(
        "DeleteSecret",
        json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true}),
    );
    service.ok("CreateSecret", create(json!({"SecretString": "new"})));
    assert_ne!(service.arn(), arn);
    assert_eq!(
        service.code("GetSecretValue", json!({ "SecretId": arn })),
        NOT_FOUND
    );
}

#[test]
fn tags_and_type_are_kept() {
    let mut service = Service::new();
    let tags = json!([{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}]);
    service.ok(
        "CreateSecret",
        create(json!({"Tags": tags, "Type": "Vendor"})),
    );
    let described = service.describe();
    assert_eq!(
        (&described["Tags"], &described["Type"]),
        (&tags, &json!("Vendor"))
    );
}

#[test]
fn one_key_of_the_service_protects_a_region_of_an_account() {
    let mut service = Service::with_two_versions();
    service.ok(
        "CreateSecret",
        json!({"Name": "other", "ClientRequestToken": V1, "SecretString": "x"}),
    );
    assert_eq!(service.count("kms-key"), 1);
    service.be(crate::harness::ACCOUNT, "eu-west-1");
    service.ok("CreateSecret", create(json!({"SecretString": "x"})));
    assert_eq!(service.count("kms-key"), 2);
}

#[test]
fn a_first_use_with_a_named_key_and_a_value_makes_one_key() {
    let mut service = Service::new();
    service.ok("CreateSecret", create(json!({})));
    let body =
        json!({"SecretId": "s", "ClientRequestToken": V1, "SecretString": "x", "KmsKeyId": ""});
    service.ok("UpdateSecret", body);
    assert_eq!(
        (service.count("kms-key"), service.count("kms-alias")),
        (1, 1)
    );
}

#[test]
fn more_than_fifty_tags_are_refused() {
    let tags: Vec<Value> = (0..51)
        .map(|n| json!({"Key": format!("{n}"), "Value": ""}))
        .collect();
    let code = Service::new().code("CreateSecret", create(json!({ "Tags": tags })));
    assert!([PARAMETER, LIMIT].contains(&code), "{code}");
}
