//! Who may use a key for cryptography: the conditions of its policy, other accounts' keys, and what a refusal tells.

use serde_json::{Value, json};

use super::cryptography::{CIPHERTEXT, OTHER_KEY, encode, encrypted};
use super::{DENIED, Kms, NO_KEY, OK, allow, id, text};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, V1};

const UNKNOWN: &str = "The ciphertext refers to a customer master key that does not exist, does not \
                       exist in this region, or you are not allowed to access.";

/// All that can be done with keys and is no cryptography: enough to try policies out.
const ADMINISTRATION: &[&str] = &["kms:Put*", "kms:Create*", "kms:Describe*", "kms:Disable*"];

fn refused_text(action: &str, shown: &str) -> String {
    format!(
        "User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: kms:{action} on resource: {shown} \
         because the resource does not exist in this Region, no resource-based policies allow access, or a \
         resource-based policy explicitly denies access"
    )
}

/// Operations that name one key, with a body for each but for the key.
fn uses() -> Vec<(&'static str, &'static str, Value)> {
    let data = encode("data");
    vec![
        ("Encrypt", "Encrypt", json!({"Plaintext": data})),
        (
            "GenerateDataKey",
            "GenerateDataKey",
            json!({"KeySpec": "AES_256"}),
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeySpec": "AES_256"}),
        ),
        (
            "GenerateDataKeyPair",
            "GenerateDataKeyPair",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
        ),
        (
            "GenerateDataKeyPairWithoutPlaintext",
            "GenerateDataKeyPairWithoutPlaintext",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
        ),
        (
            "Decrypt",
            "Decrypt",
            json!({"CiphertextBlob": data, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
        ),
        (
            "Sign",
            "Sign",
            json!({"Message": data, "SigningAlgorithm": "ECDSA_SHA_256"}),
        ),
        (
            "Verify",
            "Verify",
            json!({"Message": data, "Signature": data, "SigningAlgorithm": "ECDSA_SHA_256"}),
        ),
        (
            "GenerateMac",
            "GenerateMac",
            json!({"Message": data, "MacAlgorithm": "HMAC_SHA_256"}),
        ),
        (
            "VerifyMac",
            "VerifyMac",
            json!({"Message": data, "Mac": data, "MacAlgorithm": "HMAC_SHA_256"}),
        ),
    ]
}

fn with(mut body: Value, name: &str, value: &str) -> Value {
    body[name] = json!(value);
    body
}

#[test]
fn another_account_s_key_is_refused_alike_whether_it_is_there_or_not() {
    let (mut kms, key) = Kms::with_key();
    let denying = kms.key(json!({}));
    let mut deny = allow(OTHER_ACCOUNT, json!("kms:*"));
    deny["Effect"] = json!("Deny");
    kms.put_policy(&denying, json!([allow(ACCOUNT, json!("kms:*")), deny]));
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/there", "TargetKeyId": key}),
    );
    let disabled = kms.key(json!({}));
    kms.ok("DisableKey", json!({"KeyId": disabled}));
    let arn = |resource: &str| key.replace(&format!("key/{}", id(&key)), resource);
    let names = [
        key.clone(),
        denying,
        disabled,
        arn(&format!("key/{NO_KEY}")),
        arn("alias/there"),
        arn("alias/none"),
    ];
    kms.be_other();
    let own = kms.key(json!({}));
    let blob = encrypted(&mut kms, &own, &json!({}));
    for name in &names {
        for (operation, action, body) in uses() {
            let refused = kms.refused(operation, with(body, "KeyId", name));
            assert_eq!(refused, (DENIED, refused_text(action, name)), "{operation}");
        }
        // The caller's own ciphertext.
        let body = json!({"CiphertextBlob": blob, "KeyId": name});
        let refused = kms.refused("Decrypt", body);
        assert_eq!(refused, (DENIED, refused_text("Decrypt", name)));
        let body = json!({"CiphertextBlob": blob, "SourceKeyId": name, "DestinationKeyId": own});
        let refused = kms.refused("ReEncrypt", body);
        assert_eq!(refused, (DENIED, refused_text("ReEncryptFrom", name)));
        let body = json!({"CiphertextBlob": blob, "DestinationKeyId": name});
        let refused = kms.refused("ReEncrypt", body);
        assert_eq!(refused, (DENIED, refused_text("ReEncryptTo", name)));
    }
}

#[test]
fn another_account_s_ciphertext_tells_nothing_of_its_key() {
    let (mut kms, key) = Kms::with_key();
    let disabled = kms.key(json!({}));
    let blob = encrypted(&mut kms, &key, &json!({"a": "1"}));
    let of_disabled = encrypted(&mut kms, &disabled, &json!({}));
    kms.ok("DisableKey", json!({"KeyId": disabled}));
    let mut absent = super::cryptography::decode(&blob);
    absent[13] ^= 1;
    let absent = encode(absent);
    kms.be_other();
    let own = kms.key(json!({}));
    let unusable =
        kms.key(json!({"Policy": super::policy(json!([allow(OTHER_ACCOUNT, json!("kms:Put*"))]))}));
    for blob in [&blob, &of_disabled, &absent] {
        for context in [json!({}), json!({"a": "1"})] {
            let body = json!({"CiphertextBlob": blob, "EncryptionContext": context});
            let refused = kms.refused("Decrypt", body);
            assert_eq!(refused, (DENIED, UNKNOWN.to_owned()));
            // What is wrong with the destination makes no difference.
            for destination in [&own, &unusable, &NO_KEY.to_owned()] {
                let body = json!({
                    "CiphertextBlob": blob,
                    "SourceEncryptionContext": context,
                    "DestinationKeyId": destination,
                });
                let refused = kms.refused("ReEncrypt", body);
                assert_eq!(refused, (DENIED, UNKNOWN.to_owned()));
            }
            // Whose key it is shows in the ciphertext itself.
            let body = json!({"CiphertextBlob": blob, "KeyId": own});
            assert_eq!(kms.code("Decrypt", body), OTHER_KEY);
        }
    }
    // A key's id alone is the ciphertext's own.
    let body = json!({"CiphertextBlob": blob, "KeyId": id(&key)});
    assert_eq!(kms.refused("Decrypt", body), (DENIED, UNKNOWN.to_owned()));
    let body = json!({"CiphertextBlob": blob, "KeyId": key});
    let refused = kms.refused("Decrypt", body);
    assert_eq!(refused, (DENIED, refused_text("Decrypt", &key)));
}

#[test]
fn one_s_own_key_that_its_policy_closes_is_named_in_the_refusal() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/own", "TargetKeyId": key}),
    );
    let blob = encrypted(&mut kms, &key, &json!({}));
    kms.put_policy(&key, json!([allow(ACCOUNT, json!(ADMINISTRATION))]));
    for body in [
        json!({"CiphertextBlob": blob}),
        json!({"CiphertextBlob": blob, "KeyId": key}),
        json!({"CiphertextBlob": blob, "KeyId": "alias/own"}),
    ] {
        let expected = format!(
            "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: kms:Decrypt on resource: {key} because no \
             resource-based policy allows the kms:Decrypt action"
        );
        assert_eq!(kms.refused("Decrypt", body), (DENIED, expected));
    }
}

