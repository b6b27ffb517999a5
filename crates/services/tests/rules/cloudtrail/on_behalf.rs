//! What services ask of each other for a caller, and the many calls that one stands for.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service, V1};
use crate::kms::Kms;

/// Each event's service and name, with the account whose trail it is in.
fn names(service: &Service) -> Vec<String> {
    let name = |event: &crate::harness::Trailed| {
        let (source, name) = (&event.said["eventSource"], &event.said["eventName"]);
        let source = source.as_str().unwrap().trim_end_matches(".amazonaws.com");
        format!("{source}:{} {}", name.as_str().unwrap(), event.account)
    };
    service.trail.iter().map(name).collect()
}

#[test]
fn reading_a_value_asks_kms_as_the_caller() {
    let mut service = Service::with_secret();
    service.sender.address = Some("203.0.113.9".to_owned());
    let arn = service.arn();
    service.ok("GetSecretValue", json!({"SecretId": "s"}));
    assert_eq!(
        names(&service),
        [
            format!("secretsmanager:GetSecretValue {ACCOUNT}"),
            format!("kms:Decrypt {ACCOUNT}")
        ]
    );
    let decrypt = &service.trail[1].said;
    assert_eq!(decrypt["sourceIPAddress"], "secretsmanager.amazonaws.com");
    assert_eq!(decrypt["userAgent"], "secretsmanager.amazonaws.com");
    assert_eq!(
        decrypt["userIdentity"]["invokedBy"],
        "secretsmanager.amazonaws.com"
    );
    let key = &decrypt["resources"][0]["ARN"];
    assert_eq!(decrypt["resources"][0]["type"], "AWS::KMS::Key");
    assert_eq!(
        decrypt["requestParameters"],
        json!({
            "keyId": key,
            "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
            "encryptionContext": {"SecretARN": arn, "SecretVersionId": V1},
        })
    );
    assert_eq!(decrypt["readOnly"], true);
    assert_eq!(decrypt["responseElements"], Value::Null);
}

#[test]
fn writing_a_value_asks_kms_for_a_data_key() {
    let service = Service::with_secret();
    assert_eq!(
        names(&service),
        [
            format!("secretsmanager:CreateSecret {ACCOUNT}"),
            format!("kms:GenerateDataKey {ACCOUNT}")
        ]
    );
    let parameters = &service.trail[1].said["requestParameters"];
    assert_eq!(parameters["keySpec"], "AES_256");
    assert_eq!(parameters["encryptionContext"]["SecretVersionId"], V1);
}

#[test]
fn what_kms_refuses_a_service_is_told_too() {
    let (mut kms, key) = Kms::with_key();
    let service = &mut kms.service;
    service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1, "SecretString": "one", "KmsKeyId": key}),
    );
    kms.ok("DisableKey", json!({"KeyId": key}));
    let service = &mut kms.service;
    service.refused("GetSecretValue", json!({"SecretId": "s"}));
    let [own, decrypt] = &service.trail[..] else {
        panic!("{:?}", service.trail);
    };
    assert_eq!(own.said["errorCode"], "DecryptionFailure");
    assert_eq!(decrypt.said["errorCode"], "DisabledException");
    assert_eq!(decrypt.said["requestParameters"]["keyId"], *key);
}

#[test]
fn another_accounts_key_isnt_named_to_who_may_not_use_it() {
    let (mut kms, key) = Kms::with_key();
    let service = &mut kms.service;
    service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1, "SecretString": "one", "KmsKeyId": key}),
    );
    let arn = service.arn();
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT},
        "Action": "secretsmanager:GetSecretValue", "Resource": "*"}});
    let policy = policy.to_string();
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": policy}),
    );
    service.be(OTHER_ACCOUNT, REGION);
    service.refused("GetSecretValue", json!({"SecretId": arn}));
    let decrypt = &service.trail[1];
    assert_eq!(decrypt.said["errorCode"], "AccessDenied");
    let key_id = key.rsplit('/').next().unwrap();
    assert!(!decrypt.json.contains(key_id), "{}", decrypt.json);
    assert_eq!(names(service).len(), 2, "the key's account isn't told");
}

#[test]
fn a_batch_leaves_an_event_for_each_secret_too() {
    let mut service = Service::with_secret();
    service.ok(
        "BatchGetSecretValue",
        json!({"SecretIdList": ["none", "s"]}),
    );
    assert_eq!(
        names(&service),
        [
            format!("secretsmanager:BatchGetSecretValue {ACCOUNT}"),
            format!("secretsmanager:GetSecretValue {ACCOUNT}"),
            format!("secretsmanager:GetSecretValue {ACCOUNT}"),
            format!("kms:Decrypt {ACCOUNT}"),
        ]
    );
    let said = |at: usize| &service.trail[at].said;
    assert_eq!(
        said(0)["requestParameters"],
        json!({"secretIdList": ["none", "s"]})
    );
    assert_eq!(said(1)["errorCode"], "ResourceNotFoundException");
    assert_eq!(said(2)["requestParameters"], json!({"secretId": "s"}));
    assert_eq!(
        said(2)["resources"][0]["type"],
        "AWS::SecretsManager::Secret"
    );
    assert!(said(2).get("errorCode").is_none());
}
