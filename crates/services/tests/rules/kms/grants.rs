//! Grants: who may make, use and end them, and what they may say. Source: AWS KMS Developer Guide, Grants in AWS KMS;
//! AWS KMS API Reference, CreateGrant, RetireGrant, RevokeGrant, ListGrants, ListRetirableGrants.

use serde_json::{Value, json};

use super::{
    DENIED, Kms, LIMIT, NO_KEY, NOT_FOUND, OK, VALIDATION, allow, id, members, policy, root, text,
};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, seconds};

const TOKEN: &str = "InvalidGrantTokenException";
const DRY_RUN: &str = "DryRunOperationException";
const ARN: &str = "InvalidArnException";
const THIRD_ACCOUNT: &str = "333333333333";
const NO_GRANT: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A request for a grant of a key to the other account.
fn to_other(key: &str, more: &Value) -> Value {
    let mut body =
        json!({"KeyId": key, "GranteePrincipal": root(OTHER_ACCOUNT), "Operations": ["Decrypt"]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn grant(kms: &mut Kms, key: &str, more: Value) -> Value {
    kms.ok("CreateGrant", to_other(key, &more))
}

fn grants(kms: &mut Kms, key: &str) -> Vec<Value> {
    let listed = kms.ok("ListGrants", json!({"KeyId": key}));
    listed["Grants"].as_array().unwrap().clone()
}

#[test]
fn a_grant_is_listed_with_everything_that_it_says() {
    let (mut kms, key) = Kms::with_key();
    let now = kms.service.now;
    let made = grant(
        &mut kms,
        &key,
        json!({
            "RetiringPrincipal": root(ACCOUNT),
            "Operations": ["Decrypt", "RetireGrant", "Decrypt"],
            "Constraints": {"EncryptionContextSubset": {"a": "1"}},
            "Name": "n",
        }),
    );
    assert_eq!(members(&made), ["GrantId", "GrantToken"]);
    assert_eq!(text(&made["GrantId"]).len(), 64);
    let expected = json!({
        "KeyId": key,
        "GrantId": made["GrantId"],
        "Name": "n",
        "CreationDate": seconds(now),
        "GranteePrincipal": root(OTHER_ACCOUNT),
        "RetiringPrincipal": root(ACCOUNT),
        "IssuingAccount": root(ACCOUNT),
        "Operations": ["Decrypt", "RetireGrant"],
        "Constraints": {"EncryptionContextSubset": {"a": "1"}},
    });
    assert_eq!(grants(&mut kms, &key), [expected]);
    grant(&mut kms, id(&key), json!({}));
    let of_little = grants(&mut kms, &key)
        .into_iter()
        .find(|grant| grant.get("Name").is_none())
        .unwrap();
    assert_eq!(
        members(&of_little),
        [
            "CreationDate",
            "GrantId",
            "GranteePrincipal",
            "IssuingAccount",
            "KeyId",
            "Operations"
        ]
    );
}

#[test]
fn the_same_grant_under_the_same_name_is_made_once() {
    let all = json!({
        "Name": "n",
        "Operations": ["Decrypt", "Encrypt"],
        "RetiringPrincipal": root(ACCOUNT),
        "Constraints": {"EncryptionContextEquals": {"a": "1"}},
    });
    for (changed, is_same) in [
        (json!({}), true),
        (
            json!({"Operations": ["Encrypt", "Decrypt", "Encrypt"]}),
            true,
        ),
        (json!({"Operations": ["Encrypt"]}), false),
        (json!({"Name": "other"}), false),
        (json!({"Name": null}), false),
        (json!({"RetiringPrincipal": null}), false),
        (json!({"GranteePrincipal": root(THIRD_ACCOUNT)}), false),
        (json!({"Constraints": null}), false),
        (
            json!({"Constraints": {"EncryptionContextSubset": {"a": "1"}}}),
            false,
        ),
    ] {
        let (mut kms, key) = Kms::with_key();
        let first = grant(&mut kms, &key, all.clone());
        let mut body = to_other(&key, &all);
        for (name, value) in changed.as_object().unwrap() {
            body[name] = value.clone();
        }
        let second = kms.ok("CreateGrant", body);
        assert_eq!(first["GrantId"] == second["GrantId"], is_same, "{changed}");
        assert_ne!(first["GrantToken"], second["GrantToken"], "{changed}");
        assert_eq!(
            grants(&mut kms, &key).len(),
            if is_same { 1 } else { 2 },
            "{changed}"
        );
        // Tokens of one grant are worth the same.
        kms.ok("RetireGrant", json!({"GrantToken": second["GrantToken"]}));
        assert_eq!(
            grants(&mut kms, &key).len(),
            usize::from(!is_same),
            "{changed}"
        );
    }
}

#[test]
fn a_grant_without_a_name_is_another_one_each_time() {
    let (mut kms, key) = Kms::with_key();
    let first = grant(&mut kms, &key, json!({}));
    let second = grant(&mut kms, &key, json!({}));
    assert_ne!(first["GrantId"], second["GrantId"]);
}

#[test]
fn a_grant_allows_only_operations_that_its_key_has() {
    let symmetric = json!({});
    let mac = json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"});
    let signing = json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
    let encrypting = json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"});
    let of_all = ["CreateGrant", "RetireGrant", "DescribeKey"];
    for (spec, own) in [
        (
            symmetric,
            &[
                "Decrypt",
                "Encrypt",
                "GenerateDataKey",
                "GenerateDataKeyWithoutPlaintext",
                "GenerateDataKeyPair",
                "GenerateDataKeyPairWithoutPlaintext",
                "ReEncryptFrom",
                "ReEncryptTo",
            ][..],
        ),
        (mac, &["GenerateMac", "VerifyMac"]),
        (signing, &["Sign", "Verify", "GetPublicKey"]),
        (
            encrypting,
            &[
                "Decrypt",
                "Encrypt",
                "ReEncryptFrom",
                "ReEncryptTo",
                "GetPublicKey",
            ],
        ),
    ] {
        let mut kms = Kms::new();
        let key = kms.key(spec.clone());
        for operation in [
            "Decrypt",
            "Encrypt",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "GenerateDataKeyPair",
            "GenerateDataKeyPairWithoutPlaintext",
            "ReEncryptFrom",
            "ReEncryptTo",
            "Sign",
            "Verify",
            "GetPublicKey",
            "GenerateMac",
            "VerifyMac",
            "DeriveSharedSecret",
            "CreateGrant",
            "RetireGrant",
            "DescribeKey",
        ] {
            let possible = own.contains(&operation) || of_all.contains(&operation);
            let expected = if possible { OK } else { VALIDATION };
            let body = to_other(&key, &json!({"Operations": [operation]}));
            assert_eq!(
                kms.outcome("CreateGrant", &body),
                expected,
                "{spec} {operation}"
            );
        }
    }
}

#[test]
fn what_a_grant_cannot_say_is_refused() {
    let (mut kms, key) = Kms::with_key();
    let pairs = |count: usize| -> Value {
        let pairs = (0..count).map(|index| (format!("k{index}"), json!("v")));
        Value::Object(pairs.collect())
    };
    let subset = |context: Value| json!({"Constraints": {"EncryptionContextSubset": context}});
    let equals = |context: Value| json!({"Constraints": {"EncryptionContextEquals": context}});
    for (more, expected) in [
        (json!({"Operations": []}), VALIDATION),
        (json!({"Operations": null}), VALIDATION),
        (json!({"Operations": ["PutKeyPolicy"]}), VALIDATION),
        (json!({"Operations": ["decrypt"]}), VALIDATION),
        (json!({"GranteePrincipal": null}), VALIDATION),
        (json!({"GranteePrincipal": "a b"}), VALIDATION),
        (json!({"GranteePrincipal": "nobody"}), ARN),
        (
            json!({"GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:user/nobody")}),
            ARN,
        ),
        (json!({"RetiringPrincipal": "nobody"}), ARN),
        (
            json!({"GranteePrincipal": format!("arn:aws:iam::{OTHER_ACCOUNT}:user/alice")}),
            OK,
        ),
        (json!({"Name": ""}), VALIDATION),
        (json!({"Name": "a b"}), VALIDATION),
        (json!({"Name": "n".repeat(257)}), VALIDATION),
        (json!({"Name": "n".repeat(256)}), OK),
        (subset(pairs(8)), OK),
        (subset(pairs(9)), LIMIT),
        (equals(pairs(9)), LIMIT),
        (subset(json!({"k": "v".repeat(384)})), OK),
        (subset(json!({"k": "v".repeat(385)})), LIMIT),
        (equals(json!({"k": "é".repeat(384)})), OK),
        (equals(json!({"k": "v".repeat(385)})), LIMIT),
    ] {
        let body = to_other(&key, &more);
        assert_eq!(kms.outcome("CreateGrant", &body), expected, "{body:.300}");
    }
    let mac = kms.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let constrained = json!({
        "Operations": ["GenerateMac"],
        "Constraints": {"EncryptionContextSubset": {"a": "1"}},
    });
    assert_eq!(
        kms.code("CreateGrant", to_other(&mac, &constrained)),
        VALIDATION
    );
}

#[test]
fn a_constraint_holds_for_encryption_contexts_that_have_or_are_what_it_says() {
    let subset = json!({"EncryptionContextSubset": {"a": "1", "b": "2"}});
    let equals = json!({"EncryptionContextEquals": {"a": "1", "A": "1"}});
    for (constraints, context, expected) in [
        (&subset, json!({"a": "1", "b": "2"}), OK),
        (&subset, json!({"a": "1", "b": "2", "c": "3"}), OK),
        // Names are compared without letter case, values with it.
        (&subset, json!({"A": "1", "B": "2"}), OK),
        (&subset, json!({"a": "1"}), DENIED),
        (&subset, json!({}), DENIED),
        (&subset, json!({"a": "1", "b": "x"}), DENIED),
        (&equals, json!({"a": "1", "A": "1"}), OK),
        (&equals, json!({"a": "1", "z": "9"}), DENIED),
        (&equals, json!({"a": "1", "A": "1", "z": "9"}), DENIED),
        (&equals, json!({}), DENIED),
    ] {
        let (mut kms, key) = Kms::with_key();
        let more = json!({"Operations": ["Encrypt", "DescribeKey"], "Constraints": constraints});
        grant(&mut kms, &key, more);
        kms.be_other();
        let body = json!({"KeyId": key, "Plaintext": "eA==", "EncryptionContext": context});
        assert_eq!(
            kms.outcome("Encrypt", &body),
            expected,
            "{constraints} {context}"
        );
        // Operations without an encryption context aren't constrained by one.
        kms.ok("DescribeKey", json!({"KeyId": key}));
    }
}

#[test]
fn a_grantee_hands_on_no_further_operation_and_no_looser_constraint() {
    let subset = |context: Value| json!({ "EncryptionContextSubset": context });
    let equals = |context: Value| json!({ "EncryptionContextEquals": context });
    let (none, one, both) = (json!(null), json!({"a": "1"}), json!({"a": "1", "b": "2"}));
    let with_both = json!({"EncryptionContextSubset": {"a": "1"}, "EncryptionContextEquals": {"a": "1", "b": "2"}});
    for (own, operations, handed, expected) in [
        (none.clone(), &["Decrypt"][..], none.clone(), OK),
        (none.clone(), &["Decrypt", "CreateGrant"], none.clone(), OK),
        (none.clone(), &["Encrypt"], none.clone(), DENIED),
        (none.clone(), &["Decrypt", "Encrypt"], none.clone(), DENIED),
        (none.clone(), &["Decrypt"], subset(one.clone()), OK),
        (none.clone(), &["Decrypt"], equals(one.clone()), OK),
        (subset(one.clone()), &["Decrypt"], none.clone(), DENIED),
        (subset(one.clone()), &["Decrypt"], subset(one.clone()), OK),
        (subset(one.clone()), &["Decrypt"], subset(both.clone()), OK),
        (subset(one.clone()), &["Decrypt"], equals(both.clone()), OK),
        (
            subset(one.clone()),
            &["Decrypt"],
            subset(json!({"a": "2"})),
            DENIED,
        ),
        (
            subset(one.clone()),
            &["Decrypt"],
            subset(json!({"b": "2"})),
            DENIED,
        ),
        (
            subset(both.clone()),
            &["Decrypt"],
            subset(one.clone()),
            DENIED,
        ),
        (
            subset(one.clone()),
            &["Encrypt"],
            subset(one.clone()),
            DENIED,
        ),
        (equals(one.clone()), &["Decrypt"], equals(one.clone()), OK),
        (
            equals(one.clone()),
            &["Decrypt"],
            equals(both.clone()),
            DENIED,
        ),
        (
            equals(one.clone()),
            &["Decrypt"],
            subset(one.clone()),
            DENIED,
        ),
        (equals(one.clone()), &["Decrypt"], none, DENIED),
        (equals(both), &["Decrypt"], with_both, OK),
    ] {
        let (mut kms, key) = Kms::with_key();
        let more = json!({"Operations": ["Decrypt", "CreateGrant"], "Constraints": own});
        grant(&mut kms, &key, more);
        kms.be_other();
        let body = json!({
            "KeyId": key,
            "GranteePrincipal": root(THIRD_ACCOUNT),
            "Operations": operations,
            "Constraints": handed,
        });
        let outcome = kms.outcome("CreateGrant", &body);
        assert_eq!(outcome, expected, "{own} -> {operations:?} {handed}");
    }
}

#[test]
fn a_grantee_puts_no_two_grants_together_to_hand_on_more_than_one_of_them() {
    let (mut kms, key) = Kms::with_key();
    grant(
        &mut kms,
        &key,
        json!({"Operations": ["CreateGrant", "Decrypt"]}),
    );
    grant(
        &mut kms,
        &key,
        json!({"Operations": ["CreateGrant", "Encrypt"]}),
    );
    kms.be_other();
    let body = |operations: Value| to_other(&key, &json!({ "Operations": operations }));
    assert_eq!(kms.outcome("CreateGrant", &body(json!(["Encrypt"]))), OK);
    assert_eq!(
        kms.outcome("CreateGrant", &body(json!(["Encrypt", "Decrypt"]))),
        DENIED
    );
}

#[test]
fn who_has_the_right_from_the_key_s_policy_is_not_bound_by_a_grant() {
    let (mut kms, key) = Kms::with_key();
    let to_create = allow(OTHER_ACCOUNT, json!("kms:CreateGrant"));
    kms.put_policy(&key, json!([allow(ACCOUNT, json!("kms:*")), to_create]));
    grant(
        &mut kms,
        &key,
        json!({"Operations": ["CreateGrant", "Decrypt"]}),
    );
    kms.be_other();
    grant(&mut kms, &key, json!({"Operations": ["Encrypt"]}));
}

#[test]
fn a_policy_can_ask_what_a_grant_says() {
    let to = |key: &str, value: Value| json!({"StringEquals": { key: value }});
    for (condition, passes, fails) in [
        (
            json!({"ForAllValues:StringEquals": {"kms:GrantOperations": ["Encrypt", "Decrypt"]}}),
            json!({"Operations": ["Encrypt"]}),
            json!({"Operations": ["Encrypt", "DescribeKey"]}),
        ),
        (
            to("kms:GranteePrincipal", json!(root(OTHER_ACCOUNT))),
            json!({}),
            json!({"GranteePrincipal": root(THIRD_ACCOUNT)}),
        ),
        (
            to("kms:RetiringPrincipal", json!(root(ACCOUNT))),
            json!({"RetiringPrincipal": root(ACCOUNT)}),
            json!({}),
        ),
        (
            to("kms:GrantConstraintType", json!("EncryptionContextEquals")),
            json!({"Constraints": {"EncryptionContextEquals": {"a": "1"}}}),
            json!({"Constraints": {"EncryptionContextSubset": {"a": "1"}}}),
        ),
        (
            to("kms:GrantConstraintSourceArn", json!("arn:aws:s3:::b")),
            json!({"Constraints": {"SourceArn": "arn:aws:s3:::b"}}),
            json!({}),
        ),
        (
            to("kms:EncryptionContext:a", json!("1")),
            json!({"Constraints": {"EncryptionContextSubset": {"a": "1", "b": "2"}}}),
            json!({"Constraints": {"EncryptionContextSubset": {"b": "2"}}}),
        ),
        (
            json!({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "a"}}),
            json!({"Constraints": {"EncryptionContextEquals": {"a": "1"}}}),
            json!({}),
        ),
    ] {
        let (mut kms, key) = Kms::with_key();
        let mut conditional = allow(OTHER_ACCOUNT, json!("kms:CreateGrant"));
        conditional["Condition"] = condition.clone();
        kms.put_policy(&key, json!([allow(ACCOUNT, json!("kms:*")), conditional]));
        kms.be_other();
        assert_eq!(
            kms.outcome("CreateGrant", &to_other(&key, &passes)),
            OK,
            "{condition}"
        );
        assert_eq!(
            kms.outcome("CreateGrant", &to_other(&key, &fails)),
            DENIED,
            "{condition}"
        );
    }
}

#[test]
fn no_request_about_grants_comes_from_a_service() {
    for (value, expected) in [("false", OK), ("true", DENIED)] {
        for operation in ["CreateGrant", "ListGrants", "RevokeGrant"] {
            let (mut kms, key) = Kms::with_key();
            let made = grant(&mut kms, &key, json!({}));
            let mut conditional = allow(OTHER_ACCOUNT, json!(format!("kms:{operation}")));
            conditional["Condition"] = json!({"Bool": {"kms:GrantIsForAWSResource": value}});
            kms.put_policy(&key, json!([allow(ACCOUNT, json!("kms:*")), conditional]));
            kms.be_other();
            let body = match operation {
                "CreateGrant" => to_other(&key, &json!({})),
                "ListGrants" => json!({"KeyId": key}),
                _ => json!({"KeyId": key, "GrantId": made["GrantId"]}),
            };
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {value}"
            );
        }
    }
}

