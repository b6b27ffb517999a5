//! Users, their access keys and their own policies. Source: kms-iam-sts.md B; access-control.md 6 and 7.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::{Value, json};
use strongroom_services::iam::managed_policy::PolicyName;
use strongroom_services::iam::user::User;
use strongroom_services::last_use::Use;
use strongroom_services::records::Key;
use strongroom_services::time::Timestamp;
use strongroom_services::{iam, kms, secretsmanager, sts};

use super::{ADMINISTRATOR, denied, document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service, V2};

const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
const NO_POLICY: &str = "because no identity-based policy allows the";

/// With the user `alice` and her access key.
pub(super) fn with_alice() -> (Service, String) {
    let mut service = Service::with_secret();
    service.iam("CreateUser", json!({"UserName": "alice"}));
    let key = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
    let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    (service, id)
}

#[test]
fn a_user_without_policies_may_do_nothing_but_ask_who_it_is() {
    let (mut service, key) = with_alice();
    service.be_user(ACCOUNT, "alice", &key);
    let services = [
        ("secretsmanager", secretsmanager::OPERATIONS),
        ("kms", kms::OPERATIONS),
        ("iam", iam::OPERATIONS),
        ("sts", sts::OPERATIONS),
    ];
    // What each needs so that it is understood; the rest need nothing.
    let body = json!({
        "SecretId": "s", "Name": "n", "SecretString": "x", "Tags": [], "TagKeys": ["a"], "VersionStage": "x",
        "ResourcePolicy": "{}", "SecretIdList": ["s"], "UserName": "alice", "PolicyName": "p", "PolicyDocument": "{}",
        "AccessKeyId": key, "Status": "Inactive", "VirtualMFADeviceName": "n", "SerialNumber": "123456789",
        "AuthenticationCode1": "000000", "AuthenticationCode2": "000000", "PolicyArn": ADMINISTRATOR, "GroupName": "g",
        "AccountAlias": "abc", "PermissionsBoundary": ADMINISTRATOR, "ClientRequestToken": "t".repeat(32),
        "Description": "d", "RoleName": "r", "InstanceProfileName": "i", "ClientID": "c", "ThumbprintList": [],
        "AssumeRolePolicyDocument": "{}", "Url": "https://id.example.com",
        "OpenIDConnectProviderArn": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/id.example.com"),
        "RoleArn": "arn:aws:iam::123456789012:role/r", "RoleSessionName": "session",
        "PolicyInputList": ["{}"], "ActionNames": ["iam:GetUser"], "PolicySourceArn": ALICE,
    });
    let mut asked = 0;
    for (name, operations) in services {
        for entry in operations.iter().filter(|entry| !entry.unsigned) {
            if name == "kms"
                && !["ListKeys", "ListAliases", "CreateKey", "GenerateRandom"].contains(&entry.name)
            {
                continue;
            }
            let mut body = if name == "kms" {
                json!({})
            } else {
                body.clone()
            };
            match name {
                "iam" => body["VersionId"] = json!("v1"),
                // A device without its code is half a second factor.
                "sts" => body["SerialNumber"] = json!(null),
                _ => {}
            }
            let result = service.ask_of(operations, entry.name, &body);
            if entry.name == "GetCallerIdentity" {
                let who = result.unwrap();
                assert_eq!(who["Arn"], json!(ALICE));
                assert!(who["UserId"].as_str().unwrap().starts_with("AIDA"));
                continue;
            }
            if entry.name == "GetSessionToken" {
                // Whoever signs may have temporary credentials, with the same permissions.
                result.unwrap();
                continue;
            }
            asked += 1;
            let action = format!("{name}:{}", entry.name);
            let text = denied(result).unwrap_or_else(|| panic!("{action} was not denied"));
            let start = format!("User: {ALICE} is not authorized to perform: {action}");
            let end = match entry.name {
                // It doesn't tell whether there is such a role.
                "AssumeRole" => "on resource: arn:aws:iam::123456789012:role/r".to_owned(),
                _ => format!("{NO_POLICY} {action} action"),
            };
            assert!(text.starts_with(&start) && text.ends_with(&end), "{text}");
        }
    }
    assert!(asked > 35, "{asked}");
}

