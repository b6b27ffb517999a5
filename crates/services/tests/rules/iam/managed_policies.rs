//! Managed policies: their lives, versions and lists, and what uses them. Source: kms-iam-sts.md B; IAM User Guide,
//! Versioning IAM policies.

use serde_json::{Value, json};
use strongroom_services::iam::OPERATIONS;

use super::users::with_alice;
use super::{ADMINISTRATOR, denied, document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

fn own(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

fn allowing(action: &str) -> String {
    document(&[policy("Allow", action, "*")])
}

/// Makes a policy that allows an action.
fn create(service: &mut Service, name: &str, action: &str) -> String {
    let body = json!({"PolicyName": name, "PolicyDocument": allowing(action)});
    let made = service.iam("CreatePolicy", body);
    made["Policy"]["Arn"].as_str().unwrap().to_owned()
}

fn of(arn: &str, more: Value) -> Value {
    let mut body = json!({"PolicyArn": arn});
    let members = body.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    body
}

fn names(list: &Value, name: &str) -> Vec<String> {
    let items = list.as_array().unwrap().iter();
    let names = items.map(|item| item[name].as_str().unwrap().to_owned());
    names.collect()
}

/// The names of all pages of one item each.
fn paged(
    service: &mut Service,
    operation: &str,
    body: &Value,
    list: &str,
    name: &str,
) -> Vec<String> {
    let (mut found, mut marker) = (Vec::new(), Value::Null);
    loop {
        let mut body = body.clone();
        body["MaxItems"] = json!("1");
        body["Marker"] = marker;
        let page = service.iam(operation, body);
        found.extend(names(&page[list], name));
        marker = page["Marker"].clone();
        assert_eq!(page["IsTruncated"], json!(!marker.is_null()));
        if marker.is_null() {
            return found;
        }
    }
}

#[test]
fn a_policys_life() {
    let mut service = Service::new();
    let made = service.iam(
        "CreatePolicy",
        json!({
            "PolicyName": "Read", "Path": "/app/", "PolicyDocument": allowing("iam:GetUser"), "Description": "to read",
            "Tags": [{"Key": "a", "Value": "1"}],
        }),
    );
    let made = &made["Policy"];
    let arn = own("app/Read");
    assert!(made["PolicyId"].as_str().unwrap().starts_with("ANPA"));
    let expected = json!({
        "PolicyName": "Read", "PolicyId": made["PolicyId"], "Arn": arn, "Path": "/app/", "DefaultVersionId": "v1",
        "AttachmentCount": 0, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true, "Description": "to read",
        "CreateDate": "2023-11-14T23:59:59Z", "UpdateDate": "2023-11-14T23:59:59Z",
        "Tags": [{"Key": "a", "Value": "1"}],
    });
    assert_eq!(*made, expected);
    assert_eq!(
        service.iam("GetPolicy", of(&arn, json!({})))["Policy"],
        expected
    );
    let text = "A policy called READ already exists. Duplicate names are not allowed.";
    assert_eq!(
        service.iam_refused(
            "CreatePolicy",
            json!({"PolicyName": "READ", "PolicyDocument": allowing("*")})
        ),
        ("EntityAlreadyExists", text.to_owned())
    );
    service.iam(
        "TagPolicy",
        of(&arn, json!({"Tags": [{"Key": "b", "Value": "2"}]})),
    );
    service.iam("UntagPolicy", of(&arn, json!({"TagKeys": ["A"]})));
    assert_eq!(
        service.iam("ListPolicyTags", of(&arn, json!({})))["Tags"],
        json!([{"Key": "b", "Value": "2"}])
    );
    service.iam("DeletePolicy", of(&arn, json!({})));
    assert_eq!(service.count("iam-policy"), 0);
    for (operation, more) in [
        ("GetPolicy", json!({})),
        ("DeletePolicy", json!({})),
        ("ListPolicyVersions", json!({})),
        ("GetPolicyVersion", json!({"VersionId": "v1"})),
        (
            "CreatePolicyVersion",
            json!({"PolicyDocument": allowing("*")}),
        ),
        ("SetDefaultPolicyVersion", json!({"VersionId": "v1"})),
        ("DeletePolicyVersion", json!({"VersionId": "v1"})),
        ("ListEntitiesForPolicy", json!({})),
        ("TagPolicy", json!({"Tags": []})),
        ("UntagPolicy", json!({"TagKeys": ["a"]})),
        ("ListPolicyTags", json!({})),
    ] {
        assert_eq!(
            service.iam_refused(operation, of(&arn, more)),
            ("NoSuchEntity", format!("Policy {arn} was not found.")),
            "{operation}"
        );
    }
}

#[test]
fn the_default_version_is_in_force_for_all_who_use_the_policy() {
    let (mut service, key) = with_alice();
    let arn = create(&mut service, "p", "iam:GetUser");
    service.iam("AttachUserPolicy", of(&arn, json!({"UserName": "alice"})));
    let other = |is_default: bool| {
        of(
            &arn,
            json!({"PolicyDocument": allowing("secretsmanager:*"), "SetAsDefault": is_default}),
        )
    };
    let version = |id: &str| of(&arn, json!({"VersionId": id}));
    for (operation, body, reads) in [
        ("CreatePolicyVersion", other(false), false),
        ("SetDefaultPolicyVersion", version("v2"), true),
        ("SetDefaultPolicyVersion", version("v1"), false),
        ("CreatePolicyVersion", other(true), true),
        ("DeletePolicyVersion", version("v1"), true),
        ("DeletePolicyVersion", version("v2"), true),
    ] {
        service.iam(operation, body);
        service.be_user(ACCOUNT, "alice", &key);
        let result = service.ask("GetSecretValue", &json!({"SecretId": "s"}));
        service.be(ACCOUNT, REGION);
        assert_eq!(denied(result).is_none(), reads, "{operation}");
    }
    // A number is never given again.
    let made = service.iam("CreatePolicyVersion", other(false));
    assert_eq!(
        made["PolicyVersion"],
        json!({"VersionId": "v4", "IsDefaultVersion": false, "CreateDate": "2023-11-14T23:59:59Z"})
    );
    let shown = service.iam("GetPolicyVersion", version("v3"));
    let shown = &shown["PolicyVersion"];
    assert_eq!(shown["IsDefaultVersion"], json!(true));
    assert!(
        shown["Document"]
            .as_str()
            .unwrap()
            .contains("secretsmanager%3A%2A")
    );
    let versions = paged(
        &mut service,
        "ListPolicyVersions",
        &of(&arn, json!({})),
        "Versions",
        "VersionId",
    );
    assert_eq!(versions, ["v4", "v3"]);
    assert_eq!(
        service.iam("GetPolicy", of(&arn, json!({})))["Policy"]["DefaultVersionId"],
        json!("v3")
    );
}

#[test]
fn versions_end_one_by_one_and_the_policy_last() {
    let mut service = Service::new();
    let arn = create(&mut service, "p", "iam:GetUser");
    for _ in 0..4 {
        service.iam(
            "CreatePolicyVersion",
            of(&arn, json!({"PolicyDocument": allowing("*")})),
        );
    }
    let text = "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing \
                version.";
    assert_eq!(
        service.iam_refused(
            "CreatePolicyVersion",
            of(&arn, json!({"PolicyDocument": allowing("*")}))
        ),
        ("LimitExceeded", text.to_owned())
    );
    let text = "Cannot delete the default version of a policy.";
    assert_eq!(
        service.iam_refused("DeletePolicyVersion", of(&arn, json!({"VersionId": "v1"}))),
        ("DeleteConflict", text.to_owned())
    );
    for operation in [
        "DeletePolicyVersion",
        "SetDefaultPolicyVersion",
        "GetPolicyVersion",
    ] {
        for id in ["v6", "v99999999999999999999"] {
            let text = format!("Policy {arn} version {id} does not exist or is not attachable.");
            assert_eq!(
                service.iam_refused(operation, of(&arn, json!({"VersionId": id}))),
                ("NoSuchEntity", text)
            );
        }
        for id in ["1", "v0", "v", "w1", "v1.ä"] {
            let (code, _) = service.iam_refused(operation, of(&arn, json!({"VersionId": id})));
            assert_eq!(code, "ValidationException", "{id}");
        }
    }
    for number in 2..=5 {
        let (code, text) = service.iam_refused("DeletePolicy", of(&arn, json!({})));
        assert_eq!(code, "DeleteConflict");
        assert!(
            text.starts_with("This policy has more than one version."),
            "{text}"
        );
        service.iam(
            "DeletePolicyVersion",
            of(&arn, json!({"VersionId": format!("v{number}")})),
        );
    }
    service.iam("DeletePolicy", of(&arn, json!({})));
}

/// A user, a group and a role, all called `e`.
fn with_entities() -> Service {
    let mut service = Service::new();
    let trusted =
        json!({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"});
    service.iam("CreateUser", json!({"UserName": "E", "Path": "/u/"}));
    service.iam("CreateGroup", json!({"GroupName": "E"}));
    service.iam(
        "CreateRole",
        json!({"RoleName": "E", "AssumeRolePolicyDocument": document(&[trusted])}),
    );
    service
}

#[test]
fn a_policy_in_use_tells_by_what_and_cannot_be_deleted() {
    let mut service = with_entities();
    let arn = create(&mut service, "p", "*");
    let uses = [
        (
            "AttachUserPolicy",
            "DetachUserPolicy",
            json!({"UserName": "e", "PolicyArn": arn}),
        ),
        (
            "AttachGroupPolicy",
            "DetachGroupPolicy",
            json!({"GroupName": "e", "PolicyArn": arn}),
        ),
        (
            "AttachRolePolicy",
            "DetachRolePolicy",
            json!({"RoleName": "e", "PolicyArn": arn}),
        ),
        (
            "PutUserPermissionsBoundary",
            "DeleteUserPermissionsBoundary",
            json!({"UserName": "e", "PermissionsBoundary": arn}),
        ),
        (
            "PutRolePermissionsBoundary",
            "DeleteRolePermissionsBoundary",
            json!({"RoleName": "e", "PermissionsBoundary": arn}),
        ),
    ];
    for (begin, _, body) in &uses {
        for _ in 0..2 {
            service.iam(begin, body.clone());
        }
    }
    let counts = |service: &mut Service| {
        let policy = &service.iam("GetPolicy", of(&arn, json!({})))["Policy"];
        (
            policy["AttachmentCount"].as_u64().unwrap(),
            policy["PermissionsBoundaryUsageCount"].as_u64().unwrap(),
        )
    };
    assert_eq!(counts(&mut service), (3, 2));
    for (more, users, groups, roles) in [
        (json!({}), 1, 1, 1),
        (json!({"EntityFilter": "User"}), 1, 0, 0),
        (json!({"EntityFilter": "Group"}), 0, 1, 0),
        (json!({"EntityFilter": "Role"}), 0, 0, 1),
        (json!({"EntityFilter": "LocalManagedPolicy"}), 0, 0, 0),
        (json!({"PolicyUsageFilter": "PermissionsPolicy"}), 1, 1, 1),
        (json!({"PolicyUsageFilter": "PermissionsBoundary"}), 1, 0, 1),
        (json!({"PathPrefix": "/u/"}), 1, 0, 0),
        (json!({"PathPrefix": "/x/"}), 0, 0, 0),
    ] {
        let found = service.iam("ListEntitiesForPolicy", of(&arn, more.clone()));
        let count = |list: &str| found[list].as_array().unwrap().len();
        assert_eq!(
            (
                count("PolicyUsers"),
                count("PolicyGroups"),
                count("PolicyRoles")
            ),
            (users, groups, roles),
            "{more}"
        );
        if users == 1 {
            let user = &found["PolicyUsers"][0];
            assert_eq!(user["UserName"], json!("E"));
            assert!(user["UserId"].as_str().unwrap().starts_with("AIDA"));
        }
    }
    // Another name, and the same uses.
    for (operation, kind) in [("UpdateUser", "User"), ("UpdateGroup", "Group")] {
        for (old, new) in [("E", "F"), ("F", "E")] {
            let (old_name, new_name) = (format!("{kind}Name"), format!("New{kind}Name"));
            service.iam(operation, json!({old_name.clone(): old, new_name: new}));
            let found = service.iam("ListEntitiesForPolicy", of(&arn, json!({})));
            assert_eq!(found[format!("Policy{kind}s")][0][old_name], json!(new));
        }
    }
    // Page by page, each once.
    for (list, name) in [
        ("PolicyUsers", "UserName"),
        ("PolicyGroups", "GroupName"),
        ("PolicyRoles", "RoleName"),
    ] {
        let all = paged(
            &mut service,
            "ListEntitiesForPolicy",
            &of(&arn, json!({})),
            list,
            name,
        );
        assert_eq!(all, ["E"], "{list}");
    }
    let text = "Cannot delete a policy attached to entities.";
    for (_, end, body) in &uses {
        assert_eq!(
            service.iam_refused("DeletePolicy", of(&arn, json!({}))),
            ("DeleteConflict", text.to_owned())
        );
        service.iam(end, body.clone());
    }
    assert_eq!(counts(&mut service), (0, 0));
    service.iam("DeletePolicy", of(&arn, json!({})));
}

#[test]
fn what_bounds_a_user_ends_with_it_and_gives_way_to_another() {
    let mut service = with_entities();
    let (one, two) = (
        create(&mut service, "one", "*"),
        create(&mut service, "two", "*"),
    );
    let bound = |arn: &str| json!({"UserName": "E", "PermissionsBoundary": arn});
    let counts = |service: &mut Service| {
        [&one, &two].map(|arn| {
            let policy = &service.iam("GetPolicy", of(arn, json!({})))["Policy"];
            policy["PermissionsBoundaryUsageCount"].as_u64().unwrap()
        })
    };
    service.iam("PutUserPermissionsBoundary", bound(&one));
    assert_eq!(counts(&mut service), [1, 0]);
    service.iam("PutUserPermissionsBoundary", bound(&two));
    assert_eq!(counts(&mut service), [0, 1]);
    service.iam("PutUserPermissionsBoundary", bound(ADMINISTRATOR));
    assert_eq!(counts(&mut service), [0, 0]);
    service.iam("PutUserPermissionsBoundary", bound(&two));
    service.iam("DeleteUser", json!({"UserName": "E"}));
    assert_eq!(counts(&mut service), [0, 0]);
    let made = json!({"UserName": "new", "PermissionsBoundary": one});
    let made = service.iam("CreateUser", made);
    assert_eq!(
        made["User"]["PermissionsBoundary"]["PermissionsBoundaryArn"],
        json!(one)
    );
    assert_eq!(counts(&mut service), [1, 0]);
    assert_eq!(service.count("iam-attachment"), 1);
}

#[test]
fn lists_of_policies_tell_own_ones_and_awss_apart() {
    let mut service = with_entities();
    for (name, path) in [("b", "/x/"), ("A", "/"), ("c", "/x/y/")] {
        let body = json!({"PolicyName": name, "Path": path, "PolicyDocument": allowing("*")});
        service.iam("CreatePolicy", body);
    }
    service.be(OTHER_ACCOUNT, REGION);
    create(&mut service, "d", "*");
    service.be(ACCOUNT, REGION);
    service.iam(
        "AttachUserPolicy",
        json!({"UserName": "e", "PolicyArn": own("x/b")}),
    );
    service.iam(
        "AttachUserPolicy",
        json!({"UserName": "e", "PolicyArn": ADMINISTRATOR}),
    );
    service.iam(
        "PutRolePermissionsBoundary",
        json!({"RoleName": "e", "PermissionsBoundary": own("A")}),
    );
    let all = paged(
        &mut service,
        "ListPolicies",
        &json!({}),
        "Policies",
        "PolicyName",
    );
    assert_eq!(all[..4], ["A", "b", "c", "AdministratorAccess"]);
    assert!(
        all.len() > 10 && all.contains(&"SecretsManagerReadWrite".to_owned()),
        "{all:?}"
    );
    for (body, expected) in [
        (json!({"Scope": "Local"}), vec!["A", "b", "c"]),
        (
            json!({"Scope": "Local", "PathPrefix": "/x/"}),
            vec!["b", "c"],
        ),
        (
            json!({"OnlyAttached": "true"}),
            vec!["b", "AdministratorAccess"],
        ),
        (
            json!({"OnlyAttached": true, "Scope": "AWS"}),
            vec!["AdministratorAccess"],
        ),
        (
            json!({"PolicyUsageFilter": "PermissionsPolicy"}),
            vec!["b", "AdministratorAccess"],
        ),
        (
            json!({"PolicyUsageFilter": "PermissionsBoundary"}),
            vec!["A"],
        ),
        (
            json!({"PathPrefix": "/service-role/"}),
            vec!["AWSLambdaBasicExecutionRole"],
        ),
    ] {
        let found = paged(
            &mut service,
            "ListPolicies",
            &body,
            "Policies",
            "PolicyName",
        );
        assert_eq!(found, expected, "{body}");
    }
    let (code, _) = service.iam_refused("ListPolicies", json!({"PathPrefix": "/x"}));
    assert_eq!(code, "ValidationException");
}

#[test]
fn awss_policies_are_read_and_used_by_every_account_and_changed_by_none() {
    let mut service = with_entities();
    service.iam(
        "AttachUserPolicy",
        json!({"UserName": "e", "PolicyArn": ADMINISTRATOR}),
    );
    for (account, count) in [(ACCOUNT, 1), (OTHER_ACCOUNT, 0)] {
        service.be(account, REGION);
        let policy = &service.iam("GetPolicy", of(ADMINISTRATOR, json!({})))["Policy"];
        assert_eq!(policy["AttachmentCount"], json!(count), "{account}");
        assert_eq!(policy["DefaultVersionId"], json!("v1"));
        let version = service.iam(
            "GetPolicyVersion",
            of(ADMINISTRATOR, json!({"VersionId": "v1"})),
        );
        assert!(
            version["PolicyVersion"]["Document"]
                .as_str()
                .unwrap()
                .contains("Allow")
        );
        for (operation, more) in [
            (
                "CreatePolicyVersion",
                json!({"PolicyDocument": allowing("*")}),
            ),
            ("SetDefaultPolicyVersion", json!({"VersionId": "v1"})),
            ("DeletePolicyVersion", json!({"VersionId": "v1"})),
            ("DeletePolicy", json!({})),
            ("TagPolicy", json!({"Tags": []})),
        ] {
            let (code, _) = service.iam_refused(operation, of(ADMINISTRATOR, more));
            assert_eq!(code, "AccessDeniedException", "{operation}");
        }
    }
}

#[test]
fn a_policy_of_another_account_is_none() {
    let mut service = with_entities();
    let arn = create(&mut service, "p", "*");
    service.be(OTHER_ACCOUNT, REGION);
    service.iam("CreateUser", json!({"UserName": "e"}));
    create(&mut service, "p", "*");
    for (operation, body) in [
        ("GetPolicy", of(&arn, json!({}))),
        ("DeletePolicy", of(&arn, json!({}))),
        (
            "CreatePolicyVersion",
            of(&arn, json!({"PolicyDocument": allowing("*")})),
        ),
        ("AttachUserPolicy", of(&arn, json!({"UserName": "e"}))),
        (
            "PutUserPermissionsBoundary",
            json!({"UserName": "e", "PermissionsBoundary": arn}),
        ),
    ] {
        assert_eq!(
            service.iam_refused(operation, body).0,
            "NoSuchEntity",
            "{operation}"
        );
    }
}

#[test]
fn quotas_and_forms_of_policies_hold() {
    let mut service = with_entities();
    let large = |length: usize| {
        let text = policy("Allow", "*", &format!("arn:aws:x:::{}", "a".repeat(length)));
        document(&[text])
    };
    for (text, code, part) in [
        (
            "{",
            "MalformedPolicyDocument",
            "This policy contains invalid Json",
        ),
        (
            &allowing("x"),
            "MalformedPolicyDocument",
            "prefaced by a vendor",
        ),
        (
            &large(6144),
            "LimitExceeded",
            "Cannot exceed quota for PolicySize: 6144",
        ),
        ("\u{2028}", "ValidationException", "policyDocument"),
    ] {
        let (found, said) = service.iam_refused(
            "CreatePolicy",
            json!({"PolicyName": "p", "PolicyDocument": text}),
        );
        assert_eq!(found, code, "{said}");
        assert!(said.contains(part), "{said}");
    }
    // White space doesn't count.
    let spaced = large(6000).replace(',', &format!(",{}", " ".repeat(500)));
    let body = json!({"PolicyName": "p", "PolicyDocument": spaced});
    service.iam("CreatePolicy", body);
    let arns: Vec<String> = (0..11)
        .map(|number| create(&mut service, &format!("p{number}"), "iam:GetUser"))
        .collect();
    for (kind, operation) in [
        ("User", "AttachUserPolicy"),
        ("Group", "AttachGroupPolicy"),
        ("Role", "AttachRolePolicy"),
    ] {
        let body = |arn: &String| {
            let mut body = of(arn, json!({}));
            body[format!("{kind}Name")] = json!("e");
            body
        };
        for arn in &arns[..10] {
            service.iam(operation, body(arn));
        }
        assert_eq!(
            service.iam_refused(operation, body(&arns[10])),
            (
                "LimitExceeded",
                format!("Cannot exceed quota for PoliciesPer{kind}: 10")
            )
        );
    }
}

#[test]
fn who_may_change_one_policy_cannot_change_another() {
    let (mut service, key) = with_alice();
    let (free, fixed) = (
        create(&mut service, "free", "iam:GetUser"),
        create(&mut service, "fixed", "iam:GetUser"),
    );
    let tags = json!({"Tags": [{"Key": "Kind", "Value": "free"}]});
    service.iam("TagPolicy", of(&free, tags));
    let mut by_tag = policy("Allow", "iam:*Policy*", "*");
    by_tag["Condition"] = json!({"StringEquals": {"iam:ResourceTag/Kind": "free"}});
    for statement in [policy("Allow", "iam:*Policy*", &free), by_tag] {
        service.give("alice", &[statement]);
        for (operation, more) in [
            (
                "CreatePolicyVersion",
                json!({"PolicyDocument": allowing("*")}),
            ),
            ("SetDefaultPolicyVersion", json!({"VersionId": "v1"})),
            ("GetPolicy", json!({})),
            ("ListEntitiesForPolicy", json!({})),
        ] {
            for (arn, allowed) in [(&free, true), (&fixed, false)] {
                service.be_user(ACCOUNT, "alice", &key);
                let result = service.ask_of(OPERATIONS, operation, &of(arn, more.clone()));
                let text = denied(result);
                assert_eq!(text.is_none(), allowed, "{operation} {arn}: {text:?}");
            }
        }
        service.be_user(ACCOUNT, "alice", &key);
        let attach = json!({"UserName": "alice", "PolicyArn": free});
        let text = denied(service.ask_of(OPERATIONS, "AttachUserPolicy", &attach));
        assert!(text.is_some_and(|text| {
            text.contains("iam:AttachUserPolicy on resource: arn:aws:iam::123456789012:user/alice ")
        }));
    }
}

#[test]
fn a_use_of_a_policy_depends_on_its_being_there() {
    let mut service = with_entities();
    let arn = create(&mut service, "p", "*");
    for (operation, body) in [
        ("AttachUserPolicy", of(&arn, json!({"UserName": "e"}))),
        (
            "PutUserPermissionsBoundary",
            json!({"UserName": "e", "PermissionsBoundary": arn}),
        ),
    ] {
        let (keys, writes) = service.depends_on(OPERATIONS, operation, &body);
        let place = ["iam-policy", ACCOUNT, "p"].join("\0");
        assert!(keys.iter().any(|key| key.as_bytes() == place.as_bytes()));
        // The user, the policy with its count, and the index.
        assert_eq!(writes, 3, "{operation}");
    }
}
