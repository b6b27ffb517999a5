//! What keys are used for: lengths and limits, keys that aren't fit, signatures and codes that don't fit, dry runs.

use serde_json::{Value, json};

use super::cryptography::{CIPHERTEXT, DRY_RUN, USAGE, decode, encode, encrypted, with_rsa_key};
use super::{DISABLED, Kms, NO_KEY, NOT_FOUND, OK, STATE, UNSUPPORTED, VALIDATION, text};

const MAC: &str = "KMSInvalidMacException";
const SIGNATURE: &str = "KMSInvalidSignatureException";

/// A key of each kind that a test asks for, by the name of its kind.
struct Keys {
    symmetric: String,
    mac: String,
    signing: String,
    rsa: String,
    rsa_signing: String,
}

impl Keys {
    fn of(kms: &mut Kms) -> Self {
        let mut key =
            |spec: &str, usage: &str| kms.key(json!({"KeySpec": spec, "KeyUsage": usage}));
        Keys {
            symmetric: key("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
            mac: key("HMAC_256", "GENERATE_VERIFY_MAC"),
            signing: key("ECC_NIST_P256", "SIGN_VERIFY"),
            rsa: key("RSA_2048", "ENCRYPT_DECRYPT"),
            rsa_signing: key("RSA_2048", "SIGN_VERIFY"),
        }
    }
}

fn with(body: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut body = body.clone();
    body[name] = value.into();
    body
}

/// Every operation with a key that is fit for it, and a request that it carries out.
fn uses(kms: &mut Kms, keys: &Keys) -> Vec<(&'static str, Value)> {
    let (symmetric, message) = (&keys.symmetric, encode("message"));
    let blob = encrypted(kms, symmetric, &json!({}));
    let rsa = json!({"KeyId": keys.rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"});
    let encrypt_rsa = with(&rsa, "Plaintext", encode("p"));
    let of_rsa = text(&kms.ok("Encrypt", encrypt_rsa.clone())["CiphertextBlob"]);
    let sign =
        json!({"KeyId": keys.signing, "Message": message, "SigningAlgorithm": "ECDSA_SHA_256"});
    let signature = text(&kms.ok("Sign", sign.clone())["Signature"]);
    let mac = json!({"KeyId": keys.mac, "Message": message, "MacAlgorithm": "HMAC_SHA_256"});
    let code = text(&kms.ok("GenerateMac", mac.clone())["Mac"]);
    let data_key = json!({"KeyId": symmetric, "KeySpec": "AES_256"});
    let pair = json!({"KeyId": symmetric, "KeyPairSpec": "ECC_NIST_P256"});
    vec![
        (
            "Encrypt",
            json!({"KeyId": symmetric, "Plaintext": encode("p")}),
        ),
        ("Encrypt", encrypt_rsa),
        ("Decrypt", json!({"CiphertextBlob": blob})),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "KeyId": symmetric}),
        ),
        ("Decrypt", with(&rsa, "CiphertextBlob", of_rsa.clone())),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "DestinationKeyId": symmetric}),
        ),
        (
            "ReEncrypt",
            json!({
                "CiphertextBlob": of_rsa, "SourceKeyId": keys.rsa, "SourceEncryptionAlgorithm": "RSAES_OAEP_SHA_1",
                "DestinationKeyId": keys.rsa, "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            }),
        ),
        ("GenerateDataKey", data_key.clone()),
        ("GenerateDataKeyWithoutPlaintext", data_key),
        ("GenerateDataKeyPair", pair.clone()),
        ("GenerateDataKeyPairWithoutPlaintext", pair),
        ("Sign", sign.clone()),
        ("Verify", with(&sign, "Signature", signature)),
        ("GenerateMac", mac.clone()),
        ("VerifyMac", with(&mac, "Mac", code)),
    ]
}

#[test]
fn only_an_enabled_key_encrypts_decrypts_signs_or_makes_codes() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let all = [&keys.symmetric, &keys.mac, &keys.signing, &keys.rsa];
    let uses = uses(&mut kms, &keys);
    for (operation, expected) in [
        ("EnableKey", OK),
        ("DisableKey", DISABLED),
        ("EnableKey", OK),
        ("ScheduleKeyDeletion", STATE),
        // It comes back disabled.
        ("CancelKeyDeletion", DISABLED),
    ] {
        for key in all {
            kms.ok(operation, json!({"KeyId": key}));
        }
        for (used, body) in &uses {
            assert_eq!(
                kms.outcome(used, body),
                expected,
                "{operation}: {used} {body}"
            );
            let body = with(body, "DryRun", true);
            let expected = if expected == OK { DRY_RUN } else { expected };
            assert_eq!(
                kms.outcome(used, &body),
                expected,
                "{operation}: {used} {body}"
            );
        }
    }
}