#[test]
fn a_policy_lets_a_user_do_what_it_says_and_no_more() {
    let (mut service, key) = with_alice();
    let arn = service.arn();
    let s = |actions| policy("Allow", actions, &arn);
    let cases = [
        (
            vec![s("secretsmanager:GetSecretValue")],
            "GetSecretValue",
            None,
        ),
        (vec![s("secretsmanager:Get*")], "GetSecretValue", None),
        (
            vec![s("secretsmanager:GetSecretValue")],
            "DescribeSecret",
            Some(NO_POLICY),
        ),
        (
            vec![policy("Allow", "*", &arn.replace("secret:s", "secret:t"))],
            "GetSecretValue",
            Some(NO_POLICY),
        ),
        (
            vec![
                policy("Allow", "*", "*"),
                policy("Deny", "secretsmanager:GetSecretValue", "*"),
            ],
            "GetSecretValue",
            Some("with an explicit deny in an identity-based policy"),
        ),
    ];
    for (statements, operation, refused) in cases {
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &key);
        let text = denied(service.ask(operation, &json!({"SecretId": "s"})));
        assert_eq!(
            text.is_some(),
            refused.is_some(),
            "{statements:?}: {text:?}"
        );
        if let (Some(text), Some(refused)) = (text, refused) {
            assert!(text.contains(refused), "{text}");
            assert!(text.contains("on resource: s "), "{text}");
        }
    }
}

#[test]
fn conditions_see_the_user_and_the_secret() {
    let (mut service, key) = with_alice();
    let tags = json!([{"Key": "Team", "Value": "red"}]);
    service.iam("TagUser", json!({"UserName": "alice", "Tags": tags}));
    service.ok("TagResource", json!({"SecretId": "s", "Tags": tags}));
    for (operator, condition, value, allowed) in [
        ("StringEquals", "aws:username", "alice", true),
        ("StringEquals", "aws:username", "bob", false),
        ("StringEquals", "aws:PrincipalType", "User", true),
        ("ArnEquals", "aws:PrincipalArn", ALICE, true),
        ("StringEquals", "aws:PrincipalTag/Team", "red", true),
        (
            "StringEquals",
            "aws:ResourceTag/Team",
            "${aws:PrincipalTag/Team}",
            true,
        ),
        ("StringEquals", "aws:ResourceTag/Team", "blue", false),
        ("StringLike", "aws:userid", "AIDA*", true),
    ] {
        let mut statement = policy("Allow", "secretsmanager:GetSecretValue", "*");
        statement["Condition"] = json!({operator: {condition: value}});
        service.give("alice", &[statement]);
        service.be_user(ACCOUNT, "alice", &key);
        let result = service.ask("GetSecretValue", &json!({"SecretId": "s"}));
        assert_eq!(result.is_ok(), allowed, "{operator} {condition} {value}");
    }
}

#[test]
fn a_key_policy_decides_whether_a_users_own_policies_count() {
    let (mut service, key) = with_alice();
    let made = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let key_id = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let encrypt = json!({"KeyId": key_id, "Plaintext": "aGk="});
    let root = format!("arn:aws:iam::{ACCOUNT}:root");
    let of = |principal: &str, action: &str| json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*"});
    let own = [policy("Allow", "kms:Encrypt", "*")];
    for (key_policy, own, allowed) in [
        (vec![of(&root, "kms:*")], &own[..], true),
        (
            vec![of(&root, "kms:*")],
            &[policy("Allow", "iam:GetUser", "*")],
            false,
        ),
        (vec![of(&root, "kms:PutKeyPolicy")], &own, false),
        (
            vec![of(&root, "kms:PutKeyPolicy"), of(ALICE, "kms:Encrypt")],
            &[policy("Allow", "iam:GetUser", "*")],
            true,
        ),
    ] {
        service.give("alice", own);
        let put = json!({"KeyId": key_id, "Policy": document(&key_policy)});
        service
            .ask_of(kms::OPERATIONS, "PutKeyPolicy", &put)
            .unwrap();
        service.be_user(ACCOUNT, "alice", &key);
        let result = service.ask_of(kms::OPERATIONS, "Encrypt", &encrypt);
        assert_eq!(result.is_ok(), allowed, "{key_policy:?}: {result:?}");
    }
}

