//! ClientRequestToken: what makes a request the same one again. Source: api.md 5.

use serde_json::{Value, json};

use crate::harness::{EXISTS, REQUEST, Service, V1, V2, VALIDATION};

fn in_use(service: &mut Service) -> (&'static str, String) {
    let arn = service.arn();
    let text = format!(
        "You can't use ClientRequestToken {V1} because that value is already in use for a version of secret {arn}."
    );
    (EXISTS, text)
}

/// A request that gives the secret `s` a value.
fn request(operation: &str, token: &str, value: Value) -> Value {
    let mut body = value;
    let id = if operation == "CreateSecret" {
        "Name"
    } else {
        "SecretId"
    };
    body[id] = json!("s");
    body["ClientRequestToken"] = json!(token);
    body
}

#[test]
fn the_same_token_and_value_again_change_nothing_and_answer_the_same() {
    for operation in ["CreateSecret", "PutSecretValue", "UpdateSecret"] {
        let mut service = Service::with_two_versions();
        let before = (service.describe(), service.labels());
        service.pass(crate::harness::DAY);
        let answer = service.ok(
            operation,
            request(operation, V1, json!({"SecretString": "one"})),
        );
        assert_eq!(answer["VersionId"], json!(V1), "{operation}");
        assert_eq!(answer["ARN"], before.0["ARN"]);
        let labels = answer.get("VersionStages");
        assert_eq!(
            labels,
            (operation == "PutSecretValue").then_some(&json!(["AWSPREVIOUS"]))
        );
        assert_eq!(
            (service.describe(), service.labels()),
            before,
            "{operation}"
        );
    }
}

#[test]
fn labels_of_a_repeated_put_are_ignored() {
    let mut service = Service::with_two_versions();
    let answer = service.put(V1, "one", json!(["AWSCURRENT", "X"]));
    assert_eq!(answer["VersionStages"], json!(["AWSPREVIOUS"]));
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
}

#[test]
fn the_same_token_with_another_value_is_refused() {
    for operation in ["CreateSecret", "PutSecretValue", "UpdateSecret"] {
        // b25l is "one" in base64: another kind is another value.
        for value in [
            json!({"SecretString": "other"}),
            json!({"SecretBinary": "b25l"}),
        ] {
            let mut service = Service::with_secret();
            let expected = in_use(&mut service);
            assert_eq!(
                service.refused(operation, request(operation, V1, value)),
                expected,
                "{operation}"
            );
        }
    }
}

#[test]
fn another_token_for_a_name_that_is_taken_is_refused() {
    let mut service = Service::with_secret();
    let text = "The operation failed because the secret s already exists.".to_owned();
    for body in [
        request("CreateSecret", V2, json!({"SecretString": "one"})),
        request("CreateSecret", V2, json!({})),
        request("CreateSecret", V1, json!({})),
    ] {
        assert_eq!(
            service.refused("CreateSecret", body),
            (EXISTS, text.clone())
        );
    }
}

#[test]
fn a_request_without_a_token_is_refused_where_it_would_make_a_version() {
    let text =
        "You must provide a ClientRequestToken value. We recommend a UUID-type value.".to_owned();
    for (operation, body) in [
        ("CreateSecret", json!({"Name": "n", "SecretString": "x"})),
        ("CreateSecret", json!({"Name": "n"})),
        (
            "PutSecretValue",
            json!({"SecretId": "s", "SecretString": "x"}),
        ),
        (
            "UpdateSecret",
            json!({"SecretId": "s", "SecretString": "x"}),
        ),
    ] {
        let mut service = Service::with_secret();
        assert_eq!(
            service.refused(operation, body),
            (REQUEST, text.clone()),
            "{operation}"
        );
    }
    Service::with_secret().ok("UpdateSecret", json!({"SecretId": "s", "Description": "d"}));
}

#[test]
fn a_token_without_a_value_is_ignored() {
    let mut service = Service::with_secret();
    let updated = service.ok(
        "UpdateSecret",
        json!({"SecretId": "s", "ClientRequestToken": V2, "Description": "d"}),
    );
    assert_eq!(updated.get("VersionId"), None);
    // Also one that a version has.
    service.ok(
        "UpdateSecret",
        json!({"SecretId": "s", "ClientRequestToken": V1, "Description": "e"}),
    );
    let created = service.ok(
        "CreateSecret",
        json!({"Name": "empty", "ClientRequestToken": V1}),
    );
    assert_eq!(created.get("VersionId"), None);
    assert_eq!(service.labels(), "1: AWSCURRENT");
}

#[test]
fn a_token_may_be_any_32_to_64_characters() {
    for (token, accepted) in [
        ("00000000-0000-0000-0000-000000000001".to_owned(), true),
        ("terraform-20260101000000000000000001".to_owned(), true),
        ("\u{e9} \"{}/".repeat(6), true),
        ("x".repeat(64), true),
        ("x".repeat(31), false),
        ("x".repeat(65), false),
    ] {
        let mut service = Service::with_secret();
        let body = json!({"SecretId": "s", "ClientRequestToken": token, "SecretString": "x"});
        match accepted {
            true => assert_eq!(
                service.ok("PutSecretValue", body)["VersionId"],
                json!(token)
            ),
            false => assert_eq!(service.code("PutSecretValue", body), VALIDATION),
        }
    }
}

#[test]
fn a_token_belongs_to_its_secret() {
    let mut service = Service::with_secret();
    let other = json!({"Name": "other", "ClientRequestToken": V1, "SecretString": "different"});
    assert_eq!(service.ok("CreateSecret", other)["VersionId"], json!(V1));
}

#[test]
fn version_ids_that_differ_in_letter_case_are_different() {
    let mut service = Service::with_secret();
    service.put(&V1.to_uppercase(), "other", json!(["X"]));
    let read = service.ok("GetSecretValue", json!({"SecretId": "s", "VersionId": V1}));
    assert_eq!(read["SecretString"], json!("one"));
}