#[test]
fn the_refusal_of_a_key_s_state_names_the_key() {
    let (mut kms, key) = Kms::with_key();
    let body = json!({"KeyId": key, "Plaintext": encode("p")});
    kms.ok("DisableKey", json!({"KeyId": key}));
    let refused = kms.refused("Encrypt", body.clone());
    assert_eq!(refused, (DISABLED, format!("{key} is disabled.")));
    kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
    let refused = kms.refused("Encrypt", body);
    assert_eq!(refused, (STATE, format!("{key} is pending deletion.")));
    let awaiting = kms.key(json!({"Origin": "EXTERNAL"}));
    let body = json!({"KeyId": awaiting, "NumberOfBytes": 1});
    let refused = kms.refused("GenerateDataKey", body);
    assert_eq!(refused, (STATE, format!("{awaiting} is pending import.")));
}

#[test]
fn a_key_that_awaits_its_material_does_nothing() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let uses = uses(&mut kms, &keys);
    let mut awaiting = |spec: &str, usage: &str| {
        kms.key(json!({"Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage}))
    };
    let symmetric = awaiting("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT");
    let mac = awaiting("HMAC_256", "GENERATE_VERIFY_MAC");
    let signing = awaiting("ECC_NIST_P256", "SIGN_VERIFY");
    let rsa = awaiting("RSA_2048", "ENCRYPT_DECRYPT");
    for (operation, body) in uses {
        let Some(key) = body["KeyId"].as_str() else {
            continue;
        };
        let key = match key {
            key if key == keys.symmetric => &symmetric,
            key if key == keys.mac => &mac,
            key if key == keys.signing => &signing,
            _ => &rsa,
        };
        // A ciphertext of ours is another key's here.
        if body["CiphertextBlob"].is_null() || key == &rsa {
            let body = with(&body, "KeyId", key.as_str());
            assert_eq!(kms.outcome(operation, &body), STATE, "{operation} {body}");
        }
    }
}

#[test]
fn every_operation_that_takes_a_dry_run_refuses_it_last_and_changes_nothing() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    for (operation, body) in uses(&mut kms, &keys) {
        let dry = with(&body, "DryRun", true);
        let refused = kms.refused(operation, dry.clone());
        let expected = "The request would have succeeded, but the DryRun option is set.";
        assert_eq!(refused, (DRY_RUN, expected.to_owned()), "{operation}");
        let wet = with(&body, "DryRun", false);
        assert_eq!(kms.outcome(operation, &wet), OK, "{operation}");
        // A key that isn't there is told first.
        for member in ["KeyId", "DestinationKeyId", "SourceKeyId"] {
            if body[member].is_string() {
                let body = with(&dry, member, NO_KEY);
                assert_eq!(kms.code(operation, body), NOT_FOUND, "{operation} {member}");
            }
        }
    }
    // So is all that only the use itself can find wrong.
    let blob = encrypted(&mut kms, &keys.symmetric, &json!({}));
    let (_, of_other) = with_rsa_key(&mut kms);
    let oaep = "RSAES_OAEP_SHA_256";
    for (operation, body, expected) in [
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "1"}}),
            CIPHERTEXT,
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": of_other, "KeyId": keys.rsa, "EncryptionAlgorithm": oaep}),
            CIPHERTEXT,
        ),
        (
            "Encrypt",
            json!({"KeyId": keys.rsa, "Plaintext": encode([0; 191]), "EncryptionAlgorithm": oaep}),
            VALIDATION,
        ),
        (
            "Sign",
            json!({
                "KeyId": keys.signing, "Message": encode([0; 31]), "MessageType": "DIGEST",
                "SigningAlgorithm": "ECDSA_SHA_256",
            }),
            VALIDATION,
        ),
        (
            "Verify",
            json!({
                "KeyId": keys.signing, "Message": encode("m"), "Signature": encode("s"),
                "SigningAlgorithm": "ECDSA_SHA_256",
            }),
            SIGNATURE,
        ),
        (
            "VerifyMac",
            json!({
                "KeyId": keys.mac, "Message": encode("m"), "Mac": encode("c"), "MacAlgorithm": "HMAC_SHA_256",
            }),
            MAC,
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": keys.symmetric}),
            VALIDATION,
        ),
        (
            "GenerateDataKeyPair",
            json!({"KeyId": keys.symmetric, "KeyPairSpec": "SM2"}),
            UNSUPPORTED,
        ),
    ] {
        let body = with(&body, "DryRun", true);
        assert_eq!(kms.code(operation, body), expected, "{operation}");
    }
    // ReEncrypt to a key pair finds out whether the plaintext fits.
    let long = json!({"KeyId": keys.symmetric, "Plaintext": encode([0; 191])});
    let long = text(&kms.ok("Encrypt", long)["CiphertextBlob"]);
    for (blob, expected) in [(long, VALIDATION), (blob, DRY_RUN)] {
        let body = json!({
            "CiphertextBlob": blob, "DestinationKeyId": keys.rsa, "DestinationEncryptionAlgorithm": oaep,
            "DryRun": true,
        });
        assert_eq!(kms.code("ReEncrypt", body), expected);
    }
}