#[test]
fn policies_and_grants_can_name_users_that_are_there() {
    let (mut service, _) = with_alice();
    let made = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let key_id = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    for (user, known) in [
        ("alice", true),
        ("Alice", false),
        ("path/alice", false),
        ("bob", false),
    ] {
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/{user}");
        let grant = json!({"KeyId": key_id, "GranteePrincipal": arn, "Operations": ["Encrypt"]});
        let granted = service.ask_of(kms::OPERATIONS, "CreateGrant", &grant);
        assert_eq!(granted.is_ok(), known, "{user}: {granted:?}");
        let statement = json!({
            "Effect": "Allow", "Principal": {"AWS": arn}, "Action": "secretsmanager:GetSecretValue", "Resource": "*",
        });
        let put = json!({"SecretId": "s", "ResourcePolicy": document(&[statement])});
        assert_eq!(
            service.ask("PutResourcePolicy", &put).is_ok(),
            known,
            "{user}"
        );
    }
}

#[test]
fn what_is_taken_from_a_user_counts_at_once() {
    let ends: [(&str, &[(&str, Value)]); 4] = [
        (
            "AccessDeniedException",
            &[(
                "DeleteUserPolicy",
                json!({"UserName": "alice", "PolicyName": "p"}),
            )],
        ),
        (
            "UnrecognizedClientException",
            &[("UpdateAccessKey", json!({"Status": "Inactive"}))],
        ),
        (
            "UnrecognizedClientException",
            &[("DeleteAccessKey", json!({}))],
        ),
        (
            "UnrecognizedClientException",
            &[
                ("DeleteAccessKey", json!({})),
                (
                    "DeleteUserPolicy",
                    json!({"UserName": "alice", "PolicyName": "p"}),
                ),
                ("DeleteUser", json!({"UserName": "alice"})),
                ("CreateUser", json!({"UserName": "alice"})),
                (
                    "PutUserPolicy",
                    json!({
                        "UserName": "alice", "PolicyName": "p", "PolicyDocument": document(&[policy("Allow", "*", "*")]),
                    }),
                ),
            ],
        ),
    ];
    for (code, end) in ends {
        let (mut service, key) = with_alice();
        service.give("alice", &[policy("Allow", "*", "*")]);
        service.be_user(ACCOUNT, "alice", &key);
        let alice = service.caller();
        service.ok("GetSecretValue", json!({"SecretId": "s"}));
        service.be(ACCOUNT, REGION);
        for (operation, body) in end {
            let mut body = body.clone();
            if operation.ends_with("AccessKey") {
                body["UserName"] = json!("alice");
                body["AccessKeyId"] = json!(key);
            }
            service.iam(operation, body);
        }
        // Whoever was let in before goes on with what was known then.
        service.be_caller(alice);
        let refusal = service
            .ask("GetSecretValue", &json!({"SecretId": "s"}))
            .unwrap_err();
        assert_eq!(refusal.code, code, "{end:?}");
    }
}

#[test]
fn a_change_depends_on_what_allowed_it() {
    let (mut service, key) = with_alice();
    service.give("alice", &[policy("Allow", "*", "*")]);
    service.be_user(ACCOUNT, "alice", &key);
    let put = json!({"SecretId": "s", "SecretString": "x", "ClientRequestToken": V2});
    let (keys, _) = service.depends_on(secretsmanager::OPERATIONS, "PutSecretValue", &put);
    for wanted in [
        ["iam-user", ACCOUNT, "alice"].join("\0"),
        format!("access-key\0{key}"),
    ] {
        let found = keys.iter().any(|key| key.as_bytes() == wanted.as_bytes());
        assert!(found, "{wanted}");
    }
}