#[test]
fn a_dry_run_tells_whether_it_would_succeed_and_changes_nothing() {
    let (mut kms, key) = Kms::with_key();
    let named = json!({"Name": "n"});
    let made = grant(&mut kms, &key, named.clone());
    let by_id = json!({"KeyId": key, "GrantId": made["GrantId"], "DryRun": true});
    let by_token = json!({"GrantToken": made["GrantToken"], "DryRun": true});
    let dry = |more: &Value| {
        let mut body = to_other(&key, more);
        body["DryRun"] = json!(true);
        body
    };
    for (operation, body) in [
        ("CreateGrant", dry(&json!({}))),
        // There already.
        ("CreateGrant", dry(&named)),
        ("RevokeGrant", by_id.clone()),
        ("RetireGrant", by_id.clone()),
        ("RetireGrant", by_token.clone()),
    ] {
        assert_eq!(
            kms.code(operation, body.clone()),
            DRY_RUN,
            "{operation} {body}"
        );
    }
    assert_eq!(
        kms.code("CreateGrant", dry(&json!({"Operations": ["Sign"]}))),
        VALIDATION
    );
    assert_eq!(grants(&mut kms, &key).len(), 1);
    kms.be_other();
    for (operation, body) in [
        ("CreateGrant", dry(&json!({}))),
        ("RevokeGrant", by_id.clone()),
        ("RetireGrant", by_id),
        ("RetireGrant", by_token),
    ] {
        assert_eq!(kms.code(operation, body), DENIED, "{operation}");
    }
}

