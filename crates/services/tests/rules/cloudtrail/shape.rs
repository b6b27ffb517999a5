//! The members of an event, whatever the call.

use serde_json::json;
use strongroom_services::iam;

use crate::harness::{ACCOUNT, BEGINNING, OTHER_ACCOUNT, REGION, Service, V1};

#[test]
fn a_read_leaves_an_event_of_all_members() {
    let mut service = Service::with_secret();
    service.now = strongroom_services::time::Timestamp::from_milliseconds(BEGINNING);
    service.sender.address = Some("203.0.113.9".to_owned());
    service.sender.user_agent = Some("aws-cli/2".to_owned());
    let arn = service.arn();
    service.ok("GetSecretValue", json!({"SecretId": "s", "VersionId": V1}));
    assert_eq!(
        service.trail[0].said,
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "Root",
                "principalId": ACCOUNT,
                "arn": format!("arn:aws:iam::{ACCOUNT}:root"),
                "accountId": ACCOUNT,
                "accessKeyId": "AKIAEXAMPLE",
            },
            "eventTime": "2023-11-14T23:59:59Z",
            "eventSource": "secretsmanager.amazonaws.com",
            "eventName": "GetSecretValue",
            "awsRegion": REGION,
            "sourceIPAddress": "203.0.113.9",
            "userAgent": "aws-cli/2",
            "requestParameters": {"secretId": "s", "versionId": V1},
            "responseElements": null,
            "requestID": "a-request",
            "eventID": "01010101-0101-4101-8101-010101010101",
            "readOnly": true,
            "resources": [{"accountId": ACCOUNT, "type": "AWS::SecretsManager::Secret", "ARN": arn}],
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        })
    );
}

#[test]
fn a_call_from_another_account_is_in_both_trails_under_one_shared_id() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    let policy = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": OTHER_ACCOUNT},
        "Action": "secretsmanager:DescribeSecret", "Resource": "*"}});
    let policy = policy.to_string();
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": policy}),
    );
    service.be(OTHER_ACCOUNT, REGION);
    service.ok("DescribeSecret", json!({"SecretId": arn}));
    let [own, copy] = &service.trail[..] else {
        panic!("{:?}", service.trail);
    };
    assert_eq!(
        (&own.account[..], &copy.account[..]),
        (OTHER_ACCOUNT, ACCOUNT)
    );
    assert_eq!(own.said["sharedEventID"], copy.said["sharedEventID"]);
    assert!(own.said["sharedEventID"].is_string());
    assert_ne!(own.said["eventID"], copy.said["eventID"]);
    assert_eq!(own.said["userIdentity"]["type"], "Root");
    let caller =
        json!({"type": "AWSAccount", "principalId": OTHER_ACCOUNT, "accountId": OTHER_ACCOUNT});
    assert_eq!(copy.said["userIdentity"], caller);
    assert_eq!(copy.said["recipientAccountId"], ACCOUNT);
    // What is refused, the other account isn't told of.
    service.refused("GetSecretValue", json!({"SecretId": arn}));
    let [own] = &service.trail[..] else {
        panic!("{:?}", service.trail);
    };
    assert_eq!(own.said["errorCode"], "AccessDenied");
    assert!(own.said.get("sharedEventID").is_none(), "{}", own.json);
    assert!(own.said.get("resources").is_none(), "{}", own.json);
}

#[test]
fn what_anyone_may_make_as_long_as_they_like_is_cut_and_what_is_too_large_left_out() {
    let mut service = Service::with_secret();
    service.sender.user_agent = Some(format!("{}é", "a".repeat(1023)));
    // Characters that JSON writes as six.
    let name = |at: u32| format!("name-{at}-{}", "\u{1}".repeat(400));
    let names: Vec<String> = (0..100).map(name).collect();
    service.iam("ListUsers", json!({}));
    let agent = &service.trail[0].said["userAgent"];
    assert_eq!(*agent, json!("a".repeat(1023)));
    let actions = json!({"PolicyInputList": ["{}"], "ActionNames": names});
    let refused = service.ask_of(iam::OPERATIONS, "SimulateCustomPolicy", &actions);
    let said = &service.trail[0].said;
    assert_eq!(said["requestParameters"], json!({"omitted": true}));
    assert!(refused.is_err());
    assert_eq!(said["errorMessage"].as_str().unwrap().len(), 1024);
}

#[test]
fn a_request_that_cant_be_read_has_no_parameters() {
    let mut service = Service::with_secret();
    let refused = service.ask("GetSecretValue", &json!(["s"]));
    assert_eq!(refused.unwrap_err().code, "SerializationException");
    let said = &service.trail[0].said;
    assert_eq!(said["errorCode"], "SerializationException");
    assert!(said["requestParameters"].is_null());
    // Of one that is wrong in part, what is right is told.
    let refused = service.ask("GetSecretValue", &json!({"SecretId": "s", "VersionId": 1}));
    assert_eq!(refused.unwrap_err().code, "SerializationException");
    let said = &service.trail[0].said;
    assert_eq!(said["requestParameters"], json!({"secretId": "s"}));
}
