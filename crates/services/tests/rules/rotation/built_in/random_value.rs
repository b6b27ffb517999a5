//! `strongroom-random-value`.

use serde_json::Value as Json;
use strongroom_keys::SecretBytes;
use strongroom_services::secretsmanager::version::Value;

use super::{configured, created, text};
use crate::harness::{PARAMETER, Service};

const DIGITS: &[(&str, &str)] = &[
    ("PasswordLength", "8"),
    ("ExcludeLowercase", "true"),
    ("ExcludeUppercase", "true"),
    ("ExcludePunctuation", "true"),
];

#[test]
fn a_value_that_is_no_object_is_replaced_as_a_whole() {
    let mut service = Service::with_secret();
    let function = configured(&service, "random-value", DIGITS).unwrap();
    for current in [
        None,
        Some(text("old")),
        Some(text("[\"password\"]")),
        Some(Value::Binary(SecretBytes::copy_of(b"{\"password\":\"x\"}"))),
    ] {
        let made = created(&mut service, &*function, current.as_ref()).unwrap();
        assert_eq!(made.len(), 8, "{made}");
        assert!(made.bytes().all(|byte| byte.is_ascii_digit()), "{made}");
    }
    let usual = configured(&service, "random-value", &[]).unwrap();
    let made = created(&mut service, &*usual, None).unwrap();
    assert_eq!(made.len(), 32);
    assert_ne!(created(&mut service, &*usual, None).unwrap(), made);
}

#[test]
fn of_an_object_one_member_is_replaced() {
    let mut service = Service::with_secret();
    for (key, current, before, after) in [
        (
            None,
            Some(r#"{"username":"u","password":"old","port":5432}"#),
            r#"{"username":"u","password":"#,
            r#","port":5432}"#,
        ),
        (
            Some("apiKey"),
            Some(r#"{"apiKey": "old", "password": "kept"}"#),
            r#"{"apiKey":"#,
            r#","password":"kept"}"#,
        ),
        (Some("new"), Some(r#"{"a":1}"#), r#"{"a":1,"new":"#, "}"),
        (Some("new"), None, r#"{"new":"#, "}"),
    ] {
        let mut parameters = vec![("ExcludeCharacters", "\"\\")];
        parameters.extend(key.map(|key| ("JsonKey", key)));
        let function = configured(&service, "random-value", &parameters).unwrap();
        let current = current.map(text);
        let made = created(&mut service, &*function, current.as_ref()).unwrap();
        let password = made
            .strip_prefix(before)
            .and_then(|it| it.strip_suffix(after));
        let password: String =
            serde_json::from_str(password.unwrap_or_else(|| panic!("{made}"))).unwrap();
        assert_eq!(password.len(), 32, "{made}");
    }
}

#[test]
fn what_a_password_has_is_written_as_json() {
    let mut service = Service::with_secret();
    let parameters = [
        ("PasswordLength", "4096"),
        ("IncludeSpace", "true"),
        ("JsonKey", "k"),
    ];
    let function = configured(&service, "random-value", &parameters).unwrap();
    let made = created(&mut service, &*function, Some(&text("{}"))).unwrap();
    let made: Json = serde_json::from_str(&made).unwrap();
    let password = made["k"].as_str().unwrap();
    assert_eq!(password.len(), 4096);
    assert!(password.contains(['"', '\\']) && password.contains(' '));
}

#[test]
fn a_value_of_which_nobody_knows_what_to_rotate_fails() {
    let mut service = Service::with_secret();
    for (parameters, current, part) in [
        (&[][..], r#"{"apiKey":"k3pt-s3cret"}"#, "JsonKey"),
        (&[("JsonKey", "k")], "k3pt-s3cret", "no JSON object"),
        (&[("JsonKey", "k")], r#"["k3pt-s3cret"]"#, "no JSON object"),
    ] {
        let function = configured(&service, "random-value", parameters).unwrap();
        let failure = created(&mut service, &*function, Some(&text(current))).unwrap_err();
        assert!(failure.contains(part), "{failure}");
        assert!(!failure.contains("k3pt"), "{failure}");
    }
}

#[test]
fn parameters_that_cannot_be_are_refused() {
    let service = Service::with_secret();
    for (parameters, part) in [
        (
            &[("PasswordLenght", "8")][..],
            "no parameter 'PasswordLenght'; it has PasswordLength, ExcludeCharacters",
        ),
        (&[("passwordlength", "8")], "no parameter"),
        (
            &[("PasswordLength", "0")],
            "PasswordLength must be a whole number from 1 to 4096",
        ),
        (&[("PasswordLength", "4097")], "from 1 to 4096"),
        (&[("PasswordLength", "+8")], "from 1 to 4096"),
        (
            &[("PasswordLength", "99999999999999999999")],
            "from 1 to 4096",
        ),
        (
            &[("PasswordLength", "8"), ("PasswordLength", "9")],
            "PasswordLength is given twice",
        ),
        (
            &[("ExcludeNumbers", "yes")],
            "ExcludeNumbers must be true or false",
        ),
        (&[("PasswordLength", "3")], "too short"),
        (
            &[("ExcludeCharacters", "0123456789")],
            "leaves no character of a type",
        ),
    ] {
        let refusal = configured(&service, "random-value", parameters)
            .err()
            .unwrap();
        assert_eq!(refusal.code, PARAMETER);
        let message = refusal.message.unwrap();
        assert!(message.contains(part), "{message}");
    }
}
