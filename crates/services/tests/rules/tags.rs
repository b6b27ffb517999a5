//! TagResource and UntagResource. Source: api.md 6.16, 6.17.

use serde_json::{Value, json};

use crate::harness::{PARAMETER, Service, VALIDATION};

fn tags(pairs: &[(&str, &str)]) -> Value {
    let tag = |(key, value): &(&str, &str)| json!({"Key": key, "Value": value});
    json!({"SecretId": "s", "Tags": pairs.iter().map(tag).collect::<Vec<_>>()})
}

#[test]
fn tags_are_merged_and_the_answer_is_empty() {
    let mut service = Service::with_secret();
    assert_eq!(
        service.ok("TagResource", tags(&[("a", "1"), ("b", "2")])),
        json!(null)
    );
    service.ok("TagResource", tags(&[("b", "3"), ("c", "")]));
    assert_eq!(
        service.describe()["Tags"],
        tags(&[("a", "1"), ("b", "3"), ("c", "")])["Tags"]
    );
    assert_eq!(
        service.ok(
            "UntagResource",
            json!({"SecretId": "s", "TagKeys": ["a", "never", "B"]})
        ),
        json!(null)
    );
    assert_eq!(
        service.describe()["Tags"],
        tags(&[("b", "3"), ("c", "")])["Tags"]
    );
    service.ok(
        "UntagResource",
        json!({"SecretId": "s", "TagKeys": ["b", "c"]}),
    );
    assert_eq!(service.describe().get("Tags"), None);
}

#[test]
fn tags_that_cannot_be_are_refused() {
    for (operation, body, code) in [
        ("TagResource", tags(&[("a", "1"), ("a", "2")]), PARAMETER),
        ("TagResource", tags(&[("aws:a", "1")]), PARAMETER),
        ("TagResource", tags(&[("aWs:a", "1")]), PARAMETER),
        ("TagResource", tags(&[("", "1")]), VALIDATION),
        ("TagResource", tags(&[(&"k".repeat(129), "1")]), VALIDATION),
        ("TagResource", tags(&[("k", &"v".repeat(257))]), VALIDATION),
        ("TagResource", json!({"SecretId": "s"}), VALIDATION),
        ("UntagResource", json!({"SecretId": "s"}), VALIDATION),
        (
            "UntagResource",
            json!({"SecretId": "s", "TagKeys": [""]}),
            VALIDATION,
        ),
        (
            "UntagResource",
            json!({"SecretId": "s", "TagKeys": ["aws:a"]}),
            PARAMETER,
        ),
    ] {
        assert_eq!(
            Service::with_secret().code(operation, body.clone()),
            code,
            "{operation} {body}"
        );
    }
}

#[test]
fn fifty_tags_fit_and_the_next_is_refused() {
    let mut service = Service::with_secret();
    for number in 0..50 {
        service.ok("TagResource", tags(&[(&number.to_string(), "v")]));
    }
    assert_eq!(
        service.code("TagResource", tags(&[("one more", "v")])),
        PARAMETER
    );
    service.ok("TagResource", tags(&[("7", "overwritten")]));
}
