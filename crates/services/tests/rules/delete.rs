//! DeleteSecret, RestoreSecret and the purge. Source: api.md 6.9, 6.10.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    ACCOUNT, DAY, MARKED, MISSING, NOT_FOUND, PARAMETER, REGION, REQUEST, Service, V1, members,
    seconds,
};

fn delete(more: Value) -> Value {
    let mut body = more;
    if body.get("SecretId").is_none() {
        body["SecretId"] = json!("s");
    }
    body
}

#[test]
fn a_window_is_7_to_30_days_and_30_where_none_is_given() {
    for (more, days) in [
        (json!({}), 30),
        (json!({"RecoveryWindowInDays": 7}), 7),
        (json!({"RecoveryWindowInDays": 30}), 30),
        (
            json!({"RecoveryWindowInDays": 8, "ForceDeleteWithoutRecovery": false}),
            8,
        ),
        (
            json!({"RecoveryWindowInDays": null, "ForceDeleteWithoutRecovery": null}),
            30,
        ),
    ] {
        let mut service = Service::with_secret();
        let deleted = service.ok("DeleteSecret", delete(more.clone()));
        assert_eq!(members(&deleted), ["ARN", "DeletionDate", "Name"]);
        assert_eq!(
            deleted["DeletionDate"],
            seconds(service.now.after(days * DAY)),
            "{more}"
        );
    }
}

#[test]
fn contradictory_or_impossible_options_are_refused() {
    let range = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).";
    let both = "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
    for (more, text) in [
        (json!({"RecoveryWindowInDays": 6}), range),
        (json!({"RecoveryWindowInDays": 31}), range),
        (json!({"RecoveryWindowInDays": 0}), range),
        (json!({"RecoveryWindowInDays": -7}), range),
        (
            json!({"RecoveryWindowInDays": 7, "ForceDeleteWithoutRecovery": true}),
            both,
        ),
    ] {
        let mut service = Service::with_secret();
        assert_eq!(
            service.refused("DeleteSecret", delete(more)),
            (PARAMETER, text.to_owned())
        );
    }
}

#[test]
fn a_forced_deletion_leaves_nothing() {
    for scheduled_before in [false, true] {
        let mut service = Service::with_two_versions();
        if scheduled_before {
            service.ok("DeleteSecret", delete(json!({})));
        }
        let arn = service.arn();
        let deleted = service.ok(
            "DeleteSecret",
            delete(json!({"ForceDeleteWithoutRecovery": true})),
        );
        assert_eq!(
            deleted,
            json!({"ARN": arn, "Name": "s", "DeletionDate": seconds(service.now)})
        );
        assert_eq!(
            service.refused("DescribeSecret", delete(json!({}))),
            (NOT_FOUND, MISSING.to_owned())
        );
        for kind in ["secret", "version", "created", "purge-due"] {
            assert_eq!(service.count(kind), 0, "{kind}");
        }
    }
}

#[test]
fn a_forced_deletion_of_a_secret_that_is_not_there_succeeds() {
    let arn = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:gone-abcdef");
    for (id, name) in [("gone", "gone"), (arn.as_str(), "gone")] {
        let mut service = Service::with_secret();
        let deleted = service.ok(
            "DeleteSecret",
            json!({"SecretId": id, "ForceDeleteWithoutRecovery": true}),
        );
        assert_eq!(members(&deleted), ["ARN", "DeletionDate", "Name"]);
        assert_eq!(deleted["Name"], json!(name));
        let given = deleted["ARN"].as_str().unwrap();
        assert!(
            given.starts_with(&arn[..arn.len() - 6]) && given.len() == arn.len(),
            "{given}"
        );
        assert_eq!(service.count("secret"), 1);
    }
    let refused = Service::new().refused("DeleteSecret", json!({"SecretId": "gone"}));
    assert_eq!(refused, (NOT_FOUND, MISSING.to_owned()));
}

#[test]
fn a_deletion_is_scheduled_once() {
    let mut service = Service::with_secret();
    service.ok("DeleteSecret", delete(json!({})));
    assert_eq!(
        service.code("DeleteSecret", delete(json!({"RecoveryWindowInDays": 7}))),
        REQUEST
    );
}

#[test]
fn a_secret_can_be_restored_until_its_window_is_over() {
    let mut service = Service::with_two_versions();
    let before = service.labels();
    service.ok("DeleteSecret", delete(json!({"RecoveryWindowInDays": 7})));
    assert_eq!(
        service.refused("GetSecretValue", delete(json!({}))),
        (REQUEST, MARKED.to_owned())
    );
    service.pass(7 * DAY - Duration::from_millis(1));
    service.purge();
    let restored = service.ok("RestoreSecret", delete(json!({})));
    assert_eq!(members(&restored), ["ARN", "Name"]);
    assert_eq!(service.count("purge-due"), 0);
    assert_eq!(service.describe().get("DeletedDate"), None);
    assert_eq!(service.labels(), before);
    service.pass(30 * DAY);
    service.purge();
    assert_eq!(
        service.ok("GetSecretValue", delete(json!({})))["SecretString"],
        json!("two")
    );
}

#[test]
fn a_secret_is_gone_at_the_end_of_its_window_purged_or_not() {
    for purged in [false, true] {
        let mut service = Service::with_two_versions();
        service.ok("DeleteSecret", delete(json!({"RecoveryWindowInDays": 7})));
        service.pass(7 * DAY);
        if purged {
            service.purge();
            for kind in ["secret", "version", "created", "purge-due"] {
                assert_eq!(service.count(kind), 0, "{kind}");
            }
        }
        for operation in [
            "DescribeSecret",
            "RestoreSecret",
            "GetSecretValue",
            "ListSecretVersionIds",
            "DeleteSecret",
        ] {
            let refused = service.refused(operation, delete(json!({})));
            assert_eq!(refused, (NOT_FOUND, MISSING.to_owned()), "{operation}");
        }
        let listed = service.ok("ListSecrets", json!({"IncludePlannedDeletion": true}));
        assert_eq!(listed["SecretList"], json!([]));
    }
}

#[test]
fn a_purge_takes_what_is_due_and_nothing_else() {
    let mut service = Service::with_secret();
    for name in ["later", "restored", "deleted-anew"] {
        service.ok(
            "CreateSecret",
            json!({"Name": name, "ClientRequestToken": V1, "SecretString": "x"}),
        );
    }
    let window = |name: &str, days: u32| json!({"SecretId": name, "RecoveryWindowInDays": days});
    service.ok("DeleteSecret", window("s", 7));
    service.ok("DeleteSecret", window("later", 8));
    for name in ["restored", "deleted-anew"] {
        service.ok("DeleteSecret", window(name, 7));
        service.ok("RestoreSecret", json!({ "SecretId": name }));
    }
    service.ok("DeleteSecret", window("deleted-anew", 30));
    service.pass(7 * DAY);
    service.purge();
    assert_eq!(
        (service.count("secret"), service.count("purge-due")),
        (3, 2)
    );
    assert_eq!(service.code("DescribeSecret", delete(json!({}))), NOT_FOUND);
}

#[test]
fn restoring_a_secret_that_is_not_deleted_changes_nothing() {
    let mut service = Service::with_secret();
    let before = service.describe();
    service.pass(DAY);
    service.ok("RestoreSecret", delete(json!({})));
    assert_eq!(service.describe(), before);
    assert_eq!(
        service.code("RestoreSecret", json!({"SecretId": "missing"})),
        NOT_FOUND
    );
}
