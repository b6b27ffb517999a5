//! What the service asks for to rotate secrets: the functions that it invokes, and what those that are built in read and
//! change.

use serde_json::{Value, json};
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::elsewhere::Elsewhere;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::rotation::job::{Answer, Work};
use strongroom_services::rotation::told;

use crate::harness::{ACCOUNT, OTHER_ACCOUNT, Service, V1, V2};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";

/// What the service is called in events.
const SERVICE: &str = "secretsmanager.amazonaws.com";

fn rotated_by(service: &mut Service, function: &str, metadata: Value) -> Box<Work> {
    let request = json!({
        "SecretId": "s", "ClientRequestToken": V2, "RotationLambdaARN": function,
        "RotationRules": {"AutomaticallyAfterDays": 30}, "ExternalSecretRotationMetadata": metadata,
    });
    service.ok("RotateSecret", request);
    service.take_step().unwrap()
}

fn built_in(name: &str) -> String {
    FUNCTION.replace("rotate", &format!("strongroom-{name}"))
}

/// Each event's name and the version that it is about.
fn told_of(service: &Service) -> Vec<String> {
    let event = |event: &crate::harness::Trailed| {
        assert_eq!(
            event.said["userIdentity"],
            json!({"type": "AWSService", "invokedBy": SERVICE})
        );
        assert_eq!(event.said["sourceIPAddress"], SERVICE);
        assert_eq!(event.said["userAgent"], SERVICE);
        assert_eq!(event.said["recipientAccountId"], ACCOUNT);
        let parameters = &event.said["requestParameters"];
        let version = ["versionId", "clientRequestToken", "moveToVersionId"]
            .iter()
            .find_map(|member| parameters[member].as_str())
            .or_else(|| parameters["encryptionContext"]["SecretVersionId"].as_str());
        let version = match version {
            Some(V1) => " 1",
            Some(V2) => " 2",
            Some(other) => panic!("{other}"),
            None => "",
        };
        let error = event.said["errorCode"].as_str().unwrap_or_default();
        format!(
            "{}{version}{error}",
            event.said["eventName"].as_str().unwrap()
        )
    };
    service.trail.iter().map(event).collect()
}

#[test]
fn what_a_built_in_function_reads_and_changes_is_told_as_done_by_the_service() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    let read = [
        "GetSecretValue 1",
        "Decrypt 1",
        "GetSecretValue 2",
        "Decrypt 2",
    ];
    let created = [
        "GetSecretValue 1",
        "Decrypt 1",
        "PutSecretValue 2",
        "GenerateDataKey 2",
    ];
    let finished = [&read[..], &["UpdateSecretVersionStage 2"]].concat();
    let mut next = Some(rotated_by(
        &mut service,
        &built_in("random-value"),
        json!([]),
    ));
    for (step, expected) in [&created[..], &read, &read, &finished]
        .into_iter()
        .enumerate()
    {
        next = service.carry_out_step(&next.unwrap(), None).unwrap();
        assert_eq!(told_of(&service), expected, "step {step}");
        if step == 0 {
            let put = &service.trail[2].said;
            assert_eq!(put["eventType"], "AwsApiCall");
            assert_eq!(put["readOnly"], false);
            assert_eq!(put["resources"][0]["ARN"], *arn);
            assert_eq!(
                put["requestParameters"],
                json!({"secretId": arn, "clientRequestToken": V2, "versionStages": ["AWSPENDING"]})
            );
            assert_eq!(put["responseElements"]["versionId"], V2);
        }
    }
    assert!(next.is_none());
    let moved = &service.trail[4].said["requestParameters"];
    assert_eq!(
        *moved,
        json!({"secretId": arn, "versionStage": "AWSCURRENT", "removeFromVersionId": V1, "moveToVersionId": V2})
    );
    let value = service.ok("GetSecretValue", json!({"SecretId": "s"}));
    let value = value["SecretString"].as_str().unwrap();
    assert!(
        service
            .trail
            .iter()
            .all(|event| !event.json.contains(value))
    );
}

