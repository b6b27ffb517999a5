//! Ciphertexts: what opens them, and what changed, foreign or ill-named ones are answered with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_keys::{EncryptionAlgorithm, SecretBytes, encrypt_with_public_key};

use super::{DENIED, DISABLED, Kms, NO_KEY, NOT_FOUND, OK, STATE, VALIDATION, id, text};
use crate::harness::{OTHER_ACCOUNT, REGION};

/// Codes.
pub(super) const CIPHERTEXT: &str = "InvalidCiphertextException";
pub(super) const OTHER_KEY: &str = "IncorrectKeyException";
pub(super) const USAGE: &str = "InvalidKeyUsageException";
pub(super) const DRY_RUN: &str = "DryRunOperationException";

/// Bytes of a ciphertext's header.
const HEADER_LEN: usize = 33;

pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}

pub(super) fn decode(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

/// A ciphertext of `p` under a key.
pub(super) fn encrypted(kms: &mut Kms, key: &str, context: &Value) -> String {
    let body = json!({"KeyId": key, "Plaintext": encode("p"), "EncryptionContext": context});
    text(&kms.ok("Encrypt", body)["CiphertextBlob"])
}

/// An RSA key that decrypts, and a ciphertext of `p` with it.
pub(super) fn with_rsa_key(kms: &mut Kms) -> (String, String) {
    let key = kms.key(json!({"KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"}));
    let body = json!({"KeyId": key, "Plaintext": encode("p"), "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"});
    let blob = text(&kms.ok("Encrypt", body)["CiphertextBlob"]);
    (key, blob)
}

#[test]
fn a_ciphertext_opens_to_its_plaintext_and_says_with_which_key_and_material() {
    let (mut kms, key) = Kms::with_key();
    let material = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    let blob = encrypted(&mut kms, &key, &json!({"a": "1"}));
    let opened = json!({
        "Plaintext": encode("p"),
        "KeyId": key,
        "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "KeyMaterialId": material,
    });
    let body = json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "1"}});
    assert_eq!(kms.ok("Decrypt", body), opened);
}

#[test]
fn an_asymmetric_ciphertext_opens_with_the_key_and_the_algorithm_that_the_request_names() {
    let mut kms = Kms::new();
    let (key, blob) = with_rsa_key(&mut kms);
    let (other, _) = with_rsa_key(&mut kms);
    let symmetric = kms.key(json!({}));
    let (sha_256, sha_1) = ("RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1");
    for (named, algorithm, context, expected) in [
        (Some(&key), Some(sha_256), json!({}), OK),
        (Some(&key), Some(sha_256), json!({"a": "1"}), VALIDATION),
        (Some(&key), Some(sha_1), json!({}), CIPHERTEXT),
        (Some(&other), Some(sha_256), json!({}), CIPHERTEXT),
        (Some(&key), Some("SM2PKE"), json!({}), USAGE),
        (Some(&symmetric), Some(sha_256), json!({}), USAGE),
        (None, Some(sha_256), json!({}), VALIDATION),
        // Without an algorithm it is taken for a symmetric one.
        (Some(&key), None, json!({}), CIPHERTEXT),
        (None, None, json!({}), CIPHERTEXT),
    ] {
        let body = json!({
            "CiphertextBlob": blob, "KeyId": named, "EncryptionAlgorithm": algorithm, "EncryptionContext": context,
        });
        assert_eq!(kms.outcome("Decrypt", &body), expected, "{body}");
        let body = json!({
            "CiphertextBlob": blob, "SourceKeyId": named, "SourceEncryptionAlgorithm": algorithm,
            "SourceEncryptionContext": context, "DestinationKeyId": symmetric,
        });
        assert_eq!(kms.outcome("ReEncrypt", &body), expected, "{body}");
    }
}

