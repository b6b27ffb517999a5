//! Why something was refused: what the gate notes for the operator, beside what it tells the caller.

use serde_json::{Value, json};
use strongroom_services::access::explanation::{Explanation, Held, Outcome};
use strongroom_services::iam;
use strongroom_services::kms;

use crate::harness::{ACCOUNT, DENIED, OTHER_ACCOUNT, REGION, Service, V1};

/// The secret `s` of two tags, and alice, who has these policies.
fn with_alice(policies: &[Value]) -> Service {
    let mut service = Service::with_secret();
    service.ok(
        "TagResource",
        json!({"SecretId": "s", "Tags": [{"Key": "team", "Value": "web"}]}),
    );
    let mut ask = |operation: &str, body: Value| {
        let asked = service.ask_of(iam::OPERATIONS, operation, &body);
        asked.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    };
    ask(
        "CreateUser",
        json!({"UserName": "alice", "Tags": [{"Key": "team", "Value": "blue"}]}),
    );
    for (at, statements) in policies.iter().enumerate() {
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        ask(
            "PutUserPolicy",
            json!({"UserName": "alice", "PolicyName": format!("p{at}"), "PolicyDocument": document}),
        );
    }
    let key = ask("CreateAccessKey", json!({"UserName": "alice"}));
    let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    service.be_user(ACCOUNT, "alice", &id);
    service
}

fn read(service: &mut Service) -> Option<Explanation> {
    let asked = service.ask("GetSecretValue", &json!({"SecretId": "s"}));
    assert_eq!(
        asked.map_err(|refusal| refusal.code).err(),
        (!service.explained.is_empty()).then_some(DENIED)
    );
    assert!(service.explained.len() <= 1);
    service.explained.pop()
}

fn refused(service: &mut Service) -> Explanation {
    read(service).expect("it was refused")
}

fn allow(action: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": "*"})
}

#[test]
fn what_is_allowed_is_not_explained_and_what_is_refused_is() {
    let mut service = with_alice(&[allow("secretsmanager:*")]);
    assert_eq!(read(&mut service), None);

    let mut service = with_alice(&[allow("secretsmanager:ListSecrets")]);
    let why = refused(&mut service);
    assert_eq!(why.decision, Outcome::ImplicitlyDenied);
    assert_eq!(why.principal, format!("arn:aws:iam::{ACCOUNT}:user/alice"));
    assert_eq!(
        why.reason,
        "because no identity-based policy allows the secretsmanager:GetSecretValue action"
    );
    assert_eq!(why.policies.len(), 1);
    assert_eq!(why.policies[0].source, "inline policy p0 of user alice");
    assert_eq!(why.policies[0].other_statements, 1);
    // By her own policy or by the secret's.
    assert_eq!(why.ways.len(), 2, "{why}");
}

#[test]
fn a_condition_that_failed_is_told_with_what_the_request_held_and_a_value_that_would_do() {
    for (condition, wanted, held, change) in [
        (
            json!({"StringEquals": {"aws:PrincipalTag/team": "${secretsmanager:ResourceTag/team}"}}),
            "web (${secretsmanager:ResourceTag/team})",
            Held::Values(vec!["blue".to_owned()]),
            "change the user's tags, for example to aws:PrincipalTag/team = web",
        ),
        (
            json!({"StringEquals": {"secretsmanager:VersionStage": ["AWSPREVIOUS", "AWSPENDING"]}}),
            "AWSPREVIOUS",
            Held::Absent,
            "change the request, for example to secretsmanager:VersionStage = AWSPREVIOUS",
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "true"}}),
            "true",
            Held::Values(vec!["false".to_owned()]),
            "change the request, for example to aws:SecureTransport = true",
        ),
        (
            json!({"StringEquals": {"aws:ResourceTag/team": "red"}}),
            "red",
            Held::Values(vec!["web".to_owned()]),
            "change the resource's tags, for example to aws:ResourceTag/team = red",
        ),
    ] {
        let mut statement = allow("secretsmanager:GetSecretValue");
        statement["Condition"] = condition;
        let why = refused(&mut with_alice(&[statement]));
        let failed = &why.policies[0].statements[0].failed;
        assert_eq!(failed.len(), 1, "{why}");
        assert_eq!(failed[0].wanted[0], wanted);
        assert_eq!(failed[0].held, Some(held));
        assert_eq!(
            why.policies[0].statements[0].matched,
            ["Action", "Resource"]
        );
        assert!(why.to_string().contains(change), "{why}");
    }
}