#[test]
fn the_grant_says_who_may_retire_it() {
    let retiring =
        json!({"RetiringPrincipal": root(OTHER_ACCOUNT), "GranteePrincipal": root(THIRD_ACCOUNT)});
    let grantee = json!({"Operations": ["Decrypt", "RetireGrant"]});
    let constrained = json!({
        "Operations": ["Decrypt", "RetireGrant"],
        "Constraints": {"EncryptionContextEquals": {"a": "1"}},
    });
    for (case, more, account, expected) in [
        ("retiring principal", retiring.clone(), OTHER_ACCOUNT, OK),
        ("grantee with the operation", grantee, OTHER_ACCOUNT, OK),
        (
            "grantee with the operation, constrained",
            constrained,
            OTHER_ACCOUNT,
            OK,
        ),
        (
            "grantee without the operation",
            json!({}),
            OTHER_ACCOUNT,
            DENIED,
        ),
        (
            "grantee beside a retiring principal",
            retiring.clone(),
            THIRD_ACCOUNT,
            DENIED,
        ),
        ("issuing account", retiring.clone(), ACCOUNT, OK),
        ("stranger", json!({}), THIRD_ACCOUNT, DENIED),
    ] {
        for by_token in [false, true] {
            let (mut kms, key) = Kms::with_key();
            let made = grant(&mut kms, &key, more.clone());
            let body = if by_token {
                json!({"GrantToken": made["GrantToken"]})
            } else {
                json!({"KeyId": key, "GrantId": made["GrantId"]})
            };
            kms.service.be(account, REGION);
            assert_eq!(kms.outcome("RetireGrant", &body), expected, "{case}");
            kms.be_owner();
            assert_eq!(grants(&mut kms, &key).is_empty(), expected == OK, "{case}");
        }
    }
}