#[test]
fn of_an_encryption_context_every_letter_counts_but_not_the_order() {
    let (mut kms, key) = Kms::with_key();
    for (sealed, opened, expected) in [
        (r#"{"a":"1","b":"2"}"#, r#"{"a":"1","b":"2"}"#, OK),
        (r#"{"a":"1","b":"2"}"#, r#"{"b":"2","a":"1"}"#, OK),
        (r#"{"a":"1","b":"2"}"#, r#"{"A":"1","b":"2"}"#, CIPHERTEXT),
        (r#"{"a":"x","b":"2"}"#, r#"{"a":"X","b":"2"}"#, CIPHERTEXT),
        (r#"{"a":"1","b":"2"}"#, r#"{"a":"2","b":"1"}"#, CIPHERTEXT),
        (r#"{"a":"1","b":"2"}"#, r#"{"a":"1"}"#, CIPHERTEXT),
        (
            r#"{"a":"1","b":"2"}"#,
            r#"{"a":"1","b":"2","c":"3"}"#,
            CIPHERTEXT,
        ),
        (r#"{"a":"1","b":"2"}"#, r#"{"a":"1","b":"2 "}"#, CIPHERTEXT),
        (r#"{"a":"1","b":"2"}"#, "{}", CIPHERTEXT),
        (r#"{"a":"bc"}"#, r#"{"ab":"c"}"#, CIPHERTEXT),
        ("{}", r#"{"":""}"#, CIPHERTEXT),
        ("{}", "{}", OK),
        ("null", "{}", OK),
        ("{}", "null", OK),
        (r#"{"\u00e9":"1"}"#, r#"{"\u00e9":"1"}"#, OK),
        // The same letter, put together of two.
        (r#"{"\u00e9":"1"}"#, r#"{"e\u0301":"1"}"#, CIPHERTEXT),
    ] {
        let context = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let blob = encrypted(&mut kms, &key, &context(sealed));
        let body = json!({"CiphertextBlob": blob, "EncryptionContext": context(opened)});
        assert_eq!(kms.outcome("Decrypt", &body), expected, "{sealed} {opened}");
        let body = json!({
            "CiphertextBlob": blob, "SourceEncryptionContext": context(opened), "DestinationKeyId": key,
        });
        assert_eq!(
            kms.outcome("ReEncrypt", &body),
            expected,
            "{sealed} {opened}"
        );
    }
}

#[test]
fn no_name_of_a_context_stands_for_what_a_ciphertext_is_bound_to_besides() {
    let (mut kms, key) = Kms::with_key();
    let contexts = [
        json!({}),
        json!({"\0KeyId": id(&key)}),
        json!({"\0KeyId": NO_KEY}),
        json!({"KeyId": id(&key)}),
        json!({"\0KeyId": id(&key), "a": "1"}),
        json!({"a": "1"}),
        json!({"\0": ""}),
    ];
    for (at, sealed) in contexts.iter().enumerate() {
        let blob = encrypted(&mut kms, &key, sealed);
        for (with, opened) in contexts.iter().enumerate() {
            let body = json!({"CiphertextBlob": blob, "EncryptionContext": opened});
            let expected = if at == with { OK } else { CIPHERTEXT };
            assert_eq!(kms.outcome("Decrypt", &body), expected, "{sealed} {opened}");
        }
    }
}

/// Brings a key that was made for it this material.
fn import(kms: &mut Kms, key: &str, material: &SecretBytes) {
    let parameters = kms.ok(
        "GetParametersForImport",
        json!({"KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
    );
    let public = decode(&text(&parameters["PublicKey"]));
    let algorithm = EncryptionAlgorithm::parse("RSAES_OAEP_SHA_256").unwrap();
    let wrapped = encrypt_with_public_key(&public, algorithm, material).unwrap();
    kms.ok(
        "ImportKeyMaterial",
        json!({
            "KeyId": key,
            "ImportToken": parameters["ImportToken"],
            "EncryptedKeyMaterial": encode(wrapped),
            "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
        }),
    );
}

#[test]
fn two_keys_with_the_same_material_do_not_open_each_other_s_ciphertexts() {
    let mut kms = Kms::new();
    let material = SecretBytes::new(vec![7; 32]);
    let [one, two] = [(); 2].map(|()| kms.key(json!({"Origin": "EXTERNAL"})));
    for key in [&one, &two] {
        import(&mut kms, key, &material);
    }
    let first = decode(&encrypted(&mut kms, &one, &json!({})));
    let second = decode(&encrypted(&mut kms, &two, &json!({})));
    let moved = encode([&second[..HEADER_LEN], &first[HEADER_LEN..]].concat());
    for (blob, expected) in [
        (encode(first), OK),
        (encode(second), OK),
        (moved, CIPHERTEXT),
    ] {
        let body = json!({"CiphertextBlob": blob});
        assert_eq!(kms.outcome("Decrypt", &body), expected);
    }
}

#[test]
fn no_byte_of_a_ciphertext_can_be_changed() {
    let (mut kms, key) = Kms::with_key();
    let blob = decode(&encrypted(&mut kms, &key, &json!({})));
    for at in 0..blob.len() {
        let expected = match at {
            // The format, the version of the material, all that is sealed.
            0 | 29.. => CIPHERTEXT,
            // The account and the id are another key's, which isn't there.
            _ => DENIED,
        };
        let mut changed = blob.clone();
        changed[at] ^= 1;
        let changed = encode(changed);
        let body = json!({"CiphertextBlob": changed});
        assert_eq!(kms.outcome("Decrypt", &body), expected, "{at}");
        let body = json!({"CiphertextBlob": changed, "DestinationKeyId": key});
        assert_eq!(kms.outcome("ReEncrypt", &body), expected, "{at}");
        // Where the request names a key, no other one is looked for.
        let expected = if expected == DENIED {
            OTHER_KEY
        } else {
            expected
        };
        let body = json!({"CiphertextBlob": changed, "KeyId": key});
        assert_eq!(kms.outcome("Decrypt", &body), expected, "{at}");
    }
}

#[test]
fn what_is_no_whole_ciphertext_is_called_invalid_without_a_text() {
    let (mut kms, key) = Kms::with_key();
    let blob = decode(&encrypted(&mut kms, &key, &json!({})));
    let cut = (1..blob.len()).map(|length| blob[..length].to_vec());
    let others = [
        [&blob[..], b"x"].concat(),
        [&blob[..], &blob[..]].concat(),
        blob[1..].to_vec(),
        b"x".to_vec(),
        vec![0; 6144],
        // Names an account that is none.
        [&blob[..1], b"12345678901x", &blob[13..]].concat(),
    ];
    for changed in cut.chain(others) {
        for named in [Value::Null, json!(key)] {
            let body = json!({"CiphertextBlob": encode(&changed), "KeyId": named});
            let refused = kms.refused("Decrypt", body);
            assert_eq!(
                refused,
                (CIPHERTEXT, String::new()),
                "{} bytes",
                changed.len()
            );
        }
    }
}

#[test]
fn a_key_that_decrypts_can_be_named_in_each_way_and_must_be_the_ciphertext_s() {
    let (mut kms, key) = Kms::with_key();
    let other = kms.key(json!({}));
    let mac = kms.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    for (alias, target) in [("alias/own", &key), ("alias/other", &other)] {
        kms.ok(
            "CreateAlias",
            json!({"AliasName": alias, "TargetKeyId": target}),
        );
    }
    let arn = |resource: &str| key.replace(&format!("key/{}", id(&key)), resource);
    let blob = encrypted(&mut kms, &key, &json!({}));
    for (named, expected) in [
        (key.clone(), OK),
        (id(&key).to_owned(), OK),
        ("alias/own".to_owned(), OK),
        (arn("alias/own"), OK),
        (other.clone(), OTHER_KEY),
        (id(&other).to_owned(), OTHER_KEY),
        ("alias/other".to_owned(), OTHER_KEY),
        (arn("alias/other"), OTHER_KEY),
        (mac.clone(), OTHER_KEY),
        (NO_KEY.to_owned(), NOT_FOUND),
        (arn(&format!("key/{NO_KEY}")), NOT_FOUND),
        ("alias/none".to_owned(), NOT_FOUND),
        (arn("alias/none"), NOT_FOUND),
        ("no id".to_owned(), NOT_FOUND),
        (key.replace(REGION, "eu-west-1"), NOT_FOUND),
        ("arn:aws:kms".to_owned(), "InvalidArnException"),
        (String::new(), VALIDATION),
    ] {
        let body = json!({"CiphertextBlob": blob, "KeyId": named});
        assert_eq!(kms.outcome("Decrypt", &body), expected, "{named}");
        let body = json!({"CiphertextBlob": blob, "SourceKeyId": named, "DestinationKeyId": other});
        assert_eq!(kms.outcome("ReEncrypt", &body), expected, "{named}");
    }
    let body = json!({"CiphertextBlob": blob, "KeyId": other});
    assert_eq!(
        kms.refused("Decrypt", body).1,
        "The key ID in the request does not identify a CMK that can perform this operation."
    );
}

#[test]
fn a_ciphertext_opens_in_its_own_region_alone() {
    let (mut kms, key) = Kms::with_key();
    let blob = encrypted(&mut kms, &key, &json!({}));
    kms.service.be(crate::harness::ACCOUNT, "eu-west-1");
    let body = json!({"CiphertextBlob": blob});
    assert_eq!(kms.code("Decrypt", body), DENIED);
}

#[test]
fn a_ciphertext_opens_after_its_key_s_material_was_renewed() {
    let (mut kms, key) = Kms::with_key();
    let first = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    let blob = encrypted(&mut kms, &key, &json!({}));
    kms.ok("RotateKeyOnDemand", json!({"KeyId": key}));
    let second = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    assert_ne!(first, second);
    let opened = kms.ok("Decrypt", json!({"CiphertextBlob": blob}));
    assert_eq!(opened["KeyMaterialId"], first);
    let moved = kms.ok(
        "ReEncrypt",
        json!({"CiphertextBlob": blob, "DestinationKeyId": key}),
    );
    assert_eq!(moved["SourceKeyMaterialId"], first);
    assert_eq!(moved["DestinationKeyMaterialId"], second);
    let body = json!({"CiphertextBlob": moved["CiphertextBlob"]});
    assert_eq!(kms.ok("Decrypt", body)["KeyMaterialId"], second);
    // The number of the material in the header counts.
    let mut changed = decode(&blob);
    changed[HEADER_LEN - 1] = 2;
    let body = json!({"CiphertextBlob": encode(changed)});
    assert_eq!(kms.code("Decrypt", body), CIPHERTEXT);
}

#[test]
fn re_encrypt_moves_a_ciphertext_between_keys_and_contexts() {
    let (mut kms, one) = Kms::with_key();
    let two = kms.key(json!({}));
    let (rsa, _) = with_rsa_key(&mut kms);
    let blob = encrypted(&mut kms, &one, &json!({"a": "1"}));
    for (destination, context, algorithm, expected) in [
        (&one, json!({}), None, OK),
        (&two, json!({"b": "2"}), None, OK),
        (&two, json!({"b": "2"}), Some("SYMMETRIC_DEFAULT"), OK),
        (&rsa, json!({}), Some("RSAES_OAEP_SHA_1"), OK),
        (
            &rsa,
            json!({"b": "2"}),
            Some("RSAES_OAEP_SHA_1"),
            VALIDATION,
        ),
        (&rsa, json!({}), None, USAGE),
        (&two, json!({}), Some("RSAES_OAEP_SHA_1"), USAGE),
    ] {
        let body = json!({
            "CiphertextBlob": blob,
            "SourceEncryptionContext": {"a": "1"},
            "DestinationKeyId": destination,
            "DestinationEncryptionContext": context,
            "DestinationEncryptionAlgorithm": algorithm,
        });
        assert_eq!(kms.outcome("ReEncrypt", &body), expected, "{body}");
        if expected != OK {
            continue;
        }
        let moved = kms.ok("ReEncrypt", body);
        let algorithm = algorithm.unwrap_or("SYMMETRIC_DEFAULT");
        assert_eq!(
            (&moved["SourceKeyId"], &moved["KeyId"]),
            (&json!(one), &json!(destination))
        );
        assert_eq!(moved["DestinationEncryptionAlgorithm"], algorithm);
        let body = json!({
            "CiphertextBlob": moved["CiphertextBlob"],
            "KeyId": destination,
            "EncryptionContext": context,
            "EncryptionAlgorithm": algorithm,
        });
        assert_eq!(kms.ok("Decrypt", body)["Plaintext"], encode("p"));
    }
}

#[test]
fn ignoring_the_ciphertext_a_dry_run_asks_only_for_what_may_be_done() {
    let (mut kms, key) = Kms::with_key();
    let other = kms.key(json!({}));
    let disabled = kms.key(json!({}));
    kms.ok("DisableKey", json!({"KeyId": disabled}));
    let mac = kms.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let hidden = kms.key(json!({}));
    let admin = json!([super::allow(
        crate::harness::ACCOUNT,
        json!(["kms:Put*", "kms:ReEncryptTo"])
    )]);
    kms.put_policy(&hidden, admin);
    let of_other = encrypted(&mut kms, &other, &json!({}));
    let foreign = key.replace(crate::harness::ACCOUNT, OTHER_ACCOUNT);
    let garbage = encode("garbage");
    let too_long = encode([0; 6145]);
    let (yes, no) = (json!(["IGNORE_CIPHERTEXT"]), json!([]));
    for (blob, named, dry_run, modifiers, expected) in [
        // Whatever the ciphertext is, and without one.
        (None, Some(&key), true, &yes, DRY_RUN),
        (Some(&garbage), Some(&key), true, &yes, DRY_RUN),
        (Some(&of_other), Some(&key), true, &yes, DRY_RUN),
        // The key must be named, as nothing else does it.
        (None, None, true, &yes, VALIDATION),
        (Some(&of_other), None, true, &yes, VALIDATION),
        // What isn't about the ciphertext is refused all the same.
        (None, Some(&hidden), true, &yes, DENIED),
        (None, Some(&foreign), true, &yes, DENIED),
        (None, Some(&NO_KEY.to_owned()), true, &yes, NOT_FOUND),
        (None, Some(&disabled), true, &yes, DISABLED),
        (None, Some(&mac), true, &yes, USAGE),
        (Some(&too_long), Some(&key), true, &yes, VALIDATION),
        (None, Some(&key), true, &json!(["IGNORE"]), VALIDATION),
        // Without the modifier, or where it is no dry run, the ciphertext counts.
        (None, Some(&key), true, &no, VALIDATION),
        (Some(&garbage), Some(&key), true, &no, CIPHERTEXT),
        (Some(&of_other), Some(&key), true, &no, OTHER_KEY),
        (Some(&of_other), Some(&other), true, &no, DRY_RUN),
        (None, Some(&key), false, &yes, VALIDATION),
        (Some(&garbage), Some(&key), false, &yes, CIPHERTEXT),
        (Some(&of_other), Some(&key), false, &yes, OTHER_KEY),
        (Some(&of_other), Some(&other), false, &yes, OK),
    ] {
        let body = json!({
            "CiphertextBlob": blob, "KeyId": named, "DryRun": dry_run, "DryRunModifiers": modifiers,
        });
        assert_eq!(kms.outcome("Decrypt", &body), expected, "{body}");
        let body = json!({
            "CiphertextBlob": blob, "SourceKeyId": named, "DestinationKeyId": other,
            "DryRun": dry_run, "DryRunModifiers": modifiers,
        });
        assert_eq!(kms.outcome("ReEncrypt", &body), expected, "{body}");
    }
    // ReEncrypt looks at the key that it would encrypt under as well.
    for (destination, expected) in [(&disabled, DISABLED), (&mac, USAGE), (&hidden, DRY_RUN)] {
        let body = json!({
            "SourceKeyId": key, "DestinationKeyId": destination,
            "DryRun": true, "DryRunModifiers": yes,
        });
        assert_eq!(kms.outcome("ReEncrypt", &body), expected, "{body}");
    }
}

#[test]
fn a_ciphertext_needs_a_key_that_may_be_used_now() {
    let (mut kms, key) = Kms::with_key();
    let imported = kms.key(json!({"Origin": "EXTERNAL"}));
    import(&mut kms, &imported, &SecretBytes::new(vec![7; 32]));
    let blob = encrypted(&mut kms, &key, &json!({}));
    let of_imported = encrypted(&mut kms, &imported, &json!({}));
    let ask = |kms: &mut Kms, blob: &str, key: &str| {
        let decrypt = json!({"CiphertextBlob": blob});
        let move_away = json!({"CiphertextBlob": blob, "DestinationKeyId": key});
        ["Decrypt", "ReEncrypt"].map(|operation| {
            let body = if operation == "Decrypt" {
                &decrypt
            } else {
                &move_away
            };
            kms.outcome(operation, body)
        })
    };
    assert_eq!(ask(&mut kms, &blob, &key), [OK; 2]);
    kms.ok("DisableKey", json!({"KeyId": key}));
    assert_eq!(ask(&mut kms, &blob, &key), [DISABLED; 2]);
    kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
    assert_eq!(ask(&mut kms, &blob, &key), [STATE; 2]);
    kms.ok("DeleteImportedKeyMaterial", json!({"KeyId": imported}));
    assert_eq!(ask(&mut kms, &of_imported, &imported), [STATE; 2]);
    import(&mut kms, &imported, &SecretBytes::new(vec![7; 32]));
    assert_eq!(ask(&mut kms, &of_imported, &imported), [OK; 2]);
}