#[test]
fn values_that_go_to_a_web_server_are_told_of_before_once() {
    let mut service = Service::with_secret();
    service.ok(
        "CreateSecret",
        json!({"Name": "key", "ClientRequestToken": V1, "SecretString": "0123456789abcdef"}),
    );
    let metadata = json!([
        {"Key": "Url", "Value": "https://hooks.example.com/"}, {"Key": "Creates", "Value": "true"},
        {"Key": "SigningSecretId", "Value": "key"},
    ]);
    let work = rotated_by(&mut service, &built_in("webhook"), metadata);
    let Err(_) = service.carry_out_step(&work, None) else {
        panic!("it asks nobody");
    };
    // Its own value, and the key that the event is signed with.
    let read = [
        "GetSecretValue 1",
        "Decrypt 1",
        "GetSecretValue 1",
        "Decrypt 1",
    ];
    assert_eq!(told_of(&service), read);
    let key = &service.trail[2].said["requestParameters"]["secretId"];
    assert!(key.as_str().unwrap().contains(":secret:key-"), "{key}");
    let answer = Answer {
        said: Ok(SecretBytes::copy_of(b"{\"SecretString\":\"two\"}")),
        took: std::time::Duration::ZERO,
    };
    let Ok(next) = service.carry_out_step(&work, Some(answer)) else {
        panic!("it asks again");
    };
    assert!(next.is_some());
    assert_eq!(told_of(&service), ["PutSecretValue 2", "GenerateDataKey 2"]);
}

#[test]
fn access_keys_that_come_and_go_are_told_of() {
    let mut service = Service::with_secret();
    service.iam("CreateUser", json!({"UserName": "bob"}));
    let metadata = json!([{"Key": "UserName", "Value": "bob"}]);
    let work = rotated_by(&mut service, &built_in("iam-access-key"), metadata);
    service.carry_out_step(&work, None).unwrap();
    let [.., made, put, _] = &service.trail[..] else {
        panic!("{:?}", service.trail);
    };
    assert_eq!(put.said["eventName"], "PutSecretValue");
    assert_eq!(made.said["eventName"], "CreateAccessKey");
    assert_eq!(made.said["eventSource"], "iam.amazonaws.com");
    assert_eq!(made.said["requestParameters"], json!({"userName": "bob"}));
    assert_eq!(made.said["resources"][0]["type"], "AWS::IAM::User");
    let told = made.said["responseElements"]["accessKey"]["accessKeyId"].clone();
    let listed = service.iam("ListAccessKeys", json!({"UserName": "bob"}));
    assert_eq!(told, listed["AccessKeyMetadata"][0]["AccessKeyId"]);
}

#[test]
fn a_function_that_is_invoked_is_told_of_as_data_to_whoever_has_it() {
    for (function, accounts) in [
        (FUNCTION.to_owned(), &[ACCOUNT][..]),
        (
            FUNCTION.replace(ACCOUNT, OTHER_ACCOUNT),
            &[ACCOUNT, OTHER_ACCOUNT],
        ),
    ] {
        let mut service = Service::with_secret();
        service.elsewhere = Elsewhere::of(Vec::new(), true);
        let work = rotated_by(&mut service, FUNCTION, json!([]));
        let work = Work {
            function: FunctionArn::parse(&function).unwrap(),
            ..*work
        };
        let events = service.told_by_service(&[told::invocation(&work)]);
        let told: Vec<&str> = events.iter().map(|event| event.account.as_str()).collect();
        assert_eq!(told, accounts);
        let said = &events[0].said;
        assert_eq!(
            said["userIdentity"],
            json!({"type": "AWSService", "invokedBy": SERVICE})
        );
        for (member, expected) in [
            ("eventSource", json!("lambda.amazonaws.com")),
            ("eventName", json!("Invoke")),
            ("eventCategory", json!("Data")),
            ("managementEvent", json!(false)),
            ("readOnly", json!(false)),
            ("responseElements", Value::Null),
            (
                "requestParameters",
                json!({"functionName": function, "invocationType": "RequestResponse",
                "sourceArn": service.arn(), "sourceAccount": ACCOUNT}),
            ),
        ] {
            assert_eq!(said[member], expected, "{member}");
        }
        assert_eq!(said["resources"][0]["ARN"], *function);
        let token = std::str::from_utf8(work.event.expose()).unwrap();
        let token: Value = serde_json::from_str(token).unwrap();
        assert!(
            !events[0]
                .json
                .contains(token["RotationToken"].as_str().unwrap())
        );
    }
}
