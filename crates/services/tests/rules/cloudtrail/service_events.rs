//! What services tell of themselves: events that nobody called for, and labels that moved.

use serde_json::{Value, json};
use strongroom_services::cloudtrail::event::service_event;
use strongroom_services::cloudtrail::label_update::native_event;

use crate::harness::{ACCOUNT, DAY, REGION, Service, V1, V2, V3};
use crate::kms::Kms;

/// The events of a service's own so far, and none of them any more.
fn taken(service: &mut Service) -> Vec<Value> {
    let now = service.now;
    let events = std::mem::take(&mut service.events);
    let said = events.iter().map(|event| {
        let written = service_event(event, now, &mut || [7; 16]);
        assert_eq!(
            written.account.map(|account| account.as_str()),
            Some(ACCOUNT)
        );
        serde_json::from_slice(&written.json).unwrap()
    });
    said.collect()
}

/// Their names, each with its version.
fn named(events: &[Value]) -> Vec<(&str, &str)> {
    let version = |event: &Value| event["additionalEventData"]["SecretVersionId"].is_string();
    assert!(events.iter().all(version), "{events:?}");
    let name = |event| -> (&str, &str) {
        let event: &Value = event;
        let version = &event["additionalEventData"]["SecretVersionId"];
        (
            event["eventName"].as_str().unwrap(),
            version.as_str().unwrap(),
        )
    };
    events.iter().map(name).collect()
}

#[test]
fn each_version_of_a_deleted_secret_is_told_of() {
    let mut service = Service::with_two_versions();
    let arn = service.arn();
    taken(&mut service);
    service.ok("DeleteSecret", json!({"SecretId": "s"}));
    let events = taken(&mut service);
    let start = "StartSecretVersionDelete";
    assert_eq!(named(&events), [(start, V1), (start, V2)]);
    assert_eq!(
        events[0],
        json!({
            "eventVersion": "1.11",
            "userIdentity": {"accountId": ACCOUNT, "invokedBy": "secretsmanager.amazonaws.com"},
            "eventTime": "2023-11-14T23:59:59Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": start,
            "awsRegion": REGION,
            "sourceIPAddress": "secretsmanager.amazonaws.com",
            "userAgent": "secretsmanager.amazonaws.com",
            "requestParameters": null,
            "responseElements": null,
            "additionalEventData": {"SecretId": arn, "SecretVersionId": V1},
            "requestID": format!("{start}-{arn}-{V1}"),
            "eventID": "07070707-0707-4707-8707-070707070707",
            "readOnly": false,
            "resources": [{"accountId": ACCOUNT, "type": "AWS::SecretsManager::Secret", "ARN": arn}],
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        })
    );
    service.ok("RestoreSecret", json!({"SecretId": "s"}));
    let cancel = "CancelSecretVersionDelete";
    assert_eq!(named(&taken(&mut service)), [(cancel, V1), (cancel, V2)]);
    service.ok("DeleteSecret", json!({"SecretId": "s"}));
    taken(&mut service);
    service.pass(DAY * 31);
    service.purge();
    let end = "EndSecretVersionDelete";
    assert_eq!(named(&taken(&mut service)), [(end, V1), (end, V2)]);
}

#[test]
fn a_forced_deletion_starts_and_ends_at_once() {
    let mut service = Service::with_secret();
    taken(&mut service);
    service.ok(
        "DeleteSecret",
        json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true}),
    );
    let events = taken(&mut service);
    let expected = [
        ("StartSecretVersionDelete", V1),
        ("EndSecretVersionDelete", V1),
    ];
    assert_eq!(named(&events), expected);
}

