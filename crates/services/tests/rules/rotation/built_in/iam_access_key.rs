//! `strongroom-iam-access-key`.

use serde_json::{Value as Json, json};
use strongroom_services::rotation::step::Step;

use super::{configured, created, current, rotate, secret, step, told};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, PARAMETER, REGION, Service, V2, V3, V4};
use crate::iam::policy;

const BOB: &[(&str, &str)] = &[("UserName", "bob")];
const ONE_KEPT: &[(&str, &str)] = &[("UserName", "bob"), ("KeysKept", "1")];

fn with_bob() -> Service {
    let mut service = Service::with_secret();
    service.iam("CreateUser", json!({"UserName": "bob"}));
    service
}

/// Checks which access keys bob has.
fn has(service: &mut Service, expected: &[String]) {
    let listed = service.iam("ListAccessKeys", json!({"UserName": "bob"}));
    let listed = listed["AccessKeyMetadata"].as_array().unwrap().clone();
    let id = |key: &Json| key["AccessKeyId"].as_str().unwrap().to_owned();
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(listed.iter().map(id).collect::<Vec<String>>(), expected);
}

fn id_in(value: &str) -> String {
    let value: Json = serde_json::from_str(value).unwrap();
    value["AccessKeyId"].as_str().unwrap().to_owned()
}

#[test]
fn each_rotation_makes_a_key_and_keeps_the_one_before() {
    let mut service = with_bob();
    let function = configured(&service, "iam-access-key", BOB).unwrap();
    let first = rotate(&mut service, &*function, V2).unwrap();
    has(&mut service, &[id_in(&first)]);
    let read: Json = serde_json::from_str(&first).unwrap();
    assert_eq!(read["UserName"], "bob");
    assert_eq!(read["SecretAccessKey"].as_str().unwrap().len(), 40);

    let second = rotate(&mut service, &*function, V3).unwrap();
    has(&mut service, &[id_in(&first), id_in(&second)]);
    let third = rotate(&mut service, &*function, V4).unwrap();
    has(&mut service, &[id_in(&second), id_in(&third)]);
}

#[test]
fn one_kept_key_means_that_the_one_before_goes_with_the_label() {
    let mut service = with_bob();
    let function = configured(&service, "iam-access-key", ONE_KEPT).unwrap();
    for version in [V2, V3, V4] {
        let made = rotate(&mut service, &*function, version).unwrap();
        has(&mut service, &[id_in(&made)]);
    }
}

#[test]
fn a_key_that_the_secret_does_not_hold_is_never_removed() {
    let mut service = with_bob();
    let function = configured(&service, "iam-access-key", ONE_KEPT).unwrap();
    let made = service.iam("CreateAccessKey", json!({"UserName": "bob"}));
    let by_hand = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    let first = rotate(&mut service, &*function, V2).unwrap();
    has(&mut service, &[by_hand.clone(), id_in(&first)]);

    // The current one can't make room either: it is in use.
    let failure = rotate(&mut service, &*function, V3).unwrap_err();
    assert!(
        failure.contains("delete one with DeleteAccessKey"),
        "{failure}"
    );
    has(&mut service, &[by_hand.clone(), id_in(&first)]);

    service.iam(
        "DeleteAccessKey",
        json!({"UserName": "bob", "AccessKeyId": by_hand}),
    );
    let second = rotate(&mut service, &*function, V3).unwrap();
    has(&mut service, &[id_in(&second)]);
}

#[test]
fn the_key_of_a_rotation_that_was_given_up_makes_room() {
    let mut service = with_bob();
    let function = configured(&service, "iam-access-key", BOB).unwrap();
    let first = rotate(&mut service, &*function, V2).unwrap();
    let now = current(&mut service);
    let abandoned = created(&mut service, &*function, now.as_ref()).unwrap();
    service.ok(
        "PutSecretValue",
        json!({"SecretId": "s", "ClientRequestToken": V3, "SecretString": abandoned,
            "VersionStages": ["AWSPENDING"]}),
    );
    has(&mut service, &[id_in(&first), id_in(&abandoned)]);
    let second = rotate(&mut service, &*function, V4).unwrap();
    has(&mut service, &[id_in(&first), id_in(&second)]);
}

#[test]
fn other_members_of_the_value_stay() {
    let mut service = with_bob();
    service.ok(
        "PutSecretValue",
        json!({"SecretId": "s", "ClientRequestToken": V2, "SecretString": "{\"bucket\": \"b\", \"AccessKeyId\": \"old\"}"}),
    );
    let function = configured(&service, "iam-access-key", BOB).unwrap();
    let made = rotate(&mut service, &*function, V3).unwrap();
    assert!(
        made.starts_with("{\"bucket\":\"b\",\"AccessKeyId\":\"AKIA"),
        "{made}"
    );
}