#[test]
fn a_key_s_policy_neither_allows_nor_denies_retiring_a_grant() {
    let (mut kms, key) = Kms::with_key();
    let made = grant(&mut kms, &key, json!({}));
    let retired = json!({"KeyId": key, "GrantId": made["GrantId"]});
    let all = json!([
        allow(ACCOUNT, json!("kms:*")),
        allow(OTHER_ACCOUNT, json!("kms:RetireGrant"))
    ]);
    kms.put_policy(&key, all);
    kms.be_other();
    assert_eq!(kms.code("RetireGrant", retired.clone()), DENIED);
    let mut denied = allow(ACCOUNT, json!("kms:RetireGrant"));
    denied["Effect"] = json!("Deny");
    kms.put_policy(&key, json!([allow(ACCOUNT, json!("kms:*")), denied]));
    kms.ok("RetireGrant", retired);
}

#[test]
fn the_issuer_from_another_account_and_the_key_s_owner_may_both_retire() {
    for account in [OTHER_ACCOUNT, ACCOUNT] {
        let (mut kms, key) = Kms::with_key();
        grant(
            &mut kms,
            &key,
            json!({"Operations": ["CreateGrant", "Decrypt"]}),
        );
        kms.be_other();
        let body = to_other(&key, &json!({"GranteePrincipal": root(THIRD_ACCOUNT)}));
        let made = kms.ok("CreateGrant", body);
        kms.service.be(account, REGION);
        kms.ok("RetireGrant", json!({"GrantToken": made["GrantToken"]}));
    }
}

