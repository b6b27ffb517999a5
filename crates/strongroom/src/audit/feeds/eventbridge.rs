//! Events as EventBridge gives them to its targets.
//!
//! Source: EventBridge User Guide, "AWS service events delivered via AWS CloudTrail"; Secrets Manager User Guide, "Match
//! Secrets Manager events with Amazon EventBridge".

use serde::Serialize;
use serde_json::value::RawValue;

use crate::audit::source::{About, Event};

/// Calls whose names begin so don't reach EventBridge, but for two of STS.
const NOT_GIVEN: [&str; 3] = ["Get", "List", "Describe"];
const GIVEN: [&str; 2] = ["GetFederationToken", "GetSessionToken"];

/// Whether EventBridge is told of an event.
pub(super) fn takes(about: &About) -> bool {
    if about.is_native() {
        return true;
    }
    let name = about.event_name.as_deref().unwrap_or_default();
    GIVEN.contains(&name) || !NOT_GIVEN.iter().any(|prefix| name.starts_with(prefix))
}

#[derive(Serialize)]
struct Envelope<'a> {
    version: &'static str,
    /// That of the event in it, so that one that comes twice is known.
    id: &'a str,
    #[serde(rename = "detail-type")]
    detail_type: &'static str,
    source: String,
    account: &'a str,
    time: &'a str,
    region: &'a str,
    resources: [&'a str; 0],
    detail: &'a RawValue,
}

/// An event in its envelope.
pub(super) fn envelope(event: &Event) -> Vec<u8> {
    let about = &event.about;
    let text = str::from_utf8(&event.json).unwrap_or_default();
    let detail = match serde_json::from_str::<&RawValue>(text) {
        Ok(detail) if !about.is_native() => detail,
        // It has its envelope already.
        _ => return event.json.clone(),
    };
    let value = |value: &'_ Option<String>| value.clone().unwrap_or_default();
    let service = value(&about.event_source);
    let service = service.strip_suffix(".amazonaws.com").unwrap_or(&service);
    let envelope = Envelope {
        version: "0",
        id: &value(&about.event_id),
        detail_type: match about.event_type.as_deref() {
            Some("AwsServiceEvent") => "AWS Service Event via CloudTrail",
            _ => "AWS API Call via CloudTrail",
        },
        source: format!("aws.{service}"),
        account: &value(&about.recipient_account_id),
        time: &value(&about.event_time),
        region: &value(&about.aws_region),
        resources: [],
        detail,
    };
    // A struct of texts can't fail to be written.
    serde_json::to_vec(&envelope).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(json: &Value) -> Event {
        let json = json.to_string().into_bytes();
        Event {
            sequence: 1,
            about: About::read(&json),
            json,
        }
    }

    fn enveloped(json: &Value) -> Value {
        serde_json::from_slice(&envelope(&event(json))).unwrap()
    }

    #[test]
    fn a_call_stands_in_the_envelope_of_calls_and_a_service_event_in_its_own() {
        for (kind, detail_type) in [
            ("AwsApiCall", "AWS API Call via CloudTrail"),
            ("AwsServiceEvent", "AWS Service Event via CloudTrail"),
        ] {
            let record = json!({
                "eventType": kind, "eventID": "8a5d…", "eventSource": "secretsmanager.amazonaws.com",
                "eventTime": "2026-01-31T23:59:59Z", "awsRegion": "eu-central-1",
                "recipientAccountId": "123456789012", "eventName": "PutSecretValue",
                "requestParameters": {"secretId": "a"},
            });
            let expected = json!({
                "version": "0", "id": "8a5d…", "detail-type": detail_type, "source": "aws.secretsmanager",
                "account": "123456789012", "time": "2026-01-31T23:59:59Z", "region": "eu-central-1",
                "resources": [], "detail": record,
            });
            assert_eq!(enveloped(&record), expected);
        }
    }

    #[test]
    fn a_native_event_stays_as_it_is() {
        let native =
            json!({"version": "0", "detail-type": "Secret Label Updated", "detail": {"name": "a"}});
        assert_eq!(enveloped(&native), native);
        assert!(takes(&event(&native).about));
    }

    #[test]
    fn eventbridge_is_not_told_of_reads() {
        for (name, told) in [
            ("GetSecretValue", false),
            ("ListSecrets", false),
            ("DescribeKey", false),
            ("BatchGetSecretValue", true),
            ("PutSecretValue", true),
            ("GetSessionToken", true),
            ("RotationSucceeded", true),
        ] {
            assert_eq!(
                takes(&event(&json!({"eventName": name})).about),
                told,
                "{name}"
            );
        }
    }
}
