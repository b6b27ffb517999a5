//! Virtual MFA devices: made, given to users, and the codes that show that one is at hand. Source: IAM User Guide,
//! AWS Multi-factor authentication in IAM; RFC 6238.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use strongroom_keys::SecretBytes;
use strongroom_keys::one_time_password::{Seed, step_at};
use strongroom_services::sts;

use super::users::with_alice;
use super::{denied, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

const SERIAL: &str = "arn:aws:iam::123456789012:mfa/phone";

/// What someone has who typed a new device's seed into a phone.
pub(crate) struct Phone(Seed);

impl Phone {
    pub(crate) fn told(answer: &Value) -> Self {
        let text = answer["VirtualMFADevice"]["Base32StringSeed"]
            .as_str()
            .unwrap();
        let text = BASE64.decode(text).unwrap();
        assert_eq!(text.len(), 64);
        let mut bits = 0_u64;
        let mut bytes = Vec::new();
        for (at, letter) in text.iter().enumerate() {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                digit => digit - b'2' + 26,
            };
            bits = bits << 5 | u64::from(value);
            if at % 8 == 7 {
                bytes.extend(&bits.to_be_bytes()[3..]);
                bits = 0;
            }
        }
        Phone(Seed::from_bytes(SecretBytes::new(bytes)))
    }

    /// The code shown so many half minutes from now.
    pub(crate) fn code(&self, service: &Service, later: i64) -> String {
        self.0.code(step_at(service.now.seconds()) + later)
    }
}

/// Gives a user a device.
pub(crate) fn give_phone(service: &mut Service, user: &str) -> Phone {
    let answer = service.iam(
        "CreateVirtualMFADevice",
        json!({"VirtualMFADeviceName": "phone"}),
    );
    assert_eq!(answer["VirtualMFADevice"]["SerialNumber"], json!(SERIAL));
    let phone = Phone::told(&answer);
    let body = enable(user, &phone, service, -1);
    service.iam("EnableMFADevice", body);
    phone
}

fn enable(user: &str, phone: &Phone, service: &Service, later: i64) -> Value {
    json!({
        "UserName": user, "SerialNumber": SERIAL,
        "AuthenticationCode1": phone.code(service, later), "AuthenticationCode2": phone.code(service, later + 1),
    })
}

