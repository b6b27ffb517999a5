//! What each state of a key bears, and how the rest is refused. Source: AWS KMS Developer Guide, Key states of AWS KMS
//! keys, "Key state table"; AWS KMS API Reference, ScheduleKeyDeletion, CancelKeyDeletion.

use serde_json::{Value, json};

use super::{
    DISABLED, Kms, NOT_FOUND, OK, STATE, UNSUPPORTED, VALIDATION, allow, id, policy, root,
};
use crate::harness::{ACCOUNT, DAY, seconds};

const STATES: [&str; 4] = ["Enabled", "Disabled", "PendingImport", "PendingDeletion"];

/// A key in a state; with the alias `alias/own`, beside another key with the alias `alias/other`.
fn in_state(state: &str) -> (Kms, String) {
    let mut kms = Kms::new();
    let other = kms.key(json!({}));
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/other", "TargetKeyId": other}),
    );
    let origin = if state == "PendingImport" {
        "EXTERNAL"
    } else {
        "AWS_KMS"
    };
    let key = kms.key(json!({ "Origin": origin }));
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/own", "TargetKeyId": key}),
    );
    match state {
        "Disabled" => drop(kms.ok("DisableKey", json!({"KeyId": key}))),
        "PendingDeletion" => drop(kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}))),
        _ => {}
    }
    assert_eq!(kms.state(&key), state);
    (kms, key)
}

#[test]
fn each_operation_bears_the_states_of_aws_s_table() {
    let always = [OK; 4];
    let not_pending_deletion = [OK, OK, OK, STATE];
    let with_material = [OK, OK, STATE, STATE];
    let enabled = [OK, DISABLED, STATE, STATE];
    // Imported material isn't renewed here.
    let renewable = [OK, DISABLED, UNSUPPORTED, STATE];
    let all = policy(json!([allow(ACCOUNT, json!("kms:*"))]));
    let grant = json!({"GranteePrincipal": root(ACCOUNT), "Operations": ["Decrypt"]});
    let import = json!({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"});
    for (operation, more, expected) in [
        ("DescribeKey", json!({}), always),
        ("GetKeyPolicy", json!({}), always),
        ("ListKeyPolicies", json!({}), always),
        ("ListGrants", json!({}), always),
        ("ListAliases", json!({}), always),
        ("ListResourceTags", json!({}), always),
        ("ListKeyRotations", json!({}), always),
        ("GetKeyRotationStatus", json!({}), always),
        (
            "PutKeyPolicy",
            json!({ "Policy": all }),
            not_pending_deletion,
        ),
        (
            "TagResource",
            json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}),
            not_pending_deletion,
        ),
        (
            "UntagResource",
            json!({"TagKeys": ["k"]}),
            not_pending_deletion,
        ),
        (
            "UpdateKeyDescription",
            json!({"Description": "d"}),
            not_pending_deletion,
        ),
        ("ScheduleKeyDeletion", json!({}), not_pending_deletion),
        ("CancelKeyDeletion", json!({}), [STATE, STATE, STATE, OK]),
        ("EnableKey", json!({}), with_material),
        ("DisableKey", json!({}), with_material),
        ("CreateGrant", grant, enabled),
        ("Encrypt", json!({"Plaintext": "eA=="}), enabled),
        ("EnableKeyRotation", json!({}), renewable),
        ("DisableKeyRotation", json!({}), renewable),
        ("RotateKeyOnDemand", json!({}), renewable),
        (
            "GetParametersForImport",
            import,
            [UNSUPPORTED, UNSUPPORTED, OK, UNSUPPORTED],
        ),
        (
            "DeleteImportedKeyMaterial",
            json!({}),
            [UNSUPPORTED, UNSUPPORTED, OK, UNSUPPORTED],
        ),
    ] {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let (mut kms, key) = in_state(state);
            let mut body = more.clone();
            body["KeyId"] = json!(key);
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {state}"
            );
        }
    }
    for (operation, name, expected) in [
        ("CreateAlias", "alias/new", not_pending_deletion),
        ("UpdateAlias", "alias/other", not_pending_deletion),
    ] {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let (mut kms, key) = in_state(state);
            let body = json!({"AliasName": name, "TargetKeyId": key});
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {state}"
            );
        }
    }
}

#[test]
fn a_key_in_any_state_can_lose_its_aliases_and_its_grants() {
    for state in STATES {
        let (mut kms, _) = in_state(state);
        let other = kms.describe("alias/other")["KeyId"].clone();
        kms.ok(
            "UpdateAlias",
            json!({"AliasName": "alias/own", "TargetKeyId": other}),
        );
        let (mut kms, _) = in_state(state);
        kms.ok("DeleteAlias", json!({"AliasName": "alias/own"}));
    }
    for (ending, to) in [
        ("RevokeGrant", "DisableKey"),
        ("RetireGrant", "ScheduleKeyDeletion"),
    ] {
        let (mut kms, key) = Kms::with_key();
        let grant =
            json!({"KeyId": key, "GranteePrincipal": root(ACCOUNT), "Operations": ["Decrypt"]});
        let made = kms.ok("CreateGrant", grant);
        kms.ok(to, json!({"KeyId": key}));
        kms.ok(ending, json!({"KeyId": key, "GrantId": made["GrantId"]}));
    }
}