#[test]
fn another_account_that_may_use_a_key_names_it_by_arn_or_not_at_all() {
    let (mut kms, key) = Kms::with_key();
    kms.ok(
        "CreateAlias",
        json!({"AliasName": "alias/shared", "TargetKeyId": key}),
    );
    kms.put_policy(
        &key,
        json!([
            allow(ACCOUNT, json!("kms:*")),
            allow(OTHER_ACCOUNT, json!(["kms:Decrypt", "kms:Encrypt"])),
        ]),
    );
    let alias = key.replace(&format!("key/{}", id(&key)), "alias/shared");
    let blob = encrypted(&mut kms, &key, &json!({}));
    kms.be_other();
    for named in [json!(null), json!(key), json!(alias), json!(id(&key))] {
        let body = json!({"CiphertextBlob": blob, "KeyId": named});
        assert_eq!(kms.ok("Decrypt", body)["KeyId"], json!(key), "{named}");
    }
    for (named, expected) in [
        (key.as_str(), OK),
        (&alias, OK),
        (id(&key), "NotFoundException"),
        ("alias/shared", "NotFoundException"),
    ] {
        let body = json!({"KeyId": named, "Plaintext": encode("p")});
        assert_eq!(kms.outcome("Encrypt", &body), expected, "{named}");
    }
    // One that may use it learns what is wrong with the ciphertext.
    let mut changed = super::cryptography::decode(&blob);
    *changed.last_mut().unwrap() ^= 1;
    let body = json!({"CiphertextBlob": encode(changed)});
    assert_eq!(kms.code("Decrypt", body), CIPHERTEXT);
}