#[test]
fn a_denial_is_told_by_its_statement_wherever_it_stands() {
    let mut deny = allow("secretsmanager:Get*");
    deny["Effect"] = json!("Deny");
    deny["Sid"] = json!("NotToday");
    let mut service = with_alice(&[json!([allow("*"), deny])]);
    let why = refused(&mut service);
    assert_eq!(why.decision, Outcome::ExplicitlyDenied);
    let by = why.refused_by.clone().unwrap();
    assert_eq!(by.policy_type, "identity-based policy");
    assert_eq!(
        by.denied_by.unwrap().to_string(),
        "inline policy p0 of user alice, statement 2 (NotToday)"
    );
    assert_eq!(why.ways.len(), 1, "{why}");
    assert!(
        why.to_string()
            .contains("remove or narrow statement 2 (NotToday)"),
        "{why}"
    );

    let caller = service.caller();
    service.be(ACCOUNT, REGION);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "no one", "Effect": "Deny",
        "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}]});
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": policy.to_string()}),
    );
    service.be_caller(caller);
    let why = refused(&mut service);
    let by = why.refused_by.clone().unwrap();
    assert_eq!(
        by.denied_by.unwrap().to_string(),
        "resource policy of secret s, statement 1 (no one)"
    );
    // Both denials have to go.
    assert_eq!(why.ways[0].changes.len(), 2, "{why}");
}

#[test]
fn across_accounts_both_sides_are_told_though_the_caller_learns_of_neither() {
    let mut service = with_alice(&[]);
    service.be(ACCOUNT, REGION);
    let arn = service.arn();
    service.be(OTHER_ACCOUNT, REGION);
    let refusal = service
        .ask("GetSecretValue", &json!({"SecretId": arn}))
        .unwrap_err();
    assert!(!refusal.message.unwrap().contains("secret s"));
    let why = service.explained.pop().unwrap();
    assert_eq!(
        why.refused_by.clone().unwrap().policy_type,
        "resource-based policy"
    );
    // The root user of the other account needs nothing on its own side.
    assert_eq!((why.ways.len(), why.ways[0].changes.len()), (1, 1), "{why}");
    let told = why.to_string();
    assert!(
        told.contains("add to a new resource policy of secret s"),
        "{told}"
    );
    assert!(told.contains("arn:aws:iam::210987654321:root"), "{told}");

    let absent = arn.replace(":secret:s-", ":secret:none-");
    let refusal = service.ask("GetSecretValue", &json!({"SecretId": absent}));
    assert_eq!(refusal.unwrap_err().code, DENIED);
    let why = service.explained.pop().unwrap();
    assert!(
        why.ways.is_empty() && why.notes[0].starts_with("There is no such resource"),
        "{why}"
    );
}

#[test]
fn what_a_service_was_refused_for_its_caller_is_told_too() {
    let mut service = with_alice(&[allow("secretsmanager:GetSecretValue")]);
    let alice = service.caller();
    service.be(ACCOUNT, REGION);
    let made = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    service.ok(
        "CreateSecret",
        json!({"Name": "t", "ClientRequestToken": V1, "SecretString": "hidden-value", "KmsKeyId": key}),
    );
    service.be_caller(alice);
    for (operation, body) in [
        ("GetSecretValue", json!({"SecretId": "t"})),
        ("BatchGetSecretValue", json!({"SecretIdList": ["t", "s"]})),
    ] {
        if operation == "BatchGetSecretValue" {
            let caller = service.caller();
            service.be(ACCOUNT, REGION);
            let document = json!({"Version": "2012-10-17", "Statement": allow("secretsmanager:*")});
            let body = json!({"UserName": "alice", "PolicyName": "p0", "PolicyDocument": document.to_string()});
            service
                .ask_of(iam::OPERATIONS, "PutUserPolicy", &body)
                .unwrap();
            service.be_caller(caller);
        }
        let _ = service.ask(operation, &body);
        assert_eq!(service.explained.len(), 1, "{operation}");
        let why = service.explained.pop().unwrap();
        assert_eq!((why.action.as_str(), &why.resource), ("kms:Decrypt", &key));
        let told = why.to_string();
        assert!(told.contains("key policy of key"), "{told}");
        assert!(told.contains("give a grant of"), "{told}");
        let json = serde_json::to_string(&why).unwrap();
        assert!(!json.contains("hidden-value"), "{json}");
        let again: Explanation = serde_json::from_str(&json).unwrap();
        assert_eq!(again, why);
    }
}

