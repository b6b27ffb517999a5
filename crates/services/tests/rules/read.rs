//! GetSecretValue and BatchGetSecretValue. Source: api.md 6.4, 6.5; versions-and-staging.md 9.

use serde_json::{Value, json};

use crate::harness::{
    ACCOUNT, DENIED, MARKED, MISSING, NEVER, NOT_FOUND, OTHER_ACCOUNT, PARAMETER, REGION, REQUEST,
    Service, V1, V2, V3, VALIDATION, members,
};

/// V1 is previous, V2 current, V3 has no label.
fn service() -> Service {
    let mut service = Service::with_secret();
    service.put(V3, "three", json!(["X"]));
    service.put(V2, "two", json!(null));
    service.ok(
        "UpdateSecretVersionStage",
        json!({"SecretId": "s", "VersionStage": "X", "RemoveFromVersionId": V3}),
    );
    service
}

#[test]
fn a_version_is_chosen_by_id_by_label_by_both_or_as_the_current_one() {
    for (version, label, expected) in [
        (None, None, "two"),
        (Some(V1), None, "one"),
        (Some(V3), None, "three"),
        (None, Some("AWSCURRENT"), "two"),
        (None, Some("AWSPREVIOUS"), "one"),
        (Some(V1), Some("AWSPREVIOUS"), "one"),
    ] {
        let body = json!({"SecretId": "s", "VersionId": version, "VersionStage": label});
        let read = service().ok("GetSecretValue", body);
        assert_eq!(
            read["SecretString"],
            json!(expected),
            "{version:?} {label:?}"
        );
    }
}

#[test]
fn a_version_that_is_not_there_is_named_in_the_refusal() {
    let by_label = |label: &str| {
        format!("Secrets Manager can't find the specified secret value for staging label: {label}")
    };
    let by_id =
        format!("Secrets Manager can't find the specified secret value for VersionId: {NEVER}");
    let disagree =
        "You provided a VersionStage that is not associated to the provided VersionId.".to_owned();
    for (version, label, code, text) in [
        (None, Some("X"), NOT_FOUND, by_label("X")),
        (None, Some("AWSPENDING"), NOT_FOUND, by_label("AWSPENDING")),
        (None, Some("awscurrent"), NOT_FOUND, by_label("awscurrent")),
        (Some(NEVER), None, NOT_FOUND, by_id.clone()),
        (Some(NEVER), Some("AWSCURRENT"), NOT_FOUND, by_id),
        (Some(V1), Some("AWSCURRENT"), REQUEST, disagree.clone()),
        (Some(V3), Some("X"), REQUEST, disagree),
    ] {
        let body = json!({"SecretId": "s", "VersionId": version, "VersionStage": label});
        assert_eq!(
            service().refused("GetSecretValue", body),
            (code, text),
            "{version:?} {label:?}"
        );
    }
}

#[test]
fn a_value_has_one_of_two_members_and_its_labels_if_any() {
    let mut service = service();
    let read = service.ok("GetSecretValue", json!({"SecretId": "s"}));
    assert_eq!(
        members(&read),
        [
            "ARN",
            "CreatedDate",
            "Name",
            "SecretString",
            "VersionId",
            "VersionStages"
        ]
    );
    assert_eq!(read["VersionStages"], json!(["AWSCURRENT"]));
    let deprecated = service.ok("GetSecretValue", json!({"SecretId": "s", "VersionId": V3}));
    assert_eq!(
        members(&deprecated),
        ["ARN", "CreatedDate", "Name", "SecretString", "VersionId"]
    );
}

