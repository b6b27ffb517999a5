//! Managed policies at users: attached to them and bounding them. Source: kms-iam-sts.md B; IAM User Guide, Permissions
//! boundaries for IAM entities.

use serde_json::{Value, json};

use super::users::with_alice;
use super::{ADMINISTRATOR, denied, document, policy};
use crate::harness::{ACCOUNT, REGION, Service};

const OTHER: &str = "arn:aws:iam::aws:policy/NoSuchPolicy";

fn attach(arn: &str) -> Value {
    json!({"UserName": "alice", "PolicyArn": arn})
}

fn bound(arn: &str) -> Value {
    json!({"UserName": "alice", "PermissionsBoundary": arn})
}

/// Whether alice may read the secret `s`; root asks next.
fn may_read(service: &mut Service, key: &str) -> bool {
    service.be_user(ACCOUNT, "alice", key);
    let result = service.ask("GetSecretValue", &json!({"SecretId": "s"}));
    service.be(ACCOUNT, REGION);
    denied(result).is_none()
}

#[test]
fn an_attached_policy_speaks_until_it_is_detached() {
    let (mut service, key) = with_alice();
    assert!(!may_read(&mut service, &key));
    for _ in 0..2 {
        service.iam("AttachUserPolicy", attach(ADMINISTRATOR));
        assert!(may_read(&mut service, &key));
        assert_eq!(service.count("iam-attachment"), 1);
    }
    let listed = service.iam("ListAttachedUserPolicies", json!({"UserName": "alice"}));
    assert_eq!(
        listed,
        json!({
            "AttachedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}],
            "IsTruncated": false,
        })
    );
    service.iam("DetachUserPolicy", attach(ADMINISTRATOR));
    assert!(!may_read(&mut service, &key));
    assert_eq!(service.count("iam-attachment"), 0);
}

#[test]
fn a_boundary_gives_nothing_and_limits_what_is_given() {
    let (mut service, key) = with_alice();
    service.iam("PutUserPermissionsBoundary", bound(ADMINISTRATOR));
    assert!(!may_read(&mut service, &key));
    service.give("alice", &[policy("Allow", "secretsmanager:*", "*")]);
    assert!(may_read(&mut service, &key));
    let user = service.iam("GetUser", json!({"UserName": "alice"}));
    assert_eq!(
        user["User"]["PermissionsBoundary"],
        json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ADMINISTRATOR})
    );
    for _ in 0..2 {
        service.iam(
            "DeleteUserPermissionsBoundary",
            json!({"UserName": "alice"}),
        );
    }
    let user = service.iam("GetUser", json!({"UserName": "alice"}));
    assert!(user["User"].get("PermissionsBoundary").is_none());
    assert_eq!(service.count("iam-attachment"), 0);
}

