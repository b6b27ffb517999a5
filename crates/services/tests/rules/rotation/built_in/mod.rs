//! The built-in functions: how one is chosen and configured, and what each makes.

mod configuring;
mod iam_access_key;
mod random_value;
mod ssh_key_pair;
mod tls_certificate;
mod webhook;

use serde_json::json;
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::function_arn::FunctionArn;
use strongroom_services::records::{Changes, Key};
use strongroom_services::refusal::Refusal;
use strongroom_services::rotation::built_in::{
    self, BuiltIn, Call, Created, Failure, Parameter, Rotation,
};
use strongroom_services::rotation::step::Step;
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_services::secretsmanager::version::Value;

use crate::harness::{ACCOUNT, PARAMETER, REGION, Service, V2, caller};

/// The record of a secret.
fn secret(service: &Service, name: &str) -> Secret {
    let caller = caller(ACCOUNT, REGION);
    let key = Key::secret(&caller.account, &caller.region, name);
    Secret::clone(&service.read::<Secret>(key).unwrap())
}

/// A built-in function for the secret `s`.
fn configured(
    service: &Service,
    name: &str,
    parameters: &[(&str, &str)],
) -> Result<Box<dyn BuiltIn>, Refusal> {
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:strongroom-{name}");
    configured_by(service, &arn, parameters).map(|it| it.unwrap())
}

fn configured_by(
    service: &Service,
    arn: &str,
    parameters: &[(&str, &str)],
) -> Result<Option<Box<dyn BuiltIn>>, Refusal> {
    let parameters: Vec<Parameter> = parameters
        .iter()
        .map(|(key, value)| Parameter {
            key: (*key).to_owned(),
            value: (*value).to_owned(),
        })
        .collect();
    let secret = secret(service, "s");
    built_in::of(&FunctionArn::parse(arn).unwrap(), &parameters, &secret)
}

fn text(text: &str) -> Value {
    Value::Text(SecretBytes::copy_of(text.as_bytes()))
}

fn shown(value: &Value) -> String {
    String::from_utf8(value.bytes().expose().to_vec()).unwrap()
}

/// What a function makes of the current value of the secret `s`; what it changes besides is committed.
fn create(
    service: &mut Service,
    function: &dyn BuiltIn,
    current: Option<&Value>,
) -> Result<Created, String> {
    let secret = secret(service, "s");
    let rotation = Rotation {
        secret: &secret,
        version_id: V2,
        current,
    };
    let mut changes = Changes::none();
    let made = service.with_records(|records| {
        function.create(&rotation, records, &service.means(), &mut changes)
    });
    let made = made.map_err(told)?;
    service.commit(changes);
    Ok(made)
}

/// The value that a function makes by itself.
fn created(
    service: &mut Service,
    function: &dyn BuiltIn,
    current: Option<&Value>,
) -> Result<String, String> {
    match create(service, function, current)? {
        Created::Value(value) => Ok(shown(&value)),
        Created::Asked(_) => panic!("it asks somebody else"),
    }
}

/// Rotates the secret `s` as the job does: to a version that gets the value which a function makes by itself.
fn rotate(
    service: &mut Service,
    function: &dyn BuiltIn,
    version_id: &str,
) -> Result<String, String> {
    let current = current(service);
    let made = created(service, function, current.as_ref())?;
    let pending = json!({"SecretId": "s", "ClientRequestToken": version_id, "SecretString": made,
        "VersionStages": ["AWSPENDING"]});
    service.ok("PutSecretValue", pending);
    for at in [Step::Set, Step::Test] {
        assert!(step(service, function, at, &made)?.is_none());
    }
    let secret = secret(service, "s");
    let rotation = Rotation {
        secret: &secret,
        version_id,
        current: current.as_ref(),
    };
    let mut changes = Changes::none();
    let finished = service.with_records(|records| {
        function.finish(
            &rotation,
            &text(&made),
            records,
            &service.means(),
            &mut changes,
        )
    });
    finished.map_err(told)?;
    service.commit(changes);
    let holder = secret.labels.holder("AWSCURRENT");
    service.ok(
        "UpdateSecretVersionStage",
        json!({"SecretId": "s", "VersionStage": "AWSCURRENT", "MoveToVersionId": version_id,
            "RemoveFromVersionId": holder}),
    );
    Ok(made)
}

/// What a step of a function comes to.
fn step(
    service: &mut Service,
    function: &dyn BuiltIn,
    step: Step,
    pending: &str,
) -> Result<Option<Call>, String> {
    let secret = secret(service, "s");
    let current = current(service);
    let rotation = Rotation {
        secret: &secret,
        version_id: V2,
        current: current.as_ref(),
    };
    let pending = text(pending);
    service
        .with_records(|records| function.step(step, &rotation, &pending, records, &service.means()))
        .map_err(told)
}

/// The current value of the secret `s`.
fn current(service: &mut Service) -> Option<Value> {
    let value = service.ok("GetSecretValue", json!({"SecretId": "s"}));
    value["SecretString"].as_str().map(text)
}

fn told(failure: Failure) -> String {
    match failure {
        Failure::Failed(text) => text,
        Failure::Unavailable(cause) => panic!("it broke: {cause}"),
    }
}

#[test]
fn a_built_in_function_is_one_of_the_secrets_own_account_and_region() {
    let service = Service::with_secret();
    let arn = |rest: &str| format!("arn:aws:lambda:{rest}");
    for (given, expected) in [
        (
            "us-east-1:123456789012:function:strongroom-random-value",
            Ok(true),
        ),
        ("us-east-1:123456789012:function:random-value", Ok(false)),
        ("eu-west-1:210987654321:function:rotate:live", Ok(false)),
        (
            "eu-west-1:123456789012:function:strongroom-random-value",
            Err("its own account and Region"),
        ),
        (
            "us-east-1:210987654321:function:strongroom-random-value",
            Err("its own account and Region"),
        ),
        (
            "us-east-1:123456789012:function:strongroom-random-value:1",
            Err("no versions"),
        ),
        (
            "us-east-1:123456789012:function:strongroom-random-value:$LATEST",
            Err("no versions"),
        ),
        (
            "us-east-1:123456789012:function:strongroom-random",
            Err("strongroom-random-value"),
        ),
        (
            "us-east-1:123456789012:function:strongroom-",
            Err("There is no built-in function"),
        ),
    ] {
        let found = configured_by(&service, &arn(given), &[]);
        match expected {
            Ok(built_in) => assert_eq!(found.unwrap().is_some(), built_in, "{given}"),
            Err(part) => {
                let refusal = found.err().unwrap();
                assert_eq!(refusal.code, PARAMETER, "{given}");
                assert!(
                    refusal.message.as_deref().unwrap().contains(part),
                    "{given}: {refusal:?}"
                );
            }
        }
    }
}

#[test]
fn the_names_of_the_built_in_functions_are_reserved() {
    for name in built_in::names() {
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
        assert!(FunctionArn::parse(&arn).unwrap().is_built_in(), "{name}");
    }
}
