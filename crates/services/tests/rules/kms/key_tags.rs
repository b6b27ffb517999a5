//! Tags of keys. Source: AWS KMS API Reference, TagResource, UntagResource, ListResourceTags.

use serde_json::{Value, json};

use super::{DENIED, Kms, LIMIT, OK, VALIDATION, allow, id};
use crate::harness::ACCOUNT;

const TAG: &str = "TagException";

fn tag(key: &str, value: &str) -> Value {
    json!({"TagKey": key, "TagValue": value})
}

/// Tags `k0`, `k1` and so on.
fn many(count: usize) -> Value {
    (0..count)
        .map(|index| tag(&format!("k{index:02}"), "v"))
        .collect()
}

fn tags(kms: &mut Kms, key: &str) -> Value {
    kms.ok("ListResourceTags", json!({"KeyId": key}))["Tags"].clone()
}

#[test]
fn tags_are_added_overwritten_and_removed() {
    let mut kms = Kms::new();
    let key = kms.key(json!({"Tags": [tag("b", "1"), tag("a", "")]}));
    assert_eq!(tags(&mut kms, &key), json!([tag("a", ""), tag("b", "1")]));
    let more = json!({"KeyId": id(&key), "Tags": [tag("b", "2"), tag("B", "3")]});
    assert_eq!(kms.ok("TagResource", more), Value::Null);
    assert_eq!(
        tags(&mut kms, &key),
        json!([tag("B", "3"), tag("a", ""), tag("b", "2")])
    );
    // One that isn't there needn't be.
    let fewer = json!({"KeyId": key, "TagKeys": ["b", "none"]});
    assert_eq!(kms.ok("UntagResource", fewer), Value::Null);
    assert_eq!(tags(&mut kms, &key), json!([tag("B", "3"), tag("a", "")]));
}

#[test]
fn tags_that_cannot_be_are_refused_when_they_are_set_and_when_a_key_is_made() {
    for (given, expected) in [
        (json!([]), OK),
        (json!([tag(&"k".repeat(128), &"v".repeat(256))]), OK),
        (many(50), OK),
        (many(51), LIMIT),
        (json!([tag("", "v")]), VALIDATION),
        (json!([tag(&"k".repeat(129), "v")]), VALIDATION),
        (json!([tag("k", &"v".repeat(257))]), VALIDATION),
        (json!([{"TagKey": "k"}]), VALIDATION),
        (json!([{"TagValue": "v"}]), VALIDATION),
        (json!([tag("k", "1"), tag("k", "2")]), TAG),
        (json!([tag("aws:k", "v")]), TAG),
        (json!([tag("AWS:k", "v")]), TAG),
        (json!([tag("awsk", "v")]), OK),
    ] {
        let (mut kms, key) = Kms::with_key();
        let set = json!({"KeyId": key, "Tags": given});
        assert_eq!(kms.outcome("TagResource", &set), expected, "{given:.200}");
        assert_eq!(
            kms.outcome("CreateKey", &json!({ "Tags": given })),
            expected,
            "{given:.200}"
        );
    }
    let (mut kms, key) = Kms::with_key();
    for (operation, body) in [
        ("TagResource", json!({"KeyId": key})),
        ("UntagResource", json!({"KeyId": key})),
        ("UntagResource", json!({"KeyId": key, "TagKeys": [""]})),
    ] {
        assert_eq!(kms.code(operation, body), VALIDATION, "{operation}");
    }
    let system = json!({"KeyId": key, "TagKeys": ["aws:k"]});
    assert_eq!(kms.code("UntagResource", system), TAG);
}

#[test]
fn a_full_key_takes_other_values_but_no_further_tag() {
    let mut kms = Kms::new();
    let key = kms.key(json!({"Tags": many(50)}));
    let set = |tags: Value| json!({"KeyId": key, "Tags": tags});
    kms.ok("TagResource", set(json!([tag("k00", "other")])));
    assert_eq!(
        kms.code("TagResource", set(json!([tag("one-more", "v")]))),
        LIMIT
    );
    kms.ok("UntagResource", json!({"KeyId": key, "TagKeys": ["k00"]}));
    kms.ok("TagResource", set(json!([tag("one-more", "v")])));
}

#[test]
fn tags_come_in_pages() {
    let mut kms = Kms::new();
    let key = kms.key(json!({"Tags": many(5)}));
    let first = kms.ok("ListResourceTags", json!({"KeyId": key, "Limit": 3}));
    assert_eq!(first["Truncated"], json!(true));
    let rest = json!({"KeyId": key, "Limit": 3, "Marker": first["NextMarker"]});
    let rest = kms.ok("ListResourceTags", rest);
    assert_eq!(rest["Truncated"], json!(false));
    let mut seen = first["Tags"].as_array().unwrap().clone();
    seen.extend(rest["Tags"].as_array().unwrap().clone());
    assert_eq!(Value::from(seen), many(5));
}

#[test]
fn a_policy_can_ask_for_the_tags_of_the_request_and_of_the_key() {
    let deny = |action: &str, condition: Value| {
        let mut denied = allow(ACCOUNT, json!(action));
        denied["Effect"] = json!("Deny");
        denied["Condition"] = condition;
        denied
    };
    let mut kms = Kms::new();
    let key = kms.key(json!({"Tags": [tag("stage", "test")]}));
    kms.put_policy(
        &key,
        json!([
            allow(ACCOUNT, json!("kms:*")),
            deny(
                "kms:TagResource",
                json!({"StringEquals": {"aws:RequestTag/team": "b"}})
            ),
            deny(
                "kms:*TagResource",
                json!({"ForAnyValue:StringEquals": {"aws:TagKeys": "stage"}})
            ),
            deny(
                "kms:Encrypt",
                json!({"StringEquals": {"aws:ResourceTag/team": "a"}})
            ),
        ]),
    );
    let encrypt = json!({"KeyId": key, "Plaintext": "eA=="});
    assert_eq!(kms.outcome("Encrypt", &encrypt), OK);
    for (tags, expected) in [
        (json!([tag("team", "b")]), DENIED),
        (json!([tag("other", "b"), tag("stage", "live")]), DENIED),
        (json!([tag("team", "a")]), OK),
    ] {
        let body = json!({"KeyId": key, "Tags": tags});
        assert_eq!(kms.outcome("TagResource", &body), expected, "{tags}");
    }
    assert_eq!(kms.outcome("Encrypt", &encrypt), DENIED);
    for (keys, expected) in [(json!(["team", "stage"]), DENIED), (json!(["team"]), OK)] {
        let body = json!({"KeyId": key, "TagKeys": keys});
        assert_eq!(kms.outcome("UntagResource", &body), expected, "{keys}");
    }
    assert_eq!(kms.outcome("Encrypt", &encrypt), OK);
}