#[test]
fn a_key_does_only_what_it_is_for() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let all = [
        &keys.symmetric,
        &keys.mac,
        &keys.signing,
        &keys.rsa,
        &keys.rsa_signing,
    ];
    let (plaintext, message) = (encode("p"), encode([7; 32]));
    let (sha_256, ecdsa, hmac) = ("RSAES_OAEP_SHA_256", "ECDSA_SHA_256", "HMAC_SHA_256");
    let blob = encrypted(&mut kms, &keys.symmetric, &json!({}));
    for (operation, key_member, body, fit) in [
        (
            "Encrypt",
            "KeyId",
            json!({"Plaintext": plaintext}),
            &keys.symmetric,
        ),
        (
            "Encrypt",
            "KeyId",
            json!({"Plaintext": plaintext, "EncryptionAlgorithm": sha_256}),
            &keys.rsa,
        ),
        (
            "ReEncrypt",
            "DestinationKeyId",
            json!({"CiphertextBlob": blob}),
            &keys.symmetric,
        ),
        (
            "ReEncrypt",
            "DestinationKeyId",
            json!({"CiphertextBlob": blob, "DestinationEncryptionAlgorithm": sha_256}),
            &keys.rsa,
        ),
        (
            "GenerateDataKey",
            "KeyId",
            json!({"KeySpec": "AES_128"}),
            &keys.symmetric,
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            "KeyId",
            json!({"KeySpec": "AES_128"}),
            &keys.symmetric,
        ),
        (
            "GenerateDataKeyPair",
            "KeyId",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
            &keys.symmetric,
        ),
        (
            "GenerateDataKeyPairWithoutPlaintext",
            "KeyId",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
            &keys.symmetric,
        ),
        (
            "Sign",
            "KeyId",
            json!({"Message": message, "SigningAlgorithm": ecdsa}),
            &keys.signing,
        ),
        (
            "Sign",
            "KeyId",
            json!({"Message": message, "SigningAlgorithm": "RSASSA_PSS_SHA_256"}),
            &keys.rsa_signing,
        ),
        (
            "GenerateMac",
            "KeyId",
            json!({"Message": message, "MacAlgorithm": hmac}),
            &keys.mac,
        ),
    ] {
        for key in all {
            let body = with(&body, key_member, key.as_str());
            let expected = if key == fit { OK } else { USAGE };
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {body}"
            );
        }
    }
    for key in all {
        for (operation, body, fit) in [
            (
                "Verify",
                json!({"Message": message, "Signature": message, "SigningAlgorithm": ecdsa}),
                &keys.signing,
            ),
            (
                "VerifyMac",
                json!({"Message": message, "Mac": message, "MacAlgorithm": hmac}),
                &keys.mac,
            ),
        ] {
            let wrong = if operation == "Verify" {
                SIGNATURE
            } else {
                MAC
            };
            let expected = if key == fit { wrong } else { USAGE };
            let body = with(&body, "KeyId", key.as_str());
            assert_eq!(kms.code(operation, body), expected, "{operation} {key}");
        }
    }
}

