//! Versions and aliases, and tags.

use serde_json::{Value, json};

use super::{
    CONFLICT, FUNCTION, NOT_FOUND, PARAMETER, STALE, package, request_with, with_function,
    with_role,
};
use crate::harness::{Service, VALIDATION};

fn publish(service: &mut Service) -> Value {
    service.lambda("PublishVersion", json!({"FunctionName": "rotate"}))["Version"].take()
}

fn change(service: &mut Service, source: &str) {
    let body = json!({"FunctionName": "rotate", "ZipFile": package(source)});
    service.lambda("UpdateFunctionCode", body);
}

#[test]
fn a_version_is_what_latest_was_and_changes_no_more() {
    let mut service = with_function();
    let made = service.lambda(
        "PublishVersion",
        json!({"FunctionName": "rotate", "Description": "first"}),
    );
    assert_eq!(made["Version"], "1");
    assert_eq!(made["FunctionArn"], format!("{FUNCTION}:1"));
    assert_eq!(made["Description"], "first");
    assert_eq!(publish(&mut service), "1", "nothing changed");
    change(&mut service, "two");
    assert_eq!(publish(&mut service), "2");
    let found = |service: &mut Service, qualifier: &str| {
        let body = json!({"FunctionName": "rotate", "Qualifier": qualifier});
        service.lambda("GetFunctionConfiguration", body)
    };
    assert_eq!(found(&mut service, "1"), made);
    let latest = found(&mut service, "$LATEST");
    assert_eq!(found(&mut service, "2")["CodeSha256"], latest["CodeSha256"]);
    let listed = service.lambda("ListVersionsByFunction", json!({"FunctionName": "rotate"}));
    let versions = listed["Versions"].as_array().unwrap();
    let names: Vec<&Value> = versions.iter().map(|version| &version["Version"]).collect();
    assert_eq!(names, ["$LATEST", "1", "2"]);
    let wrong = json!({"FunctionName": "rotate", "CodeSha256": "x"});
    assert_eq!(service.lambda_refused("PublishVersion", wrong).0, PARAMETER);
}

#[test]
fn a_function_can_be_made_and_changed_with_a_version_at_once() {
    let mut service = with_role();
    let made = service.lambda("CreateFunction", request_with(json!({"Publish": true})));
    assert_eq!(made["Version"], "1");
    let body = json!({"FunctionName": "rotate", "ZipFile": package("two"), "Publish": true});
    let changed = service.lambda("UpdateFunctionCode", body);
    assert_eq!(changed["Version"], "2");
    assert_eq!(changed["FunctionArn"], format!("{FUNCTION}:2"));
}

#[test]
fn a_version_is_deleted_once_no_alias_names_it_and_its_number_is_gone() {
    let mut service = with_function();
    publish(&mut service);
    let live = json!({"FunctionName": "rotate", "Name": "live", "FunctionVersion": "1"});
    service.lambda("CreateAlias", live);
    let first = json!({"FunctionName": "rotate", "Qualifier": "1"});
    let (code, message) = service.lambda_refused("DeleteFunction", first.clone());
    assert_eq!(code, CONFLICT);
    assert!(message.ends_with("[live]"), "{message}");
    for qualifier in ["$LATEST", "live"] {
        let body = json!({"FunctionName": "rotate", "Qualifier": qualifier});
        assert_eq!(service.lambda_refused("DeleteFunction", body).0, PARAMETER);
    }
    service.lambda(
        "DeleteAlias",
        json!({"FunctionName": "rotate", "Name": "live"}),
    );
    service.lambda("DeleteFunction", first.clone());
    assert_eq!(service.lambda_refused("GetFunction", first).0, NOT_FOUND);
    change(&mut service, "two");
    assert_eq!(publish(&mut service), "2");
}