#[test]
fn a_state_is_named_where_it_is_in_the_way() {
    for (state, operation, expected) in [
        ("Disabled", "EnableKeyRotation", (DISABLED, "is disabled.")),
        (
            "PendingDeletion",
            "EnableKey",
            (STATE, "is pending deletion."),
        ),
        ("PendingImport", "EnableKey", (STATE, "is pending import.")),
        (
            "Enabled",
            "CancelKeyDeletion",
            (STATE, "is not pending deletion."),
        ),
    ] {
        let (mut kms, key) = in_state(state);
        let refused = kms.refused(operation, json!({"KeyId": key}));
        assert_eq!(refused, (expected.0, format!("{key} {}", expected.1)));
    }
}

#[test]
fn enabling_and_disabling_again_changes_nothing_more() {
    let (mut kms, key) = Kms::with_key();
    for (operation, state, enabled) in [
        ("EnableKey", "Enabled", true),
        ("DisableKey", "Disabled", false),
        ("DisableKey", "Disabled", false),
        ("EnableKey", "Enabled", true),
    ] {
        assert_eq!(kms.ok(operation, json!({"KeyId": key})), Value::Null);
        assert_eq!(kms.state(&key), state);
        assert_eq!(kms.describe(&key)["Enabled"], json!(enabled));
    }
}

#[test]
fn a_key_is_gone_when_its_waiting_period_is_over_and_not_before() {
    for (window, days) in [(json!(null), 30), (json!(7), 7), (json!(30), 30)] {
        let (mut kms, key) = Kms::with_key();
        let now = kms.service.now;
        let answer = kms.ok(
            "ScheduleKeyDeletion",
            json!({"KeyId": id(&key), "PendingWindowInDays": window}),
        );
        let at = now.after(days * DAY);
        let expected = json!({
            "KeyId": key,
            "DeletionDate": seconds(at),
            "KeyState": "PendingDeletion",
            "PendingWindowInDays": days,
        });
        assert_eq!(answer, expected);
        let described = kms.describe(&key);
        assert_eq!(described["DeletionDate"], seconds(at));
        assert_eq!(described["Enabled"], json!(false));
        kms.service
            .pass(days * DAY - std::time::Duration::from_millis(1));
        kms.carry_out_due();
        assert_eq!(kms.state(&key), "PendingDeletion");
        kms.service.pass(std::time::Duration::from_millis(1));
        kms.carry_out_due();
        assert_eq!(kms.code("DescribeKey", json!({"KeyId": key})), NOT_FOUND);
        assert_eq!(
            kms.code("CancelKeyDeletion", json!({"KeyId": key})),
            NOT_FOUND
        );
        assert_eq!(kms.service.count("kms-due"), 0);
    }
}

#[test]
fn a_waiting_period_is_of_7_to_30_days() {
    for days in [0, 1, 6, 31, 365, 366, -1] {
        let (mut kms, key) = Kms::with_key();
        let body = json!({"KeyId": key, "PendingWindowInDays": days});
        assert_eq!(kms.code("ScheduleKeyDeletion", body), VALIDATION, "{days}");
    }
}

#[test]
fn a_cancelled_deletion_leaves_a_disabled_key_that_stays() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.service.pass(6 * DAY);
    let answer = kms.ok("CancelKeyDeletion", json!({"KeyId": key}));
    assert_eq!(answer, json!({ "KeyId": key }));
    assert_eq!(kms.state(&key), "Disabled");
    assert_eq!(kms.describe(&key).get("DeletionDate"), None);
    kms.service.pass(100 * DAY);
    kms.carry_out_due();
    assert_eq!(kms.state(&key), "Disabled");
    kms.ok("EnableKey", json!({"KeyId": key}));
    kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="}));
}

#[test]
fn a_second_schedule_counts_from_its_own_day() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.ok("CancelKeyDeletion", json!({"KeyId": key}));
    kms.service.pass(3 * DAY);
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.service.pass(4 * DAY);
    kms.carry_out_due();
    assert_eq!(kms.state(&key), "PendingDeletion");
    kms.service.pass(3 * DAY);
    kms.carry_out_due();
    assert_eq!(kms.code("DescribeKey", json!({"KeyId": key})), NOT_FOUND);
}

#[test]
fn a_key_s_aliases_go_with_it() {
    let (mut kms, key) = Kms::with_key();
    for index in 0..40 {
        kms.ok(
            "CreateAlias",
            json!({"AliasName": format!("alias/{index}"), "TargetKeyId": key}),
        );
    }
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.service.pass(7 * DAY);
    for _ in 0..2 {
        kms.carry_out_due();
    }
    assert_eq!(kms.service.count("kms-alias"), 0);
    assert_eq!(kms.service.count("kms-key"), 0);
}
