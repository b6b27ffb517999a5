//! What policies would decide. Source: AWS IAM API Reference, SimulateCustomPolicy, SimulatePrincipalPolicy,
//! EvaluationResult, GetContextKeysForCustomPolicy; positions as in the AWS CLI's examples.

use serde_json::{Value, json};
use strongroom_services::accounts::service_control;
use strongroom_services::caller::AccountId;

use super::{document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

const READ: &str = "secretsmanager:GetSecretValue";
const SECRET: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:s-AbCdEf";

fn simulated(service: &mut Service, body: Value) -> Value {
    service.iam("SimulateCustomPolicy", body)["EvaluationResults"].clone()
}

fn custom(policies: &[String], more: Value) -> Value {
    let mut body = json!({"PolicyInputList": policies, "ActionNames": [READ]});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn a_decision_is_told_with_the_statements_that_made_it() {
    let allow = document(&[policy("Allow", "secretsmanager:*", "*")]);
    let deny = document(&[policy("Deny", READ, "*")]);
    let other = document(&[policy("Allow", "kms:*", "*")]);
    for (policies, decision, sources) in [
        (vec![allow.clone()], "allowed", vec!["PolicyInputList.1"]),
        (
            vec![other.clone(), allow.clone()],
            "allowed",
            vec!["PolicyInputList.2"],
        ),
        (
            vec![allow.clone(), deny],
            "explicitDeny",
            vec!["PolicyInputList.2"],
        ),
        (vec![other], "implicitDeny", vec![]),
    ] {
        let results = simulated(&mut Service::new(), custom(&policies, json!({})));
        assert_eq!(results.as_array().unwrap().len(), 1);
        let result = &results[0];
        assert_eq!(result["EvalActionName"], READ);
        assert_eq!(result["EvalResourceName"], "*");
        assert_eq!(result["EvalDecision"], decision);
        let matched = result["MatchedStatements"].as_array().unwrap().iter();
        let matched: Vec<&str> = matched
            .map(|it| it["SourcePolicyId"].as_str().unwrap())
            .collect();
        assert_eq!(matched, sources);
        assert_eq!(result["MissingContextValues"], json!([]));
        assert!(result.get("EvalDecisionDetails").is_none());
    }
}

#[test]
fn a_statement_starts_behind_what_is_before_it_and_ends_behind_its_brace() {
    let text = "{\n    \"Version\": \"2012-10-17\",\n    \"Statement\": [\n        {\n            \"Effect\": \"Allow\",\n            \
                \"Action\": \"*\",\n            \"Resource\": \"*\"\n        }\n    ]\n}";
    for (text, start, end) in [
        (text, (3, 19), (8, 10)),
        (
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
            (1, 38),
            (1, 84),
        ),
    ] {
        let results = simulated(&mut Service::new(), custom(&[text.to_owned()], json!({})));
        let matched = &results[0]["MatchedStatements"][0];
        let position = |name: &str| {
            let position = &matched[name];
            (
                position["Line"].as_u64().unwrap(),
                position["Column"].as_u64().unwrap(),
            )
        };
        assert_eq!(
            (position("StartPosition"), position("EndPosition")),
            (start, end)
        );
        assert_eq!(matched["SourcePolicyType"], "IAM Policy");
    }
}

#[test]
fn resources_are_told_each_and_the_most_restrictive_above_them() {
    let policies = [document(&[
        policy("Allow", READ, "arn:aws:secretsmanager:*:*:secret:s-*"),
        policy("Deny", READ, "arn:aws:secretsmanager:*:*:secret:no-*"),
    ])];
    let other = SECRET.replace(":s-", ":t-");
    let denied = SECRET.replace(":s-", ":no-");
    let body = custom(&policies, json!({"ResourceArns": [SECRET, other, denied]}));
    let result = simulated(&mut Service::new(), body)[0].clone();
    assert_eq!(result["EvalDecision"], "explicitDeny");
    let specific = result["ResourceSpecificResults"].as_array().unwrap();
    let decisions: Vec<&Value> = specific
        .iter()
        .map(|it| &it["EvalResourceDecision"])
        .collect();
    assert_eq!(decisions, ["allowed", "implicitDeny", "explicitDeny"]);
    assert_eq!(specific[1]["EvalResourceName"], other);
    assert_eq!(specific[0]["EvalDecisionDetails"], json!({}));
}

#[test]
fn conditions_are_judged_by_the_entries_and_what_is_missing_is_told() {
    let statement = json!({"Effect": "Allow", "Action": READ, "Resource": "arn:aws:*:secret:${aws:PrincipalTag/team}-*",
        "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}});
    let unrelated = json!({"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}}});
    let policies = [document(&[statement, unrelated])];
    let entry = |name: &str, value: &str| json!({"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"});
    let both = [
        entry("aws:SourceIp", "10.1.2.3"),
        entry("aws:PrincipalTag/team", "s"),
    ];
    for (entries, decision, missing) in [
        (
            &both[..0],
            "implicitDeny",
            json!(["aws:principaltag/team", "aws:sourceip"]),
        ),
        (&both[..1], "implicitDeny", json!(["aws:principaltag/team"])),
        (&both, "allowed", json!([])),
    ] {
        let body = custom(
            &policies,
            json!({"ContextEntries": entries, "ResourceArns": [SECRET]}),
        );
        let result = simulated(&mut Service::new(), body)[0].clone();
        assert_eq!(result["EvalDecision"], decision);
        assert_eq!(result["MissingContextValues"], missing);
    }
    let keys = Service::new().iam(
        "GetContextKeysForCustomPolicy",
        json!({"PolicyInputList": policies}),
    );
    assert_eq!(
        keys["ContextKeyNames"],
        json!([
            "aws:SecureTransport",
            "aws:SourceIp",
            "aws:principaltag/team"
        ])
    );
}

#[test]
fn across_accounts_both_sides_are_told() {
    let own = [document(&[policy("Allow", READ, "*")])];
    let caller = format!("arn:aws:iam::{OTHER_ACCOUNT}:user/bob");
    for (principal, decision, of_resource) in [
        (OTHER_ACCOUNT, "allowed", "allowed"),
        ("333333333333", "implicitDeny", "implicitDeny"),
    ] {
        let resource = json!({"Version": "2012-10-17", "Statement":
            {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": READ, "Resource": "*"}});
        let more = json!({"CallerArn": caller, "ResourceArns": [SECRET], "ResourcePolicy": resource.to_string()});
        let result = simulated(&mut Service::new(), custom(&own, more))[0].clone();
        assert_eq!(result["EvalDecision"], decision);
        // A map of the query protocol.
        let details = &result["ResourceSpecificResults"][0]["EvalDecisionDetails"]["entry"];
        assert_eq!(
            *details,
            json!({"key": "Resource Policy", "value": of_resource})
        );
    }
}

#[test]
fn all_that_stands_for_a_principal_is_simulated_and_nothing_is_changed() {
    let mut service = Service::new();
    service.make_account(ACCOUNT);
    service.be(ACCOUNT, REGION);
    let allow = document(&[policy("Allow", "secretsmanager:*", "*")]);
    service.iam("CreateUser", json!({"UserName": "alice"}));
    service.iam("CreateGroup", json!({"GroupName": "readers"}));
    service.iam(
        "PutGroupPolicy",
        json!({"GroupName": "readers", "PolicyName": "p", "PolicyDocument": allow}),
    );
    let alice = format!("arn:aws:iam::{ACCOUNT}:user/alice");
    let ask = |service: &mut Service, source: &str, more: Value| {
        let mut body = json!({"PolicySourceArn": source, "ActionNames": [READ]});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        service.iam("SimulatePrincipalPolicy", body)["EvaluationResults"][0].clone()
    };
    assert_eq!(
        ask(&mut service, &alice, json!({}))["EvalDecision"],
        "implicitDeny"
    );
    let given = ask(&mut service, &alice, json!({"PolicyInputList": [allow]}));
    assert_eq!(given["EvalDecision"], "allowed");
    let group = format!("arn:aws:iam::{ACCOUNT}:group/readers");
    assert_eq!(
        ask(&mut service, &group, json!({}))["EvalDecision"],
        "allowed"
    );
    service.iam(
        "AddUserToGroup",
        json!({"UserName": "alice", "GroupName": "readers"}),
    );
    let result = ask(&mut service, &alice, json!({}));
    assert_eq!(result["EvalDecision"], "allowed");
    assert_eq!(
        result["MatchedStatements"][0]["SourcePolicyId"],
        "group_readers_p"
    );
    assert!(result.get("OrganizationsDecisionDetail").is_none());

    let boundary = document(&[policy("Allow", "kms:*", "*")]);
    let bounded = ask(
        &mut service,
        &alice,
        json!({"PermissionsBoundaryPolicyInputList": [boundary]}),
    );
    assert_eq!(bounded["EvalDecision"], "implicitDeny");
    assert_eq!(
        bounded["PermissionsBoundaryDecisionDetail"]["AllowedByPermissionsBoundary"],
        json!(false)
    );
    let deny = document(&[policy("Deny", "secretsmanager:Get*", "*")]);
    let id = AccountId::parse(ACCOUNT).unwrap();
    service
        .change(|records| service_control::put(&id, "No", &deny, records))
        .unwrap();
    let denied = ask(&mut service, &alice, json!({}));
    assert_eq!(denied["EvalDecision"], "explicitDeny");
    assert_eq!(
        denied["OrganizationsDecisionDetail"]["AllowedByOrganizations"],
        json!(false)
    );
    let keys = service.iam(
        "GetContextKeysForPrincipalPolicy",
        json!({"PolicySourceArn": alice}),
    );
    assert_eq!(keys["ContextKeyNames"], json!([]));
}

#[test]
fn what_can_not_be_simulated_is_refused() {
    let allow = document(&[policy("Allow", "*", "*")]);
    let gone = format!("arn:aws:iam::{ACCOUNT}:user/gone");
    for (operation, body, code) in [
        (
            "SimulateCustomPolicy",
            custom(&["{".to_owned()], json!({})),
            "InvalidInput",
        ),
        (
            "SimulateCustomPolicy",
            custom(
                std::slice::from_ref(&allow),
                json!({"ActionNames": ["Get"]}),
            ),
            "InvalidInput",
        ),
        (
            "SimulateCustomPolicy",
            custom(
                std::slice::from_ref(&allow),
                json!({"CallerArn": "arn:aws:iam::1:role/x"}),
            ),
            "InvalidInput",
        ),
        (
            "SimulateCustomPolicy",
            custom(
                std::slice::from_ref(&allow),
                json!({"ResourcePolicy": "{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}}"}),
            ),
            "InvalidInput",
        ),
        (
            "SimulatePrincipalPolicy",
            json!({"PolicySourceArn": gone, "ActionNames": [READ]}),
            "NoSuchEntity",
        ),
        (
            "GetContextKeysForPrincipalPolicy",
            json!({"PolicySourceArn": "arn:aws:iam::123456789012:root"}),
            "InvalidInput",
        ),
    ] {
        let refused = Service::new().iam_refused(operation, body);
        assert_eq!(refused.0, code, "{operation} {}", refused.1);
    }
}

#[test]
fn results_come_in_pages() {
    let allow = document(&[policy("Allow", "*", "*")]);
    let mut body = custom(
        &[allow],
        json!({"ActionNames": ["a:A", "a:B", "a:C"], "MaxItems": "2"}),
    );
    let mut service = Service::new();
    let first = service.iam("SimulateCustomPolicy", body.clone());
    assert_eq!(first["IsTruncated"], json!(true));
    assert_eq!(first["EvaluationResults"].as_array().unwrap().len(), 2);
    body["Marker"] = first["Marker"].clone();
    let second = service.iam("SimulateCustomPolicy", body);
    assert_eq!(second["IsTruncated"], json!(false));
    assert_eq!(second["EvaluationResults"][0]["EvalActionName"], "a:C");
}
