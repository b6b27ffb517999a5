//! Roles and who may assume them. Source: kms-iam-sts.md B; access-control.md 3 and 6.

use serde_json::{Value, json};
use strongroom_services::last_use::Use;
use strongroom_services::time::Timestamp;
use strongroom_services::{iam, sts};

use super::users::with_alice;
use super::{document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

/// A trust policy for one principal.
fn trust(principal: Value) -> String {
    document(&[json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})])
}

fn of_account(account: &str) -> String {
    trust(json!({"AWS": account}))
}

#[test]
fn a_role_is_shown_as_it_was_made() {
    let mut service = Service::new();
    let made = service.iam(
        "CreateRole",
        json!({
            "RoleName": "App", "Path": "/x/", "AssumeRolePolicyDocument": of_account(ACCOUNT), "Description": "For it",
            "MaxSessionDuration": "7200", "Tags": [{"Key": "a", "Value": "1"}],
        }),
    );
    let role = &made["Role"];
    let id = role["RoleId"].as_str().unwrap();
    assert!(id.starts_with("AROA") && id.len() == 21, "{id}");
    for (member, value) in [
        ("Arn", json!(format!("arn:aws:iam::{ACCOUNT}:role/x/App"))),
        ("Path", json!("/x/")),
        ("RoleName", json!("App")),
        ("CreateDate", json!("2023-11-14T23:59:59Z")),
        ("Description", json!("For it")),
        ("MaxSessionDuration", json!(7200)),
        ("Tags", json!([{"Key": "a", "Value": "1"}])),
    ] {
        assert_eq!(role[member], value, "{member}");
    }
    let text = role["AssumeRolePolicyDocument"].as_str().unwrap();
    assert!(text.starts_with("%7B%22"), "{text}");
    let mut found = service.iam("GetRole", json!({"RoleName": "aPP"}))["Role"].take();
    let last_used = found.as_object_mut().unwrap().remove("RoleLastUsed");
    assert_eq!((&found, last_used), (role, Some(json!({}))));
    let again = json!({"RoleName": "aPP", "AssumeRolePolicyDocument": of_account(ACCOUNT)});
    assert_eq!(
        service.iam_refused("CreateRole", again),
        (
            "EntityAlreadyExists",
            "Role with name aPP already exists.".to_owned()
        )
    );
}

#[test]
fn a_role_made_with_nothing_more_has_sessions_of_an_hour() {
    let mut service = Service::new();
    let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": of_account(ACCOUNT)});
    let role = service.iam("CreateRole", body)["Role"].clone();
    assert_eq!(role["MaxSessionDuration"], json!(3600));
    assert_eq!(role["Path"], json!("/"));
    assert!(role.get("Description").is_none() && role.get("Tags").is_none());
}

