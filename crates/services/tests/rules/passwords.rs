//! GetRandomPassword. Source: api.md 6.22.

use serde_json::{Value, json};

use crate::harness::{PARAMETER, Service, VALIDATION, members};

const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

fn password(body: Value) -> String {
    let answer = Service::new().ok("GetRandomPassword", body);
    assert_eq!(members(&answer), ["RandomPassword"]);
    answer["RandomPassword"].as_str().unwrap().to_owned()
}

#[test]
fn a_password_has_32_characters_unless_asked_otherwise() {
    assert_eq!(password(json!({})).len(), 32);
    for length in [4, 32, 4096] {
        assert_eq!(password(json!({ "PasswordLength": length })).len(), length);
    }
    assert_eq!(
        password(json!({"PasswordLength": 1, "RequireEachIncludedType": false})).len(),
        1
    );
}

#[test]
fn a_class_is_in_it_unless_it_is_excluded() {
    type Class = fn(char) -> bool;
    let classes: [(&str, Class); 4] = [
        ("ExcludeLowercase", |c| c.is_ascii_lowercase()),
        ("ExcludeUppercase", |c| c.is_ascii_uppercase()),
        ("ExcludeNumbers", |c| c.is_ascii_digit()),
        ("ExcludePunctuation", |c| PUNCTUATION.contains(c)),
    ];
    for (excluded, is_excluded) in classes {
        let password = password(json!({"PasswordLength": 4096, (excluded): true}));
        assert!(!password.contains(is_excluded), "{excluded}");
        for (class, is_class) in classes.iter().filter(|(class, _)| *class != excluded) {
            assert!(password.contains(*is_class), "{class} {excluded}");
        }
    }
}

#[test]
fn every_character_of_the_classes_comes_up_and_no_other() {
    let password = password(json!({"PasswordLength": 4096}));
    let all = ('!'..='~').collect::<String>();
    assert!(all.chars().all(|c| password.contains(c)));
    assert!(password.chars().all(|c| all.contains(c)));
}

#[test]
fn a_space_comes_where_it_is_asked_for_and_not_excluded() {
    let body = |excluded: &str| json!({"PasswordLength": 4096, "IncludeSpace": true, "ExcludeCharacters": excluded});
    assert!(password(body("")).contains(' '));
    assert!(!password(body(" ")).contains(' '));
    assert!(!password(json!({"PasswordLength": 4096})).contains(' '));
}

#[test]
fn excluded_characters_are_in_no_class() {
    let password =
        password(json!({"PasswordLength": 4096, "ExcludeCharacters": "abcXYZ019'\"\\\u{e9}"}));
    assert!(!password.contains(['a', 'b', 'c', 'X', 'Y', 'Z', '0', '1', '9', '\'', '"', '\\']));
}

#[test]
fn a_password_that_cannot_be_made_is_refused() {
    let short = "Password length is too short based on the required types.";
    for (body, code, text) in [
        (json!({"PasswordLength": 0}), VALIDATION, ""),
        (json!({"PasswordLength": 4097}), VALIDATION, ""),
        (
            json!({"ExcludeCharacters": "x".repeat(4097)}),
            VALIDATION,
            "",
        ),
        (json!({"PasswordLength": 3}), PARAMETER, short),
        (json!({"ExcludeCharacters": "0123456789"}), PARAMETER, ""),
        (
            json!({"ExcludeNumbers": true, "ExcludePunctuation": true, "ExcludeUppercase": true, "ExcludeLowercase": true}),
            PARAMETER,
            "",
        ),
    ] {
        let refused = Service::new().refused("GetRandomPassword", body.clone());
        assert_eq!(refused.0, code, "{body} {}", refused.1);
        assert!(text.is_empty() || refused.1 == text, "{}", refused.1);
    }
    assert_eq!(
        password(json!({"PasswordLength": 3, "ExcludeNumbers": true})).len(),
        3
    );
    assert_eq!(
        password(json!({"PasswordLength": 3, "RequireEachIncludedType": false})).len(),
        3
    );
}
