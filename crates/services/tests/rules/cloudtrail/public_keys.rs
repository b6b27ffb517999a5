//! ListPublicKeys: which keys are found for which time, and which stay known.

use serde_json::{Value, json};
use strongroom_services::cloudtrail::digest_keys::{self, DigestKey};
use strongroom_services::time::Timestamp;

use crate::harness::{ACCOUNT, BEGINNING, DENIED, OTHER_ACCOUNT, REGION, Service};

const INVALID_TIMES: &str = "InvalidTimeRangeException";
const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
/// A whole second.
const BASE: i64 = BEGINNING - BEGINNING % SECOND;

fn key(name: &str, from: i64, until: Option<i64>) -> DigestKey {
    let at = |since: i64| Timestamp::from_milliseconds(BASE + since);
    DigestKey {
        fingerprint: name.to_owned(),
        value: format!("VALUE+{name}="),
        from: at(from),
        until: until.map(at),
    }
}

/// Notes the keys of who signs, as deliveries do.
fn note(service: &mut Service, keys: &[DigestKey]) {
    let now = service.now;
    let changes = service.with_records(|records| digest_keys::note(keys, records, now).unwrap());
    service.commit(changes);
}

/// A service whose digests were signed by one key for an hour, and are by another since; at the third hour.
fn signed() -> Service {
    let mut service = Service::new();
    service.now = Timestamp::from_milliseconds(BASE + 3 * HOUR);
    let keys = [
        key("old", 300, Some(HOUR + 300)),
        key("new", HOUR + 300, None),
    ];
    note(&mut service, &keys);
    service
}

fn seconds(since: i64) -> Value {
    json!((BASE + since) as f64 / 1000.0)
}

fn found(service: &mut Service, body: &Value) -> Vec<String> {
    let answer = service.cloudtrail("ListPublicKeys", body.clone());
    let keys = answer["PublicKeyList"].as_array().unwrap().iter();
    keys.map(|key| key["Fingerprint"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_key_is_shown_with_the_whole_seconds_of_its_time_which_is_open_while_it_signs() {
    let answer = signed().cloudtrail("ListPublicKeys", json!({"StartTime": seconds(0)}));
    let whole = |since: i64| json!(((BASE + since) / 1000) as f64);
    assert_eq!(
        answer,
        json!({"PublicKeyList": [
            {
                "Value": "VALUE+old=", "Fingerprint": "old",
                "ValidityStartTime": whole(300), "ValidityEndTime": whole(HOUR + 300),
            },
            {"Value": "VALUE+new=", "Fingerprint": "new", "ValidityStartTime": whole(HOUR + 300)},
        ]})
    );
}

#[test]
fn the_keys_of_a_time_are_those_that_signed_in_it() {
    let mut service = signed();
    for (start, end, expected) in [
        // Without times it is the present one.
        (None, None, vec!["new"]),
        (Some(0), None, vec!["old", "new"]),
        (Some(2 * HOUR), Some(9 * HOUR), vec!["new"]),
        (Some(0), Some(HOUR - SECOND), vec!["old"]),
        (Some(-HOUR), Some(-SECOND), vec![]),
        // A digest of the second in which a key was made says that second.
        (Some(-HOUR), Some(0), vec!["old"]),
        (Some(HOUR), Some(HOUR), vec!["old", "new"]),
        (Some(HOUR + SECOND), None, vec!["new"]),
        (Some(3 * HOUR), None, vec!["new"]),
    ] {
        let mut body = json!({});
        for (name, at) in [("StartTime", start), ("EndTime", end)] {
            if let Some(at) = at {
                body[name] = seconds(at);
            }
        }
        assert_eq!(found(&mut service, &body), expected, "{body}");
    }
    service.be(OTHER_ACCOUNT, "eu-west-1");
    assert_eq!(found(&mut service, &json!({})), ["new"], "for everyone");
    assert!(found(&mut Service::new(), &json!({})).is_empty());
}

#[test]
fn times_that_make_no_sense_and_tokens_are_refused() {
    for (body, code) in [
        (
            json!({"StartTime": seconds(HOUR), "EndTime": seconds(0)}),
            INVALID_TIMES,
        ),
        // The other one is the present.
        (json!({"StartTime": seconds(4 * HOUR)}), INVALID_TIMES),
        (json!({"EndTime": seconds(0)}), INVALID_TIMES),
        (json!({"StartTime": -1}), INVALID_TIMES),
        (json!({"EndTime": 1e15}), INVALID_TIMES),
        (json!({"NextToken": "x"}), "InvalidTokenException"),
        (json!({"NextToken": ""}), "InvalidTokenException"),
        (json!({"StartTime": "now"}), "SerializationException"),
    ] {
        let refused = signed().cloudtrail_refused("ListPublicKeys", body.clone());
        assert_eq!(refused.0, code, "{body}");
    }
}

#[test]
fn no_key_is_forgotten_and_what_signs_no_more_has_ended() {
    let mut service = signed();
    let all = json!({"StartTime": seconds(0)});
    // A server that was restored knows none of the keys from before.
    note(&mut service, &[key("restored", 3 * HOUR, None)]);
    service.now = Timestamp::from_milliseconds(BASE + 9 * HOUR);
    assert_eq!(found(&mut service, &all), ["old", "new", "restored"]);
    assert_eq!(found(&mut service, &json!({})), ["restored"]);
    // Noting the same again changes nothing.
    let same = service.with_records(|records| {
        digest_keys::note(&[key("restored", 3 * HOUR, None)], records, service.now).unwrap()
    });
    assert!(same.writes.is_empty());
    // It tells when its key ends.
    let ended = [
        key("restored", 3 * HOUR, Some(8 * HOUR)),
        key("next", 8 * HOUR, None),
    ];
    note(&mut service, &ended);
    assert_eq!(found(&mut service, &json!({})), ["next"]);
}

#[test]
fn listing_keys_asks_for_its_permission_on_everything() {
    let mut service = signed();
    let policy = |resource: &str| json!([{"Effect": "Allow", "Action": "cloudtrail:ListPublicKeys", "Resource": resource}]);
    service.be_allowed(
        json!([{"Effect": "Allow", "NotAction": "cloudtrail:ListPublicKeys", "Resource": "*"}]),
    );
    let refused = service.cloudtrail_refused("ListPublicKeys", json!({}));
    assert_eq!(refused.0, DENIED);
    service.be_allowed(policy(&format!(
        "arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/*"
    )));
    let refused = service.cloudtrail_refused("ListPublicKeys", json!({}));
    assert_eq!(refused.0, DENIED);
    service.be_allowed(policy("*"));
    assert_eq!(found(&mut service, &json!({})), ["new"]);
}