#[test]
fn a_trust_policy_names_who_may_ask_sts_for_the_role_and_nothing_else() {
    let users = |name: &str| json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/{name}")});
    let with = |member: &str, value: Value| {
        let mut statement =
            json!({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"});
        statement[member] = value;
        document(&[statement])
    };
    let malformed = "MalformedPolicyDocument";
    for (text, refused) in [
        (trust(users("alice")), None),
        (trust(json!("*")), None),
        (trust(json!({"Service": "lambda.amazonaws.com"})), None),
        (
            trust(
                json!({"Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com")}),
            ),
            None,
        ),
        (
            trust(json!({"AWS": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/unknown")})),
            None,
        ),
        (with("Action", json!(["sts:TagSession", "STS:*"])), None),
        (
            trust(users("bob")),
            Some((
                malformed,
                r#"Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/bob""#,
            )),
        ),
        (
            trust(json!({"AWS": format!("arn:aws:sts::{ACCOUNT}:assumed-role/none/s")})),
            Some((malformed, "Invalid principal in policy: \"AWS\":")),
        ),
        (
            trust(json!({"AWS": "nobody"})),
            Some((malformed, r#"Invalid principal in policy: "AWS":"nobody""#)),
        ),
        (
            trust(json!({"CanonicalUser": "abc"})),
            Some((
                malformed,
                r#"Invalid principal in policy: "CANONICALUSER":"abc""#,
            )),
        ),
        (
            "{".to_owned(),
            Some((malformed, "This policy contains invalid Json")),
        ),
        (
            "[]".to_owned(),
            Some((malformed, "Syntax errors in policy.")),
        ),
        (
            with("Resource", json!("*")),
            Some((malformed, "Has prohibited field Resource")),
        ),
        (
            document(&[json!({"Effect": "Allow", "Action": "sts:AssumeRole"})]),
            Some((malformed, "Missing required field Principal")),
        ),
        (
            with("Action", json!("iam:GetRole")),
            Some((
                malformed,
                "AssumeRole policy may only specify STS AssumeRole actions.",
            )),
        ),
        (
            with("Action", json!("*")),
            Some((
                malformed,
                "AssumeRole policy may only specify STS AssumeRole actions.",
            )),
        ),
        (
            with("Sid", json!("a".repeat(2048))),
            Some((
                "LimitExceeded",
                "Cannot exceed quota for ACLSizePerRole: 2048",
            )),
        ),
    ] {
        let mut service = Service::new();
        service.iam("CreateUser", json!({"UserName": "alice"}));
        service.iam(
            "CreateRole",
            json!({"RoleName": "standing", "AssumeRolePolicyDocument": of_account(ACCOUNT)}),
        );
        let create = json!({"RoleName": "r", "AssumeRolePolicyDocument": text});
        let update = json!({"RoleName": "standing", "PolicyDocument": text});
        for (operation, body) in [("CreateRole", create), ("UpdateAssumeRolePolicy", update)] {
            let Some((code, part)) = refused else {
                service.iam(operation, body);
                continue;
            };
            let (found, said) = service.iam_refused(operation, body);
            assert_eq!(found, code, "{text}: {said}");
            assert!(said.starts_with(part), "{text}: {said}");
        }
    }
}

#[test]
fn a_roles_own_policies_are_of_10240_characters_together() {
    let mut service = Service::new();
    let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": of_account(ACCOUNT)});
    service.iam("CreateRole", body);
    let large = |length: usize| {
        let padding = "a".repeat(length - document(&[policy("Allow", "*", "arn:aws:x:::")]).len());
        document(&[policy("Allow", "*", &format!("arn:aws:x:::{padding}"))])
    };
    let put = |name: &str, text: String| json!({"RoleName": "r", "PolicyName": name, "PolicyDocument": text});
    service.iam("PutRolePolicy", put("one", large(5120)));
    service.iam("PutRolePolicy", put("two", large(5120)));
    assert_eq!(
        service.iam_refused("PutRolePolicy", put("Two", large(5121))),
        (
            "LimitExceeded",
            "Maximum policy size of 10240 bytes exceeded for role r".to_owned()
        )
    );
}

#[test]
fn the_policies_of_who_asks_see_the_role_and_the_request() {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/x/r");
    let tags = json!([{"Key": "Team", "Value": "red"}]);
    let create = json!({
        "RoleName": "r", "Path": "/x/", "AssumeRolePolicyDocument": of_account(ACCOUNT), "Tags": tags,
    });
    let allow = |action: &str, resource: &str, condition: Value| {
        let mut statement = policy("Allow", action, resource);
        if condition != Value::Null {
            statement["Condition"] = condition;
        }
        statement
    };
    let requested = json!({"StringEquals": {"aws:RequestTag/Team": "red"}});
    let has = json!({"StringEquals": {"iam:ResourceTag/Team": "red"}});
    let has_not = json!({"StringEquals": {"aws:ResourceTag/Team": "blue"}});
    for (statements, operation, body, allowed) in [
        (
            vec![allow("iam:CreateRole", &role, json!(null))],
            "CreateRole",
            &create,
            false,
        ),
        (
            vec![
                allow("iam:CreateRole", &role, requested.clone()),
                allow("iam:TagRole", &role, requested),
            ],
            "CreateRole",
            &create,
            true,
        ),
        (
            vec![allow("iam:GetRole", &role, has)],
            "GetRole",
            &json!({"RoleName": "R"}),
            true,
        ),
        (
            vec![allow("iam:GetRole", "*", has_not)],
            "GetRole",
            &json!({"RoleName": "r"}),
            false,
        ),
        (
            vec![allow("iam:UpdateAssumeRolePolicy", &role, json!(null))],
            "UpdateAssumeRolePolicy",
            &json!({"RoleName": "r", "PolicyDocument": of_account(OTHER_ACCOUNT)}),
            true,
        ),
        (
            vec![allow(
                "iam:PutRolePolicy",
                &role.replace("/x/", "/"),
                json!(null),
            )],
            "PutRolePolicy",
            &json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": document(&[policy("Allow", "*", "*")])}),
            false,
        ),
    ] {
        let mut service = Service::new();
        service.iam("CreateUser", json!({"UserName": "alice"}));
        let key = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
        let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
        if operation != "CreateRole" {
            service.iam("CreateRole", create.clone());
        }
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &id);
        let result = service.ask_of(iam::OPERATIONS, operation, body);
        assert_eq!(
            result.is_ok(),
            allowed,
            "{statements:?} {operation}: {result:?}"
        );
    }
}

#[test]
fn a_role_that_is_not_there_is_not_found_nor_is_another_accounts() {
    let mut service = Service::new();
    service.be(OTHER_ACCOUNT, REGION);
    let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": of_account(ACCOUNT)});
    service.iam("CreateRole", body);
    service.be(ACCOUNT, REGION);
    let text = document(&[policy("Allow", "*", "*")]);
    for (operation, body) in [
        ("GetRole", json!({"RoleName": "r"})),
        (
            "UpdateAssumeRolePolicy",
            json!({"RoleName": "r", "PolicyDocument": of_account(ACCOUNT)}),
        ),
        (
            "PutRolePolicy",
            json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": text}),
        ),
    ] {
        assert_eq!(
            service.iam_refused(operation, body),
            (
                "NoSuchEntity",
                "The role with name r cannot be found.".to_owned()
            ),
            "{operation}"
        );
    }
}

#[test]
fn a_role_shows_when_and_where_its_credentials_last_signed() {
    let (mut service, key) = with_alice();
    service.give("alice", &[policy("Allow", "sts:*", "*")]);
    let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": of_account(ACCOUNT)});
    let role = service.iam("CreateRole", body)["Role"].clone();
    service.be_user(ACCOUNT, "alice", &key);
    let assume = json!({"RoleArn": role["Arn"], "RoleSessionName": "of-alice"});
    let made = service.ask_of(sts::OPERATIONS, "AssumeRole", &assume);
    service.be_session(&made.unwrap()["Credentials"]);
    let now = Timestamp::from_milliseconds(1_700_000_000_000);
    let used = Use::of_signature(&service.caller(), "ASIA", "kms", now).unwrap();
    service.be(ACCOUNT, REGION);
    service.write_down(&[used]);
    let shown = json!({"LastUsedDate": "2023-11-14T22:13:20Z", "Region": REGION});
    let found = service.iam("GetRole", json!({"RoleName": "r"}));
    assert_eq!(found["Role"]["RoleLastUsed"], shown);
    assert_eq!(service.count("last-use"), 1);
    service.iam("DeleteRole", json!({"RoleName": "r"}));
    assert_eq!(service.count("last-use"), 0);
}

#[test]
fn what_a_role_is_for_and_how_long_its_sessions_last_can_be_changed() {
    let mut service = Service::new();
    let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": of_account(ACCOUNT)});
    service.iam("CreateRole", body);
    for (operation, body, description, seconds) in [
        (
            "UpdateRole",
            json!({"Description": "one", "MaxSessionDuration": "43200"}),
            "one",
            43200,
        ),
        (
            "UpdateRole",
            json!({"MaxSessionDuration": "7200"}),
            "one",
            7200,
        ),
        (
            "UpdateRoleDescription",
            json!({"Description": "two"}),
            "two",
            7200,
        ),
        // As AWS documents it.
        ("UpdateRole", json!({"Description": ""}), "", 3600),
    ] {
        let mut body = body;
        body["RoleName"] = json!("r");
        let answer = service.iam(operation, body);
        let role = service.iam("GetRole", json!({"RoleName": "r"}))["Role"].clone();
        assert_eq!(role["Description"], json!(description));
        assert_eq!(role["MaxSessionDuration"], json!(seconds));
        if operation == "UpdateRoleDescription" {
            assert_eq!(answer["Role"]["Description"], json!(description));
        } else {
            assert_eq!(answer, json!({}));
        }
    }
    for seconds in ["3599", "43201", "x"] {
        let (code, _) = service.iam_refused(
            "UpdateRole",
            json!({"RoleName": "r", "MaxSessionDuration": seconds}),
        );
        assert!(
            ["ValidationException", "SerializationException"].contains(&code),
            "{code}"
        );
    }
    let long = json!({"RoleName": "r", "Description": "a".repeat(1001)});
    assert_eq!(
        service.iam_refused("UpdateRoleDescription", long).0,
        "ValidationException"
    );
}

#[test]
fn a_role_is_deleted_once_nothing_is_left_of_it() {
    let mut service = Service::new();
    let admin = "arn:aws:iam::aws:policy/AdministratorAccess";
    let role = json!({"RoleName": "r"});
    let mut create =
        json!({"AssumeRolePolicyDocument": of_account(ACCOUNT), "PermissionsBoundary": admin});
    create["RoleName"] = json!("r");
    service.iam("CreateRole", create);
    let text = document(&[policy("Allow", "*", "*")]);
    let own = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": text});
    service.iam("PutRolePolicy", own.clone());
    let managed = json!({"RoleName": "r", "PolicyArn": admin});
    service.iam("AttachRolePolicy", managed.clone());
    let profile = json!({"InstanceProfileName": "i", "RoleName": "r"});
    service.iam("CreateInstanceProfile", profile.clone());
    service.iam("AddRoleToInstanceProfile", profile.clone());
    for (first, operation, body) in [
        (
            "remove roles from instance profile",
            "RemoveRoleFromInstanceProfile",
            profile,
        ),
        ("detach all policies", "DetachRolePolicy", managed),
        ("delete policies", "DeleteRolePolicy", own),
    ] {
        let text = format!("Cannot delete entity, must {first} first.");
        assert_eq!(
            service.iam_refused("DeleteRole", role.clone()),
            ("DeleteConflict", text)
        );
        service.iam(operation, body);
    }
    service.iam("DeleteRole", role.clone());
    assert_eq!(service.iam_refused("DeleteRole", role).0, "NoSuchEntity");
    for kind in ["iam-role", "iam-id", "iam-attachment"] {
        assert_eq!(service.count(kind), 0, "{kind}");
    }
}

#[test]
fn roles_linked_to_services_are_refused_clearly() {
    let refusal = iam::absent("CreateServiceLinkedRole").unwrap();
    assert_eq!(refusal.code, "UnsupportedOperation");
    assert!(refusal.message.unwrap().contains("linked to a service"));
}
