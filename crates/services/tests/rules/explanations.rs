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
