//! Lists and their pages. Source: AWS KMS API Reference, `Limit` and `Marker` of each list.

use serde_json::{Value, json};

use super::{Kms, OK, VALIDATION, allow, id, root, text};
use crate::harness::ACCOUNT;

const MARKER: &str = "InvalidMarkerException";

/// Each list with the member that it is in, the usual and the greatest size of its pages.
const LISTS: [(&str, &str, usize, usize); 7] = [
    ("ListAliases", "Aliases", 50, 100),
    ("ListGrants", "Grants", 50, 100),
    ("ListRetirableGrants", "Grants", 50, 100),
    ("ListResourceTags", "Tags", 50, 50),
    ("ListKeys", "Keys", 100, 1000),
    ("ListKeyPolicies", "PolicyNames", 100, 1000),
    ("ListKeyRotations", "Rotations", 100, 1000),
];

fn body(key: &str, more: Value) -> Value {
    let mut body = more;
    body["KeyId"] = json!(key);
    body["RetiringPrincipal"] = json!(root(ACCOUNT));
    body
}

#[test]
fn a_page_has_from_one_to_as_many_items_as_aws_says_for_its_list() {
    let (mut kms, key) = Kms::with_key();
    for (operation, _, _, most) in LISTS {
        for (limit, expected) in [
            (json!(0), VALIDATION),
            (json!(-1), VALIDATION),
            (json!(1), OK),
            (json!(most), OK),
            (json!(most + 1), VALIDATION),
            (json!(1001), VALIDATION),
        ] {
            let body = body(&key, json!({ "Limit": limit }));
            assert_eq!(
                kms.outcome(operation, &body),
                expected,
                "{operation} {limit}"
            );
        }
    }
}

#[test]
fn a_page_whose_size_is_not_asked_for_has_aws_s_usual_one() {
    let (mut kms, key) = Kms::with_key();
    for index in 0..101 {
        let other = kms.key(json!({}));
        let alias = json!({"AliasName": format!("alias/{index}"), "TargetKeyId": other});
        kms.ok("CreateAlias", alias);
        let grant = json!({
            "KeyId": key,
            "GranteePrincipal": root(ACCOUNT),
            "RetiringPrincipal": root(ACCOUNT),
            "Operations": ["Decrypt"],
        });
        kms.ok("CreateGrant", grant);
    }
    for (operation, member, usual, _) in LISTS {
        let mut asked = json!({});
        match operation {
            "ListAliases" | "ListKeys" => {}
            "ListGrants" | "ListRetirableGrants" => asked = body(&key, asked),
            _ => continue,
        }
        let page = kms.ok(operation, asked.clone());
        assert_eq!(page[member].as_array().unwrap().len(), usual, "{operation}");
        assert_eq!(page["Truncated"], json!(true), "{operation}");
        let mut seen = page[member].as_array().unwrap().clone();
        let mut marker = page["NextMarker"].clone();
        while !marker.is_null() {
            asked["Marker"] = marker;
            let page = kms.ok(operation, asked.clone());
            seen.extend(page[member].as_array().unwrap().clone());
            marker = page["NextMarker"].clone();
            assert_eq!(page["Truncated"], json!(!marker.is_null()));
        }
        let all = if operation == "ListKeys" { 102 } else { 101 };
        assert_eq!(seen.len(), all, "{operation}");
        let distinct: std::collections::BTreeSet<String> =
            seen.iter().map(Value::to_string).collect();
        assert_eq!(distinct.len(), all, "{operation}");
    }
}

#[test]
fn a_marker_that_no_page_gave_is_refused() {
    let (mut kms, key) = Kms::with_key();
    for (operation, ..) in LISTS {
        for (marker, expected) in [("nonsense", MARKER), ("", VALIDATION)] {
            let body = body(&key, json!({ "Marker": marker }));
            assert_eq!(kms.code(operation, body), expected, "{operation}");
        }
    }
}

