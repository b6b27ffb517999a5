//! Who may do what with a secret: its policy in force, for its own account and for another one, and the condition keys
//! that each operation fills. Source: access-control.md 5 to 10, where a table names no other.

use serde_json::{Value, json};
use strongroom_services::{iam, kms};

use crate::harness::{
    ACCOUNT, DAY, DENIED, MISSING, NEVER, NOT_FOUND, OTHER_ACCOUNT, REGION, REQUEST, Sender,
    Service, V1, V2,
};

const OK: &str = "OK";
const DEFAULT_KEY: &str = "You can't access a secret from a different AWS account if you encrypt the secret with the \
                           default KMS service key.";

/// Every operation on a secret, with what it needs besides the secret.
fn operations() -> Vec<(&'static str, Value)> {
    let policy = policy(&[
        allow(json!({"AWS": "333333333333"}), "*"),
        closed_to_nobody(),
    ]);
    vec![
        ("DescribeSecret", json!({})),
        ("GetResourcePolicy", json!({})),
        ("GetSecretValue", json!({})),
        ("ListSecretVersionIds", json!({})),
        (
            "PutSecretValue",
            json!({"ClientRequestToken": V2, "SecretString": "two"}),
        ),
        ("UpdateSecret", json!({"Description": "d"})),
        (
            "UpdateSecretVersionStage",
            json!({"VersionStage": "blue", "MoveToVersionId": V1}),
        ),
        ("TagResource", json!({"Tags": [{"Key": "k", "Value": "v"}]})),
        ("UntagResource", json!({"TagKeys": ["k"]})),
        ("ValidateResourcePolicy", json!({"ResourcePolicy": policy})),
        ("PutResourcePolicy", json!({"ResourcePolicy": policy})),
        ("DeleteResourcePolicy", json!({})),
        ("DeleteSecret", json!({})),
        ("RestoreSecret", json!({})),
    ]
}

