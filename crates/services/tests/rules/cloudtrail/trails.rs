//! Trails: making, changing, finding and ending them.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_services::cloudtrail;
use strongroom_services::cloudtrail::trail::{self, Delivers, Outcome, TrailArn};
use strongroom_services::records::Records;
use strongroom_services::time::Timestamp;

use super::{BUCKET, MAIN, service, with_trail};
use crate::harness::{ACCOUNT, BEGINNING, DENIED, OTHER_ACCOUNT, REGION, Service};

const NOT_FOUND: &str = "TrailNotFoundException";
const INVALID_NAME: &str = "InvalidTrailNameException";
const UNSUPPORTED: &str = "UnsupportedOperationException";
const ELSEWHERE: &str = "eu-west-1";

fn seconds(milliseconds: i64) -> Value {
    json!(milliseconds as f64 / 1000.0)
}

#[test]
fn a_trail_is_answered_with_its_settings_and_shown_with_them() {
    let mut service = service();
    let made = service.cloudtrail(
        "CreateTrail",
        json!({
            "Name": "main", "S3BucketName": BUCKET, "S3KeyPrefix": "a/b", "IsMultiRegionTrail": true,
            "EnableLogFileValidation": true, "TagsList": [{"Key": "team", "Value": "web"}, {"Key": "bare"}],
        }),
    );
    let mut expected = json!({
        "Name": "main", "S3BucketName": BUCKET, "S3KeyPrefix": "a/b", "IncludeGlobalServiceEvents": true,
        "IsMultiRegionTrail": true, "TrailARN": MAIN, "LogFileValidationEnabled": true,
        "IsOrganizationTrail": false, "RecursiveLogging": true,
    });
    assert_eq!(made, expected);
    expected["HomeRegion"] = json!(REGION);
    expected["HasCustomEventSelectors"] = json!(false);
    expected["HasInsightSelectors"] = json!(false);
    assert_eq!(
        service.cloudtrail("GetTrail", json!({"Name": "main"}))["Trail"],
        expected
    );
    assert_eq!(
        service.cloudtrail("DescribeTrails", json!({}))["trailList"],
        json!([expected])
    );
    assert_eq!(
        service.cloudtrail("ListTrails", json!({})),
        json!({"Trails": [{"TrailARN": MAIN, "Name": "main", "HomeRegion": REGION}]})
    );
    assert_eq!(
        service.cloudtrail("ListTags", json!({"ResourceIdList": [MAIN]})),
        json!({"ResourceTagList": [{
            "ResourceId": MAIN, "TagsList": [{"Key": "team", "Value": "web"}, {"Key": "bare"}],
        }]})
    );
}

#[test]
fn a_trail_has_a_name_of_its_own() {
    let mut service = service();
    for (name, message) in [
        ("", "Trail name cannot be blank!"),
        ("  ", "Trail name cannot be blank!"),
        (
            "ab",
            "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters.",
        ),
        (
            &"a".repeat(129),
            "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters.",
        ),
        (
            "a b c",
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), \
             and underscores (_).",
        ),
        ("-abc", "Trail name must start with a letter or number."),
        ("abc_", "Trail name must end with a letter or number."),
        (
            "my-_namespace",
            "Trail name cannot have adjacent periods, underscores or dashes.",
        ),
        (
            "192.168.5.4",
            "Trail name must not be formatted as an IP address.",
        ),
    ] {
        let body = json!({"Name": name, "S3BucketName": BUCKET});
        let refused = service.cloudtrail_refused("CreateTrail", body);
        assert_eq!(refused, (INVALID_NAME, message.to_owned()), "{name}");
        for operation in ["GetTrail", "DeleteTrail", "StartLogging"] {
            let refused = service.cloudtrail_refused(operation, json!({"Name": name}));
            assert_eq!(refused.0, INVALID_NAME, "{operation} {name}");
        }
    }
    for name in ["abc", "A.b-c_9", &"a".repeat(128)] {
        service.cloudtrail("CreateTrail", json!({"Name": name, "S3BucketName": BUCKET}));
    }
    assert_eq!(
        service.cloudtrail_refused(
            "CreateTrail",
            json!({"Name": "abc", "S3BucketName": "more"})
        ),
        (
            "TrailAlreadyExistsException",
            format!("Trail abc already exists for customer: {ACCOUNT}")
        )
    );
    // In another region, the name is free.
    service.be(ACCOUNT, ELSEWHERE);
    service.cloudtrail(
        "CreateTrail",
        json!({"Name": "abc", "S3BucketName": BUCKET}),
    );
}