/// The changes of a way, made.
fn apply(service: &mut Service, changes: &[Value]) {
    service.be(ACCOUNT, REGION);
    for change in changes {
        let policy = change["Policies"][0].as_str().or(change["Policy"].as_str());
        match (change["Kind"].as_str().unwrap(), policy) {
            ("AddStatement", Some(policy)) if policy.ends_with("of user alice") => {
                let document = json!({"Version": "2012-10-17", "Statement": change["Add"]});
                let body = json!({"UserName": "alice", "PolicyName": "added", "PolicyDocument": document.to_string()});
                service
                    .ask_of(iam::OPERATIONS, "PutUserPolicy", &body)
                    .unwrap();
            }
            ("AddStatement", Some(policy)) if policy.ends_with("resource policy of secret s") => {
                edit_secret_policy(service, |statements| statements.push(change["Add"].clone()));
            }
            ("RemoveStatement", Some("resource policy of secret s")) => {
                let at = change["Statement"].as_u64().unwrap() as usize - 1;
                edit_secret_policy(service, |statements| drop(statements.remove(at)));
            }
            ("RemoveStatement", Some("inline policy p0 of user alice")) => {
                let body = json!({"UserName": "alice", "PolicyName": "p0"});
                service
                    .ask_of(iam::OPERATIONS, "DeleteUserPolicy", &body)
                    .unwrap();
            }
            ("HoldValue", _) if change["Of"] == "the resource's tags" => {
                let tag = change["Key"].as_str().unwrap().rsplit('/').next();
                let tags = json!([{"Key": tag, "Value": change["Value"]}]);
                service.ok("TagResource", json!({"SecretId": "s", "Tags": tags}));
            }
            ("HoldValue", _) if change["Of"] == "the user's tags" => {
                let tag = change["Key"].as_str().unwrap().rsplit('/').next();
                let tags = json!([{"Key": tag, "Value": change["Value"]}]);
                let body = json!({"UserName": "alice", "Tags": tags});
                service.ask_of(iam::OPERATIONS, "TagUser", &body).unwrap();
            }
            ("HoldValue", _) if change["Key"] == "aws:SecureTransport" => {
                service.sender.secure = change["Value"] == "true";
            }
            ("HoldValue", _) if change["Key"] == "aws:SourceIp" => {
                service.sender.address = change["Value"].as_str().map(str::to_owned);
            }
            other => panic!("{other:?}"),
        }
    }
}

fn edit_secret_policy(service: &mut Service, edit: impl FnOnce(&mut Vec<Value>)) {
    let got = service.ok("GetResourcePolicy", json!({"SecretId": "s"}));
    let mut statements = Vec::new();
    if let Some(text) = got["ResourcePolicy"].as_str() {
        let policy: Value = serde_json::from_str(text).unwrap();
        statements = policy["Statement"].as_array().unwrap().clone();
    }
    edit(&mut statements);
    if statements.is_empty() {
        service.ok("DeleteResourcePolicy", json!({"SecretId": "s"}));
        return;
    }
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": policy}),
    );
}

