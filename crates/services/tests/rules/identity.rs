//! How a secret is named. Source: api.md 2.

use serde_json::json;

use crate::harness::{
    ACCOUNT, DENIED, MISSING, NOT_FOUND, OTHER_ACCOUNT, PARAMETER, REGION, Service, V1, VALIDATION,
};

fn create(service: &mut Service, name: &str) -> String {
    let created = service.ok(
        "CreateSecret",
        json!({"Name": name, "ClientRequestToken": V1, "SecretString": "x"}),
    );
    created["ARN"].as_str().unwrap().to_owned()
}

#[test]
fn an_arn_is_the_name_and_six_random_letters_or_digits() {
    for (region, partition) in [
        ("us-east-1", "aws"),
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
    ] {
        let mut service = Service::new();
        service.be(ACCOUNT, region);
        let arn = create(&mut service, "a/b");
        let start = format!("arn:{partition}:secretsmanager:{region}:{ACCOUNT}:secret:a/b-");
        let suffix = arn.strip_prefix(&start).unwrap();
        assert_eq!(suffix.len(), 6);
        assert!(suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}

#[test]
fn a_secret_is_found_by_name_full_arn_and_partial_arn() {
    let mut service = Service::new();
    let arn = create(&mut service, "app/db");
    for id in ["app/db", &arn, &arn[..arn.len() - 7]] {
        let found = service.ok("DescribeSecret", json!({ "SecretId": id }));
        assert_eq!(found["ARN"], json!(arn), "{id}");
    }
}

#[test]
fn what_names_no_secret_is_not_found() {
    let mut service = Service::new();
    let arn = create(&mut service, "foobar");
    let elsewhere = arn.replace(REGION, "eu-west-1");
    let wrong_suffix = format!("{}zzzzzz", &arn[..arn.len() - 6]);
    let beginning = arn.replace("foobar", "foo");
    for id in [
        "foo",
        "FOOBAR",
        "foobar-",
        &beginning[..beginning.len() - 7],
        &elsewhere,
        &wrong_suffix,
    ] {
        let refused = service.refused("DescribeSecret", json!({ "SecretId": id }));
        assert_eq!(refused, (NOT_FOUND, MISSING.to_owned()), "{id}");
    }
}

#[test]
fn a_partial_arn_that_ends_like_a_full_one_is_taken_for_one() {
    let mut service = Service::new();
    let arn = create(&mut service, "key-AbCdEf");
    assert_eq!(
        service.ok("DescribeSecret", json!({"SecretId": "key-AbCdEf"}))["ARN"],
        json!(arn)
    );
    assert_eq!(
        service.ok("DescribeSecret", json!({ "SecretId": arn }))["ARN"],
        json!(arn)
    );
    let partial = &arn[..arn.len() - 7];
    assert_eq!(
        service.code("DescribeSecret", json!({ "SecretId": partial })),
        NOT_FOUND
    );
}

#[test]
fn an_id_that_can_be_none_is_refused() {
    let name = "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!";
    let length = |what: &str| format!("1 validation error detected: Value {what}");
    for (id, code, text) in [
        ("a b", VALIDATION, name.to_owned()),
        ("a\u{e9}", VALIDATION, name.to_owned()),
        ("a:b", VALIDATION, name.to_owned()),
        (
            "",
            VALIDATION,
            length(
                "'' at 'secretId' failed to satisfy constraint: Member must have length greater than or equal to 1",
            ),
        ),
        ("arn:aws:s3:::bucket", PARAMETER, "Invalid ARN.".to_owned()),
        (
            "arn:aws:secretsmanager:us-east-1:12:secret:a",
            PARAMETER,
            "Invalid ARN.".to_owned(),
        ),
        (
            "arn:aws:kms:us-east-1:123456789012:secret:a",
            PARAMETER,
            "Invalid ARN.".to_owned(),
        ),
        ("arn:", PARAMETER, "Invalid ARN.".to_owned()),
    ] {
        let refused = Service::new().refused("DescribeSecret", json!({ "SecretId": id }));
        assert_eq!(refused, (code, text), "{id}");
    }
    let missing = Service::new().refused("DescribeSecret", json!({}));
    let text = length("null at 'secretId' failed to satisfy constraint: Member must not be null");
    assert_eq!(missing, (VALIDATION, text));
}

#[test]
fn a_name_is_taken_once_in_each_account_and_region() {
    let mut service = Service::new();
    let mut arns = Vec::new();
    for (account, region) in [
        (ACCOUNT, REGION),
        (ACCOUNT, "eu-west-1"),
        (OTHER_ACCOUNT, REGION),
    ] {
        service.be(account, region);
        arns.push(create(&mut service, "same"));
    }
    for (index, (account, region)) in [
        (ACCOUNT, REGION),
        (ACCOUNT, "eu-west-1"),
        (OTHER_ACCOUNT, REGION),
    ]
    .iter()
    .enumerate()
    {
        service.be(account, region);
        assert_eq!(
            service.ok("DescribeSecret", json!({"SecretId": "same"}))["ARN"],
            json!(arns[index])
        );
        let listed = service.ok("ListSecrets", json!({}));
        assert_eq!(listed["SecretList"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn a_listing_shows_one_account_and_region() {
    let mut service = Service::with_secret();
    for (account, region) in [(ACCOUNT, "eu-west-1"), (OTHER_ACCOUNT, REGION)] {
        service.be(account, region);
        create(&mut service, "elsewhere");
        for by in [
            "created-date",
            "name",
            "last-changed-date",
            "last-accessed-date",
        ] {
            let listed = service.ok("ListSecrets", json!({ "SortBy": by }));
            let listed = listed["SecretList"].as_array().unwrap().clone();
            assert_eq!((listed.len(), &listed[0]["Name"]), (1, &json!("elsewhere")));
        }
    }
}

#[test]
fn nothing_of_another_account_can_be_reached_or_told_from_what_is_missing() {
    let mut service = Service::with_secret();
    let arn = service.arn();
    service.be(OTHER_ACCOUNT, REGION);
    let missing = arn.replace(":s-", ":missing-");
    for id in [&arn, &missing, &arn.replace(REGION, "eu-west-1")] {
        for (operation, more) in [
            ("GetSecretValue", json!({})),
            ("DescribeSecret", json!({})),
            ("PutSecretValue", json!({"SecretString": "x"})),
            ("PutSecretValue", json!({})),
            ("DeleteSecret", json!({"ForceDeleteWithoutRecovery": true})),
            ("DeleteSecret", json!({"RecoveryWindowInDays": 1})),
            ("TagResource", json!({"Tags": []})),
            ("UpdateSecretVersionStage", json!({"VersionStage": "X"})),
        ] {
            let mut body = more;
            body["SecretId"] = json!(id);
            let (code, text) = service.refused(operation, body);
            let expected = format!(
                "User: arn:aws:iam::{OTHER_ACCOUNT}:root is not authorized to perform: secretsmanager:{operation} on \
                 resource: {id} because no resource-based policy allows the secretsmanager:{operation} action"
            );
            assert_eq!((code, text), (DENIED, expected));
        }
    }
}