#[test]
fn a_grant_to_retire_is_named_by_its_token_or_by_its_key_and_id() {
    let (mut kms, key) = Kms::with_key();
    let made = grant(&mut kms, &key, json!({}));
    let (token, grant_id) = (&made["GrantToken"], &made["GrantId"]);
    for (body, expected) in [
        (json!({}), VALIDATION),
        (json!({"KeyId": key}), VALIDATION),
        (json!({"GrantId": grant_id}), VALIDATION),
        (json!({"GrantToken": token, "KeyId": key}), VALIDATION),
        (
            json!({"GrantToken": token, "KeyId": key, "GrantId": grant_id}),
            VALIDATION,
        ),
        (json!({"GrantToken": "nonsense"}), TOKEN),
        (json!({"KeyId": key, "GrantId": NO_GRANT}), NOT_FOUND),
        (json!({"KeyId": NO_KEY, "GrantId": grant_id}), NOT_FOUND),
        (json!({"KeyId": "alias/a", "GrantId": grant_id}), NOT_FOUND),
        (json!({"KeyId": id(&key), "GrantId": grant_id}), OK),
        (json!({"GrantToken": token}), NOT_FOUND),
    ] {
        assert_eq!(kms.outcome("RetireGrant", &body), expected, "{body}");
    }
}