// That each way is enough and has nothing to spare is shown for random policies by the policy crate's tests; here they are
// applied to a service by what an operator reads.
#[test]
fn whoever_makes_the_changes_of_a_way_is_let_in() {
    let read = "secretsmanager:GetSecretValue";
    let on = |condition: Value| {
        let mut statement = allow(read);
        statement["Condition"] = condition;
        statement
    };
    let deny = |condition: Value| {
        let mut statement = on(condition);
        statement["Effect"] = json!("Deny");
        statement
    };
    let everyone = |mut statement: Value| {
        statement["Principal"] = json!("*");
        statement
    };
    let mut ways_seen = 0;
    for (own, of_secret) in [
        (vec![], vec![]),
        (
            vec![on(
                json!({"StringEquals": {"aws:PrincipalTag/team": "web"}}),
            )],
            vec![],
        ),
        (
            vec![on(
                json!({"StringLike": {"aws:ResourceTag/team": "r?d*"}, "Bool": {"aws:SecureTransport": "true"}}),
            )],
            vec![],
        ),
        (
            vec![allow(read)],
            vec![everyone(deny(
                json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            ))],
        ),
        (
            vec![deny(json!({"Bool": {"aws:SecureTransport": "false"}}))],
            vec![everyone(deny(
                json!({"StringNotEquals": {"aws:PrincipalTag/team": "web"}}),
            ))],
        ),
    ] {
        let make = || {
            let mut service =
                with_alice(&[Value::Array(own.clone())][..usize::from(!own.is_empty())]);
            if !of_secret.is_empty() {
                let caller = service.caller();
                service.be(ACCOUNT, REGION);
                edit_secret_policy(&mut service, |statements| statements.clone_from(&of_secret));
                service.be_caller(caller);
            }
            service
        };
        let why = refused(&mut make());
        assert!(!why.ways.is_empty(), "{why}");
        for way in &why.ways {
            let mut service = make();
            let alice = service.caller();
            let changes = serde_json::to_value(&way.changes).unwrap();
            apply(&mut service, changes.as_array().unwrap());
            service.be_caller(alice);
            let still = self::read(&mut service);
            assert!(still.is_none(), "{way}\n{}", still.unwrap());
            ways_seen += 1;
        }
    }
    assert!(ways_seen >= 12, "{ways_seen}");
}

#[test]
fn an_operator_may_ask_about_anyone_who_is_there_and_suppose_what_a_request_holds() {
    let mut service = with_alice(&[
        json!({"Effect": "Allow", "Action": "secretsmanager:Get*", "Resource": "*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}, "Bool": {"aws:SecureTransport": "true"}}}),
    ]);
    service.make_account(ACCOUNT);
    let alice = &format!("arn:aws:iam::{ACCOUNT}:user/alice");
    let ask = |supposed: &[(&str, &str)]| {
        let explained = service.explain(alice, "secretsmanager:getsecretvalue", "s", supposed);
        explained.unwrap()[0].is_allowed()
    };
    assert!(!ask(&[]));
    assert!(!ask(&[("aws:SourceIp", "192.0.2.1")]));
    assert!(ask(&[("aws:sourceip", "10.1.2.3")]));
    assert!(!ask(&[
        ("aws:SourceIp", "10.1.2.3"),
        ("aws:SecureTransport", "false")
    ]));

    let root = &format!("arn:aws:iam::{ACCOUNT}:root");
    assert!(
        service
            .explain(root, "secretsmanager:DeleteSecret", "s", &[])
            .unwrap()[0]
            .is_allowed()
    );
    for (principal, action, resource, told) in [
        (
            &alice.replace("alice", "bob"),
            "a:B",
            "*",
            "has no user bob",
        ),
        (
            &alice.replace("user/alice", "role/app"),
            "a:B",
            "*",
            "has no role app",
        ),
        (
            &alice.replace(ACCOUNT, OTHER_ACCOUNT),
            "a:B",
            "*",
            "there is no account",
        ),
        (&"alice".to_owned(), "a:B", "*", "is no principal"),
        (alice, "secretsmanager", "*", "is no action"),
        (alice, "secretsmanager:Get*", "*", "without wildcards"),
        (alice, "s3:GetObject", "bucket", "is no ARN"),
    ] {
        let problem = service
            .explain(principal, action, resource, &[])
            .unwrap_err();
        assert!(problem.contains(told), "{problem}");
    }
}
