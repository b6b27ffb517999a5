//! Imported material: how it comes, expires, goes and comes again. Source: AWS KMS API Reference, GetParametersForImport,
//! ImportKeyMaterial, DeleteImportedKeyMaterial; AWS KMS Developer Guide, Importing key material.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use strongroom_keys::{EncryptionAlgorithm, SecretBytes, encrypt_with_public_key};

use super::{DENIED, Kms, NOT_FOUND, OK, STATE, UNSUPPORTED, VALIDATION, allow, id, text};
use crate::harness::{ACCOUNT, DAY, seconds};

const TOKEN: &str = "InvalidImportTokenException";
const EXPIRED_TOKEN: &str = "ExpiredImportTokenException";
const CIPHERTEXT: &str = "InvalidCiphertextException";
const MATERIAL: &str = "IncorrectKeyMaterialException";
const NO_MATERIAL: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const ONE: [u8; 32] = [1; 32];
const TWO: [u8; 32] = [2; 32];

/// A symmetric key that awaits its material; its ARN.
fn awaiting() -> (Kms, String) {
    let mut kms = Kms::new();
    let key = kms.key(json!({"Origin": "EXTERNAL"}));
    (kms, key)
}

fn parameters(kms: &mut Kms, key: &str) -> Value {
    let body = json!({
        "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"
    });
    kms.ok("GetParametersForImport", body)
}

/// The request that brings this material.
pub(crate) fn bringing(key: &str, parameters: &Value, material: &[u8], more: &Value) -> Value {
    let public = STANDARD.decode(text(&parameters["PublicKey"])).unwrap();
    let material = SecretBytes::copy_of(material);
    let algorithm = EncryptionAlgorithm::parse("RSAES_OAEP_SHA_256").unwrap();
    let wrapped = encrypt_with_public_key(&public, algorithm, &material).unwrap();
    let mut body = json!({
        "KeyId": key,
        "ImportToken": parameters["ImportToken"],
        "EncryptedKeyMaterial": STANDARD.encode(wrapped),
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn import(kms: &mut Kms, key: &str, material: &[u8], more: &Value) -> &'static str {
    let parameters = parameters(kms, key);
    kms.outcome(
        "ImportKeyMaterial",
        &bringing(key, &parameters, material, more),
    )
}

/// What of the key's material is listed.
fn listed(kms: &mut Kms, key: &str, include: &str) -> Value {
    let body = json!({"KeyId": key, "IncludeKeyMaterial": include});
    kms.ok("ListKeyRotations", body)["Rotations"].clone()
}

#[test]
fn a_key_that_awaits_its_material_says_so() {
    let (mut kms, key) = awaiting();
    let described = kms.describe(&key);
    for (member, value) in [
        ("Origin", json!("EXTERNAL")),
        ("KeyState", json!("PendingImport")),
        ("Enabled", json!(false)),
        ("ExpirationModel", Value::Null),
        ("ValidTo", Value::Null),
        ("CurrentKeyMaterialId", Value::Null),
    ] {
        assert_eq!(described[member], value, "{member}");
    }
    let listed_keys = kms.ok("ListKeys", json!({}));
    assert_eq!(listed_keys["Keys"][0]["KeyArn"], json!(key));
    assert_eq!(listed(&mut kms, &key, "ALL_KEY_MATERIAL"), json!([]));
    assert_eq!(
        kms.code("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="})),
        STATE
    );
}

#[test]
fn imported_material_makes_its_key_usable() {
    let (mut kms, key) = awaiting();
    let given = parameters(&mut kms, id(&key));
    assert_eq!(given["KeyId"], json!(key));
    assert_eq!(
        given["ParametersValidTo"],
        seconds(kms.service.now.after(DAY))
    );
    let described = json!({"KeyMaterialDescription": "of the vault"});
    let answer = kms.ok(
        "ImportKeyMaterial",
        bringing(&key, &given, &ONE, &described),
    );
    let material = &answer["KeyMaterialId"];
    assert_eq!(answer, json!({"KeyId": key, "KeyMaterialId": material}));
    let metadata = kms.describe(&key);
    assert_eq!(metadata["KeyState"], json!("Enabled"));
    assert_eq!(
        metadata["ExpirationModel"],
        json!("KEY_MATERIAL_DOES_NOT_EXPIRE")
    );
    assert_eq!(&metadata["CurrentKeyMaterialId"], material);
    let expected = json!([{
        "KeyId": id(&key),
        "KeyMaterialId": material,
        "KeyMaterialDescription": "of the vault",
        "ImportState": "IMPORTED",
        "KeyMaterialState": "CURRENT",
        "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE",
    }]);
    assert_eq!(listed(&mut kms, &key, "ALL_KEY_MATERIAL"), expected);
    assert_eq!(listed(&mut kms, &key, "ROTATIONS_ONLY"), json!([]));
    kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="}));
}

