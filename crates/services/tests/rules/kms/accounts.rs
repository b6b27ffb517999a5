//! Two accounts: what a key's policy can open to the other one, and what that learns of what stays closed.
//! Source: AWS KMS API Reference, "Cross-account use" of each operation.

use serde_json::{Value, json};

use super::{DENIED, Kms, NO_KEY, OK, allow, id, text};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION};

const MAC: &str = "GENERATE_VERIFY_MAC";

/// A symmetric key, a key for codes and a key pair, with which the other account may do everything, as far as their
/// policies are concerned; a key's ARN by its kind.
fn opened() -> (Kms, impl Fn(&str) -> String) {
    let mut kms = Kms::new();
    let symmetric = kms.key(json!({}));
    let mac = kms.key(json!({"KeySpec": "HMAC_256", "KeyUsage": MAC}));
    let pair = kms.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let imported = kms.key(json!({"Origin": "EXTERNAL"}));
    for key in [&symmetric, &mac, &pair, &imported] {
        let all = json!([
            allow(ACCOUNT, json!("kms:*")),
            allow(OTHER_ACCOUNT, json!("kms:*"))
        ]);
        kms.put_policy(key, all);
    }
    let by_kind = move |kind: &str| match kind {
        "mac" => mac.clone(),
        "pair" => pair.clone(),
        "imported" => imported.clone(),
        _ => symmetric.clone(),
    };
    (kms, by_kind)
}

/// The operations that change or tell what is its owner's, with what they need besides the key.
fn closed() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("symmetric", "CancelKeyDeletion", json!({})),
        ("imported", "DeleteImportedKeyMaterial", json!({})),
        ("symmetric", "DisableKey", json!({})),
        ("symmetric", "DisableKeyRotation", json!({})),
        ("symmetric", "EnableKey", json!({})),
        ("symmetric", "EnableKeyRotation", json!({})),
        ("symmetric", "GetKeyPolicy", json!({})),
        (
            "imported",
            "GetParametersForImport",
            json!({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        ),
        (
            "imported",
            "ImportKeyMaterial",
            json!({"ImportToken": "eA==", "EncryptedKeyMaterial": "eA=="}),
        ),
        ("symmetric", "ListAliases", json!({})),
        ("symmetric", "ListKeyPolicies", json!({})),
        ("symmetric", "ListKeyRotations", json!({})),
        ("symmetric", "ListResourceTags", json!({})),
        (
            "symmetric",
            "PutKeyPolicy",
            json!({"Policy": super::policy(json!([allow(OTHER_ACCOUNT, json!("kms:*"))]))}),
        ),
        ("symmetric", "RotateKeyOnDemand", json!({})),
        ("symmetric", "ScheduleKeyDeletion", json!({})),
        (
            "symmetric",
            "TagResource",
            json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}),
        ),
        ("symmetric", "UntagResource", json!({"TagKeys": ["k"]})),
        (
            "symmetric",
            "UpdateKeyDescription",
            json!({"Description": "d"}),
        ),
    ]
}

fn on(key: &str, more: &Value) -> Value {
    let mut body = more.clone();
    body["KeyId"] = json!(key);
    body
}

#[test]
fn what_is_its_owner_s_no_policy_opens_to_another_account() {
    let (mut kms, key) = opened();
    kms.be_other();
    for (kind, operation, more) in closed() {
        assert_eq!(
            kms.code(operation, on(&key(kind), &more)),
            DENIED,
            "{operation}"
        );
    }
    kms.be_owner();
    for kind in ["symmetric", "mac", "pair"] {
        assert_eq!(kms.state(&key(kind)), "Enabled");
    }
}