#[test]
fn re_encrypt_needs_a_permission_on_either_side_and_no_other() {
    let from = json!("kms:ReEncryptFrom");
    let to = json!("kms:ReEncryptTo");
    let others = json!(["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*"]);
    let both = json!("kms:ReEncrypt*");
    for (on_source, on_destination, expected) in [
        (&from, &to, OK),
        (&both, &both, OK),
        (&from, &from, DENIED),
        (&to, &to, DENIED),
        (&to, &from, DENIED),
        (&others, &to, DENIED),
        (&from, &others, DENIED),
        (&others, &others, DENIED),
    ] {
        // Both keys are the first account's, and the other one asks.
        let (mut kms, source) = Kms::with_key();
        let destination = kms.key(json!({}));
        let blob = encrypted(&mut kms, &source, &json!({}));
        for (key, allowed) in [(&source, on_source), (&destination, on_destination)] {
            let statements = [
                allow(ACCOUNT, json!("kms:*")),
                allow(OTHER_ACCOUNT, allowed.clone()),
            ];
            kms.put_policy(key, json!(statements));
        }
        kms.be_other();
        for named in [Value::Null, json!(source)] {
            let body = json!({
                "CiphertextBlob": blob, "SourceKeyId": named, "DestinationKeyId": destination,
            });
            assert_eq!(
                kms.outcome("ReEncrypt", &body),
                expected,
                "{on_source} {on_destination}"
            );
        }
    }
}

#[test]
fn re_encrypt_moves_a_ciphertext_from_one_account_to_another() {
    let (mut kms, theirs) = Kms::with_key();
    let blob = encrypted(&mut kms, &theirs, &json!({}));
    let statements = [
        allow(ACCOUNT, json!("kms:*")),
        allow(OTHER_ACCOUNT, json!("kms:ReEncryptFrom")),
    ];
    kms.put_policy(&theirs, json!(statements));
    kms.be_other();
    let own = kms.key(json!({}));
    let body = json!({"CiphertextBlob": blob, "DestinationKeyId": own});
    let moved = kms.ok("ReEncrypt", body);
    assert_eq!(
        (&moved["SourceKeyId"], &moved["KeyId"]),
        (&json!(theirs), &json!(own))
    );
    let body = json!({"CiphertextBlob": moved["CiphertextBlob"]});
    assert_eq!(kms.ok("Decrypt", body)["Plaintext"], encode("p"));
    // The way back is another permission.
    let body = json!({"CiphertextBlob": moved["CiphertextBlob"], "DestinationKeyId": theirs});
    assert_eq!(kms.code("ReEncrypt", body), DENIED);
}

#[test]
fn who_may_not_use_a_key_learns_nothing_of_it() {
    let mut kms = Kms::new();
    let closed = super::policy(json!([allow(ACCOUNT, json!(ADMINISTRATION))]));
    let mac = kms
        .key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC", "Policy": closed}));
    let disabled = kms.key(json!({"Policy": closed}));
    kms.ok("DisableKey", json!({"KeyId": disabled}));
    for key in [&mac, &disabled] {
        for (operation, _, body) in uses() {
            assert_eq!(
                kms.code(operation, with(body, "KeyId", key)),
                DENIED,
                "{operation}"
            );
        }
        // Nor whether the rest of the request is right.
        let body = json!({"KeyId": key, "KeySpec": "AES_256", "NumberOfBytes": 1});
        assert_eq!(kms.code("GenerateDataKey", body), DENIED);
    }
}

/// One condition of a key's policy, an operation, and what comes of it.
struct Case {
    action: &'static str,
    condition: Value,
    operation: &'static str,
    body: Value,
    expected: &'static str,
}

fn case(
    action: &'static str,
    condition: Value,
    operation: &'static str,
    body: Value,
    expected: &'static str,
) -> Case {
    Case {
        action,
        condition,
        operation,
        body,
        expected,
    }
}

/// Asks each of them with a key whose policy allows nothing else.
fn try_out(kms: &mut Kms, key: &str, cases: Vec<Case>) {
    for it in cases {
        let mut statement = allow(ACCOUNT, json!(it.action));
        statement["Condition"] = it.condition.clone();
        kms.put_policy(
            key,
            json!([allow(ACCOUNT, json!(ADMINISTRATION)), statement]),
        );
        let outcome = kms.outcome(it.operation, &it.body);
        assert_eq!(
            outcome, it.expected,
            "{} {} {}",
            it.operation, it.body, it.condition
        );
    }
}