#[test]
fn an_algorithm_must_be_one_of_the_key_s() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let message = encode("m");
    for (operation, key, member, algorithm, expected) in [
        (
            "Encrypt",
            &keys.symmetric,
            "EncryptionAlgorithm",
            "SYMMETRIC_DEFAULT",
            OK,
        ),
        (
            "Encrypt",
            &keys.rsa,
            "EncryptionAlgorithm",
            "RSAES_OAEP_SHA_1",
            OK,
        ),
        (
            "Encrypt",
            &keys.rsa,
            "EncryptionAlgorithm",
            "SYMMETRIC_DEFAULT",
            USAGE,
        ),
        ("Encrypt", &keys.rsa, "EncryptionAlgorithm", "SM2PKE", USAGE),
        (
            "Encrypt",
            &keys.rsa,
            "EncryptionAlgorithm",
            "RSAES_PKCS1_V1_5",
            VALIDATION,
        ),
        (
            "Sign",
            &keys.signing,
            "SigningAlgorithm",
            "ECDSA_SHA_384",
            USAGE,
        ),
        (
            "Sign",
            &keys.signing,
            "SigningAlgorithm",
            "RSASSA_PSS_SHA_256",
            USAGE,
        ),
        (
            "Sign",
            &keys.rsa_signing,
            "SigningAlgorithm",
            "RSASSA_PKCS1_V1_5_SHA_512",
            OK,
        ),
        (
            "Sign",
            &keys.rsa_signing,
            "SigningAlgorithm",
            "ECDSA_SHA_256",
            USAGE,
        ),
        (
            "Sign",
            &keys.signing,
            "SigningAlgorithm",
            "ML_DSA_SHAKE_256",
            USAGE,
        ),
        (
            "Sign",
            &keys.signing,
            "SigningAlgorithm",
            "ECDSA",
            VALIDATION,
        ),
        (
            "GenerateMac",
            &keys.mac,
            "MacAlgorithm",
            "HMAC_SHA_512",
            USAGE,
        ),
        (
            "GenerateMac",
            &keys.mac,
            "MacAlgorithm",
            "HMAC_SHA_1",
            VALIDATION,
        ),
    ] {
        let own = if operation == "Encrypt" {
            "Plaintext"
        } else {
            "Message"
        };
        let body = json!({"KeyId": key, own: message, member: algorithm});
        assert_eq!(
            kms.outcome(operation, &body),
            expected,
            "{operation} {body}"
        );
    }
}

#[test]
fn plaintexts_messages_and_what_is_checked_have_their_limits() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let symmetric = json!({"KeyId": keys.symmetric});
    let rsa = |algorithm: &str| json!({"KeyId": keys.rsa, "EncryptionAlgorithm": algorithm});
    let sign = json!({"KeyId": keys.signing, "SigningAlgorithm": "ECDSA_SHA_256"});
    let verify = with(&sign, "Message", encode("m"));
    let mac = json!({"KeyId": keys.mac, "MacAlgorithm": "HMAC_SHA_256"});
    let verify_mac = with(&mac, "Message", encode("m"));
    for (operation, body, member, lengths) in [
        (
            "Encrypt",
            symmetric.clone(),
            "Plaintext",
            vec![(0, VALIDATION), (1, OK), (4096, OK), (4097, VALIDATION)],
        ),
        // The modulus without two digests and two bytes. Source: RFC 8017, 7.1.1.
        (
            "Encrypt",
            rsa("RSAES_OAEP_SHA_256"),
            "Plaintext",
            vec![
                (0, VALIDATION),
                (1, OK),
                (190, OK),
                (191, VALIDATION),
                (4097, VALIDATION),
            ],
        ),
        (
            "Encrypt",
            rsa("RSAES_OAEP_SHA_1"),
            "Plaintext",
            vec![(214, OK), (215, VALIDATION)],
        ),
        (
            "Decrypt",
            symmetric,
            "CiphertextBlob",
            vec![
                (0, VALIDATION),
                (1, CIPHERTEXT),
                (6144, CIPHERTEXT),
                (6145, VALIDATION),
            ],
        ),
        (
            "Decrypt",
            rsa("RSAES_OAEP_SHA_256"),
            "CiphertextBlob",
            vec![
                (0, VALIDATION),
                (1, CIPHERTEXT),
                (256, CIPHERTEXT),
                (6144, CIPHERTEXT),
                (6145, VALIDATION),
            ],
        ),
        (
            "Sign",
            sign,
            "Message",
            vec![(0, VALIDATION), (1, OK), (4096, OK), (4097, VALIDATION)],
        ),
        (
            "Verify",
            verify,
            "Signature",
            vec![
                (0, VALIDATION),
                (1, SIGNATURE),
                (6144, SIGNATURE),
                (6145, VALIDATION),
            ],
        ),
        (
            "GenerateMac",
            mac,
            "Message",
            vec![(0, VALIDATION), (1, OK), (4096, OK), (4097, VALIDATION)],
        ),
        (
            "VerifyMac",
            verify_mac,
            "Mac",
            vec![(0, VALIDATION), (1, MAC), (6144, MAC), (6145, VALIDATION)],
        ),
    ] {
        for (length, expected) in lengths {
            let body = with(&body, member, encode(vec![b'x'; length]));
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {length}"
            );
        }
        for (value, expected) in [
            (Value::Null, VALIDATION),
            (json!("no base64!"), "SerializationException"),
            (json!(1), "SerializationException"),
        ] {
            let body = with(&body, member, value);
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {body}"
            );
        }
    }
}

