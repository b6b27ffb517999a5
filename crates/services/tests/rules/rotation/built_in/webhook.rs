//! `strongroom-webhook`. Whom the server posts to is tested with the server.

use serde_json::{Value as Json, json};
use strongroom_keys::SecretBytes;
use strongroom_services::records::Changes;
use strongroom_services::rotation::built_in::{Call, Created, Post, Rotation};
use strongroom_services::rotation::step::Step;

use super::{configured, create, created, current, secret, shown, step, text, told};
use crate::harness::{ACCOUNT, PARAMETER, Service, V1, V2};
use crate::iam::policy;

const URL: (&str, &str) = ("Url", "https://hooks.example.com/rotate?team=a");
const KEY: &str = "0123456789abcdef";

fn posted(call: Option<Call>) -> Post {
    let Some(Call::Post(post)) = call else {
        panic!("{call:?}");
    };
    post
}

fn event(post: &Post) -> Json {
    serde_json::from_slice(post.event.expose()).unwrap()
}

/// With the secret `s`, and a signing key in the secret `key`.
fn with_key(value: &str) -> Service {
    let mut service = Service::with_secret();
    service.ok(
        "CreateSecret",
        json!({"Name": "key", "ClientRequestToken": V1, "SecretString": value}),
    );
    service
}

#[test]
fn set_and_test_are_told_by_events_without_values() {
    let mut service = Service::with_secret();
    let arn = secret(&service, "s").arn();
    let function = configured(&service, "webhook", &[URL]).unwrap();
    for (at, name) in [(Step::Set, "setSecret"), (Step::Test, "testSecret")] {
        let post = posted(step(&mut service, &*function, at, "n3w").unwrap());
        assert_eq!(post.url, URL.1);
        assert!(post.signing_key.is_none());
        let expected = json!({"step": name, "secretArn": arn, "versionId": V2});
        assert_eq!(event(&post), expected);
    }
}

#[test]
fn values_are_told_only_where_that_is_asked_for() {
    let mut service = Service::with_secret();
    let tells = [URL, ("IncludeValue", "true")];
    let function = configured(&service, "webhook", &tells).unwrap();
    let post = posted(step(&mut service, &*function, Step::Set, "n\"3w").unwrap());
    let told = event(&post);
    assert_eq!(told["currentSecretString"], "one");
    assert_eq!(told["pendingSecretString"], "n\"3w");
    assert!(!format!("{post:?}").contains("3w"));

    let record = secret(&service, "s");
    let binary =
        strongroom_services::secretsmanager::version::Value::Binary(SecretBytes::copy_of(&[
            0, 255,
        ]));
    let rotation = Rotation {
        secret: &record,
        version_id: V2,
        current: Some(&binary),
    };
    let call = service.with_records(|records| {
        function.step(Step::Test, &rotation, &text("n"), records, &service.means())
    });
    let told = event(&posted(call.unwrap()));
    assert_eq!(told["currentSecretBinary"], "AP8=");
    assert!(told.get("currentSecretString").is_none());
}

#[test]
fn without_creates_it_makes_a_random_value() {
    let mut service = Service::with_secret();
    let parameters = [
        URL,
        ("PasswordLength", "8"),
        ("JsonKey", "k"),
        ("ExcludePunctuation", "true"),
    ];
    let function = configured(&service, "webhook", &parameters).unwrap();
    let made = created(&mut service, &*function, Some(&text("{\"k\":\"\"}"))).unwrap();
    let made: Json = serde_json::from_str(&made).unwrap();
    assert_eq!(made["k"].as_str().unwrap().len(), 8);
}