/// The same in every policy that the other account puts: it must still be let in.
fn closed_to_nobody() -> Value {
    allow(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:*")
}

fn statement(effect: &str, principal: Value, action: &str) -> Value {
    json!({"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"})
}

fn allow(principal: Value, action: &str) -> Value {
    statement("Allow", principal, action)
}

fn deny(principal: Value, action: &str) -> Value {
    statement("Deny", principal, action)
}

fn on_condition(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

fn policy(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn with(body: &Value, name: &str, value: &str) -> Value {
    let mut body = body.clone();
    body[name] = json!(value);
    body
}

/// Two accounts, of which the first one has the secret `s` under its key.
struct Shared {
    service: Service,
    arn: String,
    key: String,
}

impl Shared {
    /// Under a key that lets both accounts do everything.
    fn new() -> Self {
        let mut service = Service::new();
        let all = |account: &str| allow(json!({"AWS": account}), "kms:*");
        let body = json!({"Policy": policy(&[all(ACCOUNT), all(OTHER_ACCOUNT)])});
        let made = service.ask_of(kms::OPERATIONS, "CreateKey", &body).unwrap();
        let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
        service.ok(
            "CreateSecret",
            json!({"Name": "s", "ClientRequestToken": V1, "SecretString": "one", "KmsKeyId": key,
                "Tags": [{"Key": "team", "Value": "web"}]}),
        );
        let arn = service.arn();
        Shared { service, arn, key }
    }

    fn with_policy(statements: &[Value]) -> Self {
        let mut shared = Shared::new();
        shared.put_policy(statements);
        shared
    }

    fn put_policy(&mut self, statements: &[Value]) {
        self.be_owner();
        let policy = policy(statements);
        self.service.ok(
            "PutResourcePolicy",
            json!({"SecretId": "s", "ResourcePolicy": policy}),
        );
    }

    fn put_key_policy(&mut self, statements: &[Value]) {
        self.be_owner();
        let body = json!({"KeyId": self.key, "Policy": policy(statements)});
        self.service
            .ask_of(kms::OPERATIONS, "PutKeyPolicy", &body)
            .unwrap();
    }

    fn be_owner(&mut self) {
        self.service.be(ACCOUNT, REGION);
    }

    fn be_other(&mut self) {
        self.service.be(OTHER_ACCOUNT, REGION);
    }

    /// The code of a refusal, or `OK`; `more` on the secret by its ARN.
    fn outcome(&mut self, operation: &str, more: &Value) -> &'static str {
        let body = with(more, "SecretId", &self.arn);
        match self.service.ask(operation, &body) {
            Ok(_) => OK,
            Err(refusal) => refusal.code,
        }
    }
}

#[test]
fn without_a_policy_a_secret_is_its_account_s_alone() {
    for (operation, more) in operations() {
        let mut shared = Shared::new();
        assert_eq!(shared.outcome(operation, &more), OK, "{operation}");
        let mut shared = Shared::new();
        shared.be_other();
        assert_eq!(shared.outcome(operation, &more), DENIED, "{operation}");
    }
}

// Source: AWS Secrets Manager User Guide, Access secrets from a different account.
#[test]
fn each_operation_on_a_secret_is_opened_to_another_account_by_its_own_action() {
    for (operation, more) in operations() {
        let action = format!("secretsmanager:{operation}");
        let mut shared = Shared::with_policy(&[allow(json!({"AWS": OTHER_ACCOUNT}), &action)]);
        shared.be_other();
        // Putting a policy is part of validating one, and whoever puts one keeps that.
        let expected = if operation == "ValidateResourcePolicy" {
            DENIED
        } else {
            OK
        };
        assert_eq!(shared.outcome(operation, &more), expected, "{operation}");
        for (unopened, more) in operations() {
            if unopened != operation {
                let mut shared =
                    Shared::with_policy(&[allow(json!({"AWS": OTHER_ACCOUNT}), &action)]);
                shared.be_other();
                assert_eq!(
                    shared.outcome(unopened, &more),
                    DENIED,
                    "{operation} {unopened}"
                );
            }
        }
    }
    let mut shared = Shared::with_policy(&[closed_to_nobody()]);
    shared.be_other();
    let validate = json!({"ResourcePolicy": policy(&[closed_to_nobody()])});
    assert_eq!(shared.outcome("ValidateResourcePolicy", &validate), OK);
}

#[test]
fn a_policy_can_deny_its_own_account_s_root_all_but_the_repair_of_the_policy() {
    // A policy against putting one can't be put by whom it is against.
    let deniable = operations()
        .into_iter()
        .filter(|(operation, _)| *operation != "PutResourcePolicy");
    for (operation, more) in deniable {
        let action = format!("secretsmanager:{operation}");
        let mut shared = Shared::new();
        let spared = ["GetResourcePolicy", "DeleteResourcePolicy"].contains(&operation);
        shared.put_policy(&[deny(json!("*"), &action)]);
        let expected = if spared { OK } else { DENIED };
        assert_eq!(shared.outcome(operation, &more), expected, "{operation}");
        shared
            .service
            .ok("DeleteResourcePolicy", json!({"SecretId": "s"}));
        assert_eq!(shared.outcome(operation, &more), OK, "{operation}");
    }
}

#[test]
fn root_repairs_a_policy_that_someone_else_put_against_it() {
    let root = json!({"AWS": ACCOUNT});
    let against = policy(&[closed_to_nobody(), deny(root, "*")]);
    for (operation, more) in [
        ("GetResourcePolicy", json!({})),
        ("DeleteResourcePolicy", json!({})),
        (
            "PutResourcePolicy",
            json!({"ResourcePolicy": policy(&[closed_to_nobody()])}),
        ),
    ] {
        let mut shared = Shared::with_policy(&[closed_to_nobody()]);
        shared.be_other();
        assert_eq!(
            shared.outcome("PutResourcePolicy", &json!({"ResourcePolicy": against})),
            OK
        );
        shared.be_owner();
        assert_eq!(shared.outcome("GetSecretValue", &json!({})), DENIED);
        assert_eq!(shared.outcome(operation, &more), OK, "{operation}");
    }
}

#[test]
fn a_refusal_says_what_refused() {
    let action = "secretsmanager:GetSecretValue";
    let text = |account: &str, shown: &str, reason: &str| {
        format!(
            "User: arn:aws:iam::{account}:root is not authorized to perform: {action} on resource: {shown} {reason}"
        )
    };
    let mut shared = Shared::with_policy(&[deny(json!("*"), action)]);
    let explicit = "with an explicit deny in a resource-based policy";
    for id in ["s", &shared.arn.clone()] {
        let refused = shared
            .service
            .refused("GetSecretValue", json!({ "SecretId": id }));
        assert_eq!(refused, (DENIED, text(ACCOUNT, id, explicit)));
    }
    shared.be_other();
    let implicit = format!("because no resource-based policy allows the {action} action");
    let arn = shared.arn.clone();
    let refused = shared
        .service
        .refused("GetSecretValue", json!({ "SecretId": arn }));
    assert_eq!(refused, (DENIED, text(OTHER_ACCOUNT, &arn, &implicit)));
}

#[test]
fn another_account_learns_nothing_of_what_there_is() {
    let reads = "secretsmanager:GetSecretValue";
    for statements in [
        vec![],
        vec![deny(json!("*"), reads)],
        vec![allow(json!({"AWS": "333333333333"}), reads)],
        vec![allow(
            json!({"AWS": OTHER_ACCOUNT}),
            "secretsmanager:DescribeSecret",
        )],
    ] {
        let mut shared = Shared::new();
        if !statements.is_empty() {
            shared.put_policy(&statements);
        }
        shared.be_other();
        let there = shared.arn.clone();
        let missing = there.replace(":secret:s-", ":secret:t-");
        for (operation, more) in [
            ("GetSecretValue", json!({})),
            ("GetSecretValue", json!({"VersionId": NEVER})),
        ] {
            let mut said = |id: &str| {
                let refused = shared
                    .service
                    .refused(operation, with(&more, "SecretId", id));
                (refused.0, refused.1.replace(id, "ID"))
            };
            assert_eq!(said(&there), said(&missing), "{statements:?}");
            assert_eq!(
                said(&there[..there.len() - 7]),
                said(&missing),
                "{statements:?}"
            );
        }
    }
}

#[test]
fn another_account_s_secret_is_named_by_an_arn_of_its_region() {
    let mut shared = Shared::with_policy(&[closed_to_nobody()]);
    let arn = shared.arn.clone();
    for (id, region, expected) in [
        (arn.as_str(), REGION, OK),
        (&arn[..arn.len() - 7], REGION, OK),
        // A name is always one of the caller's account.
        ("s", REGION, NOT_FOUND),
        (&arn, "eu-west-1", DENIED),
        (&arn.replace(REGION, "eu-west-1"), REGION, DENIED),
        (&format!("{}zzzzzz", &arn[..arn.len() - 6]), REGION, DENIED),
    ] {
        shared.service.be(OTHER_ACCOUNT, region);
        let outcome = shared
            .service
            .ask("DescribeSecret", &json!({ "SecretId": id }));
        assert_eq!(
            outcome.map_or_else(|refusal| refusal.code, |_| OK),
            expected,
            "{id}"
        );
    }
}

#[test]
fn its_own_account_learns_that_a_secret_is_missing() {
    let mut shared = Shared::new();
    let missing = shared.arn.replace(":secret:s-", ":secret:t-");
    for id in ["t", &missing] {
        let refused = shared
            .service
            .refused("GetSecretValue", json!({ "SecretId": id }));
        assert_eq!(refused, (NOT_FOUND, MISSING.to_owned()));
    }
}

#[test]
fn a_principal_is_whom_a_policy_names() {
    let root = |account: &str| format!("arn:aws:iam::{account}:root");
    for (principal, expected) in [
        (json!("*"), OK),
        (json!({"AWS": "*"}), OK),
        (json!({"AWS": OTHER_ACCOUNT}), OK),
        (json!({"AWS": root(OTHER_ACCOUNT)}), OK),
        (json!({"AWS": ["333333333333", root(OTHER_ACCOUNT)]}), OK),
        (json!({"AWS": "333333333333"}), DENIED),
        (json!({"AWS": root(ACCOUNT)}), DENIED),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER_ACCOUNT}:user/alice")}),
            DENIED,
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{OTHER_ACCOUNT}:role/reader")}),
            DENIED,
        ),
        (json!({"Service": "lambda.amazonaws.com"}), DENIED),
    ] {
        let shown = principal.to_string();
        let mut shared = Shared::with_policy(&[allow(principal, "secretsmanager:GetSecretValue")]);
        shared.be_other();
        assert_eq!(
            shared.outcome("GetSecretValue", &json!({})),
            expected,
            "{shown}"
        );
    }
}