#[test]
fn a_token_is_of_one_key_and_of_one_day() {
    let (mut kms, key) = awaiting();
    let other = kms.key(json!({"Origin": "EXTERNAL"}));
    let (ours, others) = (parameters(&mut kms, &key), parameters(&mut kms, &other));
    let code = |kms: &mut Kms, body: &Value| kms.code("ImportKeyMaterial", body.clone());
    assert_eq!(
        code(&mut kms, &bringing(&key, &others, &ONE, &json!({}))),
        TOKEN
    );
    let nonsense = json!({"ImportToken": "bm9uc2Vuc2U="});
    assert_eq!(
        code(&mut kms, &bringing(&key, &ours, &ONE, &nonsense)),
        TOKEN
    );
    // Wrapped for another token.
    let wrapped = bringing(&other, &others, &ONE, &json!({}))["EncryptedKeyMaterial"].clone();
    let mismatched = bringing(
        &key,
        &ours,
        &ONE,
        &json!({ "EncryptedKeyMaterial": wrapped }),
    );
    assert_eq!(code(&mut kms, &mismatched), CIPHERTEXT);
    let brought = bringing(&key, &ours, &ONE, &json!({}));
    kms.service.pass(DAY);
    assert_eq!(code(&mut kms, &brought), EXPIRED_TOKEN);
}

#[test]
fn material_must_be_what_a_key_of_its_kind_has() {
    for (spec, usage, right) in [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", 32),
        ("HMAC_256", "GENERATE_VERIFY_MAC", 32),
    ] {
        let mut kms = Kms::new();
        let key = kms.key(json!({"Origin": "EXTERNAL", "KeySpec": spec, "KeyUsage": usage}));
        let given = parameters(&mut kms, &key);
        for length in [1, 16, 31, 33, 64, right] {
            let expected = if length == right { OK } else { MATERIAL };
            let body = bringing(&key, &given, &vec![1; length], &json!({}));
            let outcome = kms.outcome("ImportKeyMaterial", &body);
            assert_eq!(outcome, expected, "{spec} {length}");
        }
    }
}

#[test]
fn a_key_takes_only_the_material_that_it_had() {
    for ending in ["again", "deleted", "expired"] {
        let (mut kms, key) = awaiting();
        let at = kms.service.now.after(2 * DAY).seconds();
        let expiring = json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at});
        assert_eq!(import(&mut kms, &key, &ONE, &expiring), OK);
        let blob =
            kms.ok("Encrypt", json!({"KeyId": key, "Plaintext": "eA=="}))["CiphertextBlob"].clone();
        match ending {
            "deleted" => drop(kms.ok("DeleteImportedKeyMaterial", json!({"KeyId": key}))),
            "expired" => {
                kms.service.pass(2 * DAY);
                kms.carry_out_due();
            }
            _ => {}
        }
        let state = if ending == "again" {
            "Enabled"
        } else {
            "PendingImport"
        };
        assert_eq!(kms.state(&key), state, "{ending}");
        let given = parameters(&mut kms, &key);
        for (material, more, expected) in [
            (&TWO, json!({}), MATERIAL),
            (&ONE, json!({ "KeyMaterialId": NO_MATERIAL }), MATERIAL),
            (&TWO, json!({"ImportType": "NEW_KEY_MATERIAL"}), UNSUPPORTED),
            (&ONE, json!({"ImportType": "EXISTING_KEY_MATERIAL"}), OK),
        ] {
            let body = bringing(&key, &given, material, &more);
            let outcome = kms.outcome("ImportKeyMaterial", &body);
            assert_eq!(outcome, expected, "{ending} {more}");
        }
        assert_eq!(kms.state(&key), "Enabled", "{ending}");
        kms.ok("Decrypt", json!({"CiphertextBlob": blob}));
        // Without an end now.
        kms.service.pass(400 * DAY);
        kms.carry_out_due();
        assert_eq!(kms.state(&key), "Enabled", "{ending}");
    }
}

