//! What an operator asked the server for, on the machine itself: an event of no account's trail, in CloudTrail's shape, so
//! that whoever reads the log finds it among the others.

use super::event::{EVENT_VERSION, Event, EventId};
use crate::json_text::push_quoted;
use crate::time::{Timestamp, rfc3339};

/// The source of these events: no service of AWS's.
pub const SOURCE: &str = "strongroom";

/// The event of a request on the operators' socket. `asked` names what for; what else the request holds may be a secret,
/// and isn't told. `fresh` gives random bytes.
pub fn operator_event(
    asked: &str,
    now: Timestamp,
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Event<'static> {
    let (id, request_id) = (EventId::of(fresh()), EventId::of(fresh()));
    let mut json = Vec::with_capacity(512);
    json.extend_from_slice(b"{\"eventVersion\":");
    push_quoted(EVENT_VERSION, &mut json);
    json.extend_from_slice(b",\"userIdentity\":{\"type\":\"Operator\"}");
    for (name, value) in [
        ("eventTime", rfc3339(now).as_str()),
        ("eventSource", SOURCE),
        ("eventName", asked),
        ("sourceIPAddress", SOURCE),
        ("userAgent", SOURCE),
    ] {
        json.push(b',');
        push_quoted(name, &mut json);
        json.push(b':');
        push_quoted(value, &mut json);
    }
    json.extend_from_slice(b",\"requestParameters\":null,\"responseElements\":null,\"requestID\":");
    push_quoted(request_id.as_str(), &mut json);
    json.extend_from_slice(b",\"eventID\":");
    push_quoted(id.as_str(), &mut json);
    json.extend_from_slice(
        b",\"readOnly\":false,\"eventType\":\"AwsServiceEvent\",\"managementEvent\":true,\
          \"eventCategory\":\"Management\"}",
    );
    Event {
        account: None,
        region: "",
        id,
        json,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn an_operators_event_says_what_was_asked_for_when() {
        let mut number = 0;
        let mut fresh = || {
            number += 1;
            [number; 16]
        };
        let now = Timestamp::from_milliseconds(1_767_225_600_123);
        let event = operator_event("keys/\"rewrap\"", now, &mut fresh);
        let json: Value = serde_json::from_slice(&event.json).unwrap();
        for (member, expected) in [
            ("eventName", "keys/\"rewrap\""),
            ("eventTime", "2026-01-01T00:00:00Z"),
            ("eventSource", SOURCE),
            ("eventID", event.id.as_str()),
        ] {
            assert_eq!(json[member], expected);
        }
        assert_eq!(json["userIdentity"]["type"], "Operator");
        assert_ne!(json["requestID"], json["eventID"]);
        assert!(event.account.is_none());
    }
}