#[test]
fn with_creates_the_server_makes_the_value() {
    let mut service = Service::with_secret();
    let parameters = [URL, ("Creates", "true"), ("IncludeValue", "true")];
    let function = configured(&service, "webhook", &parameters).unwrap();
    let now = current(&mut service);
    let Created::Asked(call) = create(&mut service, &*function, now.as_ref()).unwrap() else {
        panic!("it makes a value itself");
    };
    let told = event(&posted(Some(call)));
    assert_eq!(told["step"], "createSecret");
    assert_eq!(told["currentSecretString"], "one");
    assert!(told.get("pendingSecretString").is_none());

    let record = secret(&service, "s");
    let rotation = Rotation {
        secret: &record,
        version_id: V2,
        current: now.as_ref(),
    };
    let answered = |body: &str| {
        function
            .created(&rotation, &SecretBytes::copy_of(body.as_bytes()))
            .map(|value| shown(&value))
            .map_err(super::told)
    };
    assert_eq!(
        answered(r#"{"SecretString":"m\u00e4de","more":1}"#).unwrap(),
        "mäde"
    );
    for body in [
        "",
        "s3cret",
        "{}",
        r#"{"SecretString":17}"#,
        r#"["s3cret"]"#,
        r#"{"secretString":"s3cret"}"#,
    ] {
        let failure = answered(body).unwrap_err();
        assert!(
            failure.contains("must answer {\"SecretString\""),
            "{failure}"
        );
        assert!(!failure.contains("s3cret"), "{failure}");
    }
}

#[test]
fn events_are_signed_with_a_secret() {
    let mut service = with_key(KEY);
    let parameters = [URL, ("SigningSecretId", "key")];
    let function = configured(&service, "webhook", &parameters).unwrap();
    let post = posted(step(&mut service, &*function, Step::Test, "n").unwrap());
    assert_eq!(post.signing_key.unwrap().expose(), KEY.as_bytes());

    for (service, part) in [
        (with_key("too-short-a-key"), "must have 16 bytes at least"),
        (Service::with_secret(), "can't find the specified secret"),
    ] {
        let function = configured(&service, "webhook", &parameters).unwrap();
        let record = secret(&service, "s");
        let means = service.means();
        let checked = service.with_records(|records| function.check(&record, records, &means));
        let failure = told(checked.unwrap_err());
        assert!(
            failure.contains(part) && failure.contains("(SigningSecretId)"),
            "{failure}"
        );
        assert!(!failure.contains("too-short"), "{failure}");
        let mut changes = Changes::none();
        let rotation = Rotation {
            secret: &record,
            version_id: V2,
            current: None,
        };
        // A random value can still be made; nobody is told of it unsigned.
        let _ = service
            .with_records(|records| function.create(&rotation, records, &means, &mut changes));
        let told = service.with_records(|records| {
            function.step(Step::Set, &rotation, &text("n"), records, &means)
        });
        assert!(told.is_err());
    }
}

#[test]
fn whoever_has_values_told_must_be_allowed_to_read_them() {
    let mut service = with_key(KEY);
    service.iam("CreateUser", json!({"UserName": "alice"}));
    let made = service.iam("CreateAccessKey", json!({"UserName": "alice"}));
    let access_key = made["AccessKey"]["AccessKeyId"]
        .as_str()
        .unwrap()
        .to_owned();
    let record = secret(&service, "s");
    let (of_secret, of_key) = (record.arn(), secret(&service, "key").arn());
    let read = |arn: &str| policy("Allow", "secretsmanager:GetSecretValue", arn);
    let tells = ("IncludeValue", "true");
    let signs = ("SigningSecretId", "key");
    for (parameters, statements, lacks) in [
        (
            vec![URL],
            vec![read("arn:aws:secretsmanager:*:*:secret:none")],
            None,
        ),
        (vec![URL, tells], vec![read(&of_secret)], None),
        (
            vec![URL, tells],
            vec![read(&of_key)],
            Some(of_secret.as_str()),
        ),
        (vec![URL, signs], vec![read(&of_key)], None),
        (vec![URL, signs], vec![read(&of_secret)], Some("secret:key")),
    ] {
        service.give("alice", &statements);
        service.be_user(ACCOUNT, "alice", &access_key);
        let function = configured(&service, "webhook", &parameters).unwrap();
        let lacking = service.lacking(|caller, records| function.needs(&record, caller, records));
        match lacks {
            None => assert_eq!(lacking, None, "{parameters:?}"),
            Some(resource) => {
                let text = lacking.unwrap();
                assert!(text.contains("secretsmanager:GetSecretValue"), "{text}");
                assert!(text.contains(resource), "{text}");
            }
        }
    }
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let service = with_key(KEY);
    let url = |url: &'static str| ("Url", url);
    for (parameters, part) in [
        (&[][..], "needs the parameter Url"),
        (&[url("hooks.example.com")], "must begin with https://"),
        (
            &[url("ftp://hooks.example.com")],
            "must begin with https://",
        ),
        (
            &[url("http://hooks.example.com/")],
            "http:// is for this machine alone",
        ),
        (
            &[url("http://localhost.example.com/")],
            "http:// is for this machine alone",
        ),
        (
            &[url("http://127.0.0.1.example.com/")],
            "http:// is for this machine alone",
        ),
        (&[url("https://")], "names no host"),
        (&[url("https:///path")], "names no host"),
        (
            &[url("https://user:pass@hooks.example.com")],
            "must hold no credentials",
        ),
        (&[url("https://hooks.example.com/a b")], "neither spaces"),
        (
            &[url("https://hooks.example.com/\r\nHost: x")],
            "neither spaces",
        ),
        (&[url("https://hooks.example.com/#x")], "no fragment"),
        (
            &[URL, ("Creates", "true"), ("PasswordLength", "8")],
            "no parameter 'PasswordLength'; it has Url, IncludeValue",
        ),
        (&[URL, ("PasswordLength", "0")], "PasswordLength must be"),
        (
            &[URL, ("SigningSecretId", "s")],
            "another secret than the one that is rotated",
        ),
        (
            &[URL, ("IncludeValue", "1")],
            "IncludeValue must be true or false",
        ),
    ] {
        let refusal = configured(&service, "webhook", parameters).err();
        let refusal = refusal.unwrap_or_else(|| panic!("{parameters:?}"));
        assert_eq!(refusal.code, PARAMETER);
        let message = refusal.message.unwrap();
        assert!(message.contains(part), "{message}");
    }
    for good in [
        "https://10.1.2.3:8443/x",
        "https://[fd00::1]/",
        "http://localhost:8080",
        "http://127.0.0.1:1/x",
        "http://[::1]:1/",
    ] {
        assert!(
            configured(&service, "webhook", &[("Url", good)]).is_ok(),
            "{good}"
        );
    }
}