#[test]
fn a_policy_may_ask_for_the_encryption_algorithm_of_all_that_encrypts_or_decrypts() {
    let (mut kms, key) = Kms::with_key();
    let blob = encrypted(&mut kms, &key, &json!({}));
    let symmetric = json!({"StringEquals": {"kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}});
    let other = json!({"StringEquals": {"kms:EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}});
    let pair = json!({"KeyId": key, "KeyPairSpec": "ECC_NIST_P256"});
    let data_key = json!({"KeyId": key, "KeySpec": "AES_128"});
    for (operation, body) in [
        ("Encrypt", json!({"KeyId": key, "Plaintext": encode("p")})),
        ("Decrypt", json!({"CiphertextBlob": blob})),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}),
        ),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "DestinationKeyId": key}),
        ),
        ("GenerateDataKey", data_key.clone()),
        ("GenerateDataKeyWithoutPlaintext", data_key),
        ("GenerateDataKeyPair", pair.clone()),
        ("GenerateDataKeyPairWithoutPlaintext", pair),
    ] {
        let cases = vec![
            case("kms:*", symmetric.clone(), operation, body.clone(), OK),
            case("kms:*", other.clone(), operation, body, DENIED),
        ];
        try_out(&mut kms, &key, cases);
    }
}

#[test]
fn a_policy_may_ask_for_what_else_a_request_says() {
    let mut kms = Kms::new();
    let equals = |name: &str, value: &str| json!({"StringEquals": {name: value}});
    let symmetric = kms.key(json!({}));
    let pair = |spec: &str| json!({"KeyId": symmetric, "KeyPairSpec": spec});
    let mut cases = Vec::new();
    for operation in ["GenerateDataKeyPair", "GenerateDataKeyPairWithoutPlaintext"] {
        for (spec, expected) in [("ECC_NIST_P256", OK), ("ECC_NIST_P384", DENIED)] {
            let condition = equals("kms:DataKeyPairSpec", "ECC_NIST_P256");
            cases.push(case(
                "kms:Generate*",
                condition,
                operation,
                pair(spec),
                expected,
            ));
        }
    }
    try_out(&mut kms, &symmetric, cases);

    let mac = kms.key(json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}));
    let message = json!({"KeyId": mac, "Message": encode("m"), "MacAlgorithm": "HMAC_SHA_256"});
    let code = text(&kms.ok("GenerateMac", message.clone())["Mac"]);
    let mut cases = Vec::new();
    for (algorithm, expected) in [("HMAC_SHA_256", OK), ("HMAC_SHA_384", DENIED)] {
        let condition = equals("kms:MacAlgorithm", algorithm);
        let verify = with(message.clone(), "Mac", &code);
        cases.push(case(
            "kms:*Mac",
            condition.clone(),
            "GenerateMac",
            message.clone(),
            expected,
        ));
        cases.push(case("kms:*Mac", condition, "VerifyMac", verify, expected));
    }
    try_out(&mut kms, &mac, cases);

    let signing = kms.key(json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}));
    let digest = encode([7; 32]);
    let signed = json!({"KeyId": signing, "Message": digest, "SigningAlgorithm": "ECDSA_SHA_256"});
    let sign_digest = with(signed.clone(), "MessageType", "DIGEST");
    let signature = text(&kms.ok("Sign", signed.clone())["Signature"]);
    let of_digest = text(&kms.ok("Sign", sign_digest.clone())["Signature"]);
    let verify = with(signed.clone(), "Signature", &signature);
    let verify_digest = with(sign_digest.clone(), "Signature", &of_digest);
    let mut cases = Vec::new();
    for (operation, raw, digest) in [
        ("Sign", signed, sign_digest),
        ("Verify", verify, verify_digest),
    ] {
        // A type that isn't given is RAW.
        for (wanted, body, expected) in [
            ("RAW", &raw, OK),
            ("DIGEST", &raw, DENIED),
            ("RAW", &digest, DENIED),
            ("DIGEST", &digest, OK),
        ] {
            let condition = equals("kms:MessageType", wanted);
            cases.push(case("kms:*", condition, operation, body.clone(), expected));
        }
        for (wanted, expected) in [("ECDSA_SHA_256", OK), ("ECDSA_SHA_384", DENIED)] {
            let condition = equals("kms:SigningAlgorithm", wanted);
            cases.push(case("kms:*", condition, operation, raw.clone(), expected));
        }
    }
    try_out(&mut kms, &signing, cases);
}

