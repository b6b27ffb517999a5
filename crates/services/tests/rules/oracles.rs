//! Whoever may do nothing with a resource is told the same whether it is there or not: each operation of Secrets Manager
//! and KMS that takes one, on resources in every state, by another account's root and users. Source:
//! access-control.md 6 and 7.

use serde_json::{Value, json};
use strongroom_services::operation::Entry;
use strongroom_services::refusal::Refusal;
use strongroom_services::{iam, kms, secretsmanager};

use crate::harness::{ACCOUNT, DAY, OTHER_ACCOUNT, REGION, Service, V1, V2};

/// An operation: the member that names the resource, and the others.
type Row = (&'static str, &'static str, Value);

fn on_secrets() -> Vec<Row> {
    let policy = document(json!({
        "Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "secretsmanager:*", "Resource": "*",
    }));
    let rows = [
        ("CancelRotateSecret", json!({})),
        ("DeleteResourcePolicy", json!({})),
        ("DeleteSecret", json!({})),
        ("DeleteSecret", json!({"ForceDeleteWithoutRecovery": true})),
        ("DescribeSecret", json!({})),
        ("GetResourcePolicy", json!({})),
        ("GetSecretValue", json!({})),
        ("GetSecretValue", json!({"VersionId": V2})),
        ("GetSecretValue", json!({"VersionStage": "none"})),
        ("ListSecretVersionIds", json!({"IncludeDeprecated": true})),
        ("PutResourcePolicy", json!({"ResourcePolicy": policy})),
        (
            "PutResourcePolicy",
            json!({"ResourcePolicy": policy, "BlockPublicPolicy": true}),
        ),
        (
            "PutSecretValue",
            json!({"ClientRequestToken": V1, "SecretString": "another"}),
        ),
        ("RestoreSecret", json!({})),
        ("RotateSecret", json!({"ClientRequestToken": V1})),
        (
            "RotateSecret",
            json!({
                "ClientRequestToken": V1,
                "RotationRules": {"AutomaticallyAfterDays": 1},
                "RotationLambdaARN": "arn:aws:lambda:us-east-1:123456789012:function:strongroom-random-value",
            }),
        ),
        (
            "TagResource",
            json!({"Tags": [{"Key": "team", "Value": "web"}]}),
        ),
        ("UntagResource", json!({"TagKeys": ["team"]})),
        ("UpdateSecret", json!({"Description": "d"})),
        (
            "UpdateSecret",
            json!({"ClientRequestToken": V1, "SecretString": "another"}),
        ),
        (
            "UpdateSecretVersionStage",
            json!({"VersionStage": "blue", "MoveToVersionId": V1}),
        ),
        ("ValidateResourcePolicy", json!({"ResourcePolicy": policy})),
    ];
    rows.map(|(operation, more)| (operation, "SecretId", more))
        .to_vec()
}

