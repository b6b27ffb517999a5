//! Policies of functions: what is added to them and taken out, and whom they let in.

use serde_json::{Value, json};
use strongroom_services::caller::AccountId;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::lambda::invoke_permission::{RotationPermission, rotation_permission};

use super::{CONFLICT, FUNCTION, NOT_FOUND, PARAMETER, STALE, with_function};
use crate::harness::{ACCOUNT, DENIED, OTHER_ACCOUNT, REGION, Service, VALIDATION};

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf";

fn permission(sid: &str, changes: Value) -> Value {
    let mut body = json!({
        "FunctionName": "rotate", "StatementId": sid, "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com"
    });
    body.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    body
}

fn policy(service: &mut Service, function: &str) -> Value {
    let found = service.lambda("GetPolicy", json!({"FunctionName": function}));
    serde_json::from_str(found["Policy"].as_str().unwrap()).unwrap()
}

fn may_rotate(service: &Service, function: &str) -> RotationPermission {
    let function = FunctionArn::parse(function).unwrap();
    let account = AccountId::parse(ACCOUNT).unwrap();
    service
        .with_records(|records| rotation_permission(&function, SECRET, &account, records).unwrap())
}

#[test]
fn a_permission_is_a_statement_as_aws_writes_it() {
    let mut service = with_function();
    let role = FUNCTION
        .replace("lambda:us-east-1", "iam:")
        .replace("function:", "role/");
    for (sid, changes, principal, condition) in [
        (
            "a",
            json!({}),
            json!({"Service": "secretsmanager.amazonaws.com"}),
            Value::Null,
        ),
        (
            "b",
            json!({"SourceAccount": ACCOUNT, "SourceArn": SECRET}),
            json!({"Service": "secretsmanager.amazonaws.com"}),
            json!({"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": SECRET}}),
        ),
        (
            "c",
            json!({"Principal": OTHER_ACCOUNT}),
            json!({"AWS": format!("arn:aws:iam::{OTHER_ACCOUNT}:root")}),
            Value::Null,
        ),
        (
            "d",
            json!({"Principal": role}),
            json!({"AWS": role}),
            Value::Null,
        ),
        ("e", json!({"Principal": "*"}), json!("*"), Value::Null),
    ] {
        let added = service.lambda("AddPermission", permission(sid, changes));
        let shown: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
        let mut expected = json!({
            "Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction",
            "Resource": FUNCTION
        });
        if !condition.is_null() {
            expected["Condition"] = condition;
        }
        assert_eq!(shown, expected);
        let policy = policy(&mut service, "rotate");
        assert_eq!(policy["Version"], "2012-10-17");
        assert_eq!(
            policy["Statement"].as_array().unwrap().last(),
            Some(&expected)
        );
    }
}

#[test]
fn a_permission_lets_secrets_manager_rotate_until_it_is_removed() {
    let mut service = with_function();
    service.lambda("PublishVersion", json!({"FunctionName": "rotate"}));
    let live = format!("{FUNCTION}:live");
    let alias = json!({"FunctionName": "rotate", "Name": "live", "FunctionVersion": "1"});
    service.lambda("CreateAlias", alias);
    assert_eq!(may_rotate(&service, FUNCTION), RotationPermission::Denied);
    service.lambda("AddPermission", permission("a", json!({})));
    assert_eq!(
        may_rotate(&service, FUNCTION),
        RotationPermission::AllowedByPolicy
    );
    assert_eq!(may_rotate(&service, &live), RotationPermission::Denied);
    let added = service.lambda(
        "AddPermission",
        permission("a", json!({"Qualifier": "live"})),
    );
    assert!(added["Statement"].as_str().unwrap().contains(&live));
    assert_eq!(
        may_rotate(&service, &live),
        RotationPermission::AllowedByPolicy
    );
    service.lambda(
        "RemovePermission",
        json!({"FunctionName": "rotate", "StatementId": "a"}),
    );
    assert_eq!(may_rotate(&service, FUNCTION), RotationPermission::Denied);
    assert_eq!(
        may_rotate(&service, &live),
        RotationPermission::AllowedByPolicy
    );
    service.lambda(
        "DeleteAlias",
        json!({"FunctionName": "rotate", "Name": "live"}),
    );
    assert_eq!(
        may_rotate(&service, &live),
        RotationPermission::NoSuchFunction
    );
    let again = json!({"FunctionName": "rotate", "Name": "live", "FunctionVersion": "1"});
    service.lambda("CreateAlias", again);
    assert_eq!(
        may_rotate(&service, &live),
        RotationPermission::Denied,
        "its policy went with it"
    );
}