#[test]
fn material_that_went_is_listed_as_awaited() {
    let (mut kms, key) = awaiting();
    assert_eq!(import(&mut kms, &key, &ONE, &json!({})), OK);
    let material = kms.describe(&key)["CurrentKeyMaterialId"].clone();
    kms.ok("DeleteImportedKeyMaterial", json!({"KeyId": key}));
    let expected = json!([{
        "KeyId": id(&key),
        "KeyMaterialId": material,
        "ImportState": "PENDING_IMPORT",
        "KeyMaterialState": "CURRENT",
    }]);
    assert_eq!(listed(&mut kms, &key, "ALL_KEY_MATERIAL"), expected);
    assert_eq!(listed(&mut kms, &key, "ROTATIONS_ONLY"), json!([]));
    let described = kms.describe(&key);
    assert_eq!(described["CurrentKeyMaterialId"], material);
    assert_eq!(described.get("ExpirationModel"), None);
}

#[test]
fn material_expires_at_its_instant_and_not_before() {
    let (mut kms, key) = awaiting();
    let at = kms.service.now.seconds() + 100 * 24 * 60 * 60;
    let expiring = json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at});
    assert_eq!(import(&mut kms, &key, &ONE, &expiring), OK);
    let described = kms.describe(&key);
    assert_eq!(described["ExpirationModel"], json!("KEY_MATERIAL_EXPIRES"));
    assert_eq!(described["ValidTo"].as_f64(), Some(at as f64));
    kms.service.pass(99 * DAY);
    kms.carry_out_due();
    assert_eq!(kms.state(&key), "Enabled");
    kms.service.pass(DAY);
    kms.carry_out_due();
    assert_eq!(kms.state(&key), "PendingImport");
    assert_eq!(kms.code("EnableKey", json!({"KeyId": key})), STATE);
}

#[test]
fn an_expiry_is_in_the_future_and_within_a_year_and_only_where_there_is_one() {
    let (mut kms, key) = awaiting();
    let given = parameters(&mut kms, &key);
    let now = kms.service.now.seconds();
    let day = 24 * 60 * 60;
    let expires = |at: i64| json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at});
    for (more, expected) in [
        (
            json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES"}),
            VALIDATION,
        ),
        // The usual model.
        (json!({ "ExpirationModel": null }), VALIDATION),
        (json!({"ExpirationModel": null, "ValidTo": now + day}), OK),
        (json!({"ValidTo": now + day}), VALIDATION),
        (json!({"ExpirationModel": "NEVER"}), VALIDATION),
        (expires(now - day), VALIDATION),
        (expires(now), VALIDATION),
        (expires(now + 365 * day), OK),
        (expires(now + 366 * day), VALIDATION),
        (json!({"KeyMaterialDescription": "a, b"}), VALIDATION),
        (
            json!({"KeyMaterialDescription": "a".repeat(257)}),
            VALIDATION,
        ),
        (json!({"KeyMaterialId": "x"}), VALIDATION),
        (json!({"KeyMaterialDescription": "a".repeat(256)}), OK),
    ] {
        let body = bringing(&key, &given, &ONE, &more);
        assert_eq!(kms.outcome("ImportKeyMaterial", &body), expected, "{more}");
    }
}

