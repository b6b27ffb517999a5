//! Keys: their kinds, what they are for, and which of that goes together. Source: AWS KMS API Reference, CreateKey.

use serde_json::{Value, json};

use super::{DENIED, Kms, NO_KEY, NOT_FOUND, OK, UNSUPPORTED, VALIDATION, id};
use crate::harness::{ACCOUNT, REGION, seconds};

#[test]
fn a_key_is_symmetric_enabled_and_its_account_s_unless_told_otherwise() {
    let mut kms = Kms::new();
    let now = kms.service.now;
    let created = kms.ok("CreateKey", json!({}));
    let metadata = &created["KeyMetadata"];
    let key = metadata["Arn"].as_str().unwrap();
    for (member, value) in [
        ("AWSAccountId", json!(ACCOUNT)),
        ("KeyId", json!(id(key))),
        ("CreationDate", seconds(now)),
        ("Enabled", json!(true)),
        ("Description", json!("")),
        ("KeyUsage", json!("ENCRYPT_DECRYPT")),
        ("KeyState", json!("Enabled")),
        ("Origin", json!("AWS_KMS")),
        ("KeyManager", json!("CUSTOMER")),
        ("KeySpec", json!("SYMMETRIC_DEFAULT")),
        ("CustomerMasterKeySpec", json!("SYMMETRIC_DEFAULT")),
        ("EncryptionAlgorithms", json!(["SYMMETRIC_DEFAULT"])),
        ("MultiRegion", json!(false)),
        ("DeletionDate", Value::Null),
        ("ValidTo", Value::Null),
        ("ExpirationModel", Value::Null),
        ("SigningAlgorithms", Value::Null),
        ("MacAlgorithms", Value::Null),
    ] {
        assert_eq!(metadata[member], value, "{member}");
    }
    assert_eq!(
        key,
        format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{}", id(key))
    );
    assert_eq!(kms.ok("DescribeKey", json!({"KeyId": key})), created);
}

#[test]
fn a_key_s_kind_and_what_it_is_for_go_together_or_are_refused() {
    for (spec, usage, expected) in [
        (None, None, OK),
        (None, Some("ENCRYPT_DECRYPT"), OK),
        (None, Some("SIGN_VERIFY"), VALIDATION),
        (None, Some("GENERATE_VERIFY_MAC"), VALIDATION),
        (None, Some("KEY_AGREEMENT"), VALIDATION),
        (None, Some("EVERYTHING"), VALIDATION),
        (Some("SYMMETRIC_DEFAULT"), None, OK),
        (Some("HMAC_224"), Some("GENERATE_VERIFY_MAC"), OK),
        (Some("HMAC_512"), Some("GENERATE_VERIFY_MAC"), OK),
        (Some("HMAC_256"), None, VALIDATION),
        (Some("HMAC_256"), Some("ENCRYPT_DECRYPT"), VALIDATION),
        (Some("ECC_NIST_P256"), Some("SIGN_VERIFY"), OK),
        (Some("ECC_NIST_P256"), None, VALIDATION),
        (Some("ECC_NIST_P256"), Some("ENCRYPT_DECRYPT"), VALIDATION),
        (
            Some("ECC_NIST_P256"),
            Some("GENERATE_VERIFY_MAC"),
            VALIDATION,
        ),
        (Some("RSA_2048"), Some("ENCRYPT_DECRYPT"), OK),
        (Some("RSA_2048"), Some("SIGN_VERIFY"), OK),
        (Some("RSA_2048"), None, VALIDATION),
        (Some("RSA_2048"), Some("GENERATE_VERIFY_MAC"), VALIDATION),
        (Some("SM2"), Some("SIGN_VERIFY"), UNSUPPORTED),
        (
            Some("ML_KEM_768"),
            Some("ENCAPSULATE_DECAPSULATE"),
            UNSUPPORTED,
        ),
        (Some("AES_256"), None, VALIDATION),
    ] {
        let body = json!({"KeySpec": spec, "KeyUsage": usage});
        assert_eq!(Kms::new().outcome("CreateKey", &body), expected, "{body}");
    }
}

#[test]
fn the_older_name_of_a_key_s_kind_does_but_not_beside_another_kind() {
    let mac = "GENERATE_VERIFY_MAC";
    for (body, expected) in [
        (
            json!({"CustomerMasterKeySpec": "HMAC_256", "KeyUsage": mac}),
            OK,
        ),
        (
            json!({"CustomerMasterKeySpec": "HMAC_256", "KeySpec": "HMAC_256", "KeyUsage": mac}),
            OK,
        ),
        (
            json!({"CustomerMasterKeySpec": "HMAC_224", "KeySpec": "HMAC_256", "KeyUsage": mac}),
            VALIDATION,
        ),
        (
            json!({"CustomerMasterKeySpec": "HMAC_1", "KeyUsage": mac}),
            VALIDATION,
        ),
    ] {
        assert_eq!(Kms::new().outcome("CreateKey", &body), expected, "{body}");
    }
}

#[test]
fn what_this_version_has_not_is_refused_and_not_ignored() {
    for body in [
        json!({"MultiRegion": true}),
        json!({"CustomKeyStoreId": "cks-1"}),
        json!({"XksKeyId": "x"}),
        json!({"Origin": "AWS_CLOUDHSM"}),
        json!({"Origin": "EXTERNAL_KEY_STORE"}),
    ] {
        let (code, message) = Kms::new().refused("CreateKey", body);
        assert_eq!(code, UNSUPPORTED);
        assert!(message.contains("Strongroom"), "{message}");
    }
    assert_eq!(
        Kms::new().outcome("CreateKey", &json!({"MultiRegion": false})),
        OK
    );
}

#[test]
fn a_key_that_is_not_there_is_not_found_by_its_own_account_and_denied_to_others() {
    let mut kms = Kms::new();
    let arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{NO_KEY}");
    let refused = kms.refused("DescribeKey", json!({"KeyId": arn}));
    assert_eq!(refused, (NOT_FOUND, format!("Key '{arn}' does not exist")));
    kms.be_other();
    assert_eq!(kms.code("DescribeKey", json!({"KeyId": arn})), DENIED);
}