#[test]
fn a_test_sees_whether_the_key_is_there_active_and_the_values_own() {
    let mut service = with_bob();
    service.iam("CreateUser", json!({"UserName": "eve"}));
    let function = configured(&service, "iam-access-key", BOB).unwrap();
    let made = rotate(&mut service, &*function, V2).unwrap();
    assert!(
        step(&mut service, &*function, Step::Test, &made)
            .unwrap()
            .is_none()
    );
    let secret = serde_json::from_str::<Json>(&made).unwrap()["SecretAccessKey"]
        .as_str()
        .unwrap()
        .to_owned();
    let eves = service.iam("CreateAccessKey", json!({"UserName": "eve"}));
    for (value, part) in [
        ("plain".to_owned(), "no JSON object"),
        (
            json!({"AccessKeyId": "AKIANONE"}).to_string(),
            "has no access key AKIANONE",
        ),
        (
            eves["AccessKey"].to_string(),
            "the IAM user bob has no access key",
        ),
        (
            made.replace(&secret, "wrong"),
            "isn't that of the access key",
        ),
        (
            json!({"AccessKeyId": id_in(&made)}).to_string(),
            "isn't that of the access key",
        ),
    ] {
        let failure = step(&mut service, &*function, Step::Test, &value).unwrap_err();
        assert!(failure.contains(part), "{failure}");
        assert!(!failure.contains(&secret), "{failure}");
    }
    service.iam(
        "UpdateAccessKey",
        json!({"UserName": "bob", "AccessKeyId": id_in(&made), "Status": "Inactive"}),
    );
    let failure = step(&mut service, &*function, Step::Test, &made).unwrap_err();
    assert!(failure.contains("is inactive"), "{failure}");
}

#[test]
fn a_user_that_is_not_there_is_told() {
    let mut service = Service::with_secret();
    let function = configured(&service, "iam-access-key", BOB).unwrap();
    let record = secret(&service, "s");
    let means = service.means();
    let checked = service.with_records(|records| function.check(&record, records, &means));
    assert!(
        told(checked.unwrap_err()).contains("there is no IAM user bob in account 123456789012")
    );
    let failure = created(&mut service, &*function, None).unwrap_err();
    assert!(failure.contains("create it, or name another"), "{failure}");
    // Users of the account that the secret is of, whoever asks.
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateUser", json!({"UserName": "bob"}));
    assert!(created(&mut service, &*function, None).is_err());
}

#[test]
fn whoever_configures_it_must_be_allowed_what_it_does() {
    let mut service = with_bob();
    service.iam("CreateUser", json!({"UserName": "alice"}));
    let made = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
    let key = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    let function = configured(&service, "iam-access-key", BOB).unwrap();
    let record = secret(&service, "s");
    let bob = "arn:aws:iam::123456789012:user/bob";
    for (actions, on, lacks) in [
        (
            &[
                "iam:CreateAccessKey",
                "iam:DeleteAccessKey",
                "iam:ListAccessKeys",
            ][..],
            bob,
            None,
        ),
        (
            &["iam:*"],
            "arn:aws:iam::123456789012:user/alice",
            Some("iam:CreateAccessKey"),
        ),
        (
            &["iam:DeleteAccessKey", "iam:ListAccessKeys"],
            bob,
            Some("iam:CreateAccessKey"),
        ),
        (
            &["iam:CreateAccessKey", "iam:ListAccessKeys"],
            bob,
            Some("iam:DeleteAccessKey"),
        ),
        (
            &["iam:CreateAccessKey", "iam:DeleteAccessKey"],
            bob,
            Some("iam:ListAccessKeys"),
        ),
    ] {
        let statements: Vec<Json> = actions
            .iter()
            .map(|action| policy("Allow", action, on))
            .collect();
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &key);
        let lacking = service.lacking(|caller, records| function.needs(&record, caller, records));
        match lacks {
            None => assert_eq!(lacking, None),
            Some(action) => assert!(lacking.unwrap().contains(action), "{actions:?}"),
        }
    }
    service.be(ACCOUNT, REGION);
    assert_eq!(
        service.lacking(|caller, records| function.needs(&record, caller, records)),
        None
    );
    // A namesake of another account's is of no use, and its root isn't this one's.
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateUser", json!({"UserName": "bob"}));
    let lacking = service.lacking(|caller, records| function.needs(&record, caller, records));
    assert!(lacking.unwrap().contains(bob));
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let service = Service::with_secret();
    for (parameters, part) in [
        (&[][..], "needs the parameter UserName"),
        (&[("UserName", "team/bob")], "without path or ARN"),
        (
            &[("UserName", "arn:aws:iam::123456789012:user/bob")],
            "without path or ARN",
        ),
        (
            &[("UserName", "bob"), ("KeysKept", "3")],
            "KeysKept must be a whole number from 1 to 2",
        ),
        (
            &[("UserName", "bob"), ("Algorithm", "x")],
            "no parameter 'Algorithm'; it has UserName, KeysKept",
        ),
    ] {
        let refusal = configured(&service, "iam-access-key", parameters)
            .err()
            .unwrap();
        assert_eq!(refusal.code, PARAMETER);
        let message = refusal.message.unwrap();
        assert!(message.contains(part), "{message}");
    }
}
