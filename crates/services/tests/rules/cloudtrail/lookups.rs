//! LookupEvents: what is found, in which order, and what is refused.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_services::cloudtrail;
use strongroom_services::cloudtrail::history::{Found, History, Query};
use strongroom_services::cloudtrail::recorded::Recorded;
use strongroom_services::kms;
use strongroom_services::refusal::Stop;

use crate::harness::{ACCOUNT, BEGINNING, DAY, DENIED, OTHER_ACCOUNT, REGION, Service, V1};

const INVALID_ATTRIBUTES: &str = "InvalidLookupAttributesException";
const SECOND: Duration = Duration::from_secs(1);

/// A history that is looked through from its end, each time.
#[derive(Default)]
pub(crate) struct WrittenDown {
    pub(crate) events: Vec<String>,
}

impl History for WrittenDown {
    fn find(&self, query: &Query<'_>) -> Result<Found, Stop> {
        let numbered = (1..)
            .zip(&self.events)
            .collect::<Vec<_>>()
            .into_iter()
            .rev();
        let before = numbered.filter(|(at, _)| query.before.is_none_or(|before| *at < before));
        let mut wanted = before.filter(|(_, json)| {
            Recorded::read(json.as_bytes()).is_some_and(|event| query.wants(&event))
        });
        let events = wanted.by_ref().take(query.most);
        let events = events.map(|(at, json)| (at, json.clone().into_bytes()));
        Ok(Found {
            events: events.collect(),
            is_more: wanted.next().is_some(),
        })
    }
}

/// A service whose calls are written down.
fn watched() -> Service {
    let mut service = Service::new();
    service.history = Some(WrittenDown::default());
    service
}

fn create(service: &mut Service, name: &str) -> Value {
    service.ok(
        "CreateSecret",
        json!({"Name": name, "ClientRequestToken": V1}),
    )
}

fn names(answer: &Value) -> Vec<&str> {
    let events = answer["Events"].as_array().unwrap();
    let names = events.iter().map(|event| event["EventName"].as_str());
    names.map(Option::unwrap).collect()
}

