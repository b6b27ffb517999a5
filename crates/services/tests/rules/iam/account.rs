//! What IAM tells of an account as a whole, and of what users can't have here. Source: kms-iam-sts.md B3 and B5.

use serde_json::{Value, json};
use strongroom_services::iam::OPERATIONS;

use super::users::with_alice;
use super::{ADMINISTRATOR, denied, document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

fn aliases(service: &mut Service) -> Value {
    service.iam("ListAccountAliases", json!({}))["AccountAliases"].clone()
}

#[test]
fn an_account_has_one_alias_which_no_other_has() {
    let mut service = Service::new();
    let alias = |alias: &str| json!({"AccountAlias": alias});
    assert_eq!(aliases(&mut service), json!([]));
    for (text, is_alias) in [
        ("team-one", true),
        ("a1b", true),
        ("ab", false),
        ("-ab", false),
        ("ab-", false),
        ("a--b", false),
        ("Team", false),
    ] {
        let result = service.ask_of(OPERATIONS, "CreateAccountAlias", &alias(text));
        assert_eq!(result.is_ok(), is_alias, "{text}");
    }
    // A new one takes the place of the one before, which is free then.
    assert_eq!(aliases(&mut service), json!(["a1b"]));
    service.iam("CreateAccountAlias", alias("a1b"));
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateAccountAlias", alias("team-one"));
    let text = "The account alias a1b already exists.";
    assert_eq!(
        service.iam_refused("CreateAccountAlias", alias("a1b")),
        ("EntityAlreadyExists", text.to_owned())
    );
    let text = "The account alias with name a1b cannot be found.";
    assert_eq!(
        service.iam_refused("DeleteAccountAlias", alias("a1b")),
        ("NoSuchEntity", text.to_owned())
    );
    assert_eq!(aliases(&mut service), json!(["team-one"]));
    service.iam("DeleteAccountAlias", alias("team-one"));
    service.be(ACCOUNT, REGION);
    assert_eq!(aliases(&mut service), json!(["a1b"]));
    service.iam("DeleteAccountAlias", alias("a1b"));
    assert_eq!(
        service.count("account-alias") + service.count("alias-of-account"),
        0
    );
}

/// Root with one of everything.
fn with_everything() -> Service {
    let (mut service, _) = with_alice();
    let trusted =
        json!({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"});
    let text = document(&[policy("Allow", "iam:GetUser", "*")]);
    let own = format!("arn:aws:iam::{ACCOUNT}:policy/own");
    for (operation, body) in [
        (
            "CreatePolicy",
            json!({"PolicyName": "own", "PolicyDocument": text, "Description": "d"}),
        ),
        (
            "CreatePolicyVersion",
            json!({"PolicyArn": own, "PolicyDocument": text}),
        ),
        (
            "TagUser",
            json!({"UserName": "alice", "Tags": [{"Key": "a", "Value": "1"}]}),
        ),
        (
            "PutUserPolicy",
            json!({"UserName": "alice", "PolicyName": "p", "PolicyDocument": text}),
        ),
        (
            "AttachUserPolicy",
            json!({"UserName": "alice", "PolicyArn": own}),
        ),
        (
            "PutUserPermissionsBoundary",
            json!({"UserName": "alice", "PermissionsBoundary": ADMINISTRATOR}),
        ),
        ("CreateGroup", json!({"GroupName": "g"})),
        (
            "AddUserToGroup",
            json!({"GroupName": "g", "UserName": "alice"}),
        ),
        (
            "PutGroupPolicy",
            json!({"GroupName": "g", "PolicyName": "q", "PolicyDocument": text}),
        ),
        (
            "CreateRole",
            json!({"RoleName": "r", "AssumeRolePolicyDocument": document(&[trusted])}),
        ),
        (
            "AttachRolePolicy",
            json!({"RoleName": "r", "PolicyArn": ADMINISTRATOR}),
        ),
    ] {
        service.iam(operation, body);
    }
    service
}

#[test]
fn a_summary_counts_what_is_there() {
    let mut service = with_everything();
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateUser", json!({"UserName": "stranger"}));
    service.be(ACCOUNT, REGION);
    let summary = service.iam("GetAccountSummary", json!({}));
    let entries = summary["SummaryMap"]["entry"].as_array().unwrap();
    let value = |key: &str| {
        let mut of_key = entries.iter().filter(|entry| entry["key"] == json!(key));
        let found = of_key.next().unwrap_or_else(|| panic!("{key}"));
        assert!(of_key.next().is_none(), "{key} twice");
        found["value"].as_u64().unwrap()
    };
    for (key, expected) in [
        ("Users", 1),
        ("UsersQuota", 5000),
        ("Groups", 1),
        ("GroupsQuota", 300),
        ("GroupsPerUserQuota", 10),
        ("Roles", 1),
        ("Policies", 1),
        ("PoliciesQuota", 1500),
        ("PolicyVersionsInUse", 2),
        ("VersionsPerPolicyQuota", 5),
        ("AttachedPoliciesPerUserQuota", 10),
        ("MFADevices", 0),
        ("AccountMFAEnabled", 0),
    ] {
        assert_eq!(value(key), expected, "{key}");
    }
}

#[test]
fn an_accounts_details_are_all_that_allows_in_it() {
    let mut service = with_everything();
    let all = service.iam("GetAccountAuthorizationDetails", json!({}));
    let text = service.iam(
        "GetUserPolicy",
        json!({"UserName": "alice", "PolicyName": "p"}),
    );
    let text = &text["PolicyDocument"];
    let user = &all["UserDetailList"][0];
    let own =
        json!([{"PolicyName": "own", "PolicyArn": format!("arn:aws:iam::{ACCOUNT}:policy/own")}]);
    let administrator = json!([{"PolicyName": "AdministratorAccess", "PolicyArn": ADMINISTRATOR}]);
    for (found, expected) in [
        (&user["UserName"], &json!("alice")),
        (&user["GroupList"], &json!(["g"])),
        (&user["Tags"], &json!([{"Key": "a", "Value": "1"}])),
        (
            &user["UserPolicyList"],
            &json!([{"PolicyName": "p", "PolicyDocument": text}]),
        ),
        (&user["AttachedManagedPolicies"], &own),
        (
            &user["PermissionsBoundary"]["PermissionsBoundaryArn"],
            &json!(ADMINISTRATOR),
        ),
        (
            &all["GroupDetailList"][0]["GroupPolicyList"],
            &json!([{"PolicyName": "q", "PolicyDocument": text}]),
        ),
        (
            &all["RoleDetailList"][0]["AttachedManagedPolicies"],
            &administrator,
        ),
        (&all["Policies"][0]["PolicyName"], &json!("own")),
        (&all["Policies"][0]["Description"], &json!("d")),
        (
            &all["Policies"][0]["PolicyVersionList"][1]["Document"],
            text,
        ),
        (
            &all["Policies"][1]["PolicyName"],
            &json!("AdministratorAccess"),
        ),
        (&all["IsTruncated"], &json!(false)),
    ] {
        assert_eq!(found, expected);
    }
    let lists = [
        "UserDetailList",
        "GroupDetailList",
        "RoleDetailList",
        "Policies",
    ];
    let counts = |page: &Value| lists.map(|list| page[list].as_array().unwrap().len());
    let aws = counts(&all)[3] - 1;
    for (filter, expected) in [
        (json!(["User"]), [1, 0, 0, 0]),
        (json!(["Group", "Role"]), [0, 1, 1, 0]),
        (json!(["LocalManagedPolicy"]), [0, 0, 0, 1]),
        (json!(["AWSManagedPolicy"]), [0, 0, 0, aws]),
        (json!([]), [1, 1, 1, 1 + aws]),
    ] {
        let (mut found, mut marker) = ([0; 4], Value::Null);
        loop {
            let body = json!({"Filter": filter, "MaxItems": "1", "Marker": marker});
            let page = service.iam("GetAccountAuthorizationDetails", body);
            for (sum, count) in found.iter_mut().zip(counts(&page)) {
                *sum += count;
            }
            marker = page["Marker"].clone();
            if marker.is_null() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter}");
    }
    let (code, _) = service.iam_refused(
        "GetAccountAuthorizationDetails",
        json!({"Filter": ["Users"]}),
    );
    assert_eq!(code, "ValidationException");
}

#[test]
fn what_a_user_cannot_have_is_an_empty_list_of_a_user_who_is_there() {
    let (mut service, key) = with_alice();
    for (operation, list) in [
        ("ListSSHPublicKeys", "SSHPublicKeys"),
        (
            "ListServiceSpecificCredentials",
            "ServiceSpecificCredentials",
        ),
        ("ListSigningCertificates", "Certificates"),
    ] {
        let alice = json!({"UserName": "alice"});
        assert_eq!(
            service.iam(operation, alice.clone()),
            json!({list: [], "IsTruncated": false})
        );
        assert_eq!(
            service.iam_refused(operation, json!({"UserName": "bob"})),
            (
                "NoSuchEntity",
                "The user with name bob cannot be found.".to_owned()
            )
        );
        service.be_user(ACCOUNT, "alice", &key);
        assert!(
            denied(service.ask_of(OPERATIONS, operation, &alice)).is_some(),
            "{operation}"
        );
        service.be(ACCOUNT, REGION);
        service.give(
            "alice",
            &[policy("Allow", &format!("iam:{operation}"), "*")],
        );
        service.be_user(ACCOUNT, "alice", &key);
        service.iam(operation, json!({}));
        service.be(ACCOUNT, REGION);
    }
    assert_eq!(
        service.iam("ListVirtualMFADevices", json!({"AssignmentStatus": "Any"})),
        json!({"VirtualMFADevices": [], "IsTruncated": false})
    );
    for operation in ["GetLoginProfile", "DeleteLoginProfile"] {
        for (name, text) in [
            ("alice", "Login Profile for User alice cannot be found."),
            ("bob", "The user with name bob cannot be found."),
        ] {
            assert_eq!(
                service.iam_refused(operation, json!({"UserName": name})),
                ("NoSuchEntity", text.to_owned())
            );
        }
    }
}
