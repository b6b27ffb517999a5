//! Resource policies. Source: api.md 6.18 to 6.21; access-control.md 8.

use serde_json::{Value, json};

use crate::harness::{PARAMETER, REQUEST, Service, V1, VALIDATION, members};

const MALFORMED: &str = "MalformedPolicyDocumentException";
const PUBLIC: &str = "PublicPolicyException";

fn policy(effect: &str, principal: Value, action: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": effect, "Principal": principal, "Action": action, "Resource": "*"}],
    })
    .to_string()
}

fn put(policy: &str) -> Value {
    json!({"SecretId": "s", "ResourcePolicy": policy})
}

#[test]
fn a_policy_comes_back_byte_by_byte_until_it_is_deleted() {
    let mut service = Service::with_secret();
    let text = format!(
        " {}\n",
        policy(
            "Allow",
            json!({"AWS": "333333333333"}),
            "secretsmanager:GetSecretValue"
        )
    );
    assert_eq!(
        members(&service.ok("PutResourcePolicy", put(&text))),
        ["ARN", "Name"]
    );
    let got = service.ok("GetResourcePolicy", json!({"SecretId": "s"}));
    assert_eq!(members(&got), ["ARN", "Name", "ResourcePolicy"]);
    assert_eq!(got["ResourcePolicy"], json!(text));
    for _ in 0..2 {
        assert_eq!(
            members(&service.ok("DeleteResourcePolicy", json!({"SecretId": "s"}))),
            ["ARN", "Name"]
        );
        assert_eq!(
            service
                .ok("GetResourcePolicy", json!({"SecretId": "s"}))
                .get("ResourcePolicy"),
            None
        );
    }
}

#[test]
fn a_policy_replaces_the_one_before() {
    let mut service = Service::with_secret();
    for account in ["333333333333", "444444444444"] {
        let text = policy("Allow", json!({ "AWS": account }), "secretsmanager:*");
        service.ok("PutResourcePolicy", put(&text));
        assert_eq!(
            service.ok("GetResourcePolicy", json!({"SecretId": "s"}))["ResourcePolicy"],
            json!(text)
        );
    }
}

#[test]
fn a_policy_that_cannot_be_kept_is_refused() {
    let someone = json!({"AWS": "333333333333"});
    for (text, code, message) in [
        (
            "no JSON".to_owned(),
            MALFORMED,
            "This resource policy contains invalid JSON.",
        ),
        (
            "{}".to_owned(),
            MALFORMED,
            "This policy has invalid syntax.",
        ),
        (
            policy("Maybe", someone.clone(), "secretsmanager:*"),
            MALFORMED,
            "This policy has invalid syntax.",
        ),
        (
            policy("Allow", someone, "s3:GetObject"),
            MALFORMED,
            "This policy has invalid syntax.",
        ),
        (
            policy("Allow", json!({"CanonicalUser": "abc"}), "secretsmanager:*"),
            MALFORMED,
            "This resource policy contains an unsupported principal.",
        ),
        (
            policy(
                "Allow",
                json!({"AWS": "arn:aws:iam::123456789012:role/gone"}),
                "secretsmanager:*",
            ),
            MALFORMED,
            "This resource policy contains an unsupported principal.",
        ),
        (
            policy("Deny", json!("*"), "secretsmanager:PutResourcePolicy"),
            REQUEST,
            "Statement 1 of this resource policy denies you secretsmanager:PutResourcePolicy",
        ),
        (
            policy("Deny", json!({"AWS": "123456789012"}), "*"),
            REQUEST,
            "Statement 1 of this resource policy denies you secretsmanager:PutResourcePolicy",
        ),
        (String::new(), VALIDATION, ""),
        ("x".repeat(20_481), VALIDATION, ""),
    ] {
        let refused = Service::with_secret().refused("PutResourcePolicy", put(&text));
        assert_eq!(refused.0, code, "{text:.200} {}", refused.1);
        assert!(refused.1.starts_with(message), "{}", refused.1);
    }
}

#[test]
fn a_public_policy_is_refused_only_where_that_is_asked_for() {
    let public = policy("Allow", json!("*"), "secretsmanager:GetSecretValue");
    for (block, accepted) in [
        (json!(null), true),
        (json!(false), true),
        (json!(true), false),
    ] {
        let mut body = put(&public);
        body["BlockPublicPolicy"] = block;
        let mut service = Service::with_secret();
        match accepted {
            true => drop(service.ok("PutResourcePolicy", body)),
            false => assert_eq!(service.code("PutResourcePolicy", body), PUBLIC),
        }
    }
}

#[test]
fn validating_reports_what_fails_and_keeps_nothing() {
    let locks_out = policy("Deny", json!("*"), "secretsmanager:PutResourcePolicy");
    for (text, secret, passed) in [
        (
            policy("Allow", json!({"AWS": "333333333333"}), "secretsmanager:*"),
            Some("s"),
            true,
        ),
        (policy("Allow", json!("*"), "secretsmanager:*"), None, false),
        (policy("Maybe", json!("*"), "secretsmanager:*"), None, false),
        (locks_out.clone(), Some("s"), false),
        // Without a secret there is nothing to be locked out of.
        (locks_out, None, true),
    ] {
        let mut service = Service::with_secret();
        let answer = service.ok(
            "ValidateResourcePolicy",
            json!({"SecretId": secret, "ResourcePolicy": text}),
        );
        assert_eq!(
            members(&answer),
            ["PolicyValidationPassed", "ValidationErrors"]
        );
        assert_eq!(answer["PolicyValidationPassed"], json!(passed), "{text}");
        let errors = answer["ValidationErrors"].as_array().unwrap();
        assert_eq!(errors.is_empty(), passed);
        for error in errors {
            assert_eq!(members(error), ["CheckName", "ErrorMessage"]);
        }
        assert_eq!(
            service
                .ok("GetResourcePolicy", json!({"SecretId": "s"}))
                .get("ResourcePolicy"),
            None
        );
    }
    assert_eq!(
        Service::new().code(
            "ValidateResourcePolicy",
            json!({"ResourcePolicy": "no JSON"})
        ),
        MALFORMED
    );
}

#[test]
fn a_policy_goes_with_its_secret() {
    let mut service = Service::with_secret();
    service.ok(
        "PutResourcePolicy",
        put(&policy(
            "Allow",
            json!({"AWS": "333333333333"}),
            "secretsmanager:*",
        )),
    );
    service.ok(
        "DeleteSecret",
        json!({"SecretId": "s", "ForceDeleteWithoutRecovery": true}),
    );
    service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1}),
    );
    assert_eq!(
        service
            .ok("GetResourcePolicy", json!({"SecretId": "s"}))
            .get("ResourcePolicy"),
        None
    );
    assert_eq!(
        service.code("GetResourcePolicy", json!({"SecretId": "arn:x"})),
        PARAMETER
    );
}