#[test]
fn what_a_trail_cannot_be_is_refused() {
    let mut service = service();
    let long = "p".repeat(201);
    for (members, code) in [
        (
            json!({"S3BucketName": "absent"}),
            "S3BucketDoesNotExistException",
        ),
        (
            json!({"S3BucketName": "No_Bucket"}),
            "InvalidS3BucketNameException",
        ),
        (json!({"S3BucketName": "a"}), "InvalidS3BucketNameException"),
        (json!({"S3KeyPrefix": long}), "InvalidS3PrefixException"),
        (json!({"S3KeyPrefix": "/a"}), "InvalidS3PrefixException"),
        (json!({"S3KeyPrefix": "a/../b"}), "InvalidS3PrefixException"),
        (json!({"S3KeyPrefix": "a\nb"}), "InvalidS3PrefixException"),
        (json!({"SnsTopicName": "t"}), UNSUPPORTED),
        (json!({"CloudWatchLogsLogGroupArn": "g"}), UNSUPPORTED),
        (json!({"CloudWatchLogsRoleArn": "r"}), UNSUPPORTED),
        (json!({"KmsKeyId": "alias/k"}), UNSUPPORTED),
        (json!({"IsOrganizationTrail": true}), UNSUPPORTED),
        (
            json!({"IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": false}),
            "InvalidParameterCombinationException",
        ),
        (
            json!({"TagsList": [{"Key": "aws:x", "Value": "v"}]}),
            "InvalidTagParameterException",
        ),
        (
            json!({"TagsList": [{"Key": "k"}, {"Key": "k"}]}),
            "InvalidTagParameterException",
        ),
        (
            json!({"TagsList": (0..51).map(|n| json!({"Key": format!("k{n}")})).collect::<Vec<_>>()}),
            "TagsLimitExceededException",
        ),
        (json!({"S3BucketName": null}), "ValidationException"),
        (json!({"Name": null}), "ValidationException"),
        (
            json!({"IsMultiRegionTrail": "yes"}),
            "SerializationException",
        ),
    ] {
        let mut body = json!({"Name": "main", "S3BucketName": BUCKET});
        for (member, value) in members.as_object().unwrap() {
            body[member] = value.clone();
        }
        let refused = service.cloudtrail_refused("CreateTrail", body);
        assert_eq!(refused.0, code, "{members}");
    }
    // What is switched off needn't be there.
    service.cloudtrail(
        "CreateTrail",
        json!({"Name": "main", "S3BucketName": BUCKET, "SnsTopicName": "", "IsOrganizationTrail": false}),
    );
}

#[test]
fn a_region_has_five_trails_of_which_one_for_all_regions_counts_everywhere() {
    let mut service = service();
    let make = |name: &str, everywhere: bool| json!({"Name": name, "S3BucketName": BUCKET, "IsMultiRegionTrail": everywhere});
    service.cloudtrail("CreateTrail", make("everywhere", true));
    service.be(ACCOUNT, ELSEWHERE);
    for number in 1..5 {
        service.cloudtrail("CreateTrail", make(&format!("t-{number}"), false));
    }
    let full = |region: &str| {
        (
            "MaximumNumberOfTrailsExceededException",
            format!("User: {ACCOUNT} already has 5 trails in {region}."),
        )
    };
    assert_eq!(
        service.cloudtrail_refused("CreateTrail", make("t-5", false)),
        full(ELSEWHERE)
    );
    // There is room here, but not there.
    service.be(ACCOUNT, REGION);
    assert_eq!(
        service.cloudtrail_refused("CreateTrail", make("more", true)),
        full(ELSEWHERE)
    );
    service.cloudtrail("CreateTrail", make("here", false));
    assert_eq!(
        service.cloudtrail_refused(
            "UpdateTrail",
            json!({"Name": "here", "IsMultiRegionTrail": true})
        ),
        full(ELSEWHERE)
    );
    service.be(OTHER_ACCOUNT, ELSEWHERE);
    service.cloudtrail("CreateTrail", make("t-1", false));
}