#[test]
fn an_explicit_denial_wins_in_whatever_order() {
    let allowed = allow(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:*");
    let denied = deny(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:Get*");
    for statements in [[allowed.clone(), denied.clone()], [denied, allowed]] {
        let mut shared = Shared::with_policy(&statements);
        shared.be_other();
        assert_eq!(shared.outcome("GetSecretValue", &json!({})), DENIED);
        assert_eq!(shared.outcome("DescribeSecret", &json!({})), OK);
    }
}

// Source: access-control.md 3: `*` is this secret; another ARN never matches.
#[test]
fn a_resource_is_the_secret_s_arn() {
    let arn = Shared::new().arn;
    for (resource, expected) in [
        (arn.clone(), OK),
        ("*".to_owned(), OK),
        (format!("{}??????", &arn[..arn.len() - 6]), OK),
        (format!("{}*", &arn[..arn.len() - 6]), OK),
        (arn[..arn.len() - 7].to_owned(), DENIED),
        (arn.replace(":secret:s", ":secret:t"), DENIED),
        (arn.replace(ACCOUNT, OTHER_ACCOUNT), DENIED),
    ] {
        let mut allowed = allow(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:*");
        allowed["Resource"] = json!(resource);
        let mut shared = Shared::with_policy(&[allowed]);
        shared.be_other();
        assert_eq!(
            shared.outcome("DescribeSecret", &json!({})),
            expected,
            "{resource}"
        );
    }
}

/// What the other account may do by a statement with this condition.
fn outcome_on(condition: &Value, operation: &str, more: &Value) -> &'static str {
    let everything = allow(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:*");
    let mut shared = Shared::with_policy(&[on_condition(everything, condition.clone())]);
    shared.be_other();
    shared.outcome(operation, more)
}

// Source: access-control.md 5.2; Service Authorization Reference, Condition keys for AWS Secrets Manager.
#[test]
fn each_operation_fills_its_condition_keys() {
    let arn = Shared::new().arn;
    let read = "GetSecretValue";
    let put = |block: Value| json!({"ResourcePolicy": policy(&[closed_to_nobody()]), "BlockPublicPolicy": block});
    let tag = json!({"Tags": [{"Key": "cost", "Value": "12"}]});
    for (operator, key, value, operation, more) in [
        (
            "StringEquals",
            "secretsmanager:SecretId",
            arn.as_str(),
            read,
            json!({}),
        ),
        (
            "ArnLike",
            "secretsmanager:SecretId",
            &arn,
            "DeleteSecret",
            json!({}),
        ),
        (
            "StringEquals",
            "secretsmanager:VersionId",
            V1,
            read,
            json!({"VersionId": V1}),
        ),
        (
            "StringEquals",
            "secretsmanager:VersionStage",
            "AWSCURRENT",
            read,
            json!({"VersionStage": "AWSCURRENT"}),
        ),
        (
            "StringEquals",
            "secretsmanager:VersionStage",
            "blue",
            "UpdateSecretVersionStage",
            json!({"VersionStage": "blue", "MoveToVersionId": V1}),
        ),
        (
            "StringEquals",
            "secretsmanager:ResourceTag/team",
            "web",
            read,
            json!({}),
        ),
        (
            "StringEquals",
            "aws:ResourceTag/team",
            "web",
            "DescribeSecret",
            json!({}),
        ),
        (
            "StringEquals",
            "aws:RequestTag/cost",
            "12",
            "TagResource",
            tag.clone(),
        ),
        (
            "ForAllValues:StringEquals",
            "aws:TagKeys",
            "cost",
            "TagResource",
            tag,
        ),
        (
            "ForAnyValue:StringEquals",
            "aws:TagKeys",
            "cost",
            "UntagResource",
            json!({"TagKeys": ["a", "cost"]}),
        ),
        (
            "Bool",
            "secretsmanager:BlockPublicPolicy",
            "true",
            "PutResourcePolicy",
            put(json!(true)),
        ),
        (
            "Bool",
            "secretsmanager:BlockPublicPolicy",
            "false",
            "PutResourcePolicy",
            put(json!(null)),
        ),
        (
            "NumericLessThan",
            "secretsmanager:RecoveryWindowInDays",
            "9",
            "DeleteSecret",
            json!({"RecoveryWindowInDays": 8}),
        ),
        (
            "Bool",
            "secretsmanager:ForceDeleteWithoutRecovery",
            "true",
            "DeleteSecret",
            json!({"ForceDeleteWithoutRecovery": true}),
        ),
        (
            "Bool",
            "secretsmanager:ForceDeleteWithoutRecovery",
            "false",
            "DeleteSecret",
            json!({}),
        ),
        (
            "StringEquals",
            "secretsmanager:Description",
            "new",
            "UpdateSecret",
            json!({"Description": "new"}),
        ),
        (
            "StringEquals",
            "secretsmanager:Type",
            "t",
            "UpdateSecret",
            json!({"Type": "t"}),
        ),
        (
            "Null",
            "secretsmanager:VersionStage",
            "true",
            read,
            json!({}),
        ),
        ("Null", "secretsmanager:VersionId", "true", read, json!({})),
        (
            "Null",
            "secretsmanager:RecoveryWindowInDays",
            "true",
            "DeleteSecret",
            json!({}),
        ),
        (
            "Null",
            "secretsmanager:SecretPrimaryRegion",
            "true",
            read,
            json!({}),
        ),
        (
            "Null",
            "secretsmanager:resource/AllowRotationLambdaArn",
            "true",
            read,
            json!({}),
        ),
        (
            "Null",
            "secretsmanager:resource/Type",
            "true",
            read,
            json!({}),
        ),
        (
            "Null",
            "secretsmanager:ForceDeleteWithoutRecovery",
            "true",
            read,
            json!({}),
        ),
        (
            "Null",
            "secretsmanager:BlockPublicPolicy",
            "true",
            "DeleteResourcePolicy",
            json!({}),
        ),
        (
            "Null",
            "secretsmanager:VersionStage",
            "true",
            "PutSecretValue",
            json!({"ClientRequestToken": V2, "SecretString": "two", "VersionStages": ["AWSCURRENT"]}),
        ),
        ("Null", "aws:TagKeys", "true", read, json!({})),
        (
            "StringEquals",
            "aws:PrincipalAccount",
            OTHER_ACCOUNT,
            read,
            json!({}),
        ),
        (
            "StringEquals",
            "aws:ResourceAccount",
            ACCOUNT,
            read,
            json!({}),
        ),
        (
            "StringEquals",
            "aws:RequestedRegion",
            REGION,
            read,
            json!({}),
        ),
        (
            "ArnEquals",
            "aws:PrincipalArn",
            "arn:aws:iam::210987654321:root",
            read,
            json!({}),
        ),
        (
            "DateLessThan",
            "aws:CurrentTime",
            "2023-11-15T00:00:00Z",
            read,
            json!({}),
        ),
        ("Null", "aws:PrincipalOrgID", "true", read, json!({})),
    ] {
        let condition = json!({operator: {key: value}});
        assert_eq!(
            outcome_on(&condition, operation, &more),
            OK,
            "{condition} {operation} {more}"
        );
        if operator != "Null" {
            let other = match value {
                "true" => "false",
                "false" => "true",
                _ if operator.starts_with("Date") => "2023-11-14T00:00:00Z",
                _ if operator.starts_with("Numeric") => "8",
                _ => "arn:aws:other:::x",
            };
            let condition = json!({operator: {key: other}});
            assert_eq!(
                outcome_on(&condition, operation, &more),
                DENIED,
                "{condition} {operation} {more}"
            );
        }
    }
}

// Source: AWS Secrets Manager API Reference, UpdateSecret; access-control.md 5.2, KmsKeyArn.
#[test]
fn policies_are_told_the_key_as_it_is_named_and_its_arn() {
    let (mut shared, alias) = (Shared::new(), "alias/own");
    let key = shared.key.clone();
    let body = json!({"AliasName": alias, "TargetKeyId": key});
    shared
        .service
        .ask_of(kms::OPERATIONS, "CreateAlias", &body)
        .unwrap();
    for (condition_key, value, named, expected) in [
        ("secretsmanager:KmsKeyId", alias, Some(alias), DENIED),
        ("secretsmanager:KmsKeyId", alias, Some(key.as_str()), OK),
        ("secretsmanager:KmsKeyId", &key, Some(alias), OK),
        ("secretsmanager:KmsKeyArn", &key, Some(alias), DENIED),
        ("secretsmanager:KmsKeyArn", &key, Some(&key), DENIED),
        ("secretsmanager:KmsKeyArn", &key, None, OK),
    ] {
        let denied = deny(json!("*"), "secretsmanager:UpdateSecret");
        shared.put_policy(&[on_condition(
            denied,
            json!({"StringEquals": {condition_key: value}}),
        )]);
        let mut body = json!({"Description": "d"});
        if let Some(named) = named {
            body["KmsKeyId"] = json!(named);
        }
        assert_eq!(
            shared.outcome("UpdateSecret", &body),
            expected,
            "{condition_key} {value} {named:?}"
        );
    }
}

#[test]
fn another_account_reads_what_a_key_lets_it_read_through_the_service() {
    let owner = allow(json!({"AWS": ACCOUNT}), "kms:*");
    let decrypts = |condition: Value| {
        on_condition(
            allow(json!({"AWS": OTHER_ACCOUNT}), "kms:Decrypt"),
            condition,
        )
    };
    let arn =
        |shared: &Shared| json!({"StringEquals": {"kms:EncryptionContext:SecretARN": shared.arn}});
    let via = |service: &str| json!({"StringEquals": {"kms:ViaService": service}});
    let kms_denied = "Access to KMS is not allowed";
    for (statement, expected) in [
        (decrypts(json!({})), None),
        (
            decrypts(via("secretsmanager.us-east-1.amazonaws.com")),
            None,
        ),
        (
            decrypts(via("secretsmanager.eu-west-1.amazonaws.com")),
            Some(kms_denied),
        ),
        (decrypts(arn(&Shared::new())), None),
        (
            decrypts(json!({"StringEquals": {"kms:EncryptionContext:SecretVersionId": V1}})),
            None,
        ),
        (
            decrypts(json!({"StringEquals": {"kms:EncryptionContext:SecretVersionId": V2}})),
            Some(kms_denied),
        ),
        (
            decrypts(json!({"StringEquals": {"kms:CallerAccount": OTHER_ACCOUNT}})),
            None,
        ),
        (
            allow(json!({"AWS": OTHER_ACCOUNT}), "kms:Encrypt"),
            Some(kms_denied),
        ),
        (
            allow(json!({"AWS": "333333333333"}), "kms:*"),
            Some(kms_denied),
        ),
    ] {
        let mut shared = Shared::with_policy(&[closed_to_nobody()]);
        shared.put_key_policy(&[owner.clone(), statement.clone()]);
        shared.be_other();
        let body = json!({"SecretId": shared.arn});
        match expected {
            None => {
                let read = shared.service.ok("GetSecretValue", body);
                assert_eq!(read["SecretString"], json!("one"), "{statement}");
            }
            Some(text) => {
                let refused = shared.service.refused("GetSecretValue", body);
                assert_eq!(refused, (DENIED, text.to_owned()), "{statement}");
            }
        }
    }
}

#[test]
fn a_key_s_policy_alone_opens_no_secret() {
    let mut shared = Shared::new();
    shared.be_other();
    assert_eq!(shared.outcome("GetSecretValue", &json!({})), DENIED);
}

// Source: api.md 1.3; AWS Secrets Manager User Guide, Access secrets from a different account.
#[test]
fn what_the_service_s_own_key_protects_is_not_for_another_account() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    let policy = policy(&[closed_to_nobody()]);
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": policy}),
    );
    service.be(OTHER_ACCOUNT, REGION);
    for (operation, more) in [
        ("GetSecretValue", json!({})),
        (
            "PutSecretValue",
            json!({"ClientRequestToken": V2, "SecretString": "two"}),
        ),
        (
            "UpdateSecret",
            json!({"ClientRequestToken": V2, "SecretString": "two"}),
        ),
        (
            "UpdateSecret",
            json!({"KmsKeyId": "alias/aws/secretsmanager"}),
        ),
    ] {
        let refused = service.refused(operation, with(&more, "SecretId", &arn));
        let expected = (REQUEST, DEFAULT_KEY.to_owned());
        assert_eq!(refused, expected, "{operation} {more}");
    }
    service.ok("DescribeSecret", json!({ "SecretId": arn }));
}

// Source: hashicorp/terraform-provider-aws 30272: a key that isn't named by an ARN is one of the caller's account.
#[test]
fn a_key_named_without_an_arn_is_one_of_the_caller_s_account() {
    let mut shared = Shared::with_policy(&[closed_to_nobody()]);
    let id = shared.key.rsplit('/').next().unwrap().to_owned();
    shared
        .service
        .ok("UpdateSecret", json!({"SecretId": "s", "KmsKeyId": id}));
    let put = json!({"ClientRequestToken": V2, "SecretString": "two"});
    shared.be_other();
    assert_eq!(shared.outcome("PutSecretValue", &put), NOT_FOUND);
    assert_eq!(shared.outcome("GetSecretValue", &json!({})), OK);
    shared.be_owner();
    assert_eq!(shared.outcome("PutSecretValue", &put), OK);
}

#[test]
fn another_account_puts_a_value_under_a_key_of_its_own() {
    let mut shared = Shared::with_policy(&[closed_to_nobody()]);
    shared.be_other();
    let all = |account: &str| allow(json!({"AWS": account}), "kms:*");
    let body = json!({"Policy": policy(&[all(ACCOUNT), all(OTHER_ACCOUNT)])});
    let made = shared
        .service
        .ask_of(kms::OPERATIONS, "CreateKey", &body)
        .unwrap();
    let key = made["KeyMetadata"]["Arn"].as_str().unwrap().to_owned();
    let id = key.rsplit('/').next().unwrap();
    assert_eq!(shared.outcome("UpdateSecret", &json!({"KmsKeyId": id})), OK);
    shared.be_owner();
    // To the owner, the bare id would be no key at all.
    assert_eq!(shared.service.describe()["KmsKeyId"], json!(key));
    assert_eq!(shared.outcome("GetSecretValue", &json!({})), OK);
    let put = json!({"ClientRequestToken": V2, "SecretString": "two"});
    assert_eq!(shared.outcome("PutSecretValue", &put), OK);
}

#[test]
fn a_batch_tells_of_each_secret_that_is_closed() {
    let mut shared = Shared::with_policy(&[deny(json!("*"), "secretsmanager:GetSecretValue")]);
    let open = json!({"Name": "open", "ClientRequestToken": V1, "SecretString": "two"});
    shared.service.ok("CreateSecret", open);
    for body in [
        json!({"SecretIdList": [shared.arn, "open"]}),
        json!({"Filters": [{"Key": "all", "Values": ["s", "open"]}]}),
    ] {
        let batch = shared.service.ok("BatchGetSecretValue", body);
        assert_eq!(batch["SecretValues"].as_array().unwrap().len(), 1);
        assert_eq!(batch["SecretValues"][0]["Name"], json!("open"));
        let errors = batch["Errors"].as_array().unwrap();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0]["ErrorCode"], json!(DENIED));
        assert_eq!(errors[0]["SecretId"], json!(shared.arn));
        let message = errors[0]["Message"].as_str().unwrap();
        assert!(
            message.ends_with("with an explicit deny in a resource-based policy"),
            "{message}"
        );
    }
    // Lists tell names, which no policy of a secret hides.
    let listed = shared.service.ok("ListSecrets", json!({}));
    assert_eq!(listed["SecretList"].as_array().unwrap().len(), 2);
}