#[test]
fn a_label_that_comes_to_another_version_is_told_of_unless_it_follows_others() {
    let mut service = Service::with_secret();
    fn updates(service: &mut Service) -> Vec<(String, String)> {
        let updates = std::mem::take(&mut service.label_updates);
        let pair = |update| {
            let strongroom_services::cloudtrail::label_update::LabelUpdate {
                label,
                version_id,
                ..
            } = update;
            (label, version_id)
        };
        updates.into_iter().map(pair).collect()
    }
    let pairs = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(label, version): &(&str, &str)| ((*label).to_owned(), (*version).to_owned());
        pairs.iter().map(owned).collect()
    };
    assert_eq!(updates(&mut service), pairs(&[("AWSCURRENT", V1)]));
    service.put(V2, "two", json!(["AWSCURRENT", "mine"]));
    let both = pairs(&[("AWSCURRENT", V2), ("mine", V2)]);
    assert_eq!(updates(&mut service), both);
    service.put(V3, "three", json!(["AWSPENDING"]));
    assert_eq!(updates(&mut service), []);
    service.ok("UpdateSecret", json!({"SecretId": "s", "Description": "x"}));
    service.ok(
        "TagResource",
        json!({"SecretId": "s", "Tags": [{"Key": "a", "Value": "b"}]}),
    );
    assert_eq!(updates(&mut service), []);
    let to = |from: &str, to: &str| json!({"SecretId": "s", "VersionStage": "AWSCURRENT", "RemoveFromVersionId": from, "MoveToVersionId": to});
    service.ok("UpdateSecretVersionStage", to(V2, V3));
    assert_eq!(updates(&mut service), pairs(&[("AWSCURRENT", V3)]));
    let off = json!({"SecretId": "s", "VersionStage": "mine", "RemoveFromVersionId": V2});
    service.ok("UpdateSecretVersionStage", off);
    assert_eq!(updates(&mut service), []);
}

#[test]
fn a_label_update_is_an_event_as_eventbridge_gives_it() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    let update = service.label_updates.remove(0);
    let event = native_event(&update, service.now, &mut || [7; 16]);
    let said: Value = serde_json::from_slice(&event.json).unwrap();
    assert_eq!(
        said,
        json!({
            "version": "0",
            "id": "07070707-0707-4707-8707-070707070707",
            "detail-type": "Secret Label Updated",
            "source": "aws.secretsmanager",
            "account": ACCOUNT,
            "time": "2023-11-14T23:59:59Z",
            "region": REGION,
            "resources": [arn],
            "detail": {"name": "s", "labelUpdated": "AWSCURRENT", "versionId": V1},
        })
    );
}

#[test]
fn kms_tells_what_it_does_with_keys_by_itself() {
    let (mut kms, key) = Kms::with_key();
    let key_id = key.rsplit('/').next().unwrap().to_owned();
    let material = |kms: &mut Kms| kms.describe(&key)["CurrentKeyMaterialId"].clone();
    let first = material(&mut kms);
    kms.ok("RotateKeyOnDemand", json!({"KeyId": key}));
    let second = material(&mut kms);
    let [rotated] = &taken(&mut kms.service)[..] else {
        panic!("one event");
    };
    assert_eq!(
        *rotated,
        json!({
            "eventVersion": "1.11",
            "userIdentity": {"accountId": ACCOUNT, "invokedBy": "AWS Internal"},
            "eventTime": "2023-11-14T23:59:59Z",
            "eventSource": "kms.amazonaws.com",
            "eventName": "RotateKey",
            "awsRegion": REGION,
            "sourceIPAddress": "AWS Internal",
            "userAgent": "AWS Internal",
            "requestParameters": null,
            "responseElements": null,
            "eventID": "07070707-0707-4707-8707-070707070707",
            "readOnly": false,
            "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": key}],
            "eventType": "AwsServiceEvent",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "serviceEventDetails": {
                "rotationType": "ON_DEMAND",
                "keyOrigin": "AWS_KMS",
                "previousKeyMaterialId": first,
                "currentKeyMaterialId": second,
                "keyId": key_id,
            },
            "eventCategory": "Management",
        })
    );
    kms.ok("EnableKeyRotation", json!({"KeyId": key}));
    kms.service.pass(DAY * 366);
    kms.carry_out_due();
    let renewed = taken(&mut kms.service);
    assert_eq!(
        renewed[0]["serviceEventDetails"]["rotationType"],
        "AUTOMATIC"
    );
    kms.ok(
        "ScheduleKeyDeletion",
        json!({"KeyId": key, "PendingWindowInDays": 7}),
    );
    kms.service.pass(DAY * 8);
    kms.carry_out_due();
    let deleted = taken(&mut kms.service);
    assert_eq!(deleted[0]["eventName"], "DeleteKey");
    assert_eq!(deleted[0]["resources"][0]["ARN"], json!(key));
}
