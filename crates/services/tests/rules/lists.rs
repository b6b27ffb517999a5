//! ListSecrets and ListSecretVersionIds: filters, orders, pages. Source: api.md 6.7, 6.8, 6.11, 6.12.

use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{
    ACCOUNT, DAY, OTHER_ACCOUNT, PARAMETER, REGION, Service, V1, V2, V3, VALIDATION, members,
};

const TOKEN: &str = "InvalidNextTokenException";

/// Secrets made a second apart, in this order.
fn service() -> Service {
    let mut service = Service::new();
    for (name, description, tags) in [
        (
            "app/web",
            "The production database",
            json!([{"Key": "Stage", "Value": "Production"}]),
        ),
        (
            "app/db",
            "credsDatabase#892",
            json!([{"Key": "stage", "Value": "test"}, {"Key": "team", "Value": "web"}]),
        ),
        ("batch", "", json!([])),
        (
            "appendix",
            "a web page",
            json!([{"Key": "team", "Value": "data"}]),
        ),
    ] {
        service.pass(Duration::from_secs(1));
        service.ok(
            "CreateSecret",
            json!({"Name": name, "ClientRequestToken": V1, "SecretString": "x", "Description": description, "Tags": tags}),
        );
    }
    service
}

fn names(answer: &Value) -> Vec<&str> {
    let list = answer["SecretList"].as_array().unwrap();
    list.iter()
        .map(|secret| secret["Name"].as_str().unwrap())
        .collect()
}

fn filtered(filters: Value) -> Vec<String> {
    let answer = service().ok(
        "ListSecrets",
        json!({"Filters": filters, "SortOrder": "asc"}),
    );
    names(&answer).into_iter().map(str::to_owned).collect()
}

#[test]
fn a_filter_lets_pass_what_the_reference_says() {
    for (key, values, expected) in [
        (
            "name",
            &["app"] as &[&str],
            &["app/web", "app/db", "appendix"] as &[&str],
        ),
        ("name", &["app/"], &["app/web", "app/db"]),
        ("name", &["App"], &[]),
        ("name", &["eb"], &[]),
        ("name", &["batch", "appendix"], &["batch", "appendix"]),
        (
            "name",
            &["app", "app/web"],
            &["app/web", "app/db", "appendix"],
        ),
        ("name", &["!app"], &["batch"]),
        ("name", &["app", "!app/"], &["appendix"]),
        ("description", &["production"], &["app/web"]),
        ("description", &["DATABASE prod"], &["app/web"]),
        ("description", &["data"], &["app/web", "app/db"]),
        ("description", &["base"], &[]),
        ("description", &["892"], &["app/db"]),
        ("description", &["!web"], &["app/web", "app/db", "batch"]),
        ("tag-key", &["Sta"], &["app/web"]),
        ("tag-key", &["sta"], &["app/db"]),
        ("tag-key", &["t", "S"], &["app/web", "app/db", "appendix"]),
        ("tag-value", &["web"], &["app/db"]),
        ("tag-value", &["prod"], &[]),
        ("tag-value", &["!test"], &["app/web", "batch", "appendix"]),
        ("all", &["WEB"], &["app/web", "app/db", "appendix"]),
        ("all", &["app db"], &["app/db"]),
        // Both words are there, but not in one attribute.
        ("all", &["batch production"], &[]),
        ("all", &["team"], &["app/db", "appendix"]),
        ("primary-region", &["us"], &[]),
        ("owning-service", &["rds"], &[]),
        (
            "owning-service",
            &["!rds"],
            &["app/web", "app/db", "batch", "appendix"],
        ),
    ] {
        assert_eq!(
            filtered(json!([{"Key": key, "Values": values}])),
            expected,
            "{key} {values:?}"
        );
    }
}

#[test]
fn several_filters_must_all_let_pass() {
    let filters =
        json!([{"Key": "name", "Values": ["app"]}, {"Key": "tag-key", "Values": ["team"]}]);
    assert_eq!(filtered(filters), ["app/db", "appendix"]);
    let by_case = json!([{"Key": "name", "Values": ["app"]}, {"Key": "name", "Values": ["App"]}]);
    assert_eq!(filtered(by_case), Vec::<String>::new());
}