#[test]
fn who_may_not_retire_is_not_told_which_keys_and_grants_there_are() {
    let (mut kms, key) = Kms::with_key();
    let made = grant(&mut kms, &key, json!({}));
    let absent = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{NO_KEY}");
    kms.be_other();
    let mut told = |key: &str, grant_id: &Value| {
        let (code, message) =
            kms.refused("RetireGrant", json!({"KeyId": key, "GrantId": grant_id}));
        assert_eq!(code, DENIED);
        message.replace(grant_id.as_str().unwrap(), "GRANT")
    };
    let of_there = told(&key, &made["GrantId"]);
    assert_eq!(told(&key, &json!(NO_GRANT)), of_there);
    assert_eq!(told(&absent, &json!(NO_GRANT)), of_there);
}

#[test]
fn a_revoked_grant_allows_nothing_any_more() {
    let (mut kms, key) = Kms::with_key();
    let made = grant(&mut kms, &key, json!({"Operations": ["DescribeKey"]}));
    let revoked = json!({"KeyId": key, "GrantId": made["GrantId"]});
    kms.be_other();
    kms.describe(&key);
    assert_eq!(kms.code("RevokeGrant", revoked.clone()), DENIED);
    kms.be_owner();
    kms.ok("RevokeGrant", revoked.clone());
    assert_eq!(kms.code("RevokeGrant", revoked), NOT_FOUND);
    kms.be_other();
    assert_eq!(kms.code("DescribeKey", json!({"KeyId": key})), DENIED);
}