#[test]
fn a_plaintext_of_whatever_bytes_and_length_comes_back() {
    let (mut kms, key) = Kms::with_key();
    for length in [1, 2, 3, 15, 16, 17, 255, 256, 4095, 4096] {
        let plaintext: Vec<u8> = (0..length).map(|at| (at % 256) as u8).collect();
        let body = json!({"KeyId": key, "Plaintext": encode(&plaintext)});
        let blob = text(&kms.ok("Encrypt", body)["CiphertextBlob"]);
        let opened = kms.ok("Decrypt", json!({"CiphertextBlob": blob}));
        assert_eq!(decode(&text(&opened["Plaintext"])), plaintext, "{length}");
    }
}

#[test]
fn an_encryption_context_has_at_most_8192_bytes() {
    let (mut kms, key) = Kms::with_key();
    for (context, expected) in [
        (json!({"a": "x".repeat(8191)}), OK),
        (json!({"a": "x".repeat(8192)}), VALIDATION),
        (json!({"x".repeat(8192): ""}), OK),
        (json!({"a": "x".repeat(4000), "b": "x".repeat(4190)}), OK),
        (
            json!({"a": "x".repeat(4000), "b": "x".repeat(4191)}),
            VALIDATION,
        ),
        // Bytes, not characters.
        (json!({"a": "ü".repeat(4096)}), VALIDATION),
    ] {
        for (operation, member, body) in [
            (
                "Encrypt",
                "EncryptionContext",
                json!({"KeyId": key, "Plaintext": encode("p")}),
            ),
            (
                "GenerateDataKey",
                "EncryptionContext",
                json!({"KeyId": key, "KeySpec": "AES_256"}),
            ),
            (
                "ReEncrypt",
                "DestinationEncryptionContext",
                json!({"CiphertextBlob": encrypted(&mut kms, &key, &json!({})), "DestinationKeyId": key}),
            ),
        ] {
            let body = with(&body, member, context.clone());
            assert_eq!(kms.outcome(operation, &body), expected, "{operation}");
        }
    }
    for context in [
        json!("a"),
        json!(["a"]),
        json!({"a": 1}),
        json!({"a": ["1"]}),
    ] {
        let body = json!({"KeyId": key, "Plaintext": encode("p"), "EncryptionContext": context});
        assert_eq!(
            kms.outcome("Encrypt", &body),
            "SerializationException",
            "{body}"
        );
    }
}

#[test]
fn a_data_key_has_the_length_that_is_asked_for_in_one_way() {
    let (mut kms, key) = Kms::with_key();
    let length_of = |answer: &Value| decode(&text(&answer["Plaintext"])).len();
    for (asked, expected) in [
        (json!({"KeySpec": "AES_256"}), Ok(32)),
        (json!({"KeySpec": "AES_128"}), Ok(16)),
        (json!({"NumberOfBytes": 1}), Ok(1)),
        (json!({"NumberOfBytes": 64}), Ok(64)),
        (json!({"NumberOfBytes": 1024}), Ok(1024)),
        (json!({"NumberOfBytes": 0}), Err(VALIDATION)),
        (json!({"NumberOfBytes": 1025}), Err(VALIDATION)),
        (json!({"NumberOfBytes": -1}), Err(VALIDATION)),
        (json!({"KeySpec": "AES_192"}), Err(VALIDATION)),
        (json!({}), Err(VALIDATION)),
        (
            json!({"KeySpec": "AES_256", "NumberOfBytes": 32}),
            Err(VALIDATION),
        ),
    ] {
        let body = with(&asked, "KeyId", key.as_str());
        let code = expected.err().unwrap_or(OK);
        assert_eq!(kms.outcome("GenerateDataKey", &body), code, "{asked}");
        assert_eq!(
            kms.outcome("GenerateDataKeyWithoutPlaintext", &body),
            code,
            "{asked}"
        );
        let Ok(length) = expected else {
            continue;
        };
        let made = kms.ok("GenerateDataKey", body.clone());
        assert_eq!(
            (length_of(&made), &made["KeyId"]),
            (length, &json!(key)),
            "{asked}"
        );
        let opened = kms.ok("Decrypt", json!({"CiphertextBlob": made["CiphertextBlob"]}));
        assert_eq!(opened["Plaintext"], made["Plaintext"], "{asked}");
        let hidden = kms.ok("GenerateDataKeyWithoutPlaintext", body);
        assert!(hidden.get("Plaintext").is_none(), "{asked}");
        let opened = kms.ok(
            "Decrypt",
            json!({"CiphertextBlob": hidden["CiphertextBlob"]}),
        );
        assert_eq!(length_of(&opened), length, "{asked}");
    }
}