#[test]
fn a_filter_that_makes_no_sense_is_refused() {
    for (filters, code, text) in [
        (json!([{"Values": ["x"]}]), PARAMETER, "Invalid filter key"),
        (
            json!([{"Key": "name"}]),
            PARAMETER,
            "Invalid filter values for key: name",
        ),
        (
            json!([{"Key": "names", "Values": ["x"]}]),
            VALIDATION,
            "1 validation error detected: Value 'names' at 'filters.1.member.key' failed to satisfy constraint: Member \
             must satisfy enum value set: [",
        ),
        (json!([{"Key": "name", "Values": []}]), VALIDATION, ""),
        (json!([{"Key": "name", "Values": ["#"]}]), VALIDATION, ""),
        (
            json!([{"Key": "name", "Values": ["x".repeat(513)]}]),
            VALIDATION,
            "",
        ),
        (
            json!([{"Key": "name", "Values": vec!["x"; 11]}]),
            VALIDATION,
            "",
        ),
        (
            json!(vec![json!({"Key": "name", "Values": ["x"]}); 11]),
            VALIDATION,
            "",
        ),
    ] {
        let refused = service().refused("ListSecrets", json!({ "Filters": filters }));
        assert_eq!(refused.0, code, "{filters} {}", refused.1);
        assert!(refused.1.starts_with(text), "{}", refused.1);
    }
}

#[test]
fn secrets_come_newest_first_unless_asked_otherwise() {
    let mut service = service();
    service.pass(DAY);
    service.ok("GetSecretValue", json!({"SecretId": "app/db"}));
    service.ok(
        "UpdateSecret",
        json!({"SecretId": "batch", "Description": "x"}),
    );
    let by_creation = ["app/web", "app/db", "batch", "appendix"];
    let by_name = ["app/db", "app/web", "appendix", "batch"];
    for (by, ascending) in [
        (None, &by_creation as &[&str]),
        (Some("created-date"), &by_creation),
        (Some("name"), &by_name),
        (
            Some("last-changed-date"),
            &["app/web", "app/db", "appendix", "batch"],
        ),
        (
            Some("last-accessed-date"),
            &["app/web", "appendix", "batch", "app/db"],
        ),
    ] {
        let mut descending = ascending.to_vec();
        descending.reverse();
        for (order, expected) in [
            (None, &descending[..]),
            (Some("desc"), &descending),
            (Some("asc"), ascending),
        ] {
            let answer = service.ok("ListSecrets", json!({"SortBy": by, "SortOrder": order}));
            assert_eq!(names(&answer), expected, "{by:?} {order:?}");
        }
    }
}

#[test]
fn pages_show_everything_once_in_every_order() {
    for by in [
        "created-date",
        "name",
        "last-changed-date",
        "last-accessed-date",
    ] {
        for order in ["asc", "desc"] {
            for filters in [
                json!(null),
                json!([{"Key": "name", "Values": ["a", "b", "app"]}]),
            ] {
                let mut service = service();
                let mut body = json!({"SortBy": by, "SortOrder": order, "Filters": filters});
                let all = service.ok("ListSecrets", body.clone());
                body["MaxResults"] = json!(1);
                let mut seen = Vec::new();
                loop {
                    let page = service.ok("ListSecrets", body.clone());
                    assert_eq!(page["SecretList"].as_array().unwrap().len(), 1);
                    seen.push(page["SecretList"][0].clone());
                    match page.get("NextToken") {
                        Some(token) => body["NextToken"] = token.clone(),
                        None => break,
                    }
                }
                assert_eq!(json!(seen), all["SecretList"], "{by} {order}");
            }
        }
    }
}