#[test]
fn a_batch_asks_each_secret_of_another_account() {
    let mut shared = Shared::new();
    let read = |shared: &mut Shared| {
        shared.be_other();
        let missing = shared.arn.replace(":secret:s-", ":secret:t-");
        let body = json!({"SecretIdList": [shared.arn, missing]});
        let batch = shared.service.ok("BatchGetSecretValue", body);
        let errors = batch["Errors"].as_array().unwrap();
        let codes: Vec<&str> = errors
            .iter()
            .map(|error| error["ErrorCode"].as_str().unwrap())
            .collect();
        (
            batch["SecretValues"].as_array().unwrap().len(),
            codes.join(" "),
        )
    };
    assert_eq!(read(&mut shared), (0, format!("{DENIED} {DENIED}")));
    shared.put_policy(&[closed_to_nobody()]);
    assert_eq!(read(&mut shared), (1, DENIED.to_owned()));
}

// Source: AWS Secrets Manager API Reference, PutResourcePolicy, ValidateResourcePolicy; access-control.md 8.
#[test]
fn nobody_puts_a_policy_that_locks_them_out() {
    let put = "secretsmanager:PutResourcePolicy";
    let away = |key: &str, value: &str| json!({"StringNotEquals": {key: value}});
    for (statements, owner, other) in [
        (vec![closed_to_nobody()], OK, OK),
        (
            vec![
                closed_to_nobody(),
                deny(json!("*"), "secretsmanager:GetSecretValue"),
            ],
            OK,
            OK,
        ),
        (
            vec![allow(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:Get*")],
            OK,
            REQUEST,
        ),
        (
            vec![allow(json!({"AWS": "333333333333"}), "*")],
            OK,
            REQUEST,
        ),
        (
            vec![closed_to_nobody(), deny(json!({"AWS": ACCOUNT}), put)],
            REQUEST,
            OK,
        ),
        (
            vec![closed_to_nobody(), deny(json!({"AWS": OTHER_ACCOUNT}), "*")],
            OK,
            REQUEST,
        ),
        (
            vec![closed_to_nobody(), deny(json!("*"), "secretsmanager:*")],
            REQUEST,
            REQUEST,
        ),
        (
            vec![
                closed_to_nobody(),
                on_condition(deny(json!("*"), "*"), away("aws:PrincipalAccount", ACCOUNT)),
            ],
            OK,
            REQUEST,
        ),
        (
            vec![
                closed_to_nobody(),
                on_condition(deny(json!("*"), "*"), away("aws:RequestedRegion", "mars-1")),
            ],
            REQUEST,
            REQUEST,
        ),
        (
            vec![
                closed_to_nobody(),
                on_condition(deny(json!("*"), "*"), away("aws:ResourceTag/team", "web")),
            ],
            OK,
            OK,
        ),
    ] {
        let text = policy(&statements);
        for (is_owner, expected) in [(true, owner), (false, other)] {
            let mut shared = Shared::with_policy(&[closed_to_nobody()]);
            if !is_owner {
                shared.be_other();
            }
            let body = json!({"ResourcePolicy": text, "SecretId": shared.arn});
            let validated = shared.service.ok("ValidateResourcePolicy", body.clone());
            let errors = validated["ValidationErrors"].as_array().unwrap();
            let locks_out = errors
                .iter()
                .any(|error| error["CheckName"] == json!("LOCKOUT_CHECK"));
            assert_eq!(locks_out, expected != OK, "{text}");
            assert_eq!(
                shared.outcome("PutResourcePolicy", &body),
                expected,
                "{text}"
            );
        }
    }
}

#[test]
fn validating_names_each_statement_that_grants_to_everyone() {
    let everyone = |sid: Option<&str>, condition: Value| {
        let mut statement = on_condition(
            allow(json!("*"), "secretsmanager:GetSecretValue"),
            condition,
        );
        if let Some(sid) = sid {
            statement["Sid"] = json!(sid);
        }
        statement
    };
    let pinned = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}});
    let loose = json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/reader"}});
    let statements = [
        everyone(None, json!({})),
        everyone(Some("Pinned"), pinned),
        closed_to_nobody(),
        everyone(Some("Loose"), loose),
    ];
    let mut shared = Shared::new();
    let body = json!({"ResourcePolicy": policy(&statements), "SecretId": "s"});
    let validated = shared.service.ok("ValidateResourcePolicy", body.clone());
    let errors = validated["ValidationErrors"].as_array().unwrap();
    let named: Vec<&str> = errors
        .iter()
        .map(|error| {
            error["ErrorMessage"]
                .as_str()
                .unwrap()
                .split(" of this")
                .next()
                .unwrap()
        })
        .collect();
    assert_eq!(named, ["Statement 1", "Statement 4 (Loose)"]);
    for (block, expected) in [(false, OK), (true, "PublicPolicyException")] {
        let mut body = body.clone();
        body["BlockPublicPolicy"] = json!(block);
        assert_eq!(shared.outcome("PutResourcePolicy", &body), expected);
    }
}