#[test]
fn a_data_key_pair_is_of_its_kind_and_its_private_key_opens_in_its_context() {
    let (mut kms, key) = Kms::with_key();
    for (spec, expected) in [
        ("RSA_2048", OK),
        ("ECC_NIST_P256", OK),
        ("ECC_NIST_P384", OK),
        ("ECC_NIST_P521", OK),
        ("ECC_SECG_P256K1", OK),
        ("ECC_NIST_EDWARDS25519", OK),
        ("SM2", UNSUPPORTED),
        ("RSA_1024", VALIDATION),
        ("SYMMETRIC_DEFAULT", VALIDATION),
    ] {
        let body = json!({"KeyId": key, "KeyPairSpec": spec, "EncryptionContext": {"a": "1"}});
        assert_eq!(
            kms.outcome("GenerateDataKeyPair", &body),
            expected,
            "{spec}"
        );
        if expected != OK {
            continue;
        }
        let made = kms.ok("GenerateDataKeyPair", body.clone());
        assert_eq!(
            (&made["KeyPairSpec"], &made["KeyId"]),
            (&json!(spec), &json!(key))
        );
        let blob = &made["PrivateKeyCiphertextBlob"];
        let opened = kms.ok(
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "1"}}),
        );
        assert_eq!(opened["Plaintext"], made["PrivateKeyPlaintext"], "{spec}");
        assert_eq!(
            kms.code("Decrypt", json!({"CiphertextBlob": blob})),
            CIPHERTEXT
        );
        let hidden = kms.ok("GenerateDataKeyPairWithoutPlaintext", body);
        assert!(hidden.get("PrivateKeyPlaintext").is_none(), "{spec}");
    }
    assert_eq!(
        kms.code("GenerateDataKeyPair", json!({"KeyId": key})),
        VALIDATION
    );
}

#[test]
fn random_bytes_are_as_many_as_are_asked_for_up_to_1024() {
    let mut kms = Kms::new();
    for length in [1, 32, 1024] {
        let made = kms.ok("GenerateRandom", json!({"NumberOfBytes": length}));
        assert_eq!(decode(&text(&made["Plaintext"])).len(), length);
    }
    let [one, two] = [(); 2].map(|()| kms.ok("GenerateRandom", json!({"NumberOfBytes": 16})));
    assert_ne!(one, two);
    for (body, expected) in [
        (json!({}), VALIDATION),
        (json!({"NumberOfBytes": null}), VALIDATION),
        (json!({"NumberOfBytes": 0}), VALIDATION),
        (json!({"NumberOfBytes": 1025}), VALIDATION),
        (json!({"NumberOfBytes": -1}), VALIDATION),
        (json!({"NumberOfBytes": "1"}), "SerializationException"),
        (
            json!({"NumberOfBytes": 1, "CustomKeyStoreId": "cks-1"}),
            UNSUPPORTED,
        ),
        (
            json!({"NumberOfBytes": 1, "CustomKeyStoreId": ""}),
            VALIDATION,
        ),
    ] {
        assert_eq!(kms.outcome("GenerateRandom", &body), expected, "{body}");
    }
}