#[test]
fn a_device_goes_from_nobody_to_a_user_and_back() {
    let (mut service, _) = with_alice();
    let phone = give_phone(&mut service, "alice");
    let devices = service.iam("ListMFADevices", json!({"UserName": "alice"}));
    assert_eq!(devices["MFADevices"][0]["SerialNumber"], json!(SERIAL));
    assert_eq!(devices["MFADevices"][0]["UserName"], json!("alice"));
    let found = service.iam(
        "GetMFADevice",
        json!({"SerialNumber": SERIAL, "UserName": "alice"}),
    );
    assert_eq!(found["EnableDate"], devices["MFADevices"][0]["EnableDate"]);
    for (status, count) in [("Assigned", 1), ("Unassigned", 0), ("Any", 1)] {
        let body = json!({"AssignmentStatus": status});
        let listed = service.iam("ListVirtualMFADevices", body);
        let listed = listed["VirtualMFADevices"].as_array().unwrap();
        assert_eq!(listed.len(), count, "{status}");
        for device in listed {
            assert_eq!(device["User"]["UserName"], json!("alice"));
            assert!(device.get("Base32StringSeed").is_none());
        }
    }
    for (operation, body, code) in [
        (
            "DeleteVirtualMFADevice",
            json!({"SerialNumber": SERIAL}),
            "DeleteConflict",
        ),
        (
            "EnableMFADevice",
            enable("alice", &phone, &service, 2),
            "EntityAlreadyExists",
        ),
        ("DeleteUser", json!({"UserName": "alice"}), "DeleteConflict"),
        (
            "CreateVirtualMFADevice",
            json!({"VirtualMFADeviceName": "Phone"}),
            "EntityAlreadyExists",
        ),
    ] {
        assert_eq!(service.iam_refused(operation, body).0, code, "{operation}");
    }
    let named = json!({"SerialNumber": SERIAL, "UserName": "alice"});
    service.iam("DeactivateMFADevice", named.clone());
    assert_eq!(
        service.iam_refused("DeactivateMFADevice", named).0,
        "NoSuchEntity"
    );
    service.iam("DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL}));
    assert_eq!(service.count("iam-mfa"), 0);
    let gone = service.iam_refused("DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL}));
    assert_eq!(gone.0, "NoSuchEntity");
}

#[test]
fn a_device_is_enabled_by_two_codes_in_a_row_and_no_others() {
    let (mut service, _) = with_alice();
    let answer = service.iam(
        "CreateVirtualMFADevice",
        json!({"VirtualMFADeviceName": "phone"}),
    );
    let phone = Phone::told(&answer);
    let codes = |first: String, second: String| {
        json!({
            "UserName": "alice", "SerialNumber": SERIAL, "AuthenticationCode1": first, "AuthenticationCode2": second,
        })
    };
    let code = |later| phone.code(&service, later);
    let wrong = [
        codes(code(0), code(0)),
        codes(code(1), code(0)),
        codes(code(0), code(2)),
        codes(code(500), code(501)),
        codes("000000".to_owned(), "000001".to_owned()),
    ];
    for body in wrong {
        let refused = service.iam_refused("EnableMFADevice", body);
        assert_eq!(refused.0, "InvalidAuthenticationCode");
    }
    // A phone whose clock is ahead is followed.
    let ahead = enable("alice", &phone, &service, 40);
    service.iam("EnableMFADevice", ahead.clone());
    let resync = service.iam_refused("ResyncMFADevice", ahead);
    assert_eq!(
        resync.0, "InvalidAuthenticationCode",
        "codes that were taken"
    );
    service.pass(Duration::from_secs(90));
    let later = enable("alice", &phone, &service, 60);
    service.iam("ResyncMFADevice", later);
}

#[test]
fn a_device_follows_its_users_name_and_keeps_its_tags() {
    let (mut service, _) = with_alice();
    give_phone(&mut service, "alice");
    service.iam(
        "UpdateUser",
        json!({"UserName": "alice", "NewUserName": "alicia"}),
    );
    let devices = service.iam("ListMFADevices", json!({"UserName": "alicia"}));
    assert_eq!(devices["MFADevices"][0]["UserName"], json!("alicia"));
    let tags = json!([{"Key": "team", "Value": "red"}]);
    service.iam(
        "TagMFADevice",
        json!({"SerialNumber": SERIAL, "Tags": tags}),
    );
    let listed = service.iam("ListMFADeviceTags", json!({"SerialNumber": SERIAL}));
    assert_eq!(listed["Tags"], tags);
    service.iam(
        "UntagMFADevice",
        json!({"SerialNumber": SERIAL, "TagKeys": ["team"]}),
    );
    let listed = service.iam("ListMFADeviceTags", json!({"SerialNumber": SERIAL}));
    assert_eq!(listed["Tags"], json!([]));
    service.iam(
        "DeactivateMFADevice",
        json!({"SerialNumber": SERIAL, "UserName": "alicia"}),
    );
}

#[test]
fn a_user_may_manage_a_device_only_as_its_policies_say_and_another_account_never() {
    let (mut service, key) = with_alice();
    service.iam(
        "CreateVirtualMFADevice",
        json!({"VirtualMFADeviceName": "phone"}),
    );
    let own = "arn:aws:iam::123456789012:user/alice";
    service.give("alice", &[policy("Allow", "iam:ListMFADevices", own)]);
    service.be_user(ACCOUNT, "alice", &key);
    service.iam("ListMFADevices", json!({}));
    for (operation, body) in [
        ("ListVirtualMFADevices", json!({})),
        (
            "CreateVirtualMFADevice",
            json!({"VirtualMFADeviceName": "mine"}),
        ),
        ("DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL})),
        ("TagMFADevice", json!({"SerialNumber": SERIAL, "Tags": []})),
    ] {
        let result = service.ask_of(strongroom_services::iam::OPERATIONS, operation, &body);
        assert!(denied(result).is_some(), "{operation}");
    }
    service.be(OTHER_ACCOUNT, REGION);
    let refused = service.iam_refused("DeleteVirtualMFADevice", json!({"SerialNumber": SERIAL}));
    assert_eq!(refused.0, "NoSuchEntity");
}

/// Alice asks STS for a session with a code; why not, where she gets none.
fn session_by(service: &mut Service, key: &str, code: &str) -> Option<String> {
    service.be_user(ACCOUNT, "alice", key);
    let body = json!({"SerialNumber": SERIAL, "TokenCode": code});
    let result = service.ask_of(sts::OPERATIONS, "GetSessionToken", &body);
    service.be(ACCOUNT, REGION);
    result.err().map(|refusal| {
        assert_eq!(refusal.code, "AccessDeniedException");
        refusal.message.unwrap_or_default()
    })
}

#[test]
fn a_code_counts_once_and_only_near_its_time() {
    let (mut service, key) = with_alice();
    let phone = give_phone(&mut service, "alice");
    for (later, counts) in [(0, false), (2, false), (1, true), (1, false), (0, false)] {
        let code = phone.code(&service, later);
        let refused = session_by(&mut service, &key, &code);
        assert_eq!(refused.is_none(), counts, "{later}: {refused:?}");
    }
    service.iam("CreateUser", json!({"UserName": "bob"}));
    let bobs = service.iam("CreateAccessKey", json!({"UserName": "bob"}));
    let bobs = bobs["AccessKey"]["AccessKeyId"].as_str().unwrap();
    service.pass(Duration::from_secs(600));
    let code = phone.code(&service, 0);
    service.be_user(ACCOUNT, "bob", bobs);
    let body = json!({"SerialNumber": SERIAL, "TokenCode": code});
    let result = service.ask_of(sts::OPERATIONS, "GetSessionToken", &body);
    assert!(denied(result).is_some(), "a device of another user");
    assert_eq!(session_by(&mut service, &key, &code), None);
}

#[test]
fn after_five_wrong_codes_none_counts_for_a_while() {
    let (mut service, key) = with_alice();
    let phone = give_phone(&mut service, "alice");
    service.pass(Duration::from_secs(60));
    let right = phone.code(&service, 0);
    let wrong = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    for _ in 0..5 {
        assert!(session_by(&mut service, &key, wrong).is_some());
    }
    assert!(session_by(&mut service, &key, &right).is_some());
    service.pass(Duration::from_secs(5 * 60));
    let right = phone.code(&service, 0);
    assert_eq!(session_by(&mut service, &key, &right), None);
}

#[test]
fn policies_see_whether_a_code_was_given() {
    let (mut service, key) = with_alice();
    let phone = give_phone(&mut service, "alice");
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ACCOUNT},
            "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
        },
    });
    let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": trust.to_string()});
    let role = service.iam("CreateRole", body)["Role"]["Arn"].clone();
    service.give("alice", &[policy("Allow", "sts:AssumeRole", "*")]);
    service.pass(Duration::from_secs(60));
    let code = phone.code(&service, 0);
    service.be_user(ACCOUNT, "alice", &key);
    let mut assume = |more: Value| {
        let mut body = json!({"RoleArn": role, "RoleSessionName": "alice"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        service.ask_of(sts::OPERATIONS, "AssumeRole", &body)
    };
    assert!(denied(assume(json!({}))).is_some());
    let with_wrong = json!({"SerialNumber": SERIAL, "TokenCode": "12345x"});
    assert!(assume(with_wrong).is_err());
    assert!(assume(json!({"SerialNumber": SERIAL, "TokenCode": code})).is_ok());
    assert!(assume(json!({"SerialNumber": SERIAL, "TokenCode": code})).is_err());
}
