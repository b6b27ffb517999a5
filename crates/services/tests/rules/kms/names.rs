//! How a request names a key, and which operation takes which name. Source: AWS KMS Developer Guide, Key identifiers;
//! AWS KMS API Reference, `KeyId` of each operation.

use serde_json::{Value, json};

use super::{Kms, NO_KEY, NOT_FOUND, OK, UNSUPPORTED, VALIDATION, allow, id, policy, root};
use crate::harness::{ACCOUNT, REGION};

const ARN: &str = "InvalidArnException";

/// A key with the alias `alias/a`; its ARN and its alias's.
fn named() -> (Kms, String, String) {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": key}),
    );
    let alias_arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/a");
    (kms, key, alias_arn)
}

#[test]
fn descriptions_and_cryptography_take_aliases_and_management_takes_none() {
    let grant = json!({"GranteePrincipal": root(ACCOUNT), "Operations": ["Decrypt"]});
    let all = policy(json!([allow(ACCOUNT, json!("kms:*"))]));
    for (operation, more, takes_aliases) in [
        ("DescribeKey", json!({}), true),
        ("Encrypt", json!({"Plaintext": "eA=="}), true),
        ("GenerateDataKey", json!({"KeySpec": "AES_256"}), true),
        (
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeySpec": "AES_256"}),
            true,
        ),
        (
            "GenerateDataKeyPair",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
            true,
        ),
        (
            "GenerateDataKeyPairWithoutPlaintext",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
            true,
        ),
        ("CreateGrant", grant, false),
        ("DisableKey", json!({}), false),
        ("DisableKeyRotation", json!({}), false),
        ("EnableKey", json!({}), false),
        ("EnableKeyRotation", json!({}), false),
        ("GetKeyPolicy", json!({}), false),
        ("GetKeyRotationStatus", json!({}), false),
        ("ListAliases", json!({}), false),
        ("ListGrants", json!({}), false),
        ("ListKeyPolicies", json!({}), false),
        ("ListKeyRotations", json!({}), false),
        ("ListResourceTags", json!({}), false),
        ("PutKeyPolicy", json!({ "Policy": all }), false),
        ("RotateKeyOnDemand", json!({}), false),
        ("ScheduleKeyDeletion", json!({}), false),
        (
            "TagResource",
            json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}),
            false,
        ),
        ("UntagResource", json!({"TagKeys": ["k"]}), false),
        ("UpdateKeyDescription", json!({"Description": "d"}), false),
    ] {
        let by_alias = if takes_aliases { OK } else { NOT_FOUND };
        for kind in ["id", "ARN", "alias", "alias ARN"] {
            let (mut kms, key, alias_arn) = named();
            let (name, expected) = match kind {
                "id" => (id(&key), OK),
                "ARN" => (&key[..], OK),
                "alias" => ("alias/a", by_alias),
                _ => (&alias_arn[..], by_alias),
            };
            let mut body: Value = more.clone();
            body["KeyId"] = json!(name);
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} by {kind}"
            );
        }
    }
}