#[test]
fn an_enclave_gets_no_answer_and_is_told_so() {
    let (mut kms, key) = Kms::with_key();
    let blob = encrypted(&mut kms, &key, &json!({}));
    for (operation, body) in [
        ("Decrypt", json!({"CiphertextBlob": blob})),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
        ),
        (
            "GenerateDataKeyPair",
            json!({"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"}),
        ),
        ("GenerateRandom", json!({"NumberOfBytes": 1})),
    ] {
        let algorithm = "KeyEncryptionAlgorithm";
        for (recipient, expected) in [
            (
                json!({algorithm: "RSAES_OAEP_SHA_256", "AttestationDocument": encode("d")}),
                UNSUPPORTED,
            ),
            (json!({}), UNSUPPORTED),
            (json!({algorithm: "RSAES_OAEP_SHA_1"}), VALIDATION),
            (json!({"AttestationDocument": ""}), VALIDATION),
            (json!("r"), "SerializationException"),
            (Value::Null, OK),
        ] {
            let body = with(&body, "Recipient", recipient);
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {body}"
            );
        }
    }
}

#[test]
fn a_signature_is_of_one_message_in_one_form_with_one_algorithm_by_one_key() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let other = kms.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}));
    let (message, algorithm) = (encode([7; 32]), "RSASSA_PKCS1_V1_5_SHA_256");
    let signed =
        json!({"KeyId": keys.rsa_signing, "Message": message, "SigningAlgorithm": algorithm});
    let signature = decode(&text(&kms.ok("Sign", signed.clone())["Signature"]));
    let right = with(&signed, "Signature", encode(&signature));
    let verified = json!({
        "KeyId": keys.rsa_signing, "SignatureValid": true, "SigningAlgorithm": algorithm,
    });
    assert_eq!(kms.ok("Verify", right.clone()), verified);
    for (member, value, expected) in [
        ("MessageType", json!("RAW"), OK),
        ("MessageType", json!("DIGEST"), SIGNATURE),
        ("MessageType", json!("EXTERNAL_MU"), UNSUPPORTED),
        ("MessageType", json!("HASH"), VALIDATION),
        ("Message", json!(encode([8; 32])), SIGNATURE),
        ("Message", json!(encode([7; 31])), SIGNATURE),
        ("SigningAlgorithm", json!("RSASSA_PSS_SHA_256"), SIGNATURE),
        (
            "SigningAlgorithm",
            json!("RSASSA_PKCS1_V1_5_SHA_384"),
            SIGNATURE,
        ),
        ("SigningAlgorithm", json!("ECDSA_SHA_256"), USAGE),
        ("SigningAlgorithm", Value::Null, VALIDATION),
        ("KeyId", json!(other), SIGNATURE),
        ("KeyId", json!(keys.rsa), USAGE),
        ("KeyId", json!(NO_KEY), NOT_FOUND),
        ("Signature", json!(encode(&signature[1..])), SIGNATURE),
        (
            "Signature",
            json!(encode([&signature[..], &[0]].concat())),
            SIGNATURE,
        ),
        ("Signature", json!(encode([0; 256])), SIGNATURE),
    ] {
        let body = with(&right, member, value);
        assert_eq!(kms.outcome("Verify", &body), expected, "{body}");
    }
    for at in (0..signature.len()).step_by(17) {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        let body = with(&right, "Signature", encode(changed));
        assert_eq!(kms.code("Verify", body), SIGNATURE, "{at}");
    }
}

#[test]
fn no_byte_of_an_elliptic_signature_can_be_changed_or_left_out() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let message = encode("m");
    let signed =
        json!({"KeyId": keys.signing, "Message": message, "SigningAlgorithm": "ECDSA_SHA_256"});
    let signature = decode(&text(&kms.ok("Sign", signed.clone())["Signature"]));
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1;
        for changed in [&changed[..], &signature[..at]] {
            let expected = if changed.is_empty() {
                VALIDATION
            } else {
                SIGNATURE
            };
            let body = with(&signed, "Signature", encode(changed));
            assert_eq!(kms.code("Verify", body), expected, "{at}");
        }
    }
}

#[test]
fn a_digest_that_is_signed_has_the_algorithm_s_length() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let (ecdsa, pss) = ("ECDSA_SHA_256", "RSASSA_PSS_SHA_512");
    for (key, algorithm, length, expected) in [
        (&keys.signing, ecdsa, 32, OK),
        (&keys.signing, ecdsa, 31, VALIDATION),
        (&keys.signing, ecdsa, 33, VALIDATION),
        (&keys.signing, ecdsa, 64, VALIDATION),
        (&keys.rsa_signing, pss, 64, OK),
        (&keys.rsa_signing, pss, 32, VALIDATION),
        (&keys.rsa_signing, "RSASSA_PKCS1_V1_5_SHA_384", 48, OK),
        (
            &keys.rsa_signing,
            "RSASSA_PKCS1_V1_5_SHA_384",
            64,
            VALIDATION,
        ),
    ] {
        let body = json!({
            "KeyId": key, "Message": encode(vec![7; length]), "MessageType": "DIGEST",
            "SigningAlgorithm": algorithm,
        });
        assert_eq!(kms.outcome("Sign", &body), expected, "{body}");
        let body = with(&body, "Signature", encode("s"));
        let expected = if expected == OK { SIGNATURE } else { expected };
        assert_eq!(kms.outcome("Verify", &body), expected, "{body}");
    }
}