#[test]
fn a_policy_may_ask_for_the_encryption_context() {
    let (mut kms, key) = Kms::with_key();
    let encrypt = |context: Value| json!({"KeyId": key, "Plaintext": encode("p"), "EncryptionContext": context});
    let is_one = json!({"StringEquals": {"kms:EncryptionContext:a": "1"}});
    let only = json!({"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["a", "b"]}});
    let has = json!({"ForAnyValue:StringEquals": {"kms:EncryptionContextKeys": "a"}});
    let any = json!({"Null": {"kms:EncryptionContextKeys": "false"}});
    let mut cases = Vec::new();
    for (condition, context, expected) in [
        (&is_one, json!({"a": "1"}), OK),
        (&is_one, json!({"a": "1", "b": "2"}), OK),
        (&is_one, json!({"a": "2"}), DENIED),
        (&is_one, json!({"b": "1"}), DENIED),
        (&is_one, json!({}), DENIED),
        // Two names that differ in letter case alone are one to a policy, which then can't say which.
        (&is_one, json!({"a": "1", "A": "2"}), DENIED),
        (&only, json!({"a": "1"}), OK),
        (&only, json!({"a": "1", "c": "3"}), DENIED),
        (&has, json!({"a": "1", "c": "3"}), OK),
        (&has, json!({"c": "3"}), DENIED),
        (&has, json!({"A": "1"}), DENIED),
        (&any, json!({"c": "3"}), OK),
        (&any, json!({}), DENIED),
    ] {
        cases.push(case(
            "kms:Encrypt",
            condition.clone(),
            "Encrypt",
            encrypt(context),
            expected,
        ));
    }
    try_out(&mut kms, &key, cases);

    // Of ReEncrypt's two contexts each is its own side's.
    let all = json!([allow(ACCOUNT, json!("kms:*"))]);
    kms.put_policy(&key, all);
    let blob = encrypted(&mut kms, &key, &json!({"a": "1"}));
    let mut cases = Vec::new();
    for (to, expected) in [
        (json!({"a": "1", "b": "2"}), OK),
        (json!({"b": "2"}), DENIED),
    ] {
        let body = json!({
            "CiphertextBlob": blob,
            "SourceEncryptionContext": {"a": "1"},
            "DestinationKeyId": key,
            "DestinationEncryptionContext": to,
        });
        cases.push(case(
            "kms:ReEncrypt*",
            is_one.clone(),
            "ReEncrypt",
            body,
            expected,
        ));
    }
    let decrypt = |context: Value| json!({"CiphertextBlob": blob, "EncryptionContext": context});
    cases.push(case(
        "kms:Decrypt",
        is_one.clone(),
        "Decrypt",
        decrypt(json!({"a": "1"})),
        OK,
    ));
    cases.push(case(
        "kms:Decrypt",
        is_one,
        "Decrypt",
        decrypt(json!({})),
        DENIED,
    ));
    try_out(&mut kms, &key, cases);
}

#[test]
fn a_policy_may_ask_whether_a_ciphertext_stays_under_its_key() {
    let (mut kms, key) = Kms::with_key();
    let other = kms.key(json!({}));
    for (alias, target) in [("alias/same", &key), ("alias/other", &other)] {
        kms.ok(
            "CreateAlias",
            json!({"AliasName": alias, "TargetKeyId": target}),
        );
    }
    let blob = encrypted(&mut kms, &key, &json!({}));
    let mut cases = Vec::new();
    for named in [Value::Null, json!(key), json!("alias/same")] {
        for (destination, same) in [
            (key.as_str(), true),
            (id(&key), true),
            ("alias/same", true),
            (&other, false),
            ("alias/other", false),
        ] {
            for wanted in [true, false] {
                let condition = json!({"Bool": {"kms:ReEncryptOnSameKey": wanted.to_string()}});
                let body = json!({
                    "CiphertextBlob": blob, "SourceKeyId": named, "DestinationKeyId": destination,
                });
                let expected = if wanted == same { OK } else { DENIED };
                cases.push(case(
                    "kms:ReEncrypt*",
                    condition,
                    "ReEncrypt",
                    body,
                    expected,
                ));
            }
        }
    }
    try_out(&mut kms, &key, cases);
}

#[test]
fn a_policy_may_ask_for_the_alias_that_the_request_names() {
    let (mut kms, key) = Kms::with_key();
    for alias in ["alias/one", "alias/two"] {
        kms.ok(
            "CreateAlias",
            json!({"AliasName": alias, "TargetKeyId": key}),
        );
    }
    let arn = key.replace(&format!("key/{}", id(&key)), "alias/one");
    let blob = encrypted(&mut kms, &key, &json!({}));
    let condition = json!({"StringEquals": {"kms:RequestAlias": "alias/one"}});
    let mut cases = Vec::new();
    for (named, expected) in [
        (json!("alias/one"), OK),
        (json!(arn), OK),
        (json!("alias/two"), DENIED),
        (json!(key), DENIED),
        (json!(id(&key)), DENIED),
    ] {
        for (operation, body) in [
            ("Encrypt", json!({"KeyId": named, "Plaintext": encode("p")})),
            ("Decrypt", json!({"CiphertextBlob": blob, "KeyId": named})),
            (
                "GenerateDataKey",
                json!({"KeyId": named, "NumberOfBytes": 1}),
            ),
            (
                "ReEncrypt",
                json!({"CiphertextBlob": blob, "SourceKeyId": named, "DestinationKeyId": named}),
            ),
        ] {
            cases.push(case("kms:*", condition.clone(), operation, body, expected));
        }
    }
    let unnamed = json!({"CiphertextBlob": blob});
    cases.push(case("kms:*", condition, "Decrypt", unnamed, DENIED));
    try_out(&mut kms, &key, cases);
}

#[test]
fn a_grant_lets_another_account_do_what_it_says_in_the_context_that_it_says() {
    let (mut kms, key) = Kms::with_key();
    let blob = encrypted(&mut kms, &key, &json!({"a": "1", "b": "2"}));
    kms.ok(
        "CreateGrant",
        json!({
            "KeyId": key,
            "GranteePrincipal": format!("arn:aws:iam::{OTHER_ACCOUNT}:root"),
            "Operations": ["Decrypt", "ReEncryptFrom", "GenerateDataKey"],
            "Constraints": {"EncryptionContextSubset": {"a": "1"}},
        }),
    );
    kms.be_other();
    let own = kms.key(json!({}));
    let context = json!({"a": "1", "b": "2"});
    for (operation, body, expected) in [
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": context}),
            OK,
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "KeyId": key, "EncryptionContext": context}),
            OK,
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": {"a": "1"}}),
            CIPHERTEXT,
        ),
        (
            "Decrypt",
            json!({"CiphertextBlob": blob, "EncryptionContext": {"b": "2"}}),
            DENIED,
        ),
        ("Decrypt", json!({"CiphertextBlob": blob}), DENIED),
        (
            "ReEncrypt",
            json!({"CiphertextBlob": blob, "SourceEncryptionContext": context, "DestinationKeyId": own}),
            OK,
        ),
        (
            "ReEncrypt",
            json!({
                "CiphertextBlob": blob, "SourceEncryptionContext": context,
                "DestinationKeyId": key, "DestinationEncryptionContext": context,
            }),
            DENIED,
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context}),
            OK,
        ),
        (
            "GenerateDataKey",
            json!({"KeyId": key, "KeySpec": "AES_256"}),
            DENIED,
        ),
        (
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": context}),
            DENIED,
        ),
        (
            "Encrypt",
            json!({"KeyId": key, "Plaintext": encode("p"), "EncryptionContext": context}),
            DENIED,
        ),
    ] {
        assert_eq!(
            kms.outcome(operation, &body),
            expected,
            "{operation} {body}"
        );
    }
}

#[test]
fn a_policy_may_ask_for_the_encryption_algorithm_of_a_service_that_keeps_values_too() {
    for (algorithm, expected) in [("SYMMETRIC_DEFAULT", OK), ("SM2PKE", DENIED)] {
        let (mut kms, key) = Kms::with_key();
        let mut statement = allow(ACCOUNT, json!(["kms:GenerateDataKey", "kms:Decrypt"]));
        statement["Condition"] = json!({"StringEquals": {
            "kms:EncryptionAlgorithm": algorithm,
            "kms:ViaService": "secretsmanager.us-east-1.amazonaws.com",
        }});
        kms.put_policy(
            &key,
            json!([allow(ACCOUNT, json!(ADMINISTRATION)), statement]),
        );
        let body = json!({
            "Name": "s", "ClientRequestToken": V1, "SecretString": "one", "KmsKeyId": key,
        });
        let outcome = match kms.service.ask("CreateSecret", &body) {
            Ok(_) => OK,
            Err(refusal) => refusal.code,
        };
        assert_eq!(outcome, expected, "{algorithm}");
    }
}