fn on_keys(blob: &Value) -> Vec<Row> {
    let message = json!({
        "Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256",
    });
    let signed = json!({
        "Message": "eA==", "SigningAlgorithm": "ECDSA_SHA_256", "Signature": "eA==",
    });
    let policy = document(json!({
        "Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "kms:*", "Resource": "*",
    }));
    let grantee = format!("arn:aws:iam::{OTHER_ACCOUNT}:root");
    let key = |operation, more| (operation, "KeyId", more);
    vec![
        key("CancelKeyDeletion", json!({})),
        key(
            "CreateGrant",
            json!({"GranteePrincipal": grantee, "Operations": ["Decrypt"]}),
        ),
        (
            "CreateAlias",
            "TargetKeyId",
            json!({"AliasName": "alias/new"}),
        ),
        key("Decrypt", json!({"CiphertextBlob": blob})),
        key("DeleteImportedKeyMaterial", json!({})),
        key("DescribeKey", json!({})),
        key("DisableKey", json!({})),
        key("DisableKeyRotation", json!({})),
        key("EnableKey", json!({})),
        key("EnableKeyRotation", json!({})),
        key("Encrypt", json!({"Plaintext": "eA=="})),
        key(
            "Encrypt",
            json!({"Plaintext": "eA==", "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}),
        ),
        key("GenerateDataKey", json!({"KeySpec": "AES_256"})),
        key(
            "GenerateDataKeyPair",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
        ),
        key(
            "GenerateDataKeyPairWithoutPlaintext",
            json!({"KeyPairSpec": "ECC_NIST_P256"}),
        ),
        key(
            "GenerateDataKeyWithoutPlaintext",
            json!({"KeySpec": "AES_256"}),
        ),
        key(
            "GenerateMac",
            json!({"Message": "eA==", "MacAlgorithm": "HMAC_SHA_256"}),
        ),
        key("GetKeyPolicy", json!({})),
        key("GetKeyRotationStatus", json!({})),
        key(
            "GetParametersForImport",
            json!({"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}),
        ),
        key("GetPublicKey", json!({})),
        key(
            "ImportKeyMaterial",
            json!({"ImportToken": "eA==", "EncryptedKeyMaterial": "eA=="}),
        ),
        key("ListAliases", json!({})),
        key("ListGrants", json!({})),
        key("ListKeyPolicies", json!({})),
        key("ListKeyRotations", json!({})),
        key("ListResourceTags", json!({})),
        key("PutKeyPolicy", json!({"Policy": policy})),
        (
            "ReEncrypt",
            "SourceKeyId",
            json!({"CiphertextBlob": blob, "DestinationKeyId": "alias/own"}),
        ),
        key("RetireGrant", json!({"GrantId": "a".repeat(64)})),
        key("RevokeGrant", json!({"GrantId": "a".repeat(64)})),
        key("RotateKeyOnDemand", json!({})),
        key("ScheduleKeyDeletion", json!({})),
        key("Sign", message),
        key(
            "TagResource",
            json!({"Tags": [{"TagKey": "k", "TagValue": "v"}]}),
        ),
        key("UntagResource", json!({"TagKeys": ["k"]})),
        (
            "UpdateAlias",
            "TargetKeyId",
            json!({"AliasName": "alias/own"}),
        ),
        key("UpdateKeyDescription", json!({"Description": "d"})),
        key("Verify", signed),
        key(
            "VerifyMac",
            json!({"Message": "eA==", "MacAlgorithm": "HMAC_SHA_256", "Mac": "eA=="}),
        ),
    ]
}

/// What takes no resource that another account could have, or is asked about below.
const WITHOUT: &[&str] = &[
    "BatchGetSecretValue",
    "CreateSecret",
    "GetRandomPassword",
    "ListSecrets",
    "CreateKey",
    "DeleteAlias",
    "GenerateRandom",
    "ListKeys",
    "ListRetirableGrants",
];

fn document(statement: Value) -> String {
    json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()
}

#[test]
fn every_operation_on_a_secret_or_a_key_is_asked_about_here() {
    let names = |entries: &[Entry]| entries.iter().map(|entry| entry.name).collect::<Vec<_>>();
    for (names, rows) in [
        (names(secretsmanager::OPERATIONS), on_secrets()),
        (names(kms::OPERATIONS), on_keys(&json!(""))),
    ] {
        for name in names {
            let is_asked = rows.iter().any(|(operation, ..)| *operation == name);
            assert!(is_asked != WITHOUT.contains(&name), "{name}");
        }
    }
}

/// Who asks, none of whom may do anything with what is the first account's.
fn outsiders() -> Vec<(&'static str, Option<Value>)> {
    let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let on = |effect: &str, condition: Value| json!([allow, {"Effect": effect, "Action": "*", "Resource": "*", "Condition": condition}]);
    vec![
        ("root", None),
        ("a user who may do everything", Some(json!([allow]))),
        (
            "a user without policies",
            Some(json!([{"Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}])),
        ),
        (
            "a user whose policy asks for a tag",
            Some(on(
                "Deny",
                json!({"StringEquals": {"aws:ResourceTag/team": "web"}}),
            )),
        ),
        (
            "a user whose policy asks for the kind of a key",
            Some(on(
                "Deny",
                json!({"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}}),
            )),
        ),
        (
            "a user whose policy asks whose the resource is",
            Some(on(
                "Deny",
                json!({"StringEquals": {"aws:ResourceAccount": ACCOUNT}}),
            )),
        ),
    ]
}

/// From now on, one of them asks.
fn be(service: &mut Service, statements: Option<&Value>) {
    service.be(OTHER_ACCOUNT, REGION);
    let Some(statements) = statements else { return };
    let iam = |service: &mut Service, operation: &str, body: Value| {
        service.ask_of(iam::OPERATIONS, operation, &body)
    };
    if iam(service, "GetUser", json!({"UserName": "u"})).is_err() {
        iam(service, "CreateUser", json!({"UserName": "u"})).unwrap();
        iam(service, "CreateAccessKey", json!({"UserName": "u"})).unwrap();
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let body = json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": policy});
    iam(service, "PutUserPolicy", body).unwrap();
    let keys = iam(service, "ListAccessKeys", json!({"UserName": "u"})).unwrap();
    let id = keys["AccessKeyMetadata"][0]["AccessKeyId"]
        .as_str()
        .unwrap();
    service.be_user(OTHER_ACCOUNT, "u", id);
}

/// What an outsider is told; the resource's name is left out.
fn told(
    service: &mut Service,
    entries: &[Entry],
    row: &Row,
    name: &str,
) -> (&'static str, String, bool) {
    let (operation, member, more) = row;
    let mut body = more.clone();
    body[*member] = json!(name);
    match service.ask_of(entries, operation, &body) {
        Ok(answer) => panic!("{operation} {body}: {answer}"),
        Err(Refusal {
            code,
            message,
            member,
        }) => {
            let message = message.unwrap_or_default().replace(name, "NAME");
            (
                code,
                message,
                member == strongroom_services::refusal::MessageMember::Capital,
            )
        }
    }
}

#[test]
fn an_outsider_is_told_the_same_of_a_secret_that_is_closed_and_of_one_that_is_not_there() {
    let mut service = Service::new();
    let make = |service: &mut Service, name: &str| {
        let body = json!({
            "Name": name, "ClientRequestToken": V1, "SecretString": "one", "Tags": [{"Key": "team", "Value": "web"}],
        });
        service.ok("CreateSecret", body)["ARN"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let plain = make(&mut service, "plain");
    let deleting = make(&mut service, "gonesoon");
    service.ok("DeleteSecret", json!({"SecretId": "gonesoon"}));
    let denied = make(&mut service, "denied");
    let others = make(&mut service, "others");
    for (name, effect, principal) in [
        ("denied", "Deny", OTHER_ACCOUNT),
        ("others", "Allow", "333333333333"),
    ] {
        let policy = document(json!({
            "Effect": effect, "Principal": {"AWS": principal}, "Action": "secretsmanager:*", "Resource": "*",
        }));
        service.ok(
            "PutResourcePolicy",
            json!({"SecretId": name, "ResourcePolicy": policy}),
        );
    }
    let key = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let body = json!({
        "Name": "keyed", "ClientRequestToken": V1, "SecretString": "one", "KmsKeyId": key["KeyMetadata"]["KeyId"],
    });
    let keyed = service.ok("CreateSecret", body)["ARN"]
        .as_str()
        .unwrap()
        .to_owned();
    let partial = plain[..plain.len() - 7].to_owned();
    let missing = plain.replace(":secret:plain-", ":secret:never-");

    for (who, statements) in outsiders() {
        be(&mut service, statements.as_ref());
        for row in on_secrets() {
            let of_missing = told(&mut service, secretsmanager::OPERATIONS, &row, &missing);
            for there in [&plain, &partial, &deleting, &denied, &others, &keyed] {
                let of_there = told(&mut service, secretsmanager::OPERATIONS, &row, there);
                assert_eq!(of_there, of_missing, "{who}: {row:?} on {there}");
            }
        }
        let batch = |service: &mut Service, name: &str| {
            let body = json!({"SecretIdList": [name]});
            let answer = service.ask("BatchGetSecretValue", &body);
            let text = match answer {
                Ok(answer) => answer.to_string(),
                Err(refusal) => format!("{refusal:?}"),
            };
            text.replace(name, "NAME")
        };
        let of_missing = batch(&mut service, &missing);
        for there in [&plain, &partial, &deleting, &denied, &others, &keyed] {
            assert_eq!(batch(&mut service, there), of_missing, "{who}: {there}");
        }
    }
}

#[test]
fn an_outsider_is_told_the_same_of_a_key_that_is_closed_and_of_one_that_is_not_there() {
    let mut service = Service::new();
    let ask = |service: &mut Service, operation: &str, body: Value| {
        service.ask_of(kms::OPERATIONS, operation, &body).unwrap()
    };
    let mut keys = Vec::new();
    for body in [
        json!({"Tags": [{"TagKey": "team", "TagValue": "web"}]}),
        json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}),
        json!({"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}),
        json!({"Origin": "EXTERNAL"}),
        json!({"Description": "disabled"}),
        json!({"Description": "deleted soon"}),
        json!({"Description": "denied"}),
    ] {
        let made = ask(&mut service, "CreateKey", body);
        keys.push(made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned());
    }
    ask(&mut service, "DisableKey", json!({"KeyId": keys[4]}));
    ask(
        &mut service,
        "ScheduleKeyDeletion",
        json!({"KeyId": keys[5]}),
    );
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Deny", "Principal": {"AWS": OTHER_ACCOUNT}, "Action": "kms:*", "Resource": "*"},
    ]});
    let body = json!({"KeyId": keys[6], "Policy": policy.to_string()});
    ask(&mut service, "PutKeyPolicy", body);
    let encrypted = ask(
        &mut service,
        "Encrypt",
        json!({"KeyId": keys[0], "Plaintext": "eA=="}),
    );
    let blob = encrypted["CiphertextBlob"].clone();
    let gone = ask(&mut service, "CreateKey", json!({}));
    let gone_id = gone["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let body = json!({"KeyId": gone_id, "Plaintext": "eA=="});
    let gone_blob = ask(&mut service, "Encrypt", body)["CiphertextBlob"].clone();
    let body = json!({"KeyId": gone_id, "PendingWindowInDays": 7});
    ask(&mut service, "ScheduleKeyDeletion", body);
    ask(
        &mut service,
        "CreateAlias",
        json!({"AliasName": "alias/there", "TargetKeyId": keys[0]}),
    );
    service.pass(8 * DAY);
    service.carry_out_due::<kms::due::KmsDue>();
    assert!(
        service
            .ask_of(kms::OPERATIONS, "DescribeKey", &json!({"KeyId": gone_id}))
            .is_err()
    );
    service.be(OTHER_ACCOUNT, REGION);
    let own = ask(&mut service, "CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    ask(
        &mut service,
        "CreateAlias",
        json!({"AliasName": "alias/own", "TargetKeyId": own}),
    );

    let body = json!({"KeyId": own, "Plaintext": "eA=="});
    let own_blob = ask(&mut service, "Encrypt", body)["CiphertextBlob"].clone();

    let named = |resource: &str| format!("arn:aws:kms:{REGION}:{ACCOUNT}:{resource}");
    let missing = named("key/00000000-0000-4000-8000-000000000000");
    for (who, statements) in outsiders() {
        be(&mut service, statements.as_ref());
        for row in on_keys(&blob) {
            let of_missing = told(&mut service, kms::OPERATIONS, &row, &missing);
            for there in &keys {
                let of_there = told(&mut service, kms::OPERATIONS, &row, there);
                assert_eq!(of_there, of_missing, "{who}: {row:?} on {there}");
            }
            let of_no_alias = told(&mut service, kms::OPERATIONS, &row, &named("alias/never"));
            let of_alias = told(&mut service, kms::OPERATIONS, &row, &named("alias/there"));
            assert_eq!(of_alias, of_no_alias, "{who}: {row:?}");
        }
        // A ciphertext says by itself which key it needs.
        for row in [
            ("Decrypt", "CiphertextBlob", json!({})),
            (
                "ReEncrypt",
                "CiphertextBlob",
                json!({"DestinationKeyId": "alias/own"}),
            ),
        ] {
            let mut of_blob = |blob: &Value, key: &str| {
                let told = told(&mut service, kms::OPERATIONS, &row, blob.as_str().unwrap());
                (told.0, told.1.replace(key, "KEY"))
            };
            let of_gone = of_blob(&gone_blob, &named(&format!("key/{gone_id}")));
            assert_eq!(of_blob(&blob, &keys[0]), of_gone, "{who}: {row:?}");
        }
        let row = (
            "ReEncrypt",
            "DestinationKeyId",
            json!({"CiphertextBlob": own_blob, "SourceKeyId": "alias/own"}),
        );
        let of_missing = told(&mut service, kms::OPERATIONS, &row, &missing);
        for there in &keys {
            let of_there = told(&mut service, kms::OPERATIONS, &row, there);
            assert_eq!(of_there, of_missing, "{who}: {row:?} on {there}");
        }
    }
}