#[test]
fn a_role_has_policies_tags_and_a_boundary_as_a_user_has() {
    let mut service = Service::new();
    let trusted =
        json!({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"});
    let made = service.iam(
        "CreateRole",
        json!({
            "RoleName": "r", "AssumeRolePolicyDocument": document(&[trusted]), "PermissionsBoundary": ADMINISTRATOR,
        }),
    );
    let boundary =
        json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": ADMINISTRATOR});
    assert_eq!(made["Role"]["PermissionsBoundary"], boundary);
    let role = |more: Value| {
        let mut body = json!({"RoleName": "r"});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    service.iam(
        "AttachRolePolicy",
        role(json!({"PolicyArn": ADMINISTRATOR})),
    );
    let inline =
        json!({"PolicyName": "p", "PolicyDocument": document(&[policy("Allow", "*", "*")])});
    service.iam("PutRolePolicy", role(inline));
    service.iam(
        "TagRole",
        role(json!({"Tags": [{"Key": "a", "Value": "1"}]})),
    );
    let got = service.iam("GetRolePolicy", role(json!({"PolicyName": "P"})));
    assert_eq!(
        (&got["RoleName"], &got["PolicyName"]),
        (&json!("r"), &json!("p"))
    );
    for (operation, member, expected) in [
        ("ListRolePolicies", "PolicyNames", json!(["p"])),
        ("ListRoleTags", "Tags", json!([{"Key": "a", "Value": "1"}])),
        (
            "ListAttachedRolePolicies",
            "AttachedPolicies",
            json!([{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}]),
        ),
    ] {
        assert_eq!(service.iam(operation, role(json!({})))[member], expected);
    }
    for (operation, more) in [
        ("UntagRole", json!({"TagKeys": ["A"]})),
        ("DeleteRolePolicy", json!({"PolicyName": "p"})),
        ("DetachRolePolicy", json!({"PolicyArn": ADMINISTRATOR})),
        ("DeleteRolePermissionsBoundary", json!({})),
    ] {
        service.iam(operation, role(more));
    }
    assert_eq!(service.count("iam-attachment"), 0);
    assert!(
        service.iam("GetRole", role(json!({})))["Role"]
            .get("PermissionsBoundary")
            .is_none()
    );
}

#[test]
fn only_the_arn_that_a_policy_is_shown_with_names_it() {
    let (mut service, _) = with_alice();
    for (arn, code) in [
        (OTHER, "NoSuchEntity"),
        (
            "arn:aws:iam::aws:policy/administratoraccess",
            "NoSuchEntity",
        ),
        (
            "arn:aws-cn:iam::aws:policy/AdministratorAccess",
            "NoSuchEntity",
        ),
        (
            "arn:aws:iam:us-east-1:aws:policy/AdministratorAccess",
            "NoSuchEntity",
        ),
        (
            "arn:aws:iam::aws:policy/x/AdministratorAccess",
            "NoSuchEntity",
        ),
        (
            "arn:aws:iam::210987654321:policy/AdministratorAccess",
            "NoSuchEntity",
        ),
        ("not an arn, but long enough", "InvalidInput"),
    ] {
        let text = |start: &str| format!("{start}{arn} does not exist or is not attachable.");
        let expected = [
            ("AttachUserPolicy", attach(arn), text("Policy ")),
            (
                "DetachUserPolicy",
                attach(arn),
                format!("Policy {arn} was not found."),
            ),
            (
                "PutUserPermissionsBoundary",
                bound(arn),
                text("Scope ARN: "),
            ),
        ];
        for (operation, body, text) in expected {
            let (found, said) = service.iam_refused(operation, body);
            assert_eq!(found, code, "{operation} {arn}: {said}");
            if code == "NoSuchEntity" {
                assert_eq!(said, text);
            }
        }
    }
    let (code, _) = service.iam_refused("DetachUserPolicy", attach(ADMINISTRATOR));
    assert_eq!(code, "NoSuchEntity");
}

#[test]
fn what_a_policy_is_attached_to_and_bounds_follows_a_rename_and_ends_with_the_user() {
    let (mut service, key) = with_alice();
    let remove_key = json!({"UserName": "alice", "AccessKeyId": key});
    service.iam("DeleteAccessKey", remove_key);
    service.iam("AttachUserPolicy", attach(ADMINISTRATOR));
    service.iam("PutUserPermissionsBoundary", bound(ADMINISTRATOR));
    for (old, new) in [("alice", "bob"), ("bob", "Bob"), ("Bob", "alice")] {
        let body = json!({"UserName": old, "NewUserName": new});
        service.iam("UpdateUser", body);
        let kept = service.stored();
        let kept = kept
            .iter()
            .filter(|(key, _)| key.starts_with(b"iam-attachment\0"));
        let ending = format!("user\0{}\0", new.to_ascii_lowercase());
        assert_eq!(kept.clone().count(), 2, "{new}");
        for (key, _) in kept {
            assert!(String::from_utf8_lossy(key).contains(&ending), "{new}");
        }
    }
    let (code, text) = service.iam_refused("DeleteUser", json!({"UserName": "alice"}));
    let first = "Cannot delete entity, must detach all policies first.";
    assert_eq!((code, text.as_str()), ("DeleteConflict", first));
    service.iam("DetachUserPolicy", attach(ADMINISTRATOR));
    service.iam("DeleteUser", json!({"UserName": "alice"}));
    assert_eq!(service.count("iam-attachment"), 0);
}

/// Alice with a statement that holds under one condition alone.
fn give_under(service: &mut Service, actions: &[&str], operator: &str, key: &str, value: &str) {
    let mut statement = policy("Allow", "iam:GetUser", "*");
    statement["Action"] = json!(actions);
    statement["Condition"] = json!({operator: {key: value}});
    service.iam(
        "PutUserPolicy",
        json!({"UserName": "alice", "PolicyName": "p", "PolicyDocument": document(&[statement])}),
    );
}

#[test]
fn who_may_attach_one_policy_cannot_attach_another() {
    let (mut service, key) = with_alice();
    for (value, allowed) in [(OTHER, false), (ADMINISTRATOR, true)] {
        give_under(
            &mut service,
            &["iam:AttachUserPolicy", "iam:DetachUserPolicy"],
            "ArnEquals",
            "iam:PolicyARN",
            value,
        );
        for operation in ["AttachUserPolicy", "DetachUserPolicy"] {
            service.be_user(ACCOUNT, "alice", &key);
            let result = service.ask_of(
                strongroom_services::iam::OPERATIONS,
                operation,
                &attach(ADMINISTRATOR),
            );
            service.be(ACCOUNT, REGION);
            assert_eq!(denied(result).is_none(), allowed, "{operation} {value}");
        }
    }
}

#[test]
fn who_must_keep_a_boundary_cannot_get_rid_of_it() {
    // What each of these asks is what bounds the user already, or for the first two what is to bound it.
    let cases = [
        ("CreateUser", json!({"UserName": "bob"}), false),
        (
            "CreateUser",
            json!({"UserName": "bob", "PermissionsBoundary": ADMINISTRATOR}),
            true,
        ),
        ("PutUserPermissionsBoundary", bound(ADMINISTRATOR), true),
        ("PutUserPermissionsBoundary", bound(OTHER), false),
        ("AttachUserPolicy", attach(ADMINISTRATOR), true),
        ("DetachUserPolicy", attach(ADMINISTRATOR), true),
        (
            "PutUserPolicy",
            json!({"UserName": "alice", "PolicyName": "q", "PolicyDocument": document(&[policy("Allow", "*", "*")])}),
            true,
        ),
        (
            "DeleteUserPolicy",
            json!({"UserName": "alice", "PolicyName": "q"}),
            true,
        ),
        (
            "DeleteUserPermissionsBoundary",
            json!({"UserName": "alice"}),
            true,
        ),
        // Actions that no boundary is told of.
        ("GetUser", json!({"UserName": "alice"}), false),
    ];
    for is_bound in [true, false] {
        let (mut service, key) = with_alice();
        if is_bound {
            service.iam("PutUserPermissionsBoundary", bound(ADMINISTRATOR));
        }
        let own = "iam:PermissionsBoundary";
        give_under(&mut service, &["iam:*"], "StringEquals", own, ADMINISTRATOR);
        for (operation, body, allowed) in &cases {
            let asks_request =
                *operation == "CreateUser" || *operation == "PutUserPermissionsBoundary";
            let allowed = *allowed && (is_bound || asks_request);
            if *operation == "PutUserPermissionsBoundary" && !is_bound {
                continue;
            }
            service.be_user(ACCOUNT, "alice", &key);
            let result = service.ask_of(strongroom_services::iam::OPERATIONS, operation, body);
            service.be(ACCOUNT, REGION);
            let text = denied(result);
            assert_eq!(text.is_none(), allowed, "{operation} {is_bound}: {text:?}");
        }
    }
}