#[test]
fn a_batch_answers_each_secret_by_itself() {
    let mut service = service();
    let arn = service.arn();
    for name in ["deleted", "empty"] {
        service.ok(
            "CreateSecret",
            json!({"Name": name, "ClientRequestToken": V1}),
        );
    }
    service.ok("DeleteSecret", json!({"SecretId": "deleted"}));
    let foreign = format!("arn:aws:secretsmanager:{REGION}:{OTHER_ACCOUNT}:secret:x-abcdef");
    let answer = service.ok(
        "BatchGetSecretValue",
        json!({"SecretIdList": ["s", "missing", arn, "deleted", "empty", foreign, "a b"]}),
    );
    assert_eq!(members(&answer), ["Errors", "SecretValues"]);
    let values: Vec<&Value> = answer["SecretValues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["SecretString"])
        .collect();
    assert_eq!(values, ["two", "two"]);
    let errors: Vec<(&str, &str, &str)> = answer["Errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            let member = |name: &str| error[name].as_str().unwrap();
            (member("SecretId"), member("ErrorCode"), member("Message"))
        })
        .collect();
    let denied = format!(
        "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: secretsmanager:GetSecretValue on resource: \
         {foreign} because no resource-based policy allows the secretsmanager:GetSecretValue action"
    );
    let name = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
    let empty =
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    assert_eq!(
        errors,
        [
            ("missing", NOT_FOUND, MISSING),
            ("deleted", REQUEST, MARKED),
            ("empty", NOT_FOUND, empty),
            (foreign.as_str(), DENIED, denied.as_str()),
            ("a b", VALIDATION, name),
        ]
    );
}

#[test]
fn a_batch_is_chosen_by_a_list_or_by_filters() {
    let either = "Either 'SecretIdList' or 'Filters' must be provided, but not both.";
    let pages =
        "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.";
    let filters = json!([{"Key": "name", "Values": ["s"]}]);
    for (body, code, text) in [
        (json!({}), PARAMETER, either),
        (
            json!({"SecretIdList": ["s"], "Filters": filters}),
            PARAMETER,
            either,
        ),
        (
            json!({"SecretIdList": ["s"], "MaxResults": 1}),
            PARAMETER,
            pages,
        ),
        (json!({"SecretIdList": []}), VALIDATION, ""),
        (json!({"SecretIdList": vec!["s"; 21]}), VALIDATION, ""),
        (
            json!({"Filters": filters, "MaxResults": 21}),
            VALIDATION,
            "",
        ),
        (
            json!({"Filters": filters, "NextToken": "made up"}),
            "InvalidNextTokenException",
            "",
        ),
    ] {
        let refused = service().refused("BatchGetSecretValue", body.clone());
        assert_eq!(refused.0, code, "{body} {}", refused.1);
        assert!(text.is_empty() || refused.1 == text, "{}", refused.1);
    }
}

#[test]
fn a_filtered_batch_comes_page_by_page_without_deleted_secrets() {
    let mut service = Service::new();
    for name in ["a1", "a2", "a3", "a4", "b1"] {
        service.pass(std::time::Duration::from_secs(1));
        service.ok(
            "CreateSecret",
            json!({"Name": name, "ClientRequestToken": V1, "SecretString": name}),
        );
    }
    service.ok("DeleteSecret", json!({"SecretId": "a2"}));
    let mut body = json!({"Filters": [{"Key": "name", "Values": ["a"]}], "MaxResults": 2});
    let first = service.ok("BatchGetSecretValue", body.clone());
    let names = |answer: &Value| -> Vec<String> {
        let values = answer["SecretValues"].as_array().unwrap();
        values
            .iter()
            .map(|it| it["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first), ["a4", "a3"]);
    body["NextToken"] = first["NextToken"].clone();
    let second = service.ok("BatchGetSecretValue", body);
    assert_eq!(
        (names(&second), second.get("NextToken")),
        (vec!["a1".to_owned()], None)
    );
}

#[test]
fn each_read_of_a_batch_counts_as_an_access() {
    let mut service = Service::with_secret();
    service.ok(
        "CreateSecret",
        json!({"Name": "t", "ClientRequestToken": V1, "SecretString": "x"}),
    );
    service.ok("BatchGetSecretValue", json!({"SecretIdList": ["s", "t"]}));
    for name in ["s", "t"] {
        let described = service.ok("DescribeSecret", json!({ "SecretId": name }));
        assert_eq!(
            described["LastAccessedDate"],
            json!(1_699_920_000.0),
            "{name}"
        );
    }
}