#[test]
fn what_can_not_be_a_permission_is_refused() {
    let mut service = with_function();
    service.lambda("AddPermission", permission("a", json!({})));
    let nobody = format!("arn:aws:iam::{ACCOUNT}:user/nobody");
    for (changes, code) in [
        (json!({}), CONFLICT),
        (json!({"StatementId": "a b"}), VALIDATION),
        (json!({"Action": "s3:GetObject"}), VALIDATION),
        (json!({"Principal": ""}), VALIDATION),
        (json!({"StatementId": "b", "Principal": nobody}), PARAMETER),
        (
            json!({"StatementId": "b", "Principal": "nobody"}),
            PARAMETER,
        ),
        (json!({"SourceAccount": "12"}), VALIDATION),
        (json!({"SourceArn": "secret"}), VALIDATION),
        (
            json!({"StatementId": "b", "Qualifier": "$LATEST"}),
            PARAMETER,
        ),
        (json!({"StatementId": "b", "Qualifier": "7"}), NOT_FOUND),
        (json!({"StatementId": "b", "RevisionId": "x"}), STALE),
        (
            json!({"StatementId": "b", "PrincipalOrgID": "o-1234567890"}),
            PARAMETER,
        ),
        (
            json!({"StatementId": "b", "FunctionUrlAuthType": "NONE"}),
            PARAMETER,
        ),
    ] {
        let body = permission("a", changes.clone());
        let (refused, message) = service.lambda_refused("AddPermission", body);
        assert_eq!(refused, code, "{changes}: {message}");
    }
    for (body, code) in [
        (json!({"StatementId": "b"}), NOT_FOUND),
        (json!({"StatementId": "a", "RevisionId": "x"}), STALE),
    ] {
        let mut body = body;
        body["FunctionName"] = json!("rotate");
        assert_eq!(service.lambda_refused("RemovePermission", body).0, code);
    }
    service.lambda(
        "RemovePermission",
        json!({"FunctionName": "rotate", "StatementId": "a"}),
    );
    let name = json!({"FunctionName": "rotate"});
    assert_eq!(service.lambda_refused("GetPolicy", name).0, NOT_FOUND);
}

#[test]
fn a_policy_grows_to_its_limit_and_no_further() {
    let mut service = with_function();
    let source = format!("{SECRET}{}", "x".repeat(4000));
    let mut added = 0;
    let code = loop {
        let body = permission(&format!("s{added}"), json!({"SourceArn": source}));
        match service.ask_of(
            strongroom_services::lambda::OPERATIONS,
            "AddPermission",
            &body,
        ) {
            Ok(_) => added += 1,
            Err(refusal) => break refusal.code,
        }
    };
    assert_eq!((added, code), (4, "PolicyLengthExceededException"));
}

#[test]
fn another_account_uses_a_function_that_its_policy_opens() {
    let mut service = with_function();
    service.make_account(OTHER_ACCOUNT);
    let body = permission(
        "a",
        json!({"Principal": OTHER_ACCOUNT, "Action": "lambda:GetFunction"}),
    );
    service.lambda("AddPermission", body);
    service.be(OTHER_ACCOUNT, REGION);
    let name = json!({"FunctionName": FUNCTION});
    assert_eq!(
        service.lambda("GetFunction", name.clone())["Configuration"]["FunctionArn"],
        FUNCTION
    );
    assert_eq!(service.lambda_refused("GetPolicy", name).0, DENIED);
}

#[test]
fn whoever_gets_a_name_later_inherits_no_permission() {
    let mut service = with_function();
    service.iam("CreateUser", json!({"UserName": "alice"}));
    let alice = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    let body = permission(
        "a",
        json!({"Principal": alice, "Action": "lambda:GetFunction"}),
    );
    service.lambda("AddPermission", body);
    service.iam("DeleteUser", json!({"UserName": "alice"}));
    let key = service.make_user("alice");
    // The policy is written anew, which must not bind the name to whoever has it now.
    service.lambda("AddPermission", permission("b", json!({})));
    service.be_user(ACCOUNT, "alice", &key);
    let (code, _) = service.lambda_refused("GetFunction", json!({"FunctionName": "rotate"}));
    assert_eq!(code, DENIED);
}

#[test]
fn whoever_gets_a_name_of_another_account_later_inherits_no_permission_either() {
    let mut service = with_function();
    service.make_account(OTHER_ACCOUNT);
    let make_bob = |service: &mut Service| {
        service.be(OTHER_ACCOUNT, REGION);
        let key = service.make_user("bob");
        let all = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let document = json!({"Version": "2012-10-17", "Statement": [all]}).to_string();
        let body = json!({"UserName": "bob", "PolicyName": "p", "PolicyDocument": document});
        service.iam("PutUserPolicy", body);
        key
    };
    let key = make_bob(&mut service);
    service.be(ACCOUNT, REGION);
    let bob = format!("arn:aws:iam::{OTHER_ACCOUNT}:user/bob");
    let body = permission(
        "a",
        json!({"Principal": bob, "Action": "lambda:GetFunction"}),
    );
    service.lambda("AddPermission", body);
    let name = json!({"FunctionName": FUNCTION});
    service.be_user(OTHER_ACCOUNT, "bob", &key);
    service.lambda("GetFunction", name.clone());
    service.be(OTHER_ACCOUNT, REGION);
    let access_key = json!({"UserName": "bob", "AccessKeyId": key});
    service.iam("DeleteAccessKey", access_key);
    service.iam(
        "DeleteUserPolicy",
        json!({"UserName": "bob", "PolicyName": "p"}),
    );
    service.iam("DeleteUser", json!({"UserName": "bob"}));
    let key = make_bob(&mut service);
    service.be(ACCOUNT, REGION);
    service.lambda("AddPermission", permission("b", json!({})));
    service.be_user(OTHER_ACCOUNT, "bob", &key);
    assert_eq!(service.lambda_refused("GetFunction", name).0, DENIED);
}

#[test]
fn who_may_use_a_function_is_told_by_its_policy_too() {
    let mut service = with_function();
    service.make_user("alice");
    let alice = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    let holders = |service: &Service| {
        let found = service.who_can("lambda:InvokeFunction", FUNCTION, ACCOUNT);
        let mut holders = found.holders.iter();
        holders.any(|holder| holder.principal == alice)
    };
    assert!(!holders(&service));
    let body = permission("a", json!({"Principal": alice}));
    service.lambda("AddPermission", body);
    assert!(holders(&service));
}
