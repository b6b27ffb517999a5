//! RotateSecret with built-in functions, and rotations by them from the first step to the last.

use serde_json::{Value as Json, json};
use strongroom_services::kms;
use strongroom_services::rotation::built_in::Call;
use strongroom_services::rotation::job::Answer;

use super::secret;
use crate::harness::{ACCOUNT, DAY, DENIED, PARAMETER, REGION, Service, V1, V2, V3, V4};
use crate::iam::policy;

/// A request to rotate the secret `s`.
fn request(name: &str, parameters: &[(&str, &str)], token: &str) -> Json {
    let parameters = parameters.iter();
    let parameters: Vec<Json> = parameters
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    json!({
        "SecretId": "s",
        "ClientRequestToken": token,
        "RotationLambdaARN": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-{name}"),
        "RotationRules": {"AutomaticallyAfterDays": 30},
        "ExternalSecretRotationMetadata": parameters,
    })
}

/// Carries out every step that is due; says what the shell was asked for.
fn work_off(service: &mut Service, answer: impl Fn() -> Result<String, String>) -> Vec<Json> {
    let mut asked = Vec::new();
    let mut next = service.take_step();
    while let Some(work) = next {
        next = match service.carry_out_step(&work, None) {
            Ok(next) => next,
            Err(Call::Post(post)) => {
                asked.push(serde_json::from_slice(post.event.expose()).unwrap());
                let said =
                    answer().map(|said| strongroom_keys::SecretBytes::new(said.into_bytes()));
                let took = std::time::Duration::from_millis(1);
                let done = service.carry_out_step(&work, Some(Answer { said, took }));
                done.unwrap_or_else(|call| panic!("it asks again: {call:?}"))
            }
        };
    }
    asked
}

/// How many access keys bob has.
fn access_keys(service: &mut Service) -> usize {
    let listed = service.iam("ListAccessKeys", json!({"UserName": "bob"}));
    listed["AccessKeyMetadata"].as_array().unwrap().len()
}

fn value(service: &mut Service) -> String {
    let value = service.ok("GetSecretValue", json!({"SecretId": "s"}));
    value["SecretString"].as_str().unwrap().to_owned()
}

#[test]
fn access_keys_rotate_by_the_job() {
    let mut service = Service::with_secret();
    service.iam("CreateUser", json!({"UserName": "bob"}));
    for (token, count) in [(V2, 1), (V3, 2), (V4, 2)] {
        service.ok(
            "RotateSecret",
            request("iam-access-key", &[("UserName", "bob")], token),
        );
        work_off(&mut service, || panic!("nobody is asked"));
        let made: Json = serde_json::from_str(&value(&mut service)).unwrap();
        assert_eq!(made["UserName"], "bob", "{token}");
        assert_eq!(access_keys(&mut service), count, "{token}");
    }
}

#[test]
fn a_value_that_cannot_be_sealed_leaves_no_access_key_behind() {
    let mut service = Service::new();
    service.iam("CreateUser", json!({"UserName": "bob"}));
    let key = service
        .ask_of(kms::OPERATIONS, "CreateKey", &json!({}))
        .unwrap();
    let key = key["KeyMetadata"]["KeyId"].clone();
    service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1, "KmsKeyId": key}),
    );
    service.ok(
        "RotateSecret",
        request("iam-access-key", &[("UserName", "bob")], V2),
    );
    service
        .ask_of(kms::OPERATIONS, "DisableKey", &json!({"KeyId": key}))
        .unwrap();
    work_off(&mut service, || panic!("nobody is asked"));
    assert_eq!(access_keys(&mut service), 0);
    service
        .ask_of(kms::OPERATIONS, "EnableKey", &json!({"KeyId": key}))
        .unwrap();
    service.pass(DAY);
    work_off(&mut service, || panic!("nobody is asked"));
    assert_eq!(access_keys(&mut service), 1);
    assert!(value(&mut service).contains("AKIA"));
}

