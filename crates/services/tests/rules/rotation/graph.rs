//! Which secrets are rotated with whose credentials, and what is wrong with that.

use serde_json::{Value, json};
use strongroom_services::records::Key;
use strongroom_services::rotation::graph::{FindingKind, Graph};
use strongroom_services::rotation::overview::Listing;
use strongroom_services::secretsmanager::secret::Secret;

use super::rotating::{FUNCTION, service};
use crate::harness::{ACCOUNT, DAY, OTHER_ACCOUNT, PARAMETER, REGION, Service, V2, caller};

fn token(text: &str) -> String {
    format!("{text:-<32}")
}

fn create(service: &mut Service, name: &str) -> String {
    let request = json!({"Name": name, "ClientRequestToken": token("first"), "SecretString": "{}"});
    let answer = service.ok("CreateSecret", request);
    answer["ARN"].as_str().unwrap().to_owned()
}

/// Puts a value that names a master into a secret.
fn name_master(service: &mut Service, secret: &str, master: &str, stages: &Value) {
    let value = json!({"username": "u", "password": "p", "masterarn": master}).to_string();
    service.ok(
        "PutSecretValue",
        json!({"SecretId": secret, "SecretString": value, "VersionStages": stages,
            "ClientRequestToken": token(&format!("names-{}", &master[master.len() - 6..]))}),
    );
}

fn asked(secret: &str, rules: &Value) -> Value {
    json!({"SecretId": secret, "ClientRequestToken": V2, "RotationLambdaARN": FUNCTION, "RotationRules": rules})
}

fn monthly() -> Value {
    json!({"AutomaticallyAfterDays": 30})
}

/// Three secrets whose values name each other: each number names the one that stands behind it.
fn named(names: &[(usize, usize)]) -> (Service, Vec<String>) {
    let mut service = service();
    let arns = ["a", "b", "c"].map(|name| create(&mut service, name));
    for (secret, master) in names {
        let (secret, master) = (arns[*secret].clone(), arns[*master].clone());
        name_master(&mut service, &secret, &master, &Value::Null);
    }
    (service, arns.to_vec())
}

fn graph(service: &Service) -> Graph {
    service.with_records(|records| Graph::of(&Listing::default(), records, service.now).unwrap())
}

fn findings(service: &Service) -> Vec<(FindingKind, Vec<String>)> {
    let found = graph(service).findings.into_iter();
    found
        .map(|finding| (finding.kind, finding.secrets))
        .collect()
}

#[test]
fn a_secret_that_depends_on_itself_through_others_can_t_be_configured_to_rotate() {
    for (names, path) in [
        (&[(0, 1), (1, 0)][..], Some("a -> b -> a.")),
        (&[(0, 1), (1, 2), (2, 0)], Some("a -> b -> c -> a.")),
        (&[(0, 1), (1, 2)], None),
        // It works with its own credentials.
        (&[(0, 0)], None),
        // It isn't in that circle.
        (&[(0, 1), (1, 2), (2, 1)], None),
    ] {
        let (mut service, arns) = named(names);
        let request = asked(&arns[0], &monthly());
        match path {
            None => drop(service.ok("RotateSecret", request)),
            Some(path) => {
                let (code, message) = service.refused("RotateSecret", request);
                assert_eq!(code, PARAMETER);
                assert!(message.contains(path), "{message}");
            }
        }
    }
}

#[test]
fn a_circle_that_a_value_closes_is_found_once_with_its_secrets_in_order() {
    let (mut service, arns) = named(&[(1, 2), (2, 0)]);
    assert_eq!(findings(&service), []);
    name_master(&mut service, &arns[0], &arns[1], &Value::Null);
    assert_eq!(findings(&service), [(FindingKind::Loop, arns)]);
}

#[test]
fn two_circles_that_share_a_secret_are_two_findings() {
    let (mut service, arns) = named(&[(0, 1), (1, 0), (2, 0)]);
    name_master(&mut service, &arns[0], &arns[2], &json!(["AWSPENDING"]));
    let circle = |other: usize| {
        (
            FindingKind::Loop,
            vec![arns[0].clone(), arns[other].clone()],
        )
    };
    assert_eq!(findings(&service), [circle(1), circle(2)]);
}

#[test]
fn a_version_counts_while_it_is_current_or_pending() {
    let (mut service, arns) = named(&[(0, 1)]);
    name_master(&mut service, &arns[0], &arns[2], &json!(["AWSPENDING"]));
    let edges = |service: &Service| -> Vec<(String, Vec<String>)> {
        let edges = graph(service).edges.into_iter();
        edges
            .map(|edge| (edge.master_arn, edge.version_stages))
            .collect()
    };
    let mut expected = vec![
        (arns[1].clone(), vec!["AWSCURRENT".to_owned()]),
        (arns[2].clone(), vec!["AWSPENDING".to_owned()]),
    ];
    expected.sort();
    assert_eq!(edges(&service), expected);
    service.ok(
        "PutSecretValue",
        json!({"SecretId": "a", "SecretString": "{}", "ClientRequestToken": token("nobody")}),
    );
    let pending = vec![(arns[2].clone(), vec!["AWSPENDING".to_owned()])];
    assert_eq!(edges(&service), pending, "the previous one doesn't");
}