#[test]
fn a_users_life() {
    let mut service = Service::new();
    let made = service.iam(
        "CreateUser",
        json!({"UserName": "Bob", "Path": "/x/", "Tags": [{"Key": "a", "Value": "1"}]}),
    );
    let user = &made["User"];
    assert_eq!(
        user["Arn"],
        json!(format!("arn:aws:iam::{ACCOUNT}:user/x/Bob"))
    );
    assert_eq!(user["CreateDate"], json!("2023-11-14T23:59:59Z"));
    assert_eq!(user["Tags"], json!([{"Key": "a", "Value": "1"}]));
    let (code, text) = service.iam_refused("CreateUser", json!({"UserName": "bOB"}));
    assert_eq!(
        (code, text.as_str()),
        ("EntityAlreadyExists", "User with name bOB already exists.")
    );
    assert_eq!(
        service.iam("GetUser", json!({"UserName": "bob"}))["User"],
        *user
    );

    let key = service.iam("CreateAccessKey", json!({"UserName": "Bob"}));
    let id = key["AccessKey"]["AccessKeyId"].clone();
    service.iam("CreateAccessKey", json!({"UserName": "Bob"}));
    let (code, text) = service.iam_refused("CreateAccessKey", json!({"UserName": "Bob"}));
    assert_eq!(
        (code, text.as_str()),
        (
            "LimitExceeded",
            "Cannot exceed quota for AccessKeysPerUser: 2"
        )
    );

    service.iam(
        "UpdateUser",
        json!({"UserName": "Bob", "NewUserName": "Rob", "NewPath": "/"}),
    );
    assert_eq!(
        service.iam_refused("GetUser", json!({"UserName": "Bob"})).0,
        "NoSuchEntity"
    );
    service.be_user(ACCOUNT, "Rob", id.as_str().unwrap());
    let who = service
        .ask_of(sts::OPERATIONS, "GetCallerIdentity", &json!({}))
        .unwrap();
    assert_eq!(
        who["Arn"],
        json!(format!("arn:aws:iam::{ACCOUNT}:user/Rob"))
    );
    assert_eq!(who["UserId"], user["UserId"]);
    service.be(ACCOUNT, REGION);

    assert_eq!(
        service
            .iam_refused("DeleteUser", json!({"UserName": "Rob"}))
            .0,
        "DeleteConflict"
    );
    let listed = service.iam("ListAccessKeys", json!({"UserName": "Rob"}));
    for listed in listed["AccessKeyMetadata"].as_array().unwrap() {
        assert_eq!(
            (&listed["Status"], &listed["UserName"]),
            (&json!("Active"), &json!("Rob"))
        );
        let id = &listed["AccessKeyId"];
        service.iam(
            "DeleteAccessKey",
            json!({"UserName": "Rob", "AccessKeyId": id}),
        );
    }
    service.iam("DeleteUser", json!({"UserName": "Rob"}));
    assert_eq!(service.count("iam-user") + service.count("access-key"), 0);
}

#[test]
fn lists_come_in_pages_by_name_within_a_path_and_an_account() {
    let mut service = Service::new();
    for (name, path) in [("c", "/x/"), ("B", "/x/y/"), ("a", "/")] {
        service.iam("CreateUser", json!({"UserName": name, "Path": path}));
    }
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateUser", json!({"UserName": "b"}));
    service.be(ACCOUNT, REGION);
    for (prefix, expected) in [
        ("/", vec!["a", "B", "c"]),
        ("/x/", vec!["B", "c"]),
        ("/z", vec![]),
    ] {
        let (mut names, mut marker) = (Vec::new(), Value::Null);
        loop {
            let page = service.iam(
                "ListUsers",
                json!({"PathPrefix": prefix, "MaxItems": "1", "Marker": marker}),
            );
            let users = page["Users"].as_array().unwrap().clone();
            names.extend(
                users
                    .iter()
                    .map(|user| user["UserName"].as_str().unwrap().to_owned()),
            );
            marker = page["Marker"].clone();
            assert_eq!(page["IsTruncated"], json!(!marker.is_null()));
            if marker.is_null() {
                break;
            }
        }
        assert_eq!(names, expected, "{prefix}");
    }
    let (code, _) = service.iam_refused("ListUsers", json!({"Marker": "made-up"}));
    assert_eq!(code, "ValidationException");
}