#[test]
fn a_webhook_that_makes_the_value_is_told_of_each_step() {
    let mut service = Service::with_secret();
    let parameters = [("Url", "https://hooks.example.com"), ("Creates", "true")];
    service.ok("RotateSecret", request("webhook", &parameters, V2));
    let asked = work_off(
        &mut service,
        || Ok("{\"SecretString\":\"made\"}".to_owned()),
    );
    let steps: Vec<&str> = asked
        .iter()
        .map(|event| event["step"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["createSecret", "setSecret", "testSecret"]);
    assert_eq!(value(&mut service), "made");
}

#[test]
fn a_step_that_a_webhook_refuses_leaves_the_value_as_it_is() {
    let mut service = Service::with_secret();
    service.ok(
        "RotateSecret",
        request("webhook", &[("Url", "https://hooks.example.com")], V2),
    );
    let asked = work_off(&mut service, || Err("the webhook answers 500".to_owned()));
    assert_eq!(asked.len(), 1);
    assert_eq!(value(&mut service), "one");
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_rotated() {
    let mut service = Service::with_secret();
    for (name, parameters, part) in [
        (
            "random",
            &[][..],
            "There is no built-in function strongroom-random. There are: strongroom-iam-access-key, ",
        ),
        (
            "random-value",
            &[("PasswordLength", "x")],
            "PasswordLength must be a whole number",
        ),
        (
            "iam-access-key",
            &[("UserName", "bob")],
            "can't rotate this secret: there is no IAM user bob",
        ),
        (
            "tls-certificate",
            &[("CaSecretId", "ca"), ("DnsNames", "a.example")],
            "secret:ca (CaSecretId) can't be used",
        ),
        (
            "webhook",
            &[("Url", "https://h"), ("SigningSecretId", "k")],
            "secret:k (SigningSecretId) can't be used",
        ),
    ] {
        let (code, text) = service.refused("RotateSecret", request(name, parameters, V2));
        assert_eq!(code, PARAMETER, "{name}: {text}");
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn whoever_rotates_must_be_allowed_what_the_function_does() {
    let mut service = Service::with_secret();
    service.iam("CreateUser", json!({"UserName": "bob"}));
    service.iam("CreateUser", json!({"UserName": "alice"}));
    let made = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
    let access_key = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    let rotate = [
        policy("Allow", "secretsmanager:RotateSecret", "*"),
        policy("Allow", "lambda:InvokeFunction", "*"),
    ];
    let tells = [("Url", "https://h"), ("IncludeValue", "true")];
    for (name, parameters, more, lacks) in [
        ("random-value", &[][..], "none:None", None),
        (
            "iam-access-key",
            &[("UserName", "bob")],
            "iam:Create*",
            Some("iam:DeleteAccessKey"),
        ),
        ("iam-access-key", &[("UserName", "bob")], "iam:*", None),
        (
            "webhook",
            &tells,
            "iam:*",
            Some("secretsmanager:GetSecretValue"),
        ),
        ("webhook", &tells, "secretsmanager:*", None),
    ] {
        let mut statements = rotate.to_vec();
        statements.push(policy("Allow", more, "*"));
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &access_key);
        let asked = service.ask("RotateSecret", &request(name, parameters, V2));
        match lacks {
            None => {
                asked.unwrap();
                service.be(ACCOUNT, REGION);
                service.ok("CancelRotateSecret", json!({"SecretId": "s"}));
                service.ok(
                    "UpdateSecretVersionStage",
                    json!({"SecretId": "s", "VersionStage": "AWSPENDING", "RemoveFromVersionId": V2}),
                );
            }
            Some(action) => {
                let refusal = asked.unwrap_err();
                assert_eq!(refusal.code, DENIED);
                assert!(refusal.message.unwrap().contains(action), "{name}");
            }
        }
    }
    assert_eq!(secret(&service, "s").labels.holder("AWSCURRENT"), Some(V1));
}