#[test]
fn a_token_that_is_no_grant_s_is_refused_whatever_it_is_given_to() {
    let (mut kms, key) = Kms::with_key();
    let made = grant(&mut kms, &key, json!({}));
    let token = text(&made["GrantToken"]);
    let changed = format!(
        "{}{}",
        if token.starts_with('A') { "B" } else { "A" },
        &token[1..]
    );
    let grantee = root(OTHER_ACCOUNT);
    let blob =
        kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="}))["CiphertextBlob"].clone();
    let operations = [
        ("DescribeKey", json!({"KeyId": key})),
        (
            "CreateGrant",
            json!({"KeyId": key, "GranteePrincipal": grantee, "Operations": ["Decrypt"]}),
        ),
        ("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="})),
        ("Decrypt", json!({"CiphertextBlob": blob})),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
        ),
        (
            "GenerateDataKeyPair",
            json!({"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"}),
        ),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "DestinationKeyId": key}),
        ),
    ];
    let with = |body: &Value, tokens: Value| {
        let mut body = body.clone();
        body["GrantTokens"] = tokens;
        body
    };
    for (operation, body) in &operations {
        for (tokens, expected) in [
            (json!([]), OK),
            (json!([token]), OK),
            (json!([token, token]), OK),
            (json!(["nonsense"]), TOKEN),
            (json!(["eA"]), TOKEN),
            (json!([changed]), TOKEN),
            (json!([token, "nonsense"]), TOKEN),
            (json!([""]), VALIDATION),
            (json!(vec![token.clone(); 11]), VALIDATION),
        ] {
            let outcome = kms.outcome(operation, &with(body, tokens.clone()));
            assert_eq!(outcome, expected, "{operation} {tokens}");
        }
    }
    // A token goes on being one when its grant has ended; it only allows nothing.
    kms.ok("RetireGrant", json!({"GrantToken": token}));
    let (operation, body) = &operations[0];
    assert_eq!(kms.outcome(operation, &with(body, json!([token]))), OK);
    kms.be_other();
    for tokens in [json!([token]), json!(["nonsense"])] {
        assert_eq!(kms.outcome(operation, &with(body, tokens)), DENIED);
    }
}