#[test]
fn a_marker_is_of_one_list_and_one_account() {
    let mut kms = Kms::new();
    for index in 0..2 {
        let key = kms.key(json!({}));
        let alias = json!({"AliasName": format!("alias/{index}"), "TargetKeyId": key});
        kms.ok("CreateAlias", alias);
    }
    let marker = kms.ok("ListKeys", json!({"Limit": 1}))["NextMarker"].clone();
    let marked = json!({ "Marker": marker });
    kms.ok("ListKeys", marked.clone());
    assert_eq!(kms.code("ListAliases", marked.clone()), MARKER);
    kms.be_other();
    assert_eq!(kms.code("ListKeys", marked), MARKER);
}

#[test]
fn a_key_s_aliases_are_listed_by_id_or_arn_and_other_accounts_have_their_own() {
    let (mut kms, key) = Kms::with_key();
    let other = kms.key(json!({}));
    let now = kms.service.now;
    for (name, target) in [("alias/b", &key), ("alias/a", &key), ("alias/c", &other)] {
        kms.ok(
            "CreateAlias",
            json!({"AliasName": name, "TargetKeyId": target}),
        );
    }
    let names = |kms: &mut Kms, body: Value| -> Vec<String> {
        let listed = kms.ok("ListAliases", body);
        let aliases = listed["Aliases"].as_array().unwrap().iter();
        aliases.map(|alias| text(&alias["AliasName"])).collect()
    };
    assert_eq!(
        names(&mut kms, json!({})),
        ["alias/a", "alias/b", "alias/c"]
    );
    for name in [&key[..], id(&key)] {
        assert_eq!(
            names(&mut kms, json!({ "KeyId": name })),
            ["alias/a", "alias/b"]
        );
    }
    let listed = kms.ok("ListAliases", json!({"KeyId": other}));
    let prefix = key.rsplit_once(':').unwrap().0;
    let at = crate::harness::seconds(now);
    let expected = json!([{
        "AliasName": "alias/c",
        "AliasArn": format!("{prefix}:alias/c"),
        "TargetKeyId": id(&other),
        "CreationDate": at,
        "LastUpdatedDate": at,
    }]);
    assert_eq!(listed["Aliases"], expected);
    kms.be_other();
    assert_eq!(names(&mut kms, json!({})), Vec::<String>::new());
}

#[test]
fn keys_are_listed_by_who_manages_them() {
    let (mut kms, key) = Kms::with_key();
    let service = text(&kms.describe("alias/aws/secretsmanager")["Arn"]);
    for (owners, expected) in [
        (json!(null), vec![&key, &service]),
        (json!(["SELF"]), vec![&key]),
        (json!(["SERVICE"]), vec![&service]),
        (json!(["SELF", "SERVICE"]), vec![&key, &service]),
    ] {
        let listed = kms.ok("ListKeys", json!({ "ResourceOwners": owners }));
        let mut arns: Vec<String> = listed["Keys"]
            .as_array()
            .unwrap()
            .iter()
            .map(|listed| {
                assert_eq!(
                    listed["KeyId"],
                    json!(id(listed["KeyArn"].as_str().unwrap()))
                );
                text(&listed["KeyArn"])
            })
            .collect();
        let mut expected: Vec<String> = expected.into_iter().cloned().collect();
        arns.sort_unstable();
        expected.sort_unstable();
        assert_eq!(arns, expected, "{owners}");
    }
}

#[test]
fn a_key_has_one_policy_whose_name_is_default() {
    let (mut kms, key) = Kms::with_key();
    let listed = kms.ok("ListKeyPolicies", json!({"KeyId": key}));
    assert_eq!(
        listed,
        json!({"PolicyNames": ["default"], "Truncated": false})
    );
    kms.put_policy(&key, json!([allow(ACCOUNT, json!("kms:*"))]));
    assert_eq!(kms.ok("ListKeyPolicies", json!({"KeyId": key})), listed);
}