#[test]
fn only_keys_that_were_made_for_it_take_material() {
    let (mut kms, key) = Kms::with_key();
    for (operation, body) in [
        (
            "GetParametersForImport",
            json!({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        ),
        (
            "ImportKeyMaterial",
            json!({"ImportToken": "eA==", "EncryptedKeyMaterial": "eA=="}),
        ),
        ("DeleteImportedKeyMaterial", json!({})),
    ] {
        let mut body = body;
        body["KeyId"] = json!(key);
        assert_eq!(kms.code(operation, body), UNSUPPORTED, "{operation}");
    }
}

#[test]
fn deleting_material_names_it_or_takes_the_present_one() {
    let (mut kms, key) = awaiting();
    let delete = |material: &Value| json!({"KeyId": key, "KeyMaterialId": material});
    // There is none yet, which changes nothing.
    assert_eq!(
        kms.ok("DeleteImportedKeyMaterial", delete(&json!(null))),
        json!({ "KeyId": key })
    );
    for by_name in [false, true] {
        assert_eq!(import(&mut kms, &key, &ONE, &json!({})), OK);
        let material = kms.describe(&key)["CurrentKeyMaterialId"].clone();
        // Whoever names other material doesn't mean this.
        let other = delete(&json!(NO_MATERIAL));
        assert_eq!(kms.code("DeleteImportedKeyMaterial", other), NOT_FOUND);
        assert_eq!(
            kms.code("DeleteImportedKeyMaterial", delete(&json!("x"))),
            VALIDATION
        );
        let named = if by_name {
            material.clone()
        } else {
            json!(null)
        };
        let answer = kms.ok("DeleteImportedKeyMaterial", delete(&named));
        assert_eq!(answer, json!({"KeyId": key, "KeyMaterialId": material}));
        assert_eq!(kms.state(&key), "PendingImport");
    }
}

#[test]
fn a_key_that_will_be_gone_loses_its_material_and_stays_in_its_state() {
    let (mut kms, key) = awaiting();
    assert_eq!(import(&mut kms, &key, &ONE, &json!({})), OK);
    kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
    kms.ok("DeleteImportedKeyMaterial", json!({"KeyId": key}));
    assert_eq!(kms.state(&key), "PendingDeletion");
    let wrapping = json!({
        "KeyId": key, "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"
    });
    assert_eq!(kms.code("GetParametersForImport", wrapping), STATE);
    kms.ok("CancelKeyDeletion", json!({"KeyId": key}));
    assert_eq!(kms.state(&key), "PendingImport");
    assert_eq!(import(&mut kms, &key, &ONE, &json!({})), OK);
    assert_eq!(kms.state(&key), "Enabled");
}

#[test]
fn material_that_expires_while_its_key_will_be_gone_leaves_that_state() {
    let (mut kms, key) = awaiting();
    let at = kms.service.now.after(2 * DAY).seconds();
    let expiring = json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at});
    assert_eq!(import(&mut kms, &key, &ONE, &expiring), OK);
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.service.pass(3 * DAY);
    kms.carry_out_due();
    assert_eq!(kms.state(&key), "PendingDeletion");
    kms.service.pass(4 * DAY);
    kms.carry_out_due();
    assert_eq!(kms.code("DescribeKey", json!({"KeyId": key})), NOT_FOUND);
    assert_eq!(kms.service.count("kms-due"), 0);
}

#[test]
fn a_disabled_key_takes_its_material_again_and_stays_disabled() {
    let (mut kms, key) = awaiting();
    assert_eq!(import(&mut kms, &key, &ONE, &json!({})), OK);
    kms.ok("DisableKey", json!({"KeyId": key}));
    assert_eq!(import(&mut kms, &key, &ONE, &json!({})), OK);
    assert_eq!(kms.state(&key), "Disabled");
}

#[test]
fn a_policy_can_ask_how_material_comes_and_expires() {
    let (mut kms, key) = awaiting();
    let deny = |action: &str, condition: Value| {
        let mut denied = allow(ACCOUNT, json!(action));
        denied["Effect"] = json!("Deny");
        denied["Condition"] = condition;
        denied
    };
    let unwanted = |name: &str, value: &str| json!({"StringEquals": { name: value }});
    kms.put_policy(
        &key,
        json!([
            allow(ACCOUNT, json!("kms:*")),
            deny(
                "kms:ImportKeyMaterial",
                unwanted("kms:ExpirationModel", "KEY_MATERIAL_DOES_NOT_EXPIRE")
            ),
            deny(
                "kms:GetParametersForImport",
                unwanted("kms:WrappingKeySpec", "RSA_4096")
            ),
            deny(
                "kms:GetParametersForImport",
                unwanted("kms:WrappingAlgorithm", "RSAES_OAEP_SHA_1")
            ),
        ]),
    );
    assert_eq!(import(&mut kms, &key, &ONE, &json!({})), DENIED);
    let at = kms.service.now.after(DAY).seconds();
    let expiring = json!({"ExpirationModel": "KEY_MATERIAL_EXPIRES", "ValidTo": at});
    assert_eq!(import(&mut kms, &key, &ONE, &expiring), OK);
    for (algorithm, spec) in [
        ("RSAES_OAEP_SHA_256", "RSA_4096"),
        ("RSAES_OAEP_SHA_1", "RSA_2048"),
    ] {
        let body = json!({"KeyId": key, "WrappingAlgorithm": algorithm, "WrappingKeySpec": spec});
        assert_eq!(
            kms.code("GetParametersForImport", body),
            DENIED,
            "{algorithm} {spec}"
        );
    }
}