#[test]
fn a_name_that_names_nothing_is_refused_by_what_is_wrong_with_it() {
    let (mut kms, key, alias_arn) = named();
    let of = |region: &str, account: &str, resource: &str| {
        format!("arn:aws:kms:{region}:{account}:{resource}")
    };
    let no_key = of(REGION, ACCOUNT, &format!("key/{NO_KEY}"));
    let no_alias = of(REGION, ACCOUNT, "alias/none");
    let elsewhere = of("eu-west-1", ACCOUNT, &format!("key/{}", id(&key)));
    let china = key.replace("arn:aws:", "arn:aws-cn:");
    for (name, code, message) in [
        (NO_KEY, NOT_FOUND, format!("Key '{no_key}' does not exist")),
        (&no_key, NOT_FOUND, format!("Key '{no_key}' does not exist")),
        (
            "alias/none",
            NOT_FOUND,
            format!("Alias {no_alias} is not found."),
        ),
        (
            &no_alias,
            NOT_FOUND,
            format!("Alias {no_alias} is not found."),
        ),
        ("nonsense", NOT_FOUND, "Invalid keyId 'nonsense'".to_owned()),
        ("mrk-1234", NOT_FOUND, "Invalid keyId 'mrk-1234'".to_owned()),
        (&elsewhere, NOT_FOUND, "Invalid arn eu-west-1".to_owned()),
        (&china, NOT_FOUND, format!("Invalid arn {REGION}")),
        ("arn:aws:kms", ARN, "Invalid arn arn:aws:kms".to_owned()),
        (
            "arn:aws:s3:::b",
            ARN,
            "Invalid arn arn:aws:s3:::b".to_owned(),
        ),
    ] {
        let refused = kms.refused("DescribeKey", json!({ "KeyId": name }));
        assert_eq!(refused, (code, message), "{name}");
    }
    for wrong in [
        of(REGION, "1", &format!("key/{}", id(&key))),
        of(REGION, ACCOUNT, "key/nonsense"),
        of(REGION, ACCOUNT, "alias/"),
        of(REGION, ACCOUNT, "store/a"),
        of(REGION, ACCOUNT, "key"),
        format!("{key}:more"),
        alias_arn.replace(":kms:", ":secretsmanager:"),
    ] {
        assert_eq!(
            kms.code("DescribeKey", json!({ "KeyId": wrong })),
            ARN,
            "{wrong}"
        );
    }
    for wrong in [json!(""), json!("x".repeat(2049)), json!(null)] {
        let code = kms.code("DescribeKey", json!({ "KeyId": wrong }));
        assert_eq!(code, VALIDATION, "{wrong:.100}");
    }
}

#[test]
fn an_alias_is_another_name_until_it_is_given_away_or_deleted() {
    let (mut kms, key, alias_arn) = named();
    let other = kms.key(json!({}));
    let made = kms.service.now;
    for name in ["alias/a", &alias_arn] {
        assert_eq!(kms.describe(name)["Arn"], json!(key));
    }
    kms.service.pass(crate::harness::DAY);
    kms.ok(
        "UpdateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": other}),
    );
    assert_eq!(kms.describe("alias/a")["Arn"], json!(other));
    let listed = kms.ok("ListAliases", json!({}))["Aliases"][0].clone();
    assert_eq!(listed["CreationDate"], crate::harness::seconds(made));
    assert_eq!(
        listed["LastUpdatedDate"],
        crate::harness::seconds(kms.service.now)
    );
    assert_eq!(
        kms.ok("ListAliases", json!({"KeyId": key}))["Aliases"],
        json!([])
    );
    kms.ok("DeleteAlias", json!({"AliasName": "alias/a"}));
    for operation in ["DeleteAlias", "UpdateAlias"] {
        let body = json!({"AliasName": "alias/a", "TargetKeyId": key});
        let refused = kms.refused(operation, body);
        assert_eq!(
            refused,
            (NOT_FOUND, format!("Alias {alias_arn} is not found.")),
            "{operation}"
        );
    }
    // The key itself is as it was.
    kms.ok("Encrypt", json!({"KeyId": other, "Plaintext": "eA=="}));
}