#[test]
fn a_master_that_no_function_would_find_is_a_finding() {
    type Case = (&'static str, fn(&str) -> String, Option<FindingKind>);
    let there = |service: &mut Service| create(service, "there");
    let table: [Case; 6] = [
        ("as it is", str::to_owned, None),
        (
            "without suffix",
            |arn| arn[..arn.len() - 7].to_owned(),
            None,
        ),
        (
            "another suffix",
            |arn| format!("{}ABCDEF", &arn[..arn.len() - 6]),
            Some(FindingKind::MissingMaster),
        ),
        (
            "another name",
            |arn| arn.replace("there", "gone"),
            Some(FindingKind::MissingMaster),
        ),
        (
            "another account",
            |arn| arn.replace(ACCOUNT, OTHER_ACCOUNT),
            Some(FindingKind::MissingMaster),
        ),
        (
            "another region",
            |arn| arn.replace(REGION, "eu-west-1"),
            Some(FindingKind::OtherRegion),
        ),
    ];
    for (case, changed, expected) in table {
        let mut service = service();
        let arn = there(&mut service);
        let user = create(&mut service, "user");
        name_master(&mut service, &user, &changed(&arn), &Value::Null);
        let found: Vec<FindingKind> = findings(&service)
            .into_iter()
            .map(|(kind, _)| kind)
            .collect();
        assert_eq!(found, Vec::from_iter(expected), "{case}");
    }
    let mut service = service();
    let arn = there(&mut service);
    let user = create(&mut service, "user");
    name_master(&mut service, &user, &arn, &Value::Null);
    service.ok("DeleteSecret", json!({"SecretId": "there"}));
    assert_eq!(
        findings(&service),
        [(FindingKind::MissingMaster, vec![user, arn])]
    );
}

#[test]
fn what_is_no_secret_s_arn_is_kept_by_no_record() {
    let mut service = service();
    for value in [
        "hunter2-hunter2",
        "arn:aws:iam::123456789012:user/hunter3",
        "a-name-alone",
    ] {
        name_master(&mut service, "s", value, &Value::Null);
        let owner = caller(ACCOUNT, REGION);
        let record = Key::secret(&owner.account, &owner.region, "s");
        assert!(
            service.read::<Secret>(record).unwrap().masters.is_empty(),
            "{value}"
        );
    }
}

#[test]
fn a_master_that_may_rotate_while_its_user_does_is_a_finding_and_never_a_refusal() {
    let cron = |expression: &str, duration: &str| json!({"ScheduleExpression": expression, "Duration": duration});
    for (user, master, days_between, meet) in [
        (monthly(), monthly(), 0, true),
        // The second was configured a day later, so its windows are other days.
        (monthly(), monthly(), 1, false),
        (monthly(), json!({"AutomaticallyAfterDays": 29}), 1, true),
        (
            cron("cron(0 8 ? * MON *)", "2h"),
            cron("cron(0 9 ? * MON *)", "1h"),
            0,
            true,
        ),
        (
            cron("cron(0 8 ? * MON *)", "2h"),
            cron("cron(0 10 ? * MON *)", "1h"),
            0,
            false,
        ),
        (
            cron("cron(0 8 ? * MON *)", "2h"),
            cron("cron(0 8 ? * TUE *)", "2h"),
            0,
            false,
        ),
        // The first Monday of January, and the first of any month that is one.
        (
            cron("cron(0 8 ? * MON *)", "1h"),
            cron("cron(0 8 1 * ? *)", "1h"),
            0,
            true,
        ),
        (monthly(), cron("rate(4 hours)", "1h"), 0, true),
    ] {
        let (mut service, arns) = named(&[(0, 1)]);
        service.ok("RotateSecret", asked(&arns[0], &user));
        service.pass(DAY * days_between);
        service.ok("RotateSecret", asked(&arns[1], &master));
        let found = findings(&service);
        let expected = (FindingKind::WindowsMeet, arns[..2].to_vec());
        assert_eq!(
            found,
            Vec::from_iter(meet.then_some(expected)),
            "{user} {master}"
        );
        if let Some(window) = graph(&service)
            .findings
            .first()
            .and_then(|found| found.window)
        {
            assert!(window.from < window.until);
        }
        service.ok("CancelRotateSecret", json!({"SecretId": arns[1]}));
        assert_eq!(
            findings(&service),
            [],
            "one that doesn't rotate meets nobody"
        );
    }
}

#[test]
fn masters_outside_a_listing_are_drawn_and_their_users_outside_it_aren_t() {
    let (mut service, arns) = named(&[(0, 1)]);
    service.be(ACCOUNT, "eu-west-1");
    let elsewhere = create(&mut service, "elsewhere");
    name_master(&mut service, &elsewhere, &arns[0], &Value::Null);
    let listing = Listing {
        region: Some(caller(ACCOUNT, REGION).region),
        ..Listing::default()
    };
    let drawn = service.with_records(|records| Graph::of(&listing, records, service.now).unwrap());
    let secrets: Vec<&String> = drawn.secrets.iter().map(|node| &node.arn).collect();
    assert_eq!(secrets, [&arns[0], &arns[1]]);
    assert_eq!(graph(&service).secrets.len(), 3);
}