#[test]
fn grants_are_listed_by_id_by_grantee_and_in_pages() {
    let (mut kms, key) = Kms::with_key();
    let mut ids: Vec<String> = (0..5)
        .map(|_| text(&grant(&mut kms, &key, json!({}))["GrantId"]))
        .collect();
    ids.sort_unstable();
    let third = to_other(&key, &json!({"GranteePrincipal": root(THIRD_ACCOUNT)}));
    kms.ok("CreateGrant", third);
    let mut list = |more: Value| {
        let mut body = json!({"KeyId": key});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let page = kms.ok("ListGrants", body);
        let ids = page["Grants"].as_array().unwrap().iter();
        let ids: Vec<String> = ids.map(|grant| text(&grant["GrantId"])).collect();
        assert_eq!(page["Truncated"], json!(page.get("NextMarker").is_some()));
        (ids, page.get("NextMarker").cloned())
    };
    assert_eq!(list(json!({})).0.len(), 6);
    assert_eq!(
        list(json!({"GrantId": ids[2]})),
        (vec![ids[2].clone()], None)
    );
    assert_eq!(list(json!({"GrantId": NO_GRANT})), (vec![], None));
    assert_eq!(
        list(json!({"GranteePrincipal": root(OTHER_ACCOUNT)})),
        (ids.clone(), None)
    );
    let mut marker = json!(null);
    let mut paged = Vec::new();
    while let (page, Some(next)) = list(json!({
        "GranteePrincipal": root(OTHER_ACCOUNT), "Limit": 2, "Marker": marker
    })) {
        assert_eq!(page.len(), 2);
        paged.extend(page);
        marker = next;
    }
    let (rest, _) = list(json!({
        "GranteePrincipal": root(OTHER_ACCOUNT), "Limit": 2, "Marker": marker
    }));
    paged.extend(rest);
    assert_eq!(paged, ids);
    // A marker is of one list.
    let other = json!({"KeyId": key, "Limit": 2, "Marker": marker});
    assert_eq!(kms.code("ListGrants", other), "InvalidMarkerException");
}

#[test]
fn the_grants_that_an_account_may_retire_are_listed_for_it_alone() {
    let (mut kms, key) = Kms::with_key();
    let retiring = json!({"RetiringPrincipal": root(OTHER_ACCOUNT)});
    let made = grant(&mut kms, &key, retiring.clone());
    grant(&mut kms, &key, json!({}));
    let body = |principal: &str| json!({"RetiringPrincipal": principal});
    assert_eq!(
        kms.code("ListRetirableGrants", body(&root(OTHER_ACCOUNT))),
        DENIED
    );
    assert_eq!(
        kms.ok("ListRetirableGrants", body(&root(ACCOUNT)))["Grants"],
        json!([])
    );
    assert_eq!(kms.code("ListRetirableGrants", json!({})), VALIDATION);
    assert_eq!(kms.code("ListRetirableGrants", body("nobody")), ARN);
    kms.be_other();
    // Also those of other accounts' keys, without a right to the key.
    let own = kms.key(json!({}));
    grant(&mut kms, &own, retiring);
    let listed = kms.ok("ListRetirableGrants", body(&root(OTHER_ACCOUNT)));
    let listed = listed["Grants"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert!(
        listed
            .iter()
            .any(|grant| grant["GrantId"] == made["GrantId"])
    );
    let mut first = body(&root(OTHER_ACCOUNT));
    first["Limit"] = json!(1);
    let page = kms.ok("ListRetirableGrants", first.clone());
    first["Marker"] = page["NextMarker"].clone();
    let last = kms.ok("ListRetirableGrants", first);
    assert_eq!(last["Truncated"], json!(false));
    assert_ne!(page["Grants"], last["Grants"]);
}

#[test]
fn grants_go_with_their_key() {
    let (mut kms, key) = Kms::with_key();
    for _ in 0..40 {
        grant(
            &mut kms,
            &key,
            json!({"RetiringPrincipal": root(OTHER_ACCOUNT)}),
        );
    }
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.service.pass(7 * crate::harness::DAY);
    for _ in 0..2 {
        kms.carry_out_due();
    }
    for kind in [
        "kms-grant",
        "kms-grant-to",
        "kms-retirable",
        "kms-key",
        "kms-due",
    ] {
        assert_eq!(kms.service.count(kind), 0, "{kind}");
    }
}

#[test]
fn a_grant_is_no_right_to_what_grants_cannot_allow() {
    let (mut kms, key) = Kms::with_key();
    grant(
        &mut kms,
        &key,
        json!({"Operations": ["CreateGrant", "RetireGrant", "DescribeKey", "Decrypt"]}),
    );
    kms.be_other();
    for (operation, more) in [
        ("ListGrants", json!({})),
        ("GetKeyRotationStatus", json!({})),
        ("DisableKey", json!({})),
        (
            "PutKeyPolicy",
            json!({"Policy": policy(json!([allow(OTHER_ACCOUNT, json!("kms:*"))]))}),
        ),
    ] {
        let mut body = more;
        body["KeyId"] = json!(key);
        assert_eq!(kms.code(operation, body), DENIED, "{operation}");
    }
}