#[test]
fn a_token_continues_its_own_listing_only_and_for_a_day() {
    let first = json!({"MaxResults": 1, "SortBy": "name"});
    let fresh = || {
        let mut service = service();
        let token = service.ok("ListSecrets", first.clone())["NextToken"].clone();
        (service, token)
    };
    let with = |more: Value, token: &Value| {
        let mut body = more;
        body["NextToken"] = token.clone();
        body
    };
    let (mut service, token) = fresh();
    // Another page size is fine; another order, filter or account is not.
    service.ok(
        "ListSecrets",
        with(json!({"MaxResults": 2, "SortBy": "name"}), &token),
    );
    for body in [
        json!({"MaxResults": 1}),
        json!({"SortBy": "name", "SortOrder": "asc"}),
        json!({"SortBy": "name", "IncludePlannedDeletion": true}),
        json!({"SortBy": "name", "Filters": [{"Key": "name", "Values": ["a"]}]}),
    ] {
        assert_eq!(service.code("ListSecrets", with(body, &token)), TOKEN);
    }
    for (account, region) in [(OTHER_ACCOUNT, REGION), (ACCOUNT, "eu-west-1")] {
        service.be(account, region);
        assert_eq!(
            service.code("ListSecrets", with(first.clone(), &token)),
            TOKEN
        );
    }
    service.be(ACCOUNT, REGION);
    service.pass(DAY - Duration::from_millis(1));
    service.ok("ListSecrets", with(first.clone(), &token));
    service.pass(Duration::from_millis(1));
    assert_eq!(
        service.code("ListSecrets", with(first.clone(), &token)),
        TOKEN
    );
    for made_up in ["x", "AAAA", &"A".repeat(4096)] {
        assert_eq!(
            service.code("ListSecrets", with(first.clone(), &json!(made_up))),
            TOKEN
        );
    }
}

#[test]
fn secrets_scheduled_for_deletion_are_listed_where_that_is_asked_for() {
    let mut service = service();
    service.ok("DeleteSecret", json!({"SecretId": "batch"}));
    let answer = service.ok("ListSecrets", json!({"SortOrder": "asc"}));
    assert_eq!(names(&answer), ["app/web", "app/db", "appendix"]);
    let answer = service.ok(
        "ListSecrets",
        json!({"SortOrder": "asc", "IncludePlannedDeletion": true}),
    );
    assert_eq!(names(&answer), ["app/web", "app/db", "batch", "appendix"]);
}

#[test]
fn versions_come_newest_first_and_deprecated_ones_where_that_is_asked_for() {
    let mut service = Service::with_secret();
    for (version, value) in [(V2, "two"), (V3, "three")] {
        service.pass(Duration::from_secs(1));
        service.put(version, value, json!(null));
    }
    for (deprecated, expected) in [
        (json!(null), &[V3, V2] as &[&str]),
        (json!(true), &[V3, V2, V1]),
    ] {
        let mut body = json!({"SecretId": "s", "IncludeDeprecated": deprecated});
        let all = service.ok("ListSecretVersionIds", body.clone());
        assert_eq!(members(&all), ["ARN", "Name", "Versions"]);
        let mut seen = Vec::new();
        body["MaxResults"] = json!(1);
        loop {
            let page = service.ok("ListSecretVersionIds", body.clone());
            seen.extend(page["Versions"].as_array().unwrap().clone());
            match page.get("NextToken") {
                Some(token) => body["NextToken"] = token.clone(),
                None => break,
            }
        }
        assert_eq!(json!(seen), all["Versions"]);
        let ids: Vec<&str> = seen
            .iter()
            .map(|it| it["VersionId"].as_str().unwrap())
            .collect();
        assert_eq!(ids, expected);
    }
    let listed = service.ok(
        "ListSecretVersionIds",
        json!({"SecretId": "s", "IncludeDeprecated": true}),
    );
    let shown: Vec<Vec<&str>> = listed["Versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(members)
        .collect();
    let labelled = vec!["CreatedDate", "KmsKeyIds", "VersionId", "VersionStages"];
    assert_eq!(
        shown,
        [
            labelled.clone(),
            labelled,
            vec!["CreatedDate", "KmsKeyIds", "VersionId"]
        ]
    );
    assert_eq!(
        service.code(
            "ListSecretVersionIds",
            json!({"SecretId": "s", "NextToken": "x"})
        ),
        TOKEN
    );
}
