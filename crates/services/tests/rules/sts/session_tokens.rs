//! Temporary credentials of users and of root.

use serde_json::json;
use strongroom_services::{iam, kms};

use super::{ALICE, READER, World, refused, statement, trust};

#[test]
fn they_last_as_long_as_asked_those_of_root_an_hour_at_most() {
    for (user, body, end) in [
        ("alice", json!({}), "2023-11-15T11:59:59Z"),
        (
            "alice",
            json!({"DurationSeconds": 900}),
            "2023-11-15T00:14:59Z",
        ),
        (
            "alice",
            json!({"DurationSeconds": 129_600}),
            "2023-11-16T11:59:59Z",
        ),
        ("root", json!({}), "2023-11-15T00:59:59Z"),
        (
            "root",
            json!({"DurationSeconds": 900}),
            "2023-11-15T00:14:59Z",
        ),
        (
            "root",
            json!({"DurationSeconds": 129_600}),
            "2023-11-15T00:59:59Z",
        ),
    ] {
        let mut world = World::new();
        world.be(user);
        let answer = world.sts("GetSessionToken", &body).unwrap();
        assert_eq!(
            answer["Credentials"]["Expiration"],
            json!(end),
            "{user} {body}"
        );
        assert!(answer["SessionTokenSize"].as_u64().unwrap() < 1000);
    }
    let mut world = World::new();
    for seconds in [899, 129_601] {
        let body = json!({"DurationSeconds": seconds});
        let (code, _) = refused(world.sts("GetSessionToken", &body));
        assert_eq!(code, "ValidationException");
    }
    let body = json!({"SerialNumber": "GAHT12345678", "TokenCode": "123456"});
    let (code, text) = refused(world.sts("GetSessionToken", &body));
    assert!(code == super::DENIED && text.contains("invalid MFA one time pass code"));
}

#[test]
fn they_may_do_what_their_user_may_but_for_iam_and_most_of_sts() {
    let mut world = World::new();
    world.role(&[trust("AWS", ALICE, "sts:*")], &[]);
    world.give("alice", &[statement("Allow", json!("*"), "*")]);
    world.be("alice");
    let answer = world.sts("GetSessionToken", &json!({})).unwrap();
    for user in ["alice", "root"] {
        world.be(user);
        let answer = world.sts("GetSessionToken", &json!({})).unwrap();
        world.service.be_session(&answer["Credentials"]);
        assert!(world.reads(), "{user}");
        let keys = world
            .service
            .ask_of(kms::OPERATIONS, "ListKeys", &json!({}));
        assert!(keys.is_ok(), "{user}: {keys:?}");
        for (operation, body) in [
            ("GetUser", json!({"UserName": "alice"})),
            ("CreateUser", json!({"UserName": "mallory"})),
            ("CreateAccessKey", json!({"UserName": "alice"})),
        ] {
            let result = world.service.ask_of(iam::OPERATIONS, operation, &body);
            let (code, text) = refused(result);
            let expected = "The security token included in the request is invalid.";
            assert_eq!(
                (code, text.as_str()),
                ("UnrecognizedClientException", expected)
            );
        }
        for (operation, body) in [
            ("GetSessionToken", json!({})),
            (
                "GetAccessKeyInfo",
                json!({"AccessKeyId": "AKIAAAAAAAAAAAAAAAAA"}),
            ),
        ] {
            let (code, text) = refused(world.sts(operation, &body));
            let expected = format!("Cannot call {operation} with session credentials");
            assert_eq!((code, text), (super::DENIED, expected));
        }
    }

    world.service.be_session(&answer["Credentials"]);
    let who = world.sts("GetCallerIdentity", &json!({})).unwrap();
    assert_eq!(who["Arn"], json!(ALICE));
    assert!(who["UserId"].as_str().unwrap().starts_with("AIDA"));
    let tagged =
        json!({"RoleArn": READER, "Tags": super::tags(&[("a", "b")]), "SourceIdentity": "alice"});
    world.assume(tagged).unwrap();
}

#[test]
fn they_end_with_their_user_and_what_it_may() {
    let mut world = World::new();
    world.give(
        "alice",
        &[statement("Allow", json!("secretsmanager:*"), "*")],
    );
    world.be("alice");
    let answer = world.sts("GetSessionToken", &json!({})).unwrap();
    world.service.be_session(&answer["Credentials"]);
    assert!(world.reads());
    let session = world.service.caller();
    world.give("alice", &[statement("Allow", json!("kms:*"), "*")]);
    world.service.be_caller(session.clone());
    assert!(!world.reads());

    world.give("alice", &[]);
    world.be("root");
    let key = json!({"UserName": "alice", "AccessKeyId": world.alice});
    for (operation, body) in [
        ("DeleteAccessKey", key),
        ("DeleteUser", json!({"UserName": "alice"})),
    ] {
        let done = world.service.ask_of(iam::OPERATIONS, operation, &body);
        done.unwrap();
    }
    world.service.be_caller(session);
    let read = world
        .service
        .ask("GetSecretValue", &json!({"SecretId": "s"}));
    assert_eq!(refused(read).0, "UnrecognizedClientException");
}
