//! Instance profiles. Source: kms-iam-sts.md B3 and B5; IAM and AWS STS quotas.

use serde_json::{Value, json};
use strongroom_services::iam;

use super::{document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

const PROFILE: &str = "arn:aws:iam::123456789012:instance-profile/x/Machine";
const ROLE: &str = "arn:aws:iam::123456789012:role/r";

fn make_role(service: &mut Service, name: &str) {
    let trust = document(&[json!({
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
    })]);
    service.iam(
        "CreateRole",
        json!({"RoleName": name, "AssumeRolePolicyDocument": trust}),
    );
}

/// With the instance profile `Machine` and the role `r`.
fn with_profile() -> Service {
    let mut service = Service::new();
    make_role(&mut service, "r");
    let tags = json!([{"Key": "a", "Value": "1"}]);
    let body = json!({"InstanceProfileName": "Machine", "Path": "/x/", "Tags": tags});
    service.iam("CreateInstanceProfile", body);
    service
}

fn both() -> Value {
    json!({"InstanceProfileName": "machine", "RoleName": "R"})
}

#[test]
fn an_instance_profile_is_shown_with_its_role() {
    let mut service = with_profile();
    let get = json!({"InstanceProfileName": "mACHINE"});
    let shown = service.iam("GetInstanceProfile", get.clone())["InstanceProfile"].clone();
    let id = shown["InstanceProfileId"].as_str().unwrap();
    assert!(id.starts_with("AIPA") && id.len() == 21, "{id}");
    for (member, value) in [
        ("Arn", json!(PROFILE)),
        ("Path", json!("/x/")),
        ("InstanceProfileName", json!("Machine")),
        ("CreateDate", json!("2023-11-14T23:59:59Z")),
        ("Roles", json!([])),
        ("Tags", json!([{"Key": "a", "Value": "1"}])),
    ] {
        assert_eq!(shown[member], value, "{member}");
    }
    service.iam("AddRoleToInstanceProfile", both());
    let shown = service.iam("GetInstanceProfile", get);
    assert_eq!(shown["InstanceProfile"]["Roles"][0]["Arn"], json!(ROLE));
    let listed = service.iam("ListInstanceProfiles", json!({"PathPrefix": "/x/"}));
    assert_eq!(
        listed["InstanceProfiles"][0]["Roles"][0]["Arn"],
        json!(ROLE)
    );
    assert!(listed["InstanceProfiles"][0].get("Tags").is_none());
    let listed = service.iam("ListInstanceProfilesForRole", json!({"RoleName": "r"}));
    assert_eq!(listed["InstanceProfiles"][0]["Arn"], json!(PROFILE));
    assert_eq!(listed["IsTruncated"], json!(false));
    let details = service.iam(
        "GetAccountAuthorizationDetails",
        json!({"Filter": ["Role"]}),
    );
    let profiles = &details["RoleDetailList"][0]["InstanceProfileList"];
    assert_eq!(profiles[0]["Arn"], json!(PROFILE));
}

#[test]
fn an_instance_profile_has_one_role_and_neither_goes_while_they_are_together() {
    let mut service = with_profile();
    make_role(&mut service, "other");
    service.iam("AddRoleToInstanceProfile", both());
    let first = "Cannot delete entity, must remove roles from instance profile first.";
    let full = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1";
    let other = json!({"InstanceProfileName": "Machine", "RoleName": "other"});
    for (operation, body, code, text) in [
        ("AddRoleToInstanceProfile", both(), "LimitExceeded", full),
        (
            "AddRoleToInstanceProfile",
            other.clone(),
            "LimitExceeded",
            full,
        ),
        (
            "RemoveRoleFromInstanceProfile",
            other,
            "NoSuchEntity",
            "The role with name other cannot be found.",
        ),
        ("DeleteInstanceProfile", both(), "DeleteConflict", first),
        ("DeleteRole", both(), "DeleteConflict", first),
    ] {
        assert_eq!(
            service.iam_refused(operation, body),
            (code, text.to_owned()),
            "{operation}"
        );
    }
    service.iam("RemoveRoleFromInstanceProfile", both());
    let listed = service.iam("ListInstanceProfilesForRole", json!({"RoleName": "r"}));
    assert_eq!(listed["InstanceProfiles"], json!([]));
    service.iam("DeleteRole", json!({"RoleName": "r"}));
    service.iam(
        "DeleteInstanceProfile",
        json!({"InstanceProfileName": "Machine"}),
    );
    assert_eq!(service.count("iam-instance-profile"), 0);
}

#[test]
fn the_instance_profiles_of_a_role_come_in_pages() {
    let mut service = Service::new();
    make_role(&mut service, "r");
    for name in ["b", "C", "a"] {
        let body = json!({"InstanceProfileName": name, "RoleName": "r"});
        service.iam(
            "CreateInstanceProfile",
            json!({"InstanceProfileName": name}),
        );
        service.iam("AddRoleToInstanceProfile", body);
    }
    let (mut names, mut marker) = (Vec::new(), Value::Null);
    loop {
        let body = json!({"RoleName": "r", "MaxItems": "2", "Marker": marker});
        let page = service.iam("ListInstanceProfilesForRole", body);
        for profile in page["InstanceProfiles"].as_array().unwrap() {
            names.push(profile["InstanceProfileName"].as_str().unwrap().to_owned());
        }
        marker = page["Marker"].clone();
        if marker.is_null() {
            break;
        }
    }
    assert_eq!(names, ["a", "b", "C"]);
}

#[test]
fn what_is_not_there_or_there_already_is_said_in_iams_words() {
    let mut service = with_profile();
    service.be(OTHER_ACCOUNT, REGION);
    service.iam(
        "CreateInstanceProfile",
        json!({"InstanceProfileName": "theirs"}),
    );
    service.be(ACCOUNT, REGION);
    let missing = "Instance Profile theirs cannot be found.";
    let theirs =
        json!({"InstanceProfileName": "theirs", "RoleName": "r", "Tags": [], "TagKeys": []});
    for operation in [
        "GetInstanceProfile",
        "DeleteInstanceProfile",
        "AddRoleToInstanceProfile",
        "RemoveRoleFromInstanceProfile",
        "TagInstanceProfile",
        "UntagInstanceProfile",
        "ListInstanceProfileTags",
    ] {
        let told = service.iam_refused(operation, theirs.clone());
        assert_eq!(told, ("NoSuchEntity", missing.to_owned()), "{operation}");
    }
    let again = json!({"InstanceProfileName": "MACHINE"});
    assert_eq!(
        service.iam_refused("CreateInstanceProfile", again),
        (
            "EntityAlreadyExists",
            "Instance Profile MACHINE already exists.".to_owned()
        )
    );
}

#[test]
fn tags_of_an_instance_profile_are_laid_over_and_taken_off() {
    let mut service = with_profile();
    let tags = json!([{"Key": "A", "Value": "2"}, {"Key": "b", "Value": ""}]);
    let name = "Machine";
    service.iam(
        "TagInstanceProfile",
        json!({"InstanceProfileName": name, "Tags": tags}),
    );
    let listed = service.iam(
        "ListInstanceProfileTags",
        json!({"InstanceProfileName": name}),
    );
    assert_eq!(listed["Tags"], tags);
    service.iam(
        "UntagInstanceProfile",
        json!({"InstanceProfileName": name, "TagKeys": ["a"]}),
    );
    let listed = service.iam(
        "ListInstanceProfileTags",
        json!({"InstanceProfileName": name}),
    );
    assert_eq!(listed["Tags"], json!([{"Key": "b", "Value": ""}]));
}

#[test]
fn who_puts_a_role_in_must_be_allowed_to_pass_it_on() {
    let add = policy("Allow", "iam:AddRoleToInstanceProfile", PROFILE);
    let mut pass = policy("Allow", "iam:PassRole", ROLE);
    pass["Condition"] = json!({"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}});
    let mut elsewhere = pass.clone();
    elsewhere["Condition"] =
        json!({"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}});
    for (statements, allowed) in [
        (vec![add.clone()], false),
        (vec![pass.clone()], false),
        (vec![add.clone(), elsewhere], false),
        (vec![add, pass], true),
    ] {
        let mut service = with_profile();
        service.iam("CreateUser", json!({"UserName": "alice"}));
        let key = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
        let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &id);
        let result = service.ask_of(iam::OPERATIONS, "AddRoleToInstanceProfile", &both());
        assert_eq!(result.is_ok(), allowed, "{statements:?}: {result:?}");
    }
}