#[test]
fn a_trail_is_changed_at_home_and_seen_where_it_is_shown() {
    let mut service = with_trail();
    let everywhere = "arn:aws:cloudtrail:us-east-1:123456789012:trail/everywhere";
    service.cloudtrail(
        "CreateTrail",
        json!({"Name": "everywhere", "S3BucketName": BUCKET, "IsMultiRegionTrail": true}),
    );
    service.be(ACCOUNT, ELSEWHERE);
    for operation in ["GetTrail", "GetTrailStatus"] {
        service.cloudtrail(operation, json!({"Name": everywhere}));
    }
    service.cloudtrail("GetEventSelectors", json!({"TrailName": everywhere}));
    for (operation, body) in [
        ("UpdateTrail", json!({"Name": everywhere})),
        ("DeleteTrail", json!({"Name": everywhere})),
        ("StartLogging", json!({"Name": everywhere})),
        ("StopLogging", json!({"Name": everywhere})),
        (
            "PutEventSelectors",
            json!({"TrailName": everywhere, "EventSelectors": [{}]}),
        ),
    ] {
        let refused = service.cloudtrail_refused(operation, body);
        assert_eq!(refused.0, "InvalidHomeRegionException", "{operation}");
    }
    for name in ["main", MAIN, "everywhere"] {
        let refused = service.cloudtrail_refused("GetTrail", json!({"Name": name}));
        assert_eq!(refused.0, NOT_FOUND, "{name}");
    }
    let names = |answer: Value| -> Vec<Value> {
        let list = answer["trailList"].as_array().unwrap();
        list.iter().map(|trail| trail["Name"].clone()).collect()
    };
    for (body, expected) in [
        (json!({}), vec!["everywhere"]),
        (json!({"includeShadowTrails": false}), vec![]),
        (json!({"trailNameList": [everywhere]}), vec!["everywhere"]),
        (json!({"trailNameList": ["everywhere"]}), vec![]),
        (json!({"trailNameList": [MAIN]}), vec![]),
    ] {
        assert_eq!(
            names(service.cloudtrail("DescribeTrails", body.clone())),
            expected,
            "{body}"
        );
    }
    service.be(ACCOUNT, REGION);
    for (body, expected) in [
        (json!({}), vec!["everywhere", "main"]),
        (json!({"trailNameList": ["main"]}), vec!["main"]),
        (json!({"trailNameList": []}), vec!["everywhere", "main"]),
    ] {
        assert_eq!(
            names(service.cloudtrail("DescribeTrails", body.clone())),
            expected,
            "{body}"
        );
    }
    assert_eq!(
        service.cloudtrail_refused("GetTrail", json!({"Name": "none"})),
        (
            NOT_FOUND,
            format!(
                "Unknown trail: {} for the user: {ACCOUNT}",
                MAIN.replace("main", "none")
            )
        )
    );
    let refused = service.cloudtrail_refused("GetTrail", json!({"Name": "arn:aws:s3:::b"}));
    assert_eq!(refused.0, "CloudTrailARNInvalidException");
}

#[test]
fn an_update_changes_what_it_names() {
    let mut service = with_trail();
    service.cloudtrail("StartLogging", json!({"Name": "main"}));
    let update = json!({"Name": MAIN, "S3BucketName": "more", "S3KeyPrefix": "p"});
    let updated = service.cloudtrail("UpdateTrail", update);
    assert_eq!(
        (&updated["S3BucketName"], &updated["S3KeyPrefix"]),
        (&json!("more"), &json!("p"))
    );
    let updated = service.cloudtrail(
        "UpdateTrail",
        json!({"Name": "main", "S3KeyPrefix": "", "IncludeGlobalServiceEvents": false}),
    );
    assert_eq!(updated["S3KeyPrefix"], Value::Null);
    assert_eq!(updated["S3BucketName"], json!("more"));
    let refused = service.cloudtrail_refused(
        "UpdateTrail",
        json!({"Name": "main", "IsMultiRegionTrail": true}),
    );
    assert_eq!(refused.0, "InvalidParameterCombinationException");
    let status = service.cloudtrail("GetTrailStatus", json!({"Name": "main"}));
    assert_eq!(status["IsLogging"], json!(true));
}

/// Notes how a delivery went.
fn note(service: &mut Service, arn: &TrailArn, delivers: Delivers, outcome: Outcome) {
    let now = service.now;
    let changes = service
        .with_records(|records: &Records<'_>| {
            trail::note_delivery(arn, delivers, outcome, records, now)
        })
        .unwrap();
    service.commit(changes);
}