fn by(key: &str, value: &str) -> Value {
    json!({"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]})
}

#[test]
fn an_event_is_shown_with_all_that_it_can_be_looked_up_by() {
    let mut service = watched();
    let made = create(&mut service, "prod/db");
    let arn = made["ARN"].as_str().unwrap().to_owned();
    service.ok("DescribeSecret", json!({"SecretId": "prod/db"}));
    let answer = service.cloudtrail("LookupEvents", json!({"MaxResults": 1}));
    let event = &answer["Events"][0];
    let said: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
    assert_eq!(
        event,
        &json!({
            "EventId": said["eventID"],
            "EventName": "DescribeSecret",
            "ReadOnly": "true",
            "AccessKeyId": "AKIAEXAMPLE",
            "EventTime": (BEGINNING / 1000) as f64,
            "EventSource": "secretsmanager.amazonaws.com",
            "Username": "root",
            "Resources": [
                {"ResourceType": "AWS::SecretsManager::Secret", "ResourceName": arn},
                {"ResourceType": "AWS::SecretsManager::Secret", "ResourceName": "prod/db"},
            ],
            "CloudTrailEvent": event["CloudTrailEvent"],
        })
    );
    assert_eq!(said["eventName"], "DescribeSecret");
    for (key, value) in [
        ("EventId", said["eventID"].as_str().unwrap()),
        ("EventName", "DescribeSecret"),
        ("ReadOnly", "true"),
        ("Username", "root"),
        ("ResourceType", "AWS::SecretsManager::Secret"),
        ("ResourceName", &arn),
        ("ResourceName", "prod/db"),
        ("EventSource", "secretsmanager.amazonaws.com"),
        ("AccessKeyId", "AKIAEXAMPLE"),
    ] {
        let found = service.cloudtrail("LookupEvents", by(key, value));
        let events = found["Events"].as_array().unwrap();
        assert!(events.contains(event), "{key} {value}: {found}");
        // Another value of the same attribute finds others, or none.
        let other = if key == "ReadOnly" { "false" } else { "other" };
        let found = service.cloudtrail("LookupEvents", by(key, other));
        let events = found["Events"].as_array().unwrap();
        assert!(!events.contains(event), "{key} {other}: {found}");
    }
}

#[test]
fn events_come_newest_first_in_pages_that_miss_nothing_and_repeat_nothing() {
    let mut service = watched();
    for number in 0..7 {
        create(&mut service, &format!("s-{number}"));
        service.pass(SECOND);
    }
    let ask = by("EventName", "CreateSecret");
    let all = service.cloudtrail("LookupEvents", ask.clone());
    let ids = |answer: &Value| -> Vec<String> {
        let events = answer["Events"].as_array().unwrap();
        let names = events
            .iter()
            .map(|event| event["Resources"][1]["ResourceName"].clone());
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(&all), ["s-6", "s-5", "s-4", "s-3", "s-2", "s-1", "s-0"]);
    assert_eq!(all["NextToken"], Value::Null);
    for most in 1..8 {
        let mut seen = Vec::new();
        let mut request = ask.clone();
        request["MaxResults"] = json!(most);
        loop {
            let page = service.cloudtrail("LookupEvents", request.clone());
            assert!(page["Events"].as_array().unwrap().len() <= most);
            seen.extend(ids(&page));
            // What happens meanwhile is not in the pages to come.
            create(&mut service, &format!("m-{most}-{}", seen.len()));
            let Some(token) = page["NextToken"].as_str() else {
                break;
            };
            request["NextToken"] = json!(token);
        }
        let seen: Vec<&String> = seen.iter().filter(|name| name.starts_with("s-")).collect();
        assert_eq!(
            seen,
            ["s-6", "s-5", "s-4", "s-3", "s-2", "s-1", "s-0"],
            "{most}"
        );
    }
}

#[test]
fn a_token_is_good_for_the_request_that_it_was_given_out_for() {
    let mut service = watched();
    for number in 0..3 {
        create(&mut service, &format!("s-{number}"));
    }
    let mut ask = by("EventName", "CreateSecret");
    ask["MaxResults"] = json!(1);
    let token = service.cloudtrail("LookupEvents", ask.clone())["NextToken"].clone();
    ask["NextToken"] = token.clone();
    assert_eq!(
        names(&service.cloudtrail("LookupEvents", ask.clone())),
        ["CreateSecret"]
    );
    let mut other = by("EventName", "DeleteSecret");
    other["NextToken"] = token.clone();
    let mut made_up = ask.clone();
    made_up["NextToken"] = json!("AAAA");
    let mut empty = ask.clone();
    empty["NextToken"] = json!("");
    for body in [
        other,
        json!({"NextToken": token, "MaxResults": 1}),
        json!({"NextToken": token, "LookupAttributes": ask["LookupAttributes"], "StartTime": 1}),
        made_up,
        empty,
    ] {
        let refused = service.cloudtrail_refused("LookupEvents", body.clone());
        assert_eq!(refused.0, "InvalidNextTokenException", "{body}");
    }
    for (account, region) in [(ACCOUNT, "eu-west-1"), (OTHER_ACCOUNT, REGION)] {
        service.be(account, region);
        let refused = service.cloudtrail_refused("LookupEvents", ask.clone());
        assert_eq!(refused.0, "InvalidNextTokenException", "{account} {region}");
    }
}

#[test]
fn only_events_between_the_times_of_the_last_90_days_are_found() {
    let mut service = watched();
    let at = |days: i64| BEGINNING / 1000 + days * 86_400;
    for day in 0..5 {
        create(&mut service, &format!("s-{day}"));
        service.pass(DAY);
    }
    let found = |service: &mut Service, mut body: Value| {
        body["LookupAttributes"] = by("EventName", "CreateSecret")["LookupAttributes"].clone();
        let answer = service.cloudtrail("LookupEvents", body);
        let events = answer["Events"].as_array().unwrap();
        let names = events
            .iter()
            .map(|event| event["Resources"][1]["ResourceName"].clone());
        names
            .map(|name| name.as_str().unwrap()[2..].parse::<u32>().unwrap())
            .collect::<Vec<_>>()
    };
    for (body, expected) in [
        (json!({}), vec![4, 3, 2, 1, 0]),
        (json!({"StartTime": at(1), "EndTime": at(3)}), vec![3, 2, 1]),
        (
            json!({"StartTime": at(1) + 1, "EndTime": at(3) - 1}),
            vec![2],
        ),
        (json!({"StartTime": at(2), "EndTime": at(2)}), vec![2]),
        (json!({"EndTime": at(0) - 1}), vec![]),
        (json!({"StartTime": at(9)}), vec![]),
        (json!({"StartTime": 0}), vec![4, 3, 2, 1, 0]),
    ] {
        assert_eq!(found(&mut service, body.clone()), expected, "{body}");
    }
    service.pass(Duration::from_secs(87 * 86_400));
    assert_eq!(found(&mut service, json!({})), [4, 3, 2]);
    assert_eq!(found(&mut service, json!({"StartTime": 0})), [4, 3, 2]);
}

#[test]
fn a_caller_finds_what_happened_in_its_account_and_region() {
    let mut service = watched();
    let mut created = Vec::new();
    for (account, region) in [
        (ACCOUNT, REGION),
        (ACCOUNT, "eu-west-1"),
        (OTHER_ACCOUNT, REGION),
    ] {
        service.be(account, region);
        let made = create(&mut service, "s");
        created.push((account, region, made["ARN"].clone()));
    }
    for (account, region, arn) in created {
        service.be(account, region);
        let found = service.cloudtrail("LookupEvents", by("EventName", "CreateSecret"));
        let events = found["Events"].as_array().unwrap();
        assert_eq!(events.len(), 1, "{found}");
        assert_eq!(events[0]["Resources"][0]["ResourceName"], arn);
    }
}

#[test]
fn refusals_are_found_as_well_and_data_events_are_not() {
    let mut service = watched();
    let refused = service.refused("DescribeSecret", json!({"SecretId": "none"}));
    let found = service.cloudtrail("LookupEvents", by("EventName", "DescribeSecret"));
    let said = found["Events"][0]["CloudTrailEvent"].as_str().unwrap();
    let said: Value = serde_json::from_str(said).unwrap();
    assert_eq!(said["errorCode"], refused.0);
    let data = said
        .to_string()
        .replace("\"managementEvent\":true", "\"managementEvent\":false");
    let data = data.replace("DescribeSecret", "Invoke");
    // As it would be written down: the version comes first.
    let mut data: Value = serde_json::from_str(&data).unwrap();
    data.as_object_mut().unwrap().remove("eventVersion");
    let data = format!("{{\"eventVersion\":\"1.11\",{}", &data.to_string()[1..]);
    assert!(Recorded::read(data.as_bytes()).is_some());
    service.history.as_mut().unwrap().events.push(data);
    let found = service.cloudtrail("LookupEvents", by("EventName", "Invoke"));
    assert_eq!(found, json!({"Events": []}));
}

#[test]
fn a_request_that_makes_no_sense_is_refused() {
    let mut service = watched();
    let attribute = json!({"AttributeKey": "EventName", "AttributeValue": "x"});
    for (body, code) in [
        (by("eventname", "x"), INVALID_ATTRIBUTES),
        (by("", "x"), INVALID_ATTRIBUTES),
        (by("EventName", ""), INVALID_ATTRIBUTES),
        (by("EventName", &"x".repeat(2001)), INVALID_ATTRIBUTES),
        (by("ReadOnly", "yes"), INVALID_ATTRIBUTES),
        (by("ReadOnly", "True"), INVALID_ATTRIBUTES),
        (
            json!({"LookupAttributes": [{"AttributeKey": "EventName"}]}),
            INVALID_ATTRIBUTES,
        ),
        (
            json!({"LookupAttributes": [{"AttributeValue": "x"}]}),
            INVALID_ATTRIBUTES,
        ),
        (
            json!({"LookupAttributes": [attribute, attribute]}),
            INVALID_ATTRIBUTES,
        ),
        (
            json!({"LookupAttributes": attribute}),
            "SerializationException",
        ),
        (
            json!({"LookupAttributes": ["EventName"]}),
            "SerializationException",
        ),
        (
            json!({"StartTime": 2, "EndTime": 1}),
            "InvalidTimeRangeException",
        ),
        (json!({"StartTime": -1}), "InvalidTimeRangeException"),
        (json!({"EndTime": 1e15}), "InvalidTimeRangeException"),
        (json!({"StartTime": "yesterday"}), "SerializationException"),
        (json!({"MaxResults": 0}), "InvalidMaxResultsException"),
        (json!({"MaxResults": 51}), "InvalidMaxResultsException"),
        (json!({"MaxResults": -1}), "InvalidMaxResultsException"),
        (json!({"MaxResults": "5"}), "SerializationException"),
        (
            json!({"EventCategory": "management"}),
            "InvalidEventCategoryException",
        ),
        (
            json!({"EventCategory": ""}),
            "InvalidEventCategoryException",
        ),
        (json!({"NextToken": "x"}), "InvalidNextTokenException"),
        (json!({"NextToken": 1}), "SerializationException"),
    ] {
        let refused = service.cloudtrail_refused("LookupEvents", body.clone());
        assert_eq!(refused.0, code, "{body}");
    }
    for body in [
        json!({}),
        json!({"LookupAttributes": []}),
        json!({"LookupAttributes": null}),
        by("EventName", &"x".repeat(2000)),
        json!({"EventCategory": "insight"}),
        json!({"MaxResults": 50, "StartTime": 1.5, "EndTime": 1.5}),
    ] {
        service.cloudtrail("LookupEvents", body);
    }
}

#[test]
fn there_are_no_events_of_unusual_activity() {
    let mut service = watched();
    create(&mut service, "s");
    let found = service.cloudtrail("LookupEvents", json!({"EventCategory": "insight"}));
    assert_eq!(found, json!({"Events": []}));
}

#[test]
fn looking_up_asks_for_its_permission_on_everything() {
    let mut service = watched();
    let policy = |resource: &str| json!([{"Effect": "Allow", "Action": "cloudtrail:LookupEvents", "Resource": resource}]);
    service.be_allowed(policy("arn:aws:cloudtrail:us-east-1:123456789012:trail/*"));
    // Also what makes no sense is refused for the permission first.
    for body in [
        json!({}),
        json!({"MaxResults": 0}),
        json!({"NextToken": "x"}),
    ] {
        assert_eq!(service.cloudtrail_refused("LookupEvents", body).0, DENIED);
    }
    service.be_allowed(policy("*"));
    service.cloudtrail("LookupEvents", json!({}));
}

#[test]
fn without_an_audit_log_nothing_can_be_looked_up() {
    let refused = Service::new().cloudtrail_refused("LookupEvents", json!({}));
    assert_eq!(refused.0, "UnsupportedOperationException");
}

#[test]
fn looking_up_is_a_read() {
    let entries = cloudtrail::OPERATIONS.iter();
    let reads: Vec<&str> = entries
        .filter(|entry| entry.read_only)
        .map(|entry| entry.name)
        .collect();
    assert_eq!(
        reads,
        [
            "DescribeTrails",
            "GetEventSelectors",
            "GetTrail",
            "GetTrailStatus",
            "ListPublicKeys",
            "ListTags",
            "ListTrails",
            "LookupEvents",
        ]
    );
}

#[test]
fn what_was_made_is_found_by_its_name_and_by_its_arn() {
    let mut service = watched();
    let arn = create(&mut service, "a-b")["ARN"].clone();
    let key = service.ask_of(kms::OPERATIONS, "CreateKey", &json!({}));
    let key = key.unwrap()["KeyMetadata"].clone();
    service.be_allowed(json!([{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]));
    service.refused("CreateSecret", json!({"Name": "denied"}));
    service.be(ACCOUNT, REGION);
    for (name, kind, event) in [
        (&arn, "AWS::SecretsManager::Secret", "CreateSecret"),
        (&json!("a-b"), "AWS::SecretsManager::Secret", "CreateSecret"),
        (
            &json!("denied"),
            "AWS::SecretsManager::Secret",
            "CreateSecret",
        ),
        (&key["Arn"], "AWS::KMS::Key", "CreateKey"),
        (&key["KeyId"], "AWS::KMS::Key", "CreateKey"),
    ] {
        let found = service.cloudtrail("LookupEvents", by("ResourceName", name.as_str().unwrap()));
        assert_eq!(names(&found), [event], "{name}");
        let shown = json!({"ResourceType": kind, "ResourceName": name});
        let resources = found["Events"][0]["Resources"].as_array().unwrap();
        assert!(resources.contains(&shown), "{found}");
    }
}