#[test]
fn a_code_is_of_one_message_with_one_algorithm_by_one_key() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    let other = kms.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let asked = json!({"KeyId": keys.mac, "Message": encode("m"), "MacAlgorithm": "HMAC_SHA_256"});
    let made = kms.ok("GenerateMac", asked.clone());
    assert_eq!(
        (&made["KeyId"], &made["MacAlgorithm"]),
        (&json!(keys.mac), &json!("HMAC_SHA_256"))
    );
    let code = decode(&text(&made["Mac"]));
    assert_eq!(code.len(), 32);
    let right = with(&asked, "Mac", encode(&code));
    let verified = json!({"KeyId": keys.mac, "MacValid": true, "MacAlgorithm": "HMAC_SHA_256"});
    assert_eq!(kms.ok("VerifyMac", right.clone()), verified);
    for (member, value, expected) in [
        ("Message", json!(encode("M")), MAC),
        ("Message", json!(encode("m\0")), MAC),
        ("MacAlgorithm", json!("HMAC_SHA_384"), USAGE),
        ("MacAlgorithm", Value::Null, VALIDATION),
        ("KeyId", json!(other), MAC),
        ("KeyId", json!(keys.signing), USAGE),
        ("KeyId", json!(NO_KEY), NOT_FOUND),
        ("Mac", json!(encode(&code[..31])), MAC),
        ("Mac", json!(encode(&code[..16])), MAC),
        ("Mac", json!(encode([&code[..], &[0]].concat())), MAC),
    ] {
        let body = with(&right, member, value);
        assert_eq!(kms.outcome("VerifyMac", &body), expected, "{body}");
    }
    for at in 0..code.len() {
        let mut changed = code.clone();
        changed[at] ^= 1;
        let body = with(&right, "Mac", encode(changed));
        assert_eq!(kms.code("VerifyMac", body), MAC, "{at}");
    }
}

#[test]
fn each_kind_of_key_for_codes_has_one_algorithm() {
    let mut kms = Kms::new();
    let sizes = [(224, 28), (256, 32), (384, 48), (512, 64)];
    for (bits, length) in sizes {
        let spec = format!("HMAC_{bits}");
        let key = kms.key(json!({"KeySpec": spec, "KeyUsage": "GENERATE_VERIFY_MAC"}));
        for (other, _) in sizes {
            let algorithm = format!("HMAC_SHA_{other}");
            let body = json!({"KeyId": key, "Message": encode("m"), "MacAlgorithm": algorithm});
            let expected = if other == bits { OK } else { USAGE };
            assert_eq!(kms.outcome("GenerateMac", &body), expected, "{body}");
            if other == bits {
                let made = kms.ok("GenerateMac", body);
                assert_eq!(decode(&text(&made["Mac"])).len(), length, "{algorithm}");
            }
        }
    }
}

#[test]
fn what_a_key_refuses_to_open_it_refuses_without_a_text_of_why() {
    let mut kms = Kms::new();
    let keys = Keys::of(&mut kms);
    for (operation, body, expected) in [
        (
            "Verify",
            json!({
                "KeyId": keys.signing, "Message": encode("m"), "Signature": encode("s"),
                "SigningAlgorithm": "ECDSA_SHA_256",
            }),
            (SIGNATURE, "The signature is not valid."),
        ),
        (
            "VerifyMac",
            json!({
                "KeyId": keys.mac, "Message": encode("m"), "Mac": encode("c"), "MacAlgorithm": "HMAC_SHA_256",
            }),
            (MAC, "The HMAC is not valid."),
        ),
        (
            "Decrypt",
            json!({
                "KeyId": keys.rsa, "CiphertextBlob": encode([1; 256]), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            }),
            (CIPHERTEXT, ""),
        ),
    ] {
        let (code, message) = kms.refused(operation, body);
        assert_eq!((code, message.as_str()), expected);
    }
}