#[test]
fn the_status_says_since_when_events_are_taken_and_how_deliveries_went() {
    let mut service = with_trail();
    let arn = TrailArn::parse(MAIN).unwrap();
    let status =
        |service: &mut Service| service.cloudtrail("GetTrailStatus", json!({"Name": "main"}));
    let first = status(&mut service);
    assert_eq!(first["IsLogging"], json!(false));
    assert_eq!(first["StartLoggingTime"], Value::Null);
    assert_eq!(first["LatestDeliveryTime"], Value::Null);

    let minute = Duration::from_secs(60);
    service.pass(minute);
    service.cloudtrail("StartLogging", json!({"Name": "main"}));
    service.pass(minute);
    // Starting what has started changes nothing.
    service.cloudtrail("StartLogging", json!({"Name": "main"}));
    note(&mut service, &arn, Delivers::Logs, Outcome::Delivered);
    service.pass(minute);
    let failed = Outcome::Failed("AccessDenied".to_owned());
    note(&mut service, &arn, Delivers::Logs, failed);
    note(&mut service, &arn, Delivers::Digest, Outcome::Delivered);
    service.pass(minute);
    service.cloudtrail("StopLogging", json!({"Name": "main"}));
    let last = status(&mut service);
    let at = |minutes: i64| seconds(BEGINNING + minutes * 60_000);
    for (member, expected) in [
        ("IsLogging", json!(false)),
        ("StartLoggingTime", at(1)),
        ("LatestDeliveryTime", at(2)),
        ("LatestDeliveryError", json!("AccessDenied")),
        ("LatestDigestDeliveryTime", at(3)),
        ("LatestDigestDeliveryError", Value::Null),
        ("StopLoggingTime", at(4)),
        ("TimeLoggingStarted", json!("2023-11-15T00:00:59Z")),
    ] {
        assert_eq!(last[member], expected, "{member}");
    }
    note(&mut service, &arn, Delivers::Logs, Outcome::Delivered);
    assert_eq!(status(&mut service)["LatestDeliveryError"], Value::Null);

    // A trail that is gone isn't brought back, and one made anew knows nothing of it.
    service.cloudtrail("DeleteTrail", json!({"Name": "main"}));
    note(&mut service, &arn, Delivers::Logs, Outcome::Delivered);
    assert!(service.stored().is_empty());
    service.cloudtrail(
        "CreateTrail",
        json!({"Name": "main", "S3BucketName": BUCKET}),
    );
    assert_eq!(status(&mut service)["LatestDeliveryTime"], Value::Null);
}

#[test]
fn a_stopped_trail_takes_nothing() {
    let mut service = with_trail();
    let takes = |service: &Service| {
        let now = service.now;
        let trails = service.with_records(trail::all).unwrap();
        trails[0].takes(trail::Offered {
            region: REGION,
            source: "kms.amazonaws.com",
            management: true,
            read_only: true,
            at: Timestamp::from_milliseconds(now.milliseconds()),
        })
    };
    assert!(!takes(&service));
    service.cloudtrail("StartLogging", json!({"Name": "main"}));
    assert!(takes(&service));
    service.cloudtrail(
        "PutEventSelectors",
        json!({"TrailName": "main", "EventSelectors": [{"ReadWriteType": "WriteOnly"}]}),
    );
    assert!(!takes(&service));
    service.cloudtrail(
        "PutEventSelectors",
        json!({"TrailName": "main", "EventSelectors": [{}]}),
    );
    service.cloudtrail("StopLogging", json!({"Name": "main"}));
    assert!(!takes(&service));
}

