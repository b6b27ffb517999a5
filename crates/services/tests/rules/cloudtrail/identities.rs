//! Who called, as events say it. Source: AWS CloudTrail User Guide, CloudTrail userIdentity element.

use serde_json::{Value, json};
use strongroom_services::caller::{AccountId, Principal};
use strongroom_services::cloudtrail::event::{Call, Who, events};
use strongroom_services::cloudtrail::name;
use strongroom_services::cloudtrail::told::Told;
use strongroom_services::origin::Origin;
use strongroom_services::sts;

use crate::harness::{ACCOUNT, Service};
use crate::iam::mfa::give_phone;

const TRUST: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
    "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"]}]}"#;
const ALL: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}"#;

/// The user `alice`, who may do everything: her access key's id and her unique one.
fn with_alice() -> (Service, String, Value) {
    let mut service = Service::new();
    let user = service.iam(
        "CreateUser",
        json!({"UserName": "alice", "Path": "/staff/"}),
    );
    let key = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
    let policy = json!({"UserName": "alice", "PolicyName": "p", "PolicyDocument": ALL});
    service.iam("PutUserPolicy", policy);
    let key = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    (service, key, user["User"]["UserId"].clone())
}

fn ask_who(service: &mut Service) -> Value {
    let asked = service.ask_of(sts::OPERATIONS, "GetCallerIdentity", &json!({}));
    assert!(asked.is_ok());
    service.trail[0].said["userIdentity"].clone()
}

#[test]
fn a_user_is_named_with_the_key_that_signed() {
    let (mut service, key, id) = with_alice();
    service.be_user(ACCOUNT, "alice", &key);
    assert_eq!(
        ask_who(&mut service),
        json!({
            "type": "IAMUser",
            "principalId": id,
            "arn": "arn:aws:iam::123456789012:user/staff/alice",
            "accountId": ACCOUNT,
            "accessKeyId": key,
            "userName": "alice",
        })
    );
}

#[test]
fn temporary_credentials_of_a_user_tell_when_they_were_made_and_whether_with_a_second_factor() {
    let (mut service, key, id) = with_alice();
    let phone = give_phone(&mut service, "alice");
    for (with_code, authenticated) in [(false, "false"), (true, "true")] {
        service.be_user(ACCOUNT, "alice", &key);
        let body = match with_code {
            false => json!({}),
            true => json!({
                "SerialNumber": "arn:aws:iam::123456789012:mfa/phone",
                "TokenCode": phone.code(&service, 1),
            }),
        };
        let made = service.ask_of(sts::OPERATIONS, "GetSessionToken", &body);
        let credentials = made.unwrap()["Credentials"].clone();
        service.be_session(&credentials);
        assert_eq!(
            ask_who(&mut service),
            json!({
                "type": "IAMUser",
                "principalId": id,
                "arn": "arn:aws:iam::123456789012:user/staff/alice",
                "accountId": ACCOUNT,
                "accessKeyId": credentials["AccessKeyId"],
                "userName": "alice",
                "sessionContext": {"attributes": {
                    "creationDate": "2023-11-14T23:59:59Z", "mfaAuthenticated": authenticated,
                }},
            })
        );
    }
}

#[test]
fn a_session_of_a_role_names_the_role_and_who_stands_behind_it() {
    let (mut service, key, _) = with_alice();
    let role = json!({"RoleName": "app", "Path": "/apps/", "AssumeRolePolicyDocument": TRUST});
    let role = service.iam("CreateRole", role)["Role"].clone();
    service.be_user(ACCOUNT, "alice", &key);
    let body = json!({"RoleArn": role["Arn"], "RoleSessionName": "deploy", "SourceIdentity": "al"});
    let made = service
        .ask_of(sts::OPERATIONS, "AssumeRole", &body)
        .unwrap();
    service.be_session(&made["Credentials"]);
    let id = role["RoleId"].as_str().unwrap();
    assert_eq!(
        ask_who(&mut service),
        json!({
            "type": "AssumedRole",
            "principalId": format!("{id}:deploy"),
            "arn": "arn:aws:sts::123456789012:assumed-role/app/deploy",
            "accountId": ACCOUNT,
            "accessKeyId": made["Credentials"]["AccessKeyId"],
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": id,
                    "arn": "arn:aws:iam::123456789012:role/apps/app",
                    "accountId": ACCOUNT,
                    "userName": "app",
                },
                "attributes": {
                    "creationDate": "2023-11-14T23:59:59Z", "mfaAuthenticated": "false",
                },
                "sourceIdentity": "al",
            },
        })
    );
}

/// The events of a call that nobody who is known made.
fn unknown(account: Option<&AccountId>, access_key_id: Option<&str>) -> Vec<(bool, Value)> {
    let call = Call {
        source: name::SECRETS_MANAGER,
        operation: "GetSecretValue",
        read_only: true,
        who: Who::Unknown {
            account,
            region: "us-east-1",
        },
        access_key_id,
        origin: Origin::INSIDE,
        host: None,
        tls: None,
        request_id: &"r",
        now: strongroom_services::time::Timestamp::from_milliseconds(0),
        error: Some(("InvalidSignatureException", Some("No."))),
        additional_event_data: None,
    };
    let told = Told::default();
    let events = events(&call, &told, &mut || [1; 16]);
    let said = events.iter().map(|event| {
        (
            event.account.is_some(),
            serde_json::from_slice(&event.json).unwrap(),
        )
    });
    said.collect()
}

#[test]
fn whoever_isnt_made_out_is_unknown_and_their_call_is_the_accounts_whose_key_they_sent() {
    let account = AccountId::parse(ACCOUNT).unwrap();
    let [(true, said)] = &unknown(Some(&account), Some("AKIAKNOWN"))[..] else {
        panic!("one event of the account's");
    };
    let who = json!({"type": "Unknown", "accountId": ACCOUNT, "accessKeyId": "AKIAKNOWN"});
    assert_eq!(said["userIdentity"], who);
    assert_eq!(said["recipientAccountId"], ACCOUNT);
    assert_eq!(said["errorCode"], "InvalidSignatureException");
    assert_eq!(said["requestParameters"], Value::Null);
    let [(false, said)] = &unknown(None, Some("AKIANOBODY"))[..] else {
        panic!("one event of no account's");
    };
    let who = json!({"type": "Unknown", "accessKeyId": "AKIANOBODY"});
    assert_eq!(said["userIdentity"], who);
    assert!(said.get("recipientAccountId").is_none());
}

#[test]
fn the_account_itself_is_root() {
    let mut service = Service::new();
    assert!(matches!(service.caller().principal, Principal::Root));
    assert_eq!(ask_who(&mut service)["type"], "Root");
}
