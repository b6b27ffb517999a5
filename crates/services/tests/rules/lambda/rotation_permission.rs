//! When Secrets Manager may invoke a function for a secret.

use std::collections::BTreeMap;
use std::slice;

use serde_json::{Value, json};
use strongroom_services::caller::AccountId;
use strongroom_services::iam::bound_policy::ResourcePolicy;
use strongroom_services::lambda::function::{
    Alias, Code, Configuration, Function, Published, QualifiedPolicy,
};
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::lambda::invoke_permission::{RotationPermission, rotation_permission};
use strongroom_services::time::Timestamp;

use crate::harness::{ACCOUNT, BEGINNING, OTHER_ACCOUNT, Service};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf";

fn configuration() -> Configuration {
    Configuration {
        description: String::new(),
        runtime: "python3.12".to_owned(),
        handler: "rotate.handler".to_owned(),
        role: format!("arn:aws:iam::{ACCOUNT}:role/rotate"),
        timeout_seconds: 3,
        memory_mib: 128,
        storage_mib: 512,
        architecture: "x86_64".to_owned(),
        environment: None,
        code: Code {
            sha256: [0; 32],
            size_bytes: 1,
            key_id: "key".to_owned(),
        },
        modified: Timestamp::from_milliseconds(BEGINNING),
        revision_id: "revision".to_owned(),
    }
}

/// A server with the function `rotate`, its version 1, its alias `live` and these policies.
fn with_policies(policies: &[(Option<&str>, Value)]) -> Service {
    let mut service = Service::new();
    let policies = policies.iter().map(|(qualifier, statement)| {
        let text = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        QualifiedPolicy {
            qualifier: qualifier.map(str::to_owned),
            policy: ResourcePolicy::parse(text).unwrap(),
            revision_id: "revision".to_owned(),
        }
    });
    let function = Function {
        arn: FunctionArn::parse(FUNCTION).unwrap(),
        latest: configuration(),
        published: vec![Published {
            number: 1,
            of_revision: "revision".to_owned(),
            configuration: configuration(),
        }],
        published_count: 1,
        aliases: vec![Alias {
            name: "live".to_owned(),
            version: "1".to_owned(),
            description: String::new(),
            revision_id: "revision".to_owned(),
        }],
        policies: policies.collect(),
        tags: BTreeMap::new(),
    };
    service.write(function.key(), &function);
    service
}

fn asked(service: &Service, function: &str, account: &str) -> RotationPermission {
    let function = FunctionArn::parse(function).unwrap();
    let account = AccountId::parse(account).unwrap();
    service
        .with_records(|records| rotation_permission(&function, SECRET, &account, records).unwrap())
}

fn statement(resource: &str, condition: Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": "secretsmanager.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": resource
    });
    if !condition.is_null() {
        statement["Condition"] = condition;
    }
    statement
}

#[test]
fn the_policy_of_what_is_named_lets_secrets_manager_in() {
    use RotationPermission::{AllowedByPolicy, Denied, NoSuchFunction};
    let of_function = (None, statement(FUNCTION, json!(null)));
    let alias = format!("{FUNCTION}:live");
    let of_alias = (Some("live"), statement(&alias, json!(null)));
    let latest = format!("{FUNCTION}:$LATEST");
    let version = format!("{FUNCTION}:1");
    let both = [of_function.clone(), of_alias.clone()];
    for (policies, function, expected) in [
        (&[][..], FUNCTION, Denied),
        (slice::from_ref(&of_function), FUNCTION, AllowedByPolicy),
        (slice::from_ref(&of_function), &latest, AllowedByPolicy),
        (slice::from_ref(&of_function), &alias, Denied),
        (slice::from_ref(&of_function), &version, Denied),
        (slice::from_ref(&of_alias), &alias, AllowedByPolicy),
        (slice::from_ref(&of_alias), FUNCTION, Denied),
        (&both, FUNCTION, AllowedByPolicy),
        (&both, &alias, AllowedByPolicy),
        (&both, &format!("{FUNCTION}:2"), NoSuchFunction),
        (&both, &format!("{FUNCTION}:01"), NoSuchFunction),
        (&both, &format!("{FUNCTION}:test"), NoSuchFunction),
        (&both, &FUNCTION.replace("rotate", "other"), NoSuchFunction),
        (&both, &FUNCTION.replace("east", "west"), NoSuchFunction),
    ] {
        let service = with_policies(policies);
        let found = asked(&service, function, ACCOUNT);
        assert_eq!(found, expected, "{function} with {policies:?}");
    }
}

#[test]
fn a_policy_can_name_the_account_and_the_secret_that_it_is_invoked_for() {
    use RotationPermission::{AllowedByPolicy, Denied};
    let account = json!({"StringEquals": {"AWS:SourceAccount": ACCOUNT}});
    let secret = json!({"ArnLike": {"AWS:SourceArn": SECRET}});
    let other = json!({"ArnLike": {"AWS:SourceArn": SECRET.replace(":s-", ":t-")}});
    for (condition, account, expected) in [
        (account.clone(), ACCOUNT, AllowedByPolicy),
        (account, OTHER_ACCOUNT, Denied),
        (secret, ACCOUNT, AllowedByPolicy),
        (other, ACCOUNT, Denied),
    ] {
        let shown = condition.to_string();
        let service = with_policies(&[(None, statement(FUNCTION, condition))]);
        assert_eq!(asked(&service, FUNCTION, account), expected, "{shown}");
    }
}

#[test]
fn another_service_or_action_lets_secrets_manager_in_no_more_than_a_denial() {
    for (member, value) in [
        ("Principal", json!({"Service": "events.amazonaws.com"})),
        ("Principal", json!({"AWS": ACCOUNT})),
        ("Action", json!("lambda:GetFunction")),
        ("Resource", json!(format!("{FUNCTION}s"))),
        ("Effect", json!("Deny")),
    ] {
        let mut statement = statement(FUNCTION, json!(null));
        statement[member] = value;
        let service = with_policies(&[(None, statement.clone())]);
        let found = asked(&service, FUNCTION, ACCOUNT);
        assert_eq!(found, RotationPermission::Denied, "{statement}");
    }
}
