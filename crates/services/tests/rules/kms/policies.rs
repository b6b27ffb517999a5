//! Key policies: what they may be, and that nobody locks themselves out. Source: AWS KMS API Reference, PutKeyPolicy,
//! GetKeyPolicy, CreateKey; AWS KMS Developer Guide, Key policies in AWS KMS.

use serde_json::{Value, json};

use super::{DENIED, Kms, NOT_FOUND, OK, VALIDATION, allow, id, policy, root, text};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT};

const MALFORMED: &str = "MalformedPolicyDocumentException";
const LOCKED_OUT: &str =
    "The new key policy will not allow you to update the key policy in the future.";

fn all() -> Value {
    allow(ACCOUNT, json!("kms:*"))
}

fn with(mut statement: Value, name: &str, value: Value) -> Value {
    statement[name] = value;
    statement
}

#[test]
fn a_key_without_a_policy_of_its_own_is_its_account_s() {
    let (mut kms, key) = Kms::with_key();
    let got = kms.ok("GetKeyPolicy", json!({"KeyId": key}));
    assert_eq!(got["PolicyName"], json!("default"));
    let document: Value = serde_json::from_str(&text(&got["Policy"])).unwrap();
    let expected = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": {"AWS": root(ACCOUNT)},
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    assert_eq!(document, expected);
}

#[test]
fn a_policy_comes_back_byte_by_byte() {
    let given = format!(" {}\n\t", policy(json!([all()])));
    let mut kms = Kms::new();
    let key = kms.key(json!({ "Policy": given }));
    assert_eq!(
        kms.ok("GetKeyPolicy", json!({"KeyId": key}))["Policy"],
        json!(given)
    );
    let other = policy(json!([all(), allow(OTHER_ACCOUNT, json!("kms:Encrypt"))]));
    kms.ok("PutKeyPolicy", json!({"KeyId": id(&key), "Policy": other}));
    assert_eq!(
        kms.ok("GetKeyPolicy", json!({"KeyId": key}))["Policy"],
        json!(other)
    );
}

#[test]
fn the_only_name_of_a_policy_is_default() {
    let (mut kms, key) = Kms::with_key();
    for (name, expected) in [
        (json!(null), OK),
        (json!("default"), OK),
        (json!("other"), NOT_FOUND),
        (json!("Default"), NOT_FOUND),
        (json!("a-b"), VALIDATION),
        (json!(""), VALIDATION),
        (json!("x".repeat(129)), VALIDATION),
    ] {
        let put = json!({"KeyId": key, "PolicyName": name, "Policy": policy(json!([all()]))});
        assert_eq!(kms.outcome("PutKeyPolicy", &put), expected, "{name}");
        let get = json!({"KeyId": key, "PolicyName": name});
        assert_eq!(kms.outcome("GetKeyPolicy", &get), expected, "{name}");
    }
}

#[test]
fn a_policy_that_cannot_be_one_is_refused_when_it_is_put_and_when_a_key_is_made() {
    let nobody = format!("arn:aws:iam::{ACCOUNT}:user/nobody");
    for (given, expected) in [
        (json!("no JSON"), MALFORMED),
        (json!("{}"), MALFORMED),
        (json!("[]"), MALFORMED),
        (
            json!(policy(json!([with(all(), "Effect", json!("Maybe"))]))),
            MALFORMED,
        ),
        (
            json!(policy(json!([with(all(), "Principal", json!(null))]))),
            MALFORMED,
        ),
        (
            json!(policy(json!([with(all(), "Action", json!(null))]))),
            MALFORMED,
        ),
        (
            json!(policy(json!([with(
                all(),
                "Condition",
                json!({"Odd": {"a": "b"}})
            )]))),
            MALFORMED,
        ),
        // Someone who isn't there, beside everything that is needed.
        (
            json!(policy(json!([
                all(),
                with(all(), "Principal", json!({ "AWS": nobody }))
            ]))),
            MALFORMED,
        ),
        (
            json!(policy(json!([
                all(),
                with(all(), "Principal", json!({"CanonicalUser": "a"}))
            ]))),
            MALFORMED,
        ),
        (json!(""), VALIDATION),
        (json!("\u{20ac}"), VALIDATION),
        (json!("x".repeat(131_073)), VALIDATION),
        (
            json!(policy(json!([
                all(),
                with(all(), "Principal", json!({"Service": "s3.amazonaws.com"}))
            ]))),
            OK,
        ),
        (
            json!(policy(json!([all(), allow(OTHER_ACCOUNT, json!("kms:*"))]))),
            OK,
        ),
        (json!(policy(all())), OK),
    ] {
        let (mut kms, key) = Kms::with_key();
        let shown = format!("{given:.200}");
        let put = json!({"KeyId": key, "Policy": given});
        assert_eq!(kms.outcome("PutKeyPolicy", &put), expected, "{shown}");
        assert_eq!(
            kms.outcome("CreateKey", &json!({ "Policy": given })),
            expected,
            "{shown}"
        );
    }
    let (mut kms, key) = Kms::with_key();
    assert_eq!(kms.code("PutKeyPolicy", json!({"KeyId": key})), VALIDATION);
}