// Source: AWS Secrets Manager API Reference, TagResource, UntagResource.
#[test]
fn nobody_changes_tags_so_that_they_could_not_any_more() {
    let unless = json!({"StringNotEquals": {"aws:ResourceTag/team": "web"}});
    let closed = on_condition(deny(json!("*"), "secretsmanager:*agResource"), unless);
    for (operation, more, expected) in [
        (
            "TagResource",
            json!({"Tags": [{"Key": "other", "Value": "x"}]}),
            OK,
        ),
        (
            "TagResource",
            json!({"Tags": [{"Key": "team", "Value": "web"}]}),
            OK,
        ),
        (
            "TagResource",
            json!({"Tags": [{"Key": "team", "Value": "data"}]}),
            DENIED,
        ),
        ("UntagResource", json!({"TagKeys": ["other"]}), OK),
        ("UntagResource", json!({"TagKeys": ["team"]}), DENIED),
    ] {
        let mut shared = Shared::with_policy(std::slice::from_ref(&closed));
        let before = shared.service.describe();
        assert_eq!(
            shared.outcome(operation, &more),
            expected,
            "{operation} {more}"
        );
        if expected == DENIED {
            assert_eq!(shared.service.describe(), before, "{operation} {more}");
        }
    }
}

#[test]
fn a_deleted_secret_s_policy_is_still_in_force() {
    let mut shared = Shared::with_policy(&[deny(json!("*"), "secretsmanager:RestoreSecret")]);
    shared.service.ok("DeleteSecret", json!({"SecretId": "s"}));
    assert_eq!(shared.outcome("RestoreSecret", &json!({})), DENIED);
    assert_eq!(shared.outcome("DescribeSecret", &json!({})), OK);
}