#[test]
fn what_aws_opens_a_policy_opens() {
    let (mut kms, key) = opened();
    let symmetric = key("symmetric");
    let blob = text(
        &kms.ok("Encrypt", json!({"KeyId": symmetric, "Plaintext": "eA=="}))["CiphertextBlob"],
    );
    let sign = json!({"Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256"});
    let signature = kms.ok("Sign", on(&key("pair"), &sign))["Signature"].clone();
    let code = json!({"Message": "eA==", "MacAlgorithm": "HMAC_SHA_256"});
    let mac = kms.ok("GenerateMac", on(&key("mac"), &code))["Mac"].clone();
    kms.be_other();
    let grant = json!({"GranteePrincipal": super::root(OTHER_ACCOUNT), "Operations": ["Decrypt"]});
    for (kind, operation, more) in [
        ("symmetric", "DescribeKey", json!({})),
        ("symmetric", "Encrypt", json!({"Plaintext": "eA=="})),
        ("symmetric", "Decrypt", json!({"CiphertextBlob": blob})),
        (
            "symmetric",
            "GenerateDataKey",
            json!({"KeySpec": "AES_256"}),
        ),
        (
            "symmetric",
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeySpec": "AES_256"}),
        ),
        (
            "symmetric",
            "GenerateDataKeyPair",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
        ),
        (
            "symmetric",
            "GenerateDataKeyPairWithoutPlaintext",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
        ),
        ("symmetric", "GetKeyRotationStatus", json!({})),
        ("symmetric", "ListGrants", json!({})),
        ("symmetric", "CreateGrant", grant.clone()),
        ("pair", "GetPublicKey", json!({})),
        ("pair", "Sign", sign.clone()),
        (
            "pair",
            "Verify",
            json!({"Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256", "Signature": signature}),
        ),
        ("mac", "GenerateMac", code.clone()),
        (
            "mac",
            "VerifyMac",
            json!({"Message": "eA==", "MacAlgorithm": "HMAC_SHA_256", "Mac": mac}),
        ),
    ] {
        assert_eq!(
            kms.outcome(operation, &on(&key(kind), &more)),
            OK,
            "{operation}"
        );
    }
    let re_encrypted = json!({"CiphertextBlob": blob, "DestinationKeyId": symmetric});
    assert_eq!(kms.outcome("ReEncrypt", &re_encrypted), OK);
    for ending in ["RevokeGrant", "RetireGrant"] {
        let made = kms.ok("CreateGrant", on(&symmetric, &grant));
        let body = json!({"KeyId": symmetric, "GrantId": made["GrantId"]});
        assert_eq!(kms.outcome(ending, &body), OK, "{ending}");
    }
}

#[test]
fn an_account_without_any_right_is_told_the_same_of_keys_that_are_there_and_that_are_not() {
    let mut kms = Kms::new();
    let ours = kms.key(json!({}));
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/there", "TargetKeyId": ours}),
    );
    let denying = kms.key(json!({}));
    let mut deny = allow(OTHER_ACCOUNT, json!("kms:*"));
    deny["Effect"] = json!("Deny");
    kms.put_policy(&denying, json!([allow(ACCOUNT, json!("kms:*")), deny]));
    let named = |resource: &str| format!("arn:aws:kms:{REGION}:{ACCOUNT}:{resource}");
    let absent = named(&format!("key/{NO_KEY}"));
    kms.be_other();
    let mut told = |operation: &str, name: &str, more: &Value| {
        let (code, message) = kms.refused(operation, on(name, more));
        assert_eq!(code, DENIED, "{operation}");
        assert!(
            name == ours || !message.contains(id(&ours)),
            "{operation}: {message}"
        );
        message.replace(name, "NAME")
    };
    for (_, operation, more) in closed() {
        let of_absent = told(operation, &absent, &more);
        for there in [&ours, &denying] {
            assert_eq!(told(operation, there, &more), of_absent, "{operation}");
        }
    }
    for (operation, more) in [
        ("DescribeKey", json!({})),
        ("Encrypt", json!({"Plaintext": "eA=="})),
        ("GenerateDataKey", json!({"KeySpec": "AES_256"})),
    ] {
        let of_absent = told(operation, &absent, &more);
        let (there, not_there) = (named("alias/there"), named("alias/not-there"));
        for name in [&ours, &denying, &there, &not_there] {
            assert_eq!(told(operation, name, &more), of_absent, "{operation}");
        }
    }
}

#[test]
fn an_id_without_an_account_is_of_the_caller_s() {
    let (mut kms, key) = opened();
    let symmetric = key("symmetric");
    kms.be_other();
    assert_eq!(
        kms.code("DescribeKey", json!({"KeyId": id(&symmetric)})),
        super::NOT_FOUND
    );
}

#[test]
fn an_alias_of_one_account_never_names_a_key_of_another() {
    let (mut kms, key) = opened();
    kms.be_other();
    let own = kms.key(json!({}));
    let foreign = json!({"AliasName": "alias/a", "TargetKeyId": key("symmetric")});
    assert_eq!(kms.code("CreateAlias", foreign.clone()), DENIED);
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/a", "TargetKeyId": own}),
    );
    assert_eq!(kms.code("UpdateAlias", foreign), DENIED);
}
