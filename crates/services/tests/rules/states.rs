//! Which operation a secret allows in which state. Source: api.md 7.

use serde_json::{Value, json};

use crate::harness::{
    DENIED, EXISTS, MARKED, MISSING, NOT_FOUND, OTHER_ACCOUNT, REGION, REQUEST, Service, V1, V2,
};

/// Every operation on one secret, with a body that an active secret `s` accepts.
fn operations() -> Vec<(&'static str, Value)> {
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"333333333333"},"Action":"secretsmanager:*","Resource":"*"}]}"#;
    vec![
        ("DescribeSecret", json!({})),
        ("ListSecretVersionIds", json!({})),
        ("GetSecretValue", json!({})),
        ("GetResourcePolicy", json!({})),
        (
            "PutSecretValue",
            json!({"ClientRequestToken": V2, "SecretString": "x"}),
        ),
        ("UpdateSecret", json!({"Description": "d"})),
        ("UpdateSecret", json!({"KmsKeyId": ""})),
        (
            "UpdateSecretVersionStage",
            json!({"VersionStage": "X", "MoveToVersionId": V1}),
        ),
        ("TagResource", json!({"Tags": [{"Key": "k", "Value": "v"}]})),
        ("UntagResource", json!({"TagKeys": ["k"]})),
        ("PutResourcePolicy", json!({ "ResourcePolicy": policy })),
        ("DeleteResourcePolicy", json!({})),
        (
            "ValidateResourcePolicy",
            json!({ "ResourcePolicy": policy }),
        ),
        ("RestoreSecret", json!({})),
        ("DeleteSecret", json!({"ForceDeleteWithoutRecovery": true})),
        ("DeleteSecret", json!({})),
    ]
}

fn on(id: &str, body: &Value) -> Value {
    let mut body = body.clone();
    body["SecretId"] = json!(id);
    body
}

#[test]
fn an_active_secret_allows_everything() {
    for (operation, body) in operations() {
        Service::with_secret().ok(operation, on("s", &body));
    }
}

#[test]
fn a_secret_scheduled_for_deletion_can_be_described_listed_restored_and_removed() {
    for (operation, body) in operations() {
        let mut service = Service::with_secret();
        service.ok("DeleteSecret", json!({"SecretId": "s"}));
        let force = body.get("ForceDeleteWithoutRecovery").is_some();
        match operation {
            "DescribeSecret" | "ListSecretVersionIds" | "RestoreSecret" => {
                drop(service.ok(operation, on("s", &body)))
            }
            "DeleteSecret" if force => drop(service.ok(operation, on("s", &body))),
            "DeleteSecret" => assert_eq!(service.code(operation, on("s", &body)), REQUEST),
            _ => {
                let refused = service.refused(operation, on("s", &body));
                assert_eq!(refused, (REQUEST, MARKED.to_owned()), "{operation}");
            }
        }
    }
}

#[test]
fn a_secret_that_is_not_there_is_not_found() {
    for (operation, body) in operations() {
        if body.get("ForceDeleteWithoutRecovery").is_none() {
            let refused = Service::new().refused(operation, on("s", &body));
            assert_eq!(refused, (NOT_FOUND, MISSING.to_owned()), "{operation}");
        }
    }
}

#[test]
fn a_secret_of_another_account_is_denied_there_or_not() {
    for (operation, body) in operations() {
        let mut service = Service::with_secret();
        let arn = service.arn();
        service.be(OTHER_ACCOUNT, REGION);
        for id in [arn.clone(), arn.replace(":s-", ":missing-")] {
            assert_eq!(
                service.code(operation, on(&id, &body)),
                DENIED,
                "{operation}"
            );
        }
    }
}

#[test]
fn a_name_can_be_made_once_whatever_its_state() {
    let create = json!({"Name": "s", "ClientRequestToken": V2, "SecretString": "x"});
    let mut service = Service::with_secret();
    assert_eq!(service.code("CreateSecret", create.clone()), EXISTS);
    service.ok("DeleteSecret", json!({"SecretId": "s"}));
    assert_eq!(service.code("CreateSecret", create.clone()), REQUEST);
    service.ok(
        "DeleteSecret",
        json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true}),
    );
    service.ok("CreateSecret", create);
}

#[test]
fn operations_that_are_not_there_yet_say_so() {
    for operation in [
        "ReplicateSecretToRegions",
        "RemoveRegionsFromReplication",
        "StopReplicationToReplica",
    ] {
        let refusal = strongroom_services::secretsmanager::absent(operation).unwrap();
        assert_eq!(refusal.code, REQUEST);
        assert!(
            refusal.message.unwrap().contains("not changed"),
            "{operation}"
        );
    }
    assert!(strongroom_services::secretsmanager::absent("GetSecretValue").is_none());
}