#[test]
fn a_policy_after_which_its_caller_could_not_put_another_is_refused_unless_that_is_meant() {
    let deny_put = with(
        allow(ACCOUNT, json!("kms:PutKeyPolicy")),
        "Effect",
        json!("Deny"),
    );
    let if_so = |condition: Value| with(all(), "Condition", condition);
    let bypass = |value: &str| json!({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": value}});
    let is = |key: &str, value: &str| json!({"StringEquals": { key: value }});
    for (statements, is_locked_out) in [
        (json!([all()]), false),
        (json!([allow(ACCOUNT, json!("kms:PutKeyPolicy"))]), false),
        (json!([allow(ACCOUNT, json!("kms:Put*"))]), false),
        (json!([with(all(), "Principal", json!("*"))]), false),
        (json!([allow(ACCOUNT, json!("kms:Encrypt"))]), true),
        (json!([allow(OTHER_ACCOUNT, json!("kms:*"))]), true),
        (json!([all(), deny_put]), true),
        // By the conditions that another such request will meet.
        (json!([if_so(is("kms:CallerAccount", ACCOUNT))]), false),
        (json!([if_so(is("kms:CallerAccount", OTHER_ACCOUNT))]), true),
        (json!([if_so(bypass("false"))]), false),
        (json!([if_so(bypass("true"))]), true),
        (
            json!([if_so(is("kms:KeySpec", "SYMMETRIC_DEFAULT"))]),
            false,
        ),
        (json!([if_so(is("kms:KeyUsage", "SIGN_VERIFY"))]), true),
        (json!([if_so(is("kms:KeyOrigin", "AWS_KMS"))]), false),
        (json!([if_so(is("aws:ResourceTag/team", "a"))]), false),
        (json!([if_so(is("aws:ResourceTag/team", "b"))]), true),
        (
            json!([if_so(is(
                "kms:ViaService",
                "secretsmanager.us-east-1.amazonaws.com"
            ))]),
            true,
        ),
        (
            json!([if_so(is("aws:RequestedRegion", "us-east-1"))]),
            false,
        ),
        (
            json!([if_so(
                json!({"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})
            )]),
            true,
        ),
    ] {
        let tags = json!([{"TagKey": "team", "TagValue": "a"}]);
        let mut kms = Kms::new();
        let key = kms.key(json!({ "Tags": tags }));
        let given = policy(statements.clone());
        for (operation, body) in [
            ("PutKeyPolicy", json!({"KeyId": key, "Policy": given})),
            ("CreateKey", json!({"Tags": tags, "Policy": given})),
        ] {
            let mut bypassing = body.clone();
            bypassing["BypassPolicyLockoutSafetyCheck"] = json!(true);
            if is_locked_out {
                let refused = kms.refused(operation, body);
                assert_eq!(
                    refused,
                    (MALFORMED, LOCKED_OUT.to_owned()),
                    "{operation} {statements}"
                );
            } else {
                assert_eq!(
                    kms.outcome(operation, &body),
                    OK,
                    "{operation} {statements}"
                );
            }
            if operation == "CreateKey" || is_locked_out {
                assert_eq!(
                    kms.outcome(operation, &bypassing),
                    OK,
                    "{operation} {statements}"
                );
            }
        }
    }
}

#[test]
fn who_locked_themselves_out_on_purpose_is_out() {
    let (mut kms, key) = Kms::with_key();
    let to_describe = policy(json!([allow(ACCOUNT, json!("kms:DescribeKey"))]));
    let put = json!({"KeyId": key, "Policy": to_describe, "BypassPolicyLockoutSafetyCheck": true});
    kms.ok("PutKeyPolicy", put);
    kms.describe(&key);
    for (operation, more) in [
        ("PutKeyPolicy", json!({"Policy": policy(json!([all()]))})),
        ("GetKeyPolicy", json!({})),
        ("ScheduleKeyDeletion", json!({})),
        ("Encrypt", json!({"Plaintext": "eA=="})),
    ] {
        let mut body = more;
        body["KeyId"] = json!(key);
        assert_eq!(kms.code(operation, body), DENIED, "{operation}");
    }
}

#[test]
fn a_policy_can_forbid_to_skip_the_check() {
    let (mut kms, key) = Kms::with_key();
    let mut denied = with(
        allow(ACCOUNT, json!("kms:PutKeyPolicy")),
        "Effect",
        json!("Deny"),
    );
    denied["Condition"] = json!({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "true"}});
    let statements = json!([all(), denied]);
    kms.put_policy(&key, statements.clone());
    let mut again = json!({"KeyId": key, "Policy": policy(statements)});
    kms.ok("PutKeyPolicy", again.clone());
    again["BypassPolicyLockoutSafetyCheck"] = json!(true);
    assert_eq!(kms.code("PutKeyPolicy", again), DENIED);
}

#[test]
fn the_key_of_a_service_tells_of_itself_and_is_not_its_account_s_to_change() {
    let mut kms = Kms::new();
    let by_name = kms.describe("alias/aws/secretsmanager");
    let key = text(&by_name["Arn"]);
    let alias_arn = format!(
        "{}:alias/aws/secretsmanager",
        key.rsplit_once(':').unwrap().0
    );
    assert_eq!(by_name["KeyManager"], json!("AWS"));
    for name in [&key[..], id(&key), &alias_arn] {
        assert_eq!(kms.describe(name), by_name);
    }
    // The ARN makes the key as the name does, but not in another region.
    let mut fresh = Kms::new();
    let elsewhere = alias_arn.replace("us-east-1", "eu-west-1");
    assert_eq!(
        fresh.code("DescribeKey", json!({"KeyId": elsewhere})),
        NOT_FOUND
    );
    assert_eq!(fresh.describe(&alias_arn)["KeyManager"], json!("AWS"));
    for operation in [
        "GetKeyPolicy",
        "ListKeyPolicies",
        "ListGrants",
        "ListResourceTags",
        "GetKeyRotationStatus",
    ] {
        assert_eq!(
            kms.outcome(operation, &json!({"KeyId": key})),
            OK,
            "{operation}"
        );
    }
    for (operation, more) in [
        ("PutKeyPolicy", json!({"Policy": policy(json!([all()]))})),
        ("DisableKey", json!({})),
        ("EnableKey", json!({})),
        ("ScheduleKeyDeletion", json!({})),
        ("UpdateKeyDescription", json!({"Description": "d"})),
        (
            "TagResource",
            json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}),
        ),
        ("UntagResource", json!({"TagKeys": ["k"]})),
        (
            "CreateGrant",
            json!({"GranteePrincipal": root(ACCOUNT), "Operations": ["Decrypt"]}),
        ),
        ("Encrypt", json!({"Plaintext": "eA=="})),
        ("GenerateDataKey", json!({"KeySpec": "AES_256"})),
    ] {
        let mut body = more;
        body["KeyId"] = json!(key);
        assert_eq!(kms.code(operation, body), DENIED, "{operation}");
    }
    let alias = json!({"AliasName": "alias/mine", "TargetKeyId": key});
    assert_eq!(kms.code("CreateAlias", alias), DENIED);
}
