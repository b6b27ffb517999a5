//! Groups: their lives, who is in them, and that their policies speak for those. Source: kms-iam-sts.md B.

use serde_json::{Value, json};

use super::users::with_alice;
use super::{ADMINISTRATOR, denied, document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

fn group(name: &str, more: Value) -> Value {
    let mut body = json!({"GroupName": name});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

/// Alice, her key, and the group `g`, which she is in.
fn with_member() -> (Service, String) {
    let (mut service, key) = with_alice();
    service.iam("CreateGroup", group("g", json!({})));
    service.iam("AddUserToGroup", group("g", json!({"UserName": "alice"})));
    (service, key)
}

/// Whether alice may read the secret `s`; root asks next.
fn may_read(service: &mut Service, key: &str) -> bool {
    service.be_user(ACCOUNT, "alice", key);
    let result = service.ask("GetSecretValue", &json!({"SecretId": "s"}));
    service.be(ACCOUNT, REGION);
    denied(result).is_none()
}

fn names(list: &Value, name: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    let names = items.map(|item| item[name].as_str().unwrap().to_owned());
    names.collect()
}

#[test]
fn a_groups_life() {
    let mut service = Service::new();
    let made = service.iam("CreateGroup", group("Admins", json!({"Path": "/x/"})));
    let made = &made["Group"];
    assert_eq!(
        made["Arn"],
        json!(format!("arn:aws:iam::{ACCOUNT}:group/x/Admins"))
    );
    assert_eq!(made["CreateDate"], json!("2023-11-14T23:59:59Z"));
    assert!(made["GroupId"].as_str().unwrap().starts_with("AGPA"));
    assert_eq!(
        service.iam("GetGroup", group("ADMINS", json!({}))),
        json!({"Group": made, "Users": [], "IsTruncated": false})
    );
    assert_eq!(
        service.iam_refused("CreateGroup", group("admins", json!({}))),
        (
            "EntityAlreadyExists",
            "Group with name admins already exists.".to_owned()
        )
    );
    service.iam("CreateGroup", group("other", json!({})));
    for (new_name, code) in [
        ("OTHER", Some("EntityAlreadyExists")),
        ("ADMINS", None),
        ("Ops", None),
    ] {
        let body = group("admins", json!({"NewGroupName": new_name, "NewPath": "/"}));
        match code {
            Some(code) => assert_eq!(service.iam_refused("UpdateGroup", body).0, code),
            None => drop(service.iam("UpdateGroup", body)),
        }
    }
    let renamed = &service.iam("GetGroup", group("Ops", json!({})))["Group"];
    assert_eq!(renamed["GroupId"], made["GroupId"]);
    assert_eq!(
        renamed["Arn"],
        json!(format!("arn:aws:iam::{ACCOUNT}:group/Ops"))
    );
    for name in ["Ops", "other"] {
        service.iam("DeleteGroup", group(name, json!({})));
    }
    assert_eq!(
        service.count("iam-group") + service.count("iam-group-name"),
        0
    );
    for (operation, more) in [
        ("GetGroup", json!({})),
        ("DeleteGroup", json!({})),
        ("UpdateGroup", json!({})),
        ("AddUserToGroup", json!({"UserName": "u"})),
        ("RemoveUserFromGroup", json!({"UserName": "u"})),
        ("ListGroupPolicies", json!({})),
        ("AttachGroupPolicy", json!({"PolicyArn": ADMINISTRATOR})),
    ] {
        assert_eq!(
            service.iam_refused(operation, group("Ops", more)),
            (
                "NoSuchEntity",
                "The group with name Ops cannot be found.".to_owned()
            )
        );
    }
}

#[test]
fn a_groups_policies_speak_for_who_is_in_it_and_for_nobody_else() {
    let (mut service, key) = with_member();
    let read = document(&[policy("Allow", "secretsmanager:GetSecretValue", "*")]);
    let inline = group("g", json!({"PolicyName": "p", "PolicyDocument": read}));
    let attached = group("g", json!({"PolicyArn": ADMINISTRATOR}));
    let member = group("g", json!({"UserName": "alice"}));
    for (operation, body, reads) in [
        ("PutGroupPolicy", &inline, true),
        (
            "DeleteGroupPolicy",
            &group("g", json!({"PolicyName": "p"})),
            false,
        ),
        ("AttachGroupPolicy", &attached, true),
        (
            "UpdateGroup",
            &group("g", json!({"NewGroupName": "h"})),
            true,
        ),
        (
            "UpdateGroup",
            &group("h", json!({"NewGroupName": "g"})),
            true,
        ),
        ("RemoveUserFromGroup", &member, false),
        ("RemoveUserFromGroup", &member, false),
        ("AddUserToGroup", &member, true),
        ("AddUserToGroup", &member, true),
        ("DetachGroupPolicy", &attached, false),
        ("PutGroupPolicy", &inline, true),
    ] {
        service.iam(operation, body.clone());
        assert_eq!(may_read(&mut service, &key), reads, "{operation}");
    }
    service.iam(
        "UpdateUser",
        json!({"UserName": "alice", "NewUserName": "bob"}),
    );
    let members = service.iam("GetGroup", group("g", json!({})));
    assert_eq!(names(&members["Users"], "UserName"), ["bob"]);
    assert_eq!(service.count("iam-member"), 1);
}

#[test]
fn a_group_with_users_or_policies_cannot_be_deleted_nor_can_a_user_in_a_group() {
    let (mut service, key) = with_member();
    let remove_key = json!({"UserName": "alice", "AccessKeyId": key});
    service.iam("DeleteAccessKey", remove_key);
    let read = document(&[policy("Allow", "*", "*")]);
    service.iam(
        "PutGroupPolicy",
        group("g", json!({"PolicyName": "p", "PolicyDocument": read})),
    );
    service.iam(
        "AttachGroupPolicy",
        group("g", json!({"PolicyArn": ADMINISTRATOR})),
    );
    let conflict = |first: &str| {
        let text = format!("Cannot delete entity, must {first} first.");
        ("DeleteConflict", text)
    };
    let alice = json!({"UserName": "alice"});
    assert_eq!(
        service.iam_refused("DeleteUser", alice.clone()),
        conflict("remove users from group")
    );
    for (first, operation, more) in [
        (
            "remove users from group",
            "RemoveUserFromGroup",
            alice.clone(),
        ),
        (
            "detach all policies",
            "DetachGroupPolicy",
            json!({"PolicyArn": ADMINISTRATOR}),
        ),
        (
            "delete policies",
            "DeleteGroupPolicy",
            json!({"PolicyName": "p"}),
        ),
    ] {
        assert_eq!(
            service.iam_refused("DeleteGroup", group("g", json!({}))),
            conflict(first)
        );
        service.iam(operation, group("g", more));
    }
    service.iam("DeleteGroup", group("g", json!({})));
    service.iam("DeleteUser", alice);
    assert_eq!(
        service.count("iam-member") + service.count("iam-attachment"),
        0
    );
}

#[test]
fn who_joins_and_leaves_changes_the_group_so_that_none_joins_one_that_ends() {
    let (service, _) = with_member();
    let member = group("g", json!({"UserName": "alice"}));
    for (operation, body) in [
        ("RemoveUserFromGroup", &member),
        (
            "AttachGroupPolicy",
            &group("g", json!({"PolicyArn": ADMINISTRATOR})),
        ),
    ] {
        let (keys, _) = service.depends_on(strongroom_services::iam::OPERATIONS, operation, body);
        let depends = |kind: &[u8]| keys.iter().any(|key| key.as_bytes().starts_with(kind));
        assert!(
            depends(b"iam-group\0") && depends(b"iam-group-name\0"),
            "{operation}"
        );
    }
}

#[test]
fn groups_and_their_users_come_in_pages_by_name() {
    let mut service = Service::new();
    for (name, path) in [("c", "/x/"), ("B", "/x/y/"), ("a", "/")] {
        service.iam("CreateGroup", group(name, json!({"Path": path})));
        service.iam("CreateUser", json!({"UserName": name}));
    }
    for name in ["c", "B", "a"] {
        service.iam("AddUserToGroup", group("a", json!({"UserName": name})));
        service.iam("AddUserToGroup", group(name, json!({"UserName": "c"})));
    }
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateGroup", group("b", json!({})));
    service.be(ACCOUNT, REGION);
    for (operation, body, list, item, expected) in [
        (
            "ListGroups",
            json!({}),
            "Groups",
            "GroupName",
            vec!["a", "B", "c"],
        ),
        (
            "ListGroups",
            json!({"PathPrefix": "/x/"}),
            "Groups",
            "GroupName",
            vec!["B", "c"],
        ),
        (
            "ListGroups",
            json!({"PathPrefix": "/z"}),
            "Groups",
            "GroupName",
            vec![],
        ),
        (
            "GetGroup",
            json!({"GroupName": "a"}),
            "Users",
            "UserName",
            vec!["a", "B", "c"],
        ),
        (
            "ListGroupsForUser",
            json!({"UserName": "c"}),
            "Groups",
            "GroupName",
            vec!["a", "B", "c"],
        ),
        (
            "ListGroupsForUser",
            json!({"UserName": "a"}),
            "Groups",
            "GroupName",
            vec!["a"],
        ),
    ] {
        let (mut found, mut marker) = (Vec::new(), Value::Null);
        loop {
            let mut body = body.clone();
            body["MaxItems"] = json!("1");
            body["Marker"] = marker;
            let page = service.iam(operation, body);
            found.extend(names(&page[list], item));
            marker = page["Marker"].clone();
            assert_eq!(page["IsTruncated"], json!(!marker.is_null()));
            if marker.is_null() {
                break;
            }
        }
        assert_eq!(found, expected, "{operation} {body}");
    }
}

#[test]
fn quotas_of_groups_hold() {
    let mut service = Service::new();
    service.iam("CreateUser", json!({"UserName": "u"}));
    for number in 0..300 {
        service.iam("CreateGroup", group(&format!("g{number}"), json!({})));
    }
    assert_eq!(
        service.iam_refused("CreateGroup", group("g", json!({}))),
        (
            "LimitExceeded",
            "Cannot exceed quota for GroupsPerAccount: 300".to_owned()
        )
    );
    for number in 0..10 {
        service.iam(
            "AddUserToGroup",
            group(&format!("g{number}"), json!({"UserName": "u"})),
        );
    }
    assert_eq!(
        service.iam_refused("AddUserToGroup", group("g10", json!({"UserName": "u"}))),
        (
            "LimitExceeded",
            "Cannot exceed quota for GroupsPerUser: 10".to_owned()
        )
    );
    let large = policy("Allow", "*", &format!("arn:aws:x:::{}", "a".repeat(5100)));
    let body = group(
        "g0",
        json!({"PolicyName": "p", "PolicyDocument": document(&[large])}),
    );
    assert_eq!(
        service.iam_refused("PutGroupPolicy", body),
        (
            "LimitExceeded",
            "Maximum policy size of 5120 bytes exceeded for group g0".to_owned()
        )
    );
}

#[test]
fn who_may_use_one_group_cannot_use_another() {
    let (mut service, key) = with_alice();
    for name in ["own", "admins"] {
        service.iam("CreateGroup", group(name, json!({"Path": "/teams/"})));
    }
    let own = policy(
        "Allow",
        "iam:*Group*",
        &format!("arn:aws:iam::{ACCOUNT}:group/teams/own"),
    );
    service.give("alice", &[own]);
    let read = document(&[policy("Allow", "*", "*")]);
    for (operation, more) in [
        ("AddUserToGroup", json!({"UserName": "alice"})),
        ("RemoveUserFromGroup", json!({"UserName": "alice"})),
        (
            "PutGroupPolicy",
            json!({"PolicyName": "p", "PolicyDocument": read}),
        ),
        ("DeleteGroupPolicy", json!({"PolicyName": "p"})),
        ("GetGroup", json!({})),
        // Its new name is another group's ARN.
        ("UpdateGroup", json!({"NewGroupName": "own"})),
    ] {
        for (name, allowed) in [("own", true), ("admins", false)] {
            service.be_user(ACCOUNT, "alice", &key);
            let body = group(name, more.clone());
            let result = service.ask_of(strongroom_services::iam::OPERATIONS, operation, &body);
            let text = denied(result);
            assert_eq!(text.is_none(), allowed, "{operation} {name}: {text:?}");
        }
    }
}