#[test]
fn event_selectors_choose_among_management_events() {
    let mut service = with_trail();
    let everything = json!({
        "ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": [],
        "ExcludeManagementEventSources": [],
    });
    assert_eq!(
        service.cloudtrail("GetEventSelectors", json!({"TrailName": "main"})),
        json!({"TrailARN": MAIN, "EventSelectors": [everything]})
    );
    let selectors = json!([{
        "ReadWriteType": "WriteOnly", "IncludeManagementEvents": true, "DataResources": [],
        "ExcludeManagementEventSources": ["kms.amazonaws.com"],
    }]);
    let put = json!({"TrailName": MAIN, "EventSelectors": selectors});
    let expected = json!({"TrailARN": MAIN, "EventSelectors": selectors});
    assert_eq!(service.cloudtrail("PutEventSelectors", put), expected);
    assert_eq!(
        service.cloudtrail("GetEventSelectors", json!({"TrailName": "main"})),
        expected
    );
    let shown = service.cloudtrail("GetTrail", json!({"Name": "main"}));
    assert_eq!(shown["Trail"]["HasCustomEventSelectors"], json!(true));
    for (body, code) in [
        (json!({}), "InvalidEventSelectorsException"),
        (
            json!({"EventSelectors": []}),
            "InvalidEventSelectorsException",
        ),
        (
            json!({"EventSelectors": [{}, {}, {}, {}, {}, {}]}),
            "InvalidEventSelectorsException",
        ),
        (
            json!({"EventSelectors": [{"ExcludeManagementEventSources": ["iam.amazonaws.com"]}]}),
            "InvalidEventSelectorsException",
        ),
        (
            json!({"EventSelectors": [{"ReadWriteType": "None"}]}),
            "ValidationException",
        ),
        (
            json!({"EventSelectors": [{"DataResources": [{"Type": "AWS::S3::Object"}]}]}),
            UNSUPPORTED,
        ),
        (
            json!({"AdvancedEventSelectors": [{"FieldSelectors": []}]}),
            UNSUPPORTED,
        ),
    ] {
        let mut body = body;
        body["TrailName"] = json!("main");
        let refused = service.cloudtrail_refused("PutEventSelectors", body.clone());
        assert_eq!(refused.0, code, "{body}");
    }
}

#[test]
fn trails_are_tagged_at_home_by_their_arn() {
    let mut service = with_trail();
    let add = |tags: Value| json!({"ResourceId": MAIN, "TagsList": tags});
    service.cloudtrail(
        "AddTags",
        add(json!([{"Key": "a", "Value": "1"}, {"Key": "b"}])),
    );
    service.cloudtrail("AddTags", add(json!([{"Key": "a", "Value": "2"}])));
    service.cloudtrail("RemoveTags", add(json!([{"Key": "b"}, {"Key": "never"}])));
    let list = json!({"ResourceIdList": [MAIN]});
    assert_eq!(
        service.cloudtrail("ListTags", list.clone())["ResourceTagList"][0]["TagsList"],
        json!([{"Key": "a", "Value": "2"}])
    );
    let many: Vec<Value> = (0..50).map(|n| json!({"Key": format!("k{n}")})).collect();
    let absent = MAIN.replace("main", "none");
    for (operation, body, code) in [
        ("AddTags", add(json!(many)), "TagsLimitExceededException"),
        (
            "AddTags",
            add(json!([{"Key": "a b!"}])),
            "InvalidTagParameterException",
        ),
        (
            "AddTags",
            json!({"ResourceId": MAIN}),
            "ValidationException",
        ),
        (
            "AddTags",
            json!({"ResourceId": "main", "TagsList": []}),
            "CloudTrailARNInvalidException",
        ),
        (
            "AddTags",
            json!({"ResourceId": absent, "TagsList": []}),
            "ResourceNotFoundException",
        ),
        (
            "RemoveTags",
            json!({"ResourceId": absent, "TagsList": []}),
            "ResourceNotFoundException",
        ),
        (
            "ListTags",
            json!({"ResourceIdList": [MAIN, absent]}),
            "ResourceNotFoundException",
        ),
        (
            "ListTags",
            json!({"ResourceIdList": vec![MAIN; 21]}),
            "ValidationException",
        ),
        (
            "ListTags",
            json!({"ResourceIdList": [MAIN], "NextToken": "x"}),
            "InvalidTokenException",
        ),
    ] {
        let refused = service.cloudtrail_refused(operation, body.clone());
        assert_eq!(refused.0, code, "{operation} {body}");
    }
    service.be(ACCOUNT, ELSEWHERE);
    let refused = service.cloudtrail_refused("ListTags", list);
    assert_eq!(refused.0, "ResourceNotFoundException");
}