#[test]
fn an_alias_names_one_version_until_it_is_changed() {
    let mut service = with_function();
    publish(&mut service);
    let made = service.lambda(
        "CreateAlias",
        json!({"FunctionName": "rotate", "Name": "live", "FunctionVersion": "1", "Description": "d"}),
    );
    assert_eq!(made["AliasArn"], format!("{FUNCTION}:live"));
    assert_eq!(
        (&made["FunctionVersion"], &made["Description"]),
        (&json!("1"), &json!("d"))
    );
    let named = json!({"FunctionName": "rotate", "Name": "live"});
    assert_eq!(service.lambda("GetAlias", named.clone()), made);
    let through = json!({"FunctionName": "rotate:live"});
    assert_eq!(
        service.lambda("GetFunction", through)["Configuration"]["Version"],
        "1"
    );
    let changed = service.lambda(
        "UpdateAlias",
        json!({"FunctionName": "rotate", "Name": "live", "FunctionVersion": "$LATEST", "RevisionId": made["RevisionId"]}),
    );
    assert_eq!(changed["FunctionVersion"], "$LATEST");
    assert_eq!(changed["Description"], "d");
    assert_ne!(changed["RevisionId"], made["RevisionId"]);
    let listed = service.lambda("ListAliases", json!({"FunctionName": "rotate"}));
    assert_eq!(listed["Aliases"], json!([changed]));
    let of_first = json!({"FunctionName": "rotate", "FunctionVersion": "1"});
    assert_eq!(
        service.lambda("ListAliases", of_first)["Aliases"],
        json!([])
    );
    service.lambda("DeleteAlias", named.clone());
    service.lambda("DeleteAlias", named.clone());
    let (code, message) = service.lambda_refused("GetAlias", named);
    assert_eq!(code, NOT_FOUND);
    assert_eq!(message, format!("Cannot find alias arn: {FUNCTION}:live"));
}

#[test]
fn what_can_not_be_an_alias_is_refused() {
    let mut service = with_function();
    let made = json!({"FunctionName": "rotate", "Name": "live", "FunctionVersion": "$LATEST"});
    service.lambda("CreateAlias", made.clone());
    let weights = json!({"AdditionalVersionWeights": {"1": 0.5}});
    for (operation, changes, code) in [
        ("CreateAlias", json!({}), CONFLICT),
        ("CreateAlias", json!({"Name": "12"}), VALIDATION),
        ("CreateAlias", json!({"Name": "a b"}), VALIDATION),
        (
            "CreateAlias",
            json!({"Name": "b", "FunctionVersion": "x"}),
            VALIDATION,
        ),
        (
            "CreateAlias",
            json!({"Name": "b", "FunctionVersion": "7"}),
            NOT_FOUND,
        ),
        (
            "CreateAlias",
            json!({"Name": "b", "RoutingConfig": weights}),
            PARAMETER,
        ),
        ("UpdateAlias", json!({"FunctionVersion": "7"}), NOT_FOUND),
        ("UpdateAlias", json!({"Name": "b"}), NOT_FOUND),
        ("UpdateAlias", json!({"RevisionId": "x"}), STALE),
    ] {
        let mut body = made.clone();
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        assert_eq!(
            service.lambda_refused(operation, body).0,
            code,
            "{operation} {changes}"
        );
    }
}

#[test]
fn tags_are_added_replaced_and_taken_off() {
    let mut service = with_function();
    let mut tag =
        |tags: Value| service.lambda("TagResource", json!({"Resource": FUNCTION, "Tags": tags}));
    tag(json!({"a": "1", "b": "2"}));
    tag(json!({"b": "3", "c": "4"}));
    service.lambda(
        "UntagResource",
        json!({"Resource": FUNCTION, "TagKeys": ["a", "z"]}),
    );
    let listed = service.lambda("ListTags", json!({"Resource": FUNCTION}));
    assert_eq!(listed, json!({"Tags": {"b": "3", "c": "4"}}));
    let many: Value = (0..51)
        .map(|each| (each.to_string(), json!("x")))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (operation, body, code) in [
        (
            "TagResource",
            json!({"Resource": FUNCTION, "Tags": many}),
            PARAMETER,
        ),
        ("TagResource", json!({"Resource": FUNCTION}), VALIDATION),
        (
            "TagResource",
            json!({"Resource": "rotate", "Tags": {}}),
            VALIDATION,
        ),
        (
            "ListTags",
            json!({"Resource": format!("{FUNCTION}:1")}),
            PARAMETER,
        ),
        (
            "ListTags",
            json!({"Resource": format!("{FUNCTION}s")}),
            NOT_FOUND,
        ),
    ] {
        assert_eq!(
            service.lambda_refused(operation, body).0,
            code,
            "{operation}"
        );
    }
}