// Source: IAM User Guide, AWS global condition context keys; access-control.md 5.1.
#[test]
fn policies_are_told_where_a_request_came_from() {
    let sender = |address: &str, secure, user_agent: &str| Sender {
        address: Some(address.to_owned()),
        secure,
        user_agent: Some(user_agent.to_owned()),
    };
    for (condition, sender, expected) in [
        (
            json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
            sender("192.0.2.7", true, "x"),
            OK,
        ),
        (
            json!({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
            sender("192.0.3.7", true, "x"),
            DENIED,
        ),
        (
            json!({"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}),
            sender("2001:db8::1", true, "x"),
            OK,
        ),
        (
            json!({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
            sender("192.0.2.7", true, "x"),
            DENIED,
        ),
        (
            json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}),
            Sender::default(),
            DENIED,
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "true"}}),
            sender("192.0.2.7", true, "x"),
            OK,
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "true"}}),
            sender("192.0.2.7", false, "x"),
            DENIED,
        ),
        (
            json!({"StringLike": {"aws:UserAgent": "Boto3/*"}}),
            sender("192.0.2.7", true, "Boto3/1"),
            OK,
        ),
        (
            json!({"StringLike": {"aws:UserAgent": "Boto3/*"}}),
            sender("192.0.2.7", true, "curl"),
            DENIED,
        ),
        (
            json!({"Bool": {"aws:ViaAWSService": "false"}}),
            Sender::default(),
            OK,
        ),
        (
            json!({"Null": {"aws:SourceVpc": "true"}}),
            Sender::default(),
            OK,
        ),
        (
            json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
            Sender::default(),
            OK,
        ),
    ] {
        let everything = allow(json!({"AWS": OTHER_ACCOUNT}), "secretsmanager:*");
        let mut shared = Shared::with_policy(&[on_condition(everything, condition.clone())]);
        shared.be_other();
        shared.service.sender = sender;
        assert_eq!(
            shared.outcome("GetSecretValue", &json!({})),
            expected,
            "{condition}"
        );
    }
}