#[test]
fn a_policy_is_kept_as_it_was_written_and_shown_encoded() {
    let (mut service, _) = with_alice();
    let text = "{\"Version\": \"2012-10-17\",\n \"Statement\": [{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}";
    service.iam(
        "PutUserPolicy",
        json!({"UserName": "alice", "PolicyName": "One", "PolicyDocument": text}),
    );
    let shown = service.iam(
        "GetUserPolicy",
        json!({"UserName": "alice", "PolicyName": "one"}),
    );
    assert_eq!(shown["PolicyName"], json!("One"));
    let encoded = shown["PolicyDocument"].as_str().unwrap();
    assert!(
        encoded.starts_with("%7B%22Version%22%3A%20%222012-10-17%22%2C%0A"),
        "{encoded}"
    );
    let names = service.iam("ListUserPolicies", json!({"UserName": "alice"}));
    assert_eq!(names["PolicyNames"], json!(["One"]));
}

#[test]
fn a_policy_that_cannot_be_is_refused() {
    let (mut service, _) = with_alice();
    let mut principal = policy("Allow", "*", "*");
    principal["Principal"] = json!("*");
    let large = policy("Allow", "*", &format!("arn:aws:x:::{}", "a".repeat(2000)));
    for (text, code, part) in [
        (
            "{",
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        ),
        ("[]", "MalformedPolicyDocument", "Syntax errors in policy."),
        (
            &document(&[principal]),
            "MalformedPolicyDocument",
            "Policy document should not specify a principal.",
        ),
        (
            &document(&[policy("Allow", "x", "*")]),
            "MalformedPolicyDocument",
            "prefaced by a vendor",
        ),
        (
            &document(&[policy("Allow", "*", "x")]),
            "MalformedPolicyDocument",
            "Resource x must be in ARN format",
        ),
        (
            &document(&[large]),
            "LimitExceeded",
            "Maximum policy size of 2048 bytes exceeded for user alice",
        ),
    ] {
        let body = json!({"UserName": "alice", "PolicyName": "p", "PolicyDocument": text});
        let (found, said) = service.iam_refused("PutUserPolicy", body);
        assert_eq!(found, code, "{text}: {said}");
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn who_is_not_there_is_said_in_iams_words() {
    let (mut service, key) = with_alice();
    for (operation, body, text) in [
        (
            "GetUser",
            json!({"UserName": "bob"}),
            "The user with name bob cannot be found.",
        ),
        (
            "DeleteUser",
            json!({"UserName": "bob"}),
            "The user with name bob cannot be found.",
        ),
        (
            "GetUserPolicy",
            json!({"UserName": "alice", "PolicyName": "x"}),
            "The user policy with name x cannot be found.",
        ),
        (
            "DeleteUserPolicy",
            json!({"UserName": "alice", "PolicyName": "x"}),
            "The user policy with name x cannot be found.",
        ),
        (
            "DeleteAccessKey",
            json!({"UserName": "alice", "AccessKeyId": "AKIANOBODYSKEY00"}),
            "The Access Key with id AKIANOBODYSKEY00 cannot be found.",
        ),
    ] {
        assert_eq!(
            service.iam_refused(operation, body),
            ("NoSuchEntity", text.to_owned())
        );
    }
    // Another user's key is not found either, and neither is one of another account.
    service.iam("CreateUser", json!({"UserName": "bob"}));
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        service.be(account, REGION);
        let body = json!({"UserName": "bob", "AccessKeyId": key, "Status": "Inactive"});
        assert_eq!(
            service.iam_refused("UpdateAccessKey", body).0,
            "NoSuchEntity"
        );
    }
}

#[test]
fn a_users_policy_is_told_whose_call_it_is_where_kms_is_asked_about_no_key() {
    for (account, allowed) in [(ACCOUNT, true), (OTHER_ACCOUNT, false)] {
        let (mut service, key) = with_alice();
        service.give(
            "alice",
            &[json!({
                "Effect": "Allow", "Action": ["kms:ListKeys", "kms:ListAliases", "kms:GenerateRandom"], "Resource": "*",
                "Condition": {"StringEquals": {"kms:CallerAccount": account}},
            })],
        );
        service.be_user(ACCOUNT, "alice", &key);
        for (operation, body) in [
            ("ListKeys", json!({})),
            ("ListAliases", json!({})),
            ("GenerateRandom", json!({"NumberOfBytes": 1})),
        ] {
            let result = service.ask_of(kms::OPERATIONS, operation, &body);
            assert_eq!(result.is_ok(), allowed, "{operation}: {result:?}");
        }
    }
}

#[test]
fn a_user_whose_named_policy_is_missing_is_not_let_through() {
    let gone = PolicyName::Own("gone".to_owned());
    for change in [
        (|user, gone| user.boundary = Some(gone)) as fn(&mut User, PolicyName),
        |user, gone| user.attached.push(gone),
    ] {
        let (mut service, key) = with_alice();
        service.give("alice", &[policy("Allow", "*", "*")]);
        let place = Key::iam_user(&service.caller().account, "alice");
        service.alter(&place, |user| change(user, gone.clone()));
        service.be_user(ACCOUNT, "alice", &key);
        let asked = AssertUnwindSafe(|| service.ask("GetSecretValue", &json!({"SecretId": "s"})));
        let broke = catch_unwind(asked).unwrap_err();
        let why = broke.downcast_ref::<String>().unwrap();
        assert!(why.contains("gone") && why.contains("missing"), "{why}");
    }
}

#[test]
fn an_access_key_shows_when_where_and_for_what_it_was_last_used() {
    let (mut service, key) = with_alice();
    let last_used =
        |service: &mut Service| service.iam("GetAccessKeyLastUsed", json!({"AccessKeyId": key}));
    let never = json!({"ServiceName": "N/A", "Region": "N/A"});
    assert_eq!(
        last_used(&mut service),
        json!({"UserName": "alice", "AccessKeyLastUsed": never})
    );
    service.be_user(ACCOUNT, "alice", &key);
    let use_at = |service: &Service, name: &str, seconds: i64| {
        let now = Timestamp::from_milliseconds(1_700_000_000_000 + seconds * 1000);
        Use::of_signature(&service.caller(), &key, name, now).unwrap()
    };
    let (early, late) = (use_at(&service, "sts", 0), use_at(&service, "kms", 60));
    let shown = json!({
        "LastUsedDate": "2023-11-14T22:14:20Z",
        "ServiceName": "kms",
        "Region": REGION,
    });
    service.be(ACCOUNT, REGION);
    // In whichever order they are written down.
    for uses in [vec![early.clone(), late.clone()], vec![early]] {
        service.write_down(&uses);
        assert_eq!(last_used(&mut service)["AccessKeyLastUsed"], shown);
    }
    service.iam(
        "DeleteAccessKey",
        json!({"UserName": "alice", "AccessKeyId": key}),
    );
    // What comes too late leaves nothing behind.
    service.write_down(&[late]);
    assert_eq!(service.count("last-use"), 0);
    let (code, text) = service.iam_refused("GetAccessKeyLastUsed", json!({"AccessKeyId": key}));
    assert_eq!(code, "NoSuchEntity");
    assert_eq!(
        text,
        format!("The Access Key with id {key} cannot be found.")
    );
}

#[test]
fn whose_access_key_it_is_decides_who_may_ask_for_its_last_use() {
    let (mut service, key) = with_alice();
    service.iam("CreateUser", json!({"UserName": "bob"}));
    let made = service.iam("CreateAccessKey", json!({"UserName": "bob"}));
    let bobs = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
    service.give(
        "alice",
        &[policy("Allow", "iam:GetAccessKeyLastUsed", ALICE)],
    );
    service.be_user(ACCOUNT, "alice", &key);
    let answer = service.iam("GetAccessKeyLastUsed", json!({"AccessKeyId": key}));
    assert_eq!(answer["UserName"], "alice");
    let absent = "AKIAAAAAAAAAAAAAAAAA";
    for id in [bobs, absent] {
        let (code, text) = service.iam_refused("GetAccessKeyLastUsed", json!({"AccessKeyId": id}));
        assert_eq!(code, "AccessDeniedException", "{text}");
    }
    // Another account's root isn't told that there is such a key.
    service.be(OTHER_ACCOUNT, REGION);
    for id in [bobs, absent] {
        let (code, text) = service.iam_refused("GetAccessKeyLastUsed", json!({"AccessKeyId": id}));
        assert_eq!(code, "NoSuchEntity");
        assert_eq!(
            text,
            format!("The Access Key with id {id} cannot be found.")
        );
    }
}
