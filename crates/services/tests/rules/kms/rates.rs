//! Which of KMS's request rates a request counts for. Source: AWS KMS Developer Guide, Request quotas.

use serde_json::json;
use strongroom_services::rate::RATES;

use super::Kms;

#[test]
fn cryptographic_operations_count_by_the_kind_of_their_key() {
    let mut kms = Kms::new();
    let mut key = |spec: &str, usage: &str| {
        let made = kms.ok("CreateKey", json!({"KeySpec": spec, "KeyUsage": usage}));
        made["KeyMetadata"].clone()
    };
    let symmetric = key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    let mac = key("HMAC_256", "GENERATE_VERIFY_MAC");
    let rsa = key("RSA_2048", "ENCRYPT_DECRYPT");
    let curve = key("ECC_NIST_P256", "SIGN_VERIFY");
    let alias = json!({"AliasName": "alias/rsa", "TargetKeyId": rsa["KeyId"]});
    kms.ok("CreateAlias", alias);
    let rate = |operation: &str, body| kms.service.rate_of("kms", operation, &body).unwrap();

    let shared = rate("GenerateRandom", json!({"NumberOfBytes": 1}));
    let of_rsa = rate("Sign", json!({"KeyId": rsa["Arn"]}));
    let of_curve = rate("Sign", json!({"KeyId": curve["KeyId"]}));
    assert_eq!(RATES[shared].per_second, 10_000);
    assert_eq!(
        (RATES[of_rsa].per_second, RATES[of_curve].per_second),
        (1_000, 1_000)
    );
    assert_ne!(of_rsa, of_curve);
    for (operation, body, expected) in [
        ("Decrypt", json!({"CiphertextBlob": "AQ=="}), shared),
        (
            "Decrypt",
            json!({"CiphertextBlob": "AQ==", "KeyId": symmetric["KeyId"]}),
            shared,
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": "AQ==", "KeyId": rsa["KeyId"]}),
            of_rsa,
        ),
        (
            "Encrypt",
            json!({"KeyId": "alias/rsa", "Plaintext": "AQ=="}),
            of_rsa,
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": symmetric["Arn"]}),
            shared,
        ),
        ("GenerateMac", json!({"KeyId": mac["KeyId"]}), shared),
        (
            "ReEncrypt",
            json!({"SourceKeyId": rsa["KeyId"], "DestinationKeyId": "x"}),
            of_rsa,
        ),
        (
            "ReEncrypt",
            json!({"DestinationKeyId": rsa["KeyId"]}),
            shared,
        ),
        ("Verify", json!({"KeyId": curve["Arn"]}), of_curve),
        // What can't be read, and what there isn't, is counted too.
        ("Verify", json!({"KeyId": "alias/none"}), shared),
        ("Sign", json!({"KeyId": 7}), shared),
        ("Encrypt", json!([]), shared),
    ] {
        assert_eq!(
            rate(operation, body.clone()),
            expected,
            "{operation} {body}"
        );
    }
    for (spec, per_second) in [
        ("RSA_2048", 20),
        ("RSA_3072", 4),
        ("RSA_4096", 1),
        ("ECC_NIST_P521", 100),
        ("", 100),
    ] {
        let body = json!({"KeyId": symmetric["KeyId"], "KeyPairSpec": spec});
        for operation in ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"] {
            let found = rate(operation, body.clone());
            assert_eq!(RATES[found].per_second, per_second, "{operation} {spec}");
        }
    }
}