#[test]
fn an_alias_s_name_is_taken_or_refused_by_aws_s_rules() {
    let long = format!("alias/{}", "a".repeat(250));
    let too_long = format!("alias/{}", "a".repeat(251));
    let invalid = "InvalidAliasNameException";
    for (name, expected) in [
        ("alias/b", OK),
        ("alias/A-b_c/9", OK),
        ("alias/awsome", OK),
        (&long, OK),
        (&too_long, VALIDATION),
        ("", VALIDATION),
        ("alias/a b", VALIDATION),
        ("alias/ä", VALIDATION),
        ("b", invalid),
        ("alias/", invalid),
        ("alias/a:b", invalid),
        ("Alias/b", invalid),
        ("alias/aws/b", "NotAuthorizedException"),
        // Of `named`.
        ("alias/a", "AlreadyExistsException"),
    ] {
        let (mut kms, key, _) = named();
        let body = json!({"AliasName": name, "TargetKeyId": key});
        assert_eq!(kms.outcome("CreateAlias", &body), expected, "{name}");
    }
    let (mut kms, key, alias_arn) = named();
    let refused = kms.refused(
        "CreateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": key}),
    );
    let message = format!("An alias with the name {alias_arn} already exists");
    assert_eq!(refused.1, message);
    kms.be_other();
    // Another account has names of its own.
    let theirs = kms.key(json!({}));
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": theirs}),
    );
    assert_eq!(kms.describe("alias/a")["Arn"], json!(theirs));
}

#[test]
fn an_alias_goes_only_to_a_key_of_the_same_kind_and_use() {
    let symmetric = json!({});
    let mac = json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"});
    let other_mac = json!({"KeySpec": "HMAC_512", "KeyUsage": "GENERATE_VERIFY_MAC"});
    let signing = json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"});
    let rsa_signing = json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"});
    let rsa_encrypting = json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"});
    for (from, to, expected) in [
        (&symmetric, &symmetric, OK),
        (&mac, &other_mac, OK),
        (&signing, &rsa_signing, OK),
        (&symmetric, &mac, super::STATE),
        (&symmetric, &rsa_encrypting, super::STATE),
        (&rsa_signing, &rsa_encrypting, super::STATE),
        (&signing, &mac, super::STATE),
    ] {
        let mut kms = Kms::new();
        let (from_key, to_key) = (kms.key(from.clone()), kms.key(to.clone()));
        kms.ok(
            "CreateAlias",
            json!({"AliasName": "alias/a", "TargetKeyId": from_key}),
        );
        let body = json!({"AliasName": "alias/a", "TargetKeyId": to_key});
        assert_eq!(
            kms.outcome("UpdateAlias", &body),
            expected,
            "{from} -> {to}"
        );
        // By way of nothing it goes.
        kms.ok("DeleteAlias", json!({"AliasName": "alias/a"}));
        kms.ok("CreateAlias", body);
    }
}

#[test]
fn a_key_has_50_aliases_at_most() {
    let (mut kms, key) = Kms::with_key();
    for index in 0..50 {
        kms.ok(
            "CreateAlias",
            json!({"AliasName": format!("alias/{index}"), "TargetKeyId": key}),
        );
    }
    let one_more = json!({"AliasName": "alias/more", "TargetKeyId": key});
    assert_eq!(kms.code("CreateAlias", one_more.clone()), super::LIMIT);
    let other = kms.key(json!({}));
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/more", "TargetKeyId": other}),
    );
    assert_eq!(kms.code("UpdateAlias", one_more.clone()), super::LIMIT);
    kms.ok("DeleteAlias", json!({"AliasName": "alias/0"}));
    kms.ok("UpdateAlias", one_more);
}

#[test]
fn a_description_is_of_at_most_8192_characters_and_may_be_empty() {
    let (mut kms, key) = Kms::with_key();
    for (given, expected) in [
        (json!("d"), OK),
        (json!(""), OK),
        (json!("é".repeat(8192)), OK),
        (json!("d".repeat(8193)), VALIDATION),
        (json!(null), VALIDATION),
    ] {
        let body = json!({"KeyId": key, "Description": given});
        assert_eq!(kms.outcome("UpdateKeyDescription", &body), expected);
        if expected == OK {
            assert_eq!(kms.describe(&key)["Description"], given);
        }
    }
}

#[test]
fn operations_on_kinds_that_a_key_is_not_say_so() {
    let (mut kms, key) = Kms::with_key();
    assert_eq!(kms.code("GetPublicKey", json!({"KeyId": key})), UNSUPPORTED);
}