// Source: IAM User Guide, aws:SourceIp, aws:CalledVia: absent, and filled, where a service acts for its caller.
#[test]
fn a_key_asked_through_the_service_is_not_told_where_the_request_came_from() {
    for (condition, expected) in [
        (json!({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}), DENIED),
        (json!({"Bool": {"aws:SecureTransport": "true"}}), OK),
        (
            json!({"StringEquals": {"aws:UserAgent": "secretsmanager.amazonaws.com"}}),
            OK,
        ),
        (json!({"Bool": {"aws:ViaAWSService": "true"}}), OK),
        (
            json!({"ForAnyValue:StringEquals": {"aws:CalledVia": "secretsmanager.amazonaws.com"}}),
            OK,
        ),
        (
            json!({"StringEquals": {"aws:CalledViaFirst": "kms.amazonaws.com"}}),
            DENIED,
        ),
    ] {
        let mut shared = Shared::with_policy(&[closed_to_nobody()]);
        let decrypts = allow(json!({"AWS": OTHER_ACCOUNT}), "kms:Decrypt");
        let owner = allow(json!({"AWS": ACCOUNT}), "kms:*");
        shared.put_key_policy(&[owner, on_condition(decrypts, condition.clone())]);
        shared.be_other();
        shared.service.sender.address = Some("192.0.2.7".to_owned());
        assert_eq!(
            shared.outcome("GetSecretValue", &json!({})),
            expected,
            "{condition}"
        );
    }
}

#[test]
fn with_a_secret_its_policy_is_gone() {
    let mut shared = Shared::with_policy(&[closed_to_nobody()]);
    let window = json!({"SecretId": "s", "RecoveryWindowInDays": 7});
    shared.service.ok("DeleteSecret", window);
    shared.be_other();
    assert_eq!(shared.outcome("DescribeSecret", &json!({})), OK);
    // The end of the window counts, not when the record is removed.
    shared.service.pass(DAY * 7);
    assert_eq!(shared.outcome("DescribeSecret", &json!({})), DENIED);
    shared.be_owner();
    assert_eq!(shared.outcome("DescribeSecret", &json!({})), NOT_FOUND);
    shared.service.purge();
    shared.be_other();
    assert_eq!(shared.outcome("DescribeSecret", &json!({})), DENIED);
}

impl Shared {
    /// Makes the user `u` of an account, with these policies of its own, and asks as it from now on.
    fn be_user(&mut self, account: &str, statements: &[Value]) {
        self.service.be(account, REGION);
        let user = json!({"UserName": "u"});
        let ask = |service: &mut Service, operation: &str, body: &Value| {
            service.ask_of(iam::OPERATIONS, operation, body).unwrap()
        };
        ask(&mut self.service, "CreateUser", &user);
        let made = ask(&mut self.service, "CreateAccessKey", &user);
        if !statements.is_empty() {
            let document = policy(statements);
            let body = json!({"UserName": "u", "PolicyName": "p", "PolicyDocument": document});
            ask(&mut self.service, "PutUserPolicy", &body);
        }
        let key = made["AccessKey"]["AccessKeyId"].as_str().unwrap();
        self.service.be_user(account, "u", key);
    }
}

/// A statement of a user's own policy.
fn own(effect: &str, condition: Value) -> Value {
    let actions = ["secretsmanager:*", "kms:*"];
    json!({"Effect": effect, "Action": actions, "Resource": "*", "Condition": condition})
}

#[test]
fn another_account_s_user_needs_both_sides() {
    let user = format!("arn:aws:iam::{OTHER_ACCOUNT}:user/u");
    let resource =
        "because no resource-based policy allows the secretsmanager:GetSecretValue action";
    let identity =
        "because no identity-based policy allows the secretsmanager:GetSecretValue action";
    let explicit = "with an explicit deny in an identity-based policy";
    let key = "Access to KMS is not allowed";
    let named = || vec![allow(json!({"AWS": user}), "secretsmanager:*")];
    let only_here = json!({"action": ["secretsmanager:*"]});
    for (of_secret, of_user, expected) in [
        (named(), vec![own("Allow", json!({}))], None),
        (
            vec![closed_to_nobody()],
            vec![own("Allow", json!({}))],
            None,
        ),
        (named(), vec![], Some(identity)),
        (vec![], vec![own("Allow", json!({}))], Some(resource)),
        (vec![], vec![], Some(resource)),
        (
            named(),
            vec![own("Allow", json!({})), own("Deny", json!({}))],
            Some(explicit),
        ),
        (
            named(),
            vec![{
                let mut without_key = own("Allow", json!({}));
                without_key["Action"] = only_here["action"].clone();
                without_key
            }],
            Some(key),
        ),
    ] {
        let mut shared = Shared::new();
        shared.be_user(OTHER_ACCOUNT, &of_user);
        let user = shared.service.caller();
        if !of_secret.is_empty() {
            shared.put_policy(&of_secret);
        }
        shared.service.be_caller(user);
        let answer = shared
            .service
            .ask("GetSecretValue", &json!({"SecretId": shared.arn}));
        let told = answer.err().and_then(|refusal| refusal.message);
        match expected {
            None => assert_eq!(told, None, "{of_secret:?} {of_user:?}"),
            Some(end) => {
                let told = told.unwrap();
                assert!(told.ends_with(end), "{told}: {of_secret:?} {of_user:?}");
            }
        }
    }
}