#[test]
fn each_operation_on_a_trail_asks_for_its_permission_on_its_arn() {
    let mut service = with_trail();
    service.cloudtrail(
        "AddTags",
        json!({"ResourceId": MAIN, "TagsList": [{"Key": "team", "Value": "web"}]}),
    );
    let all = json!({"Effect": "Allow", "Action": "cloudtrail:*", "Resource": "*"});
    for (operation, body, resource) in [
        (
            "CreateTrail",
            json!({"Name": "more", "S3BucketName": BUCKET}),
            Some(MAIN.replace("main", "more")),
        ),
        (
            "UpdateTrail",
            json!({"Name": "main"}),
            Some(MAIN.to_owned()),
        ),
        ("GetTrail", json!({"Name": "main"}), Some(MAIN.to_owned())),
        (
            "GetTrailStatus",
            json!({"Name": "main"}),
            Some(MAIN.to_owned()),
        ),
        (
            "StartLogging",
            json!({"Name": "main"}),
            Some(MAIN.to_owned()),
        ),
        (
            "StopLogging",
            json!({"Name": "main"}),
            Some(MAIN.to_owned()),
        ),
        (
            "GetEventSelectors",
            json!({"TrailName": "main"}),
            Some(MAIN.to_owned()),
        ),
        (
            "PutEventSelectors",
            json!({"TrailName": "main", "EventSelectors": [{}]}),
            Some(MAIN.to_owned()),
        ),
        (
            "AddTags",
            json!({"ResourceId": MAIN, "TagsList": []}),
            Some(MAIN.to_owned()),
        ),
        (
            "RemoveTags",
            json!({"ResourceId": MAIN, "TagsList": []}),
            Some(MAIN.to_owned()),
        ),
        (
            "ListTags",
            json!({"ResourceIdList": [MAIN]}),
            Some(MAIN.to_owned()),
        ),
        ("DescribeTrails", json!({}), None),
        ("ListTrails", json!({}), None),
        (
            "DeleteTrail",
            json!({"Name": "main"}),
            Some(MAIN.to_owned()),
        ),
    ] {
        let action = format!("cloudtrail:{operation}");
        service.be_allowed(json!([{"Effect": "Allow", "NotAction": action, "Resource": "*"}]));
        let (code, text) = service.cloudtrail_refused(operation, body.clone());
        assert_eq!(code, DENIED, "{operation}");
        let on = resource
            .as_ref()
            .map_or_else(String::new, |resource| format!(" on resource: {resource}"));
        assert!(
            text.contains(&format!("perform: {action}{on} because")),
            "{text}"
        );
        let deny = |condition: Value| json!([all, {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition}]);
        if resource.is_some() && operation != "CreateTrail" {
            service.be_allowed(deny(
                json!({"StringEquals": {"aws:ResourceTag/team": "web"}}),
            ));
            let refused = service.cloudtrail_refused(operation, body.clone());
            assert_eq!(refused.0, DENIED, "{operation}");
        }
        let on = resource.as_deref().unwrap_or("*");
        service.be_allowed(json!([{"Effect": "Allow", "Action": action, "Resource": on}]));
        service.cloudtrail(operation, body);
    }
}

#[test]
fn another_account_is_told_the_same_of_a_trail_that_is_there_and_of_one_that_is_not() {
    let mut service = with_trail();
    service.be(OTHER_ACCOUNT, REGION);
    for (operation, member) in [
        ("GetTrail", "Name"),
        ("GetTrailStatus", "Name"),
        ("UpdateTrail", "Name"),
        ("DeleteTrail", "Name"),
        ("StartLogging", "Name"),
        ("StopLogging", "Name"),
        ("GetEventSelectors", "TrailName"),
        ("AddTags", "ResourceId"),
        ("RemoveTags", "ResourceId"),
    ] {
        let mut told = |name: &str| {
            let mut body = json!({"TagsList": []});
            body[member] = json!(name);
            let (code, text) = service.cloudtrail_refused(operation, body);
            assert_eq!(code, DENIED, "{operation}");
            text.replace(name, "TRAIL")
        };
        assert_eq!(
            told(MAIN),
            told(&MAIN.replace("main", "none")),
            "{operation}"
        );
    }
    assert_eq!(
        service.cloudtrail("DescribeTrails", json!({"trailNameList": [MAIN]})),
        json!({"trailList": []})
    );
}

#[test]
fn every_operation_of_the_model_is_answered_or_refused_by_name() {
    let mut names: Vec<&str> = cloudtrail::OPERATIONS
        .iter()
        .map(|entry| entry.name)
        .collect();
    names.extend(cloudtrail::ABSENT_OPERATIONS.iter().map(|(name, _)| name));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 60, "{names:?}");
    for (name, _) in cloudtrail::ABSENT_OPERATIONS {
        let refusal = cloudtrail::absent(name).unwrap();
        assert_eq!(refusal.code, UNSUPPORTED, "{name}");
    }
}