#[test]
fn a_policy_of_another_account_s_own_does_not_find_out_what_there_is() {
    // Each would tell a tag, a type or a key's kind by which policy it is that refuses.
    for condition in [
        json!({}),
        json!({"StringEquals": {"aws:ResourceTag/team": "web"}}),
        json!({"Null": {"aws:ResourceTag/team": "true"}}),
        json!({"Null": {"secretsmanager:SecretId": "true"}}),
        json!({"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}}),
        json!({"Null": {"kms:KeySpec": "true"}}),
    ] {
        let mut shared = Shared::new();
        let owner = allow(json!({"AWS": ACCOUNT}), "kms:*");
        shared.put_key_policy(&[owner]);
        shared.be_user(
            OTHER_ACCOUNT,
            &[own("Allow", json!({})), own("Deny", condition.clone())],
        );
        let missing = shared.arn.replace(":secret:s-", ":secret:t-");
        let mut said = |id: &str| {
            let refused = shared
                .service
                .refused("DescribeSecret", json!({ "SecretId": id }));
            (refused.0, refused.1.replace(id, "ID"))
        };
        let there = shared.arn.clone();
        assert_eq!(said(&there), said(&missing), "{condition}");
        let (key, other) = (
            shared.key.clone(),
            shared.key[..shared.key.len() - 4].to_owned() + "0000",
        );
        let mut said = |id: &str| {
            let body = json!({ "KeyId": id });
            let refused = shared
                .service
                .ask_of(kms::OPERATIONS, "DescribeKey", &body)
                .unwrap_err();
            (
                refused.code,
                refused.message.map(|told| told.replace(id, "ID")),
            )
        };
        assert_eq!(said(&key), said(&other), "{condition}");
    }
}

// Source: access-control.md 6.4: a policy that names the user is enough within its account, one that names the account
// is not; an explicit denial wins.
#[test]
fn its_own_account_s_user_is_allowed_by_either_side() {
    let user = json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:user/u")});
    let describes = "secretsmanager:DescribeSecret";
    for (of_secret, of_user, expected) in [
        (None, vec![], DENIED),
        (None, vec![own("Allow", json!({}))], OK),
        (Some(allow(user.clone(), describes)), vec![], OK),
        (
            Some(allow(json!({"AWS": ACCOUNT}), describes)),
            vec![],
            DENIED,
        ),
        (Some(allow(json!("*"), describes)), vec![], OK),
        (
            Some(allow(user.clone(), describes)),
            vec![own("Deny", json!({}))],
            DENIED,
        ),
        (
            Some(deny(user.clone(), describes)),
            vec![own("Allow", json!({}))],
            DENIED,
        ),
        (
            None,
            vec![own(
                "Allow",
                json!({"StringEquals": {"aws:ResourceTag/team": "web"}}),
            )],
            OK,
        ),
        (
            None,
            vec![own(
                "Allow",
                json!({"StringEquals": {"secretsmanager:ResourceTag/team": "db"}}),
            )],
            DENIED,
        ),
        (
            None,
            vec![own(
                "Allow",
                json!({"StringEquals": {"secretsmanager:SecretId": Shared::new().arn}}),
            )],
            OK,
        ),
    ] {
        let mut shared = Shared::new();
        shared.be_user(ACCOUNT, &of_user);
        let as_user = shared.service.caller();
        if let Some(statement) = &of_secret {
            shared.put_policy(std::slice::from_ref(statement));
        }
        shared.service.be_caller(as_user);
        assert_eq!(
            shared.outcome("DescribeSecret", &json!({})),
            expected,
            "{of_secret:?} {of_user:?}"
        );
    }
}

// Source: access-control.md 5.2, CreateSecret; 9.
#[test]
fn making_a_secret_fills_its_condition_keys() {
    let tags = json!([{"Key": "cost", "Value": "12"}]);
    let plain = json!({"Name": "new", "ClientRequestToken": V1});
    let with = |name: &str, value: Value| {
        let mut body = plain.clone();
        body[name] = value;
        body
    };
    for (operator, key, value, body) in [
        ("StringEquals", "secretsmanager:Name", "new", plain.clone()),
        (
            "StringEquals",
            "secretsmanager:Description",
            "d",
            with("Description", json!("d")),
        ),
        (
            "StringEquals",
            "secretsmanager:Type",
            "t",
            with("Type", json!("t")),
        ),
        (
            "Bool",
            "secretsmanager:ForceOverwriteReplicaSecret",
            "false",
            plain.clone(),
        ),
        (
            "StringEquals",
            "aws:RequestTag/cost",
            "12",
            with("Tags", tags.clone()),
        ),
        (
            "ForAnyValue:StringEquals",
            "aws:TagKeys",
            "cost",
            with("Tags", tags),
        ),
        ("Null", "secretsmanager:KmsKeyId", "true", plain.clone()),
        ("Null", "secretsmanager:KmsKeyArn", "true", plain.clone()),
        ("Null", "secretsmanager:SecretId", "true", plain.clone()),
        (
            "Null",
            "secretsmanager:AddReplicaRegions",
            "true",
            plain.clone(),
        ),
    ] {
        let opposite = match value {
            "true" => "false",
            "false" => "true",
            _ => "other",
        };
        for (value, expected) in [(value, OK), (opposite, DENIED)] {
            let condition = json!({operator: {key: value}});
            let mut shared = Shared::new();
            shared.be_user(ACCOUNT, &[own("Allow", condition.clone())]);
            let outcome = shared.service.ask("CreateSecret", &body);
            let outcome = outcome.map_or_else(|refusal| refusal.code, |_| OK);
            assert_eq!(outcome, expected, "{condition} {body}");
        }
    }
    for (key, expected) in [
        ("secretsmanager:KmsKeyId", OK),
        ("secretsmanager:KmsKeyArn", OK),
    ] {
        let mut shared = Shared::new();
        let condition = json!({"StringEquals": {key: shared.key}});
        let mut unconditional = own("Allow", json!({}));
        unconditional["Action"] = json!("kms:*");
        shared.be_user(ACCOUNT, &[own("Allow", condition), unconditional]);
        let body = with("KmsKeyId", json!(shared.key));
        let outcome = shared.service.ask("CreateSecret", &body);
        assert_eq!(
            outcome.map_or_else(|refusal| refusal.code, |_| OK),
            expected,
            "{key}"
        );
        assert_eq!(
            shared.service.ask("CreateSecret", &plain).unwrap_err().code,
            DENIED
        );
    }
}
