//! Feeds to an OpenTelemetry collector: log records over OTLP/HTTP in its JSON encoding.
//!
//! Source: OpenTelemetry Protocol Specification 1.x, "OTLP/HTTP" and "JSON Protobuf Encoding"; logs/v1/logs.proto.

use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use serde::{Deserialize, Serialize};

use super::Undelivered;
use super::webhook::{Authorization, Post};
use crate::audit::source::Event;

/// Numbers of severities.
const INFO: u8 = 9;
const WARN: u8 = 13;
const NANOSECONDS_A_SECOND: i128 = 1_000_000_000;

/// A collector.
#[derive(Debug)]
pub struct OtlpTarget {
    post: Post,
}

impl OtlpTarget {
    /// The collector whose logs are taken at a URL, such as `http://collector:4318/v1/logs`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(
        url: &str,
        authorization: Authorization,
        tls: impl FnOnce() -> Result<Arc<ClientConfig>, String>,
    ) -> Result<Self, String> {
        Ok(OtlpTarget {
            post: Post::new(url, authorization, tls)?,
        })
    }

    pub(super) async fn deliver(
        &self,
        events: &[Event],
        within: Duration,
    ) -> Result<(), Undelivered> {
        let body = serde_json::to_vec(&request(events))
            .map_err(|error| Undelivered::Failed(error.to_string()))?;
        let answer = self
            .post
            .send("application/json", body, &[], within)
            .await?;
        let body = answer.body.expose().trim_ascii();
        if body.is_empty() {
            return Ok(());
        }
        // A page of something in between would be a success as well.
        let Ok(answer) = serde_json::from_slice::<Response>(body) else {
            return Err(Undelivered::Failed(format!(
                "{} answers with what isn't OTLP in JSON: check that url is a collector's, such as \
                 http://HOST:4318/v1/logs",
                self.post.url()
            )));
        };
        let rejected = answer.partial_success.rejected();
        if rejected > 0 {
            // The protocol forbids to send those again.
            tracing::error!(
                rejected,
                collector = self.post.url(),
                "a collector took a delivery, but refused some of its events"
            );
        }
        Ok(())
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExportLogsServiceRequest<'a> {
    resource_logs: [ResourceLogs<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceLogs<'a> {
    resource: Resource<'a>,
    scope_logs: [ScopeLogs<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ScopeLogs<'a> {
    scope: Scope,
    log_records: Vec<LogRecord<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    /// Text, since JSON's numbers don't hold 64 bits.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_unix_nano: Option<String>,
    severity_number: u8,
    severity_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_name: Option<&'a str>,
    body: AnyValue<'a>,
    attributes: Vec<KeyValue<'a>>,
}

#[derive(Serialize)]
struct KeyValue<'a> {
    key: &'static str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
enum AnyValue<'a> {
    #[serde(rename = "stringValue")]
    Text(&'a str),
    #[serde(rename = "boolValue")]
    Flag(bool),
    /// Text, as all of 64 bits.
    #[serde(rename = "intValue")]
    Integer(String),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Response {
    partial_success: PartialSuccess,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PartialSuccess {
    rejected_log_records: serde_json::Value,
}

impl PartialSuccess {
    fn rejected(&self) -> u64 {
        match &self.rejected_log_records {
            serde_json::Value::String(text) => text.parse().unwrap_or_default(),
            value => value.as_u64().unwrap_or_default(),
        }
    }
}

fn request(events: &[Event]) -> ExportLogsServiceRequest<'_> {
    let text = |key, value| KeyValue {
        key,
        value: AnyValue::Text(value),
    };
    ExportLogsServiceRequest {
        resource_logs: [ResourceLogs {
            resource: Resource {
                attributes: vec![
                    text("service.name", "strongroom"),
                    text("service.version", env!("CARGO_PKG_VERSION")),
                ],
            },
            scope_logs: [ScopeLogs {
                scope: Scope {
                    name: "strongroom.audit",
                },
                log_records: events.iter().map(record).collect(),
            }],
        }],
    }
}

fn record(event: &Event) -> LogRecord<'_> {
    let about = &event.about;
    let mut attributes = vec![KeyValue {
        key: "strongroom.audit.sequence",
        value: AnyValue::Integer(event.sequence.to_string()),
    }];
    for (key, value) in [
        ("aws.event.id", &about.event_id),
        ("aws.event.source", &about.event_source),
        ("aws.event.type", &about.event_type),
        ("cloud.account.id", &about.recipient_account_id),
        ("cloud.region", &about.aws_region),
        ("error.type", &about.error_code),
    ] {
        attributes.extend(value.as_deref().map(|value| KeyValue {
            key,
            value: AnyValue::Text(value),
        }));
    }
    attributes.extend(about.read_only.map(|value| KeyValue {
        key: "aws.event.read_only",
        value: AnyValue::Flag(value),
    }));
    let (severity_number, severity_text) = match about.failed() {
        true => (WARN, "WARN"),
        false => (INFO, "INFO"),
    };
    LogRecord {
        time_unix_nano: about.event_time.as_deref().and_then(nanoseconds),
        severity_number,
        severity_text,
        event_name: (about.event_name.as_deref()).or(about.detail_type.as_deref()),
        body: AnyValue::Text(str::from_utf8(&event.json).unwrap_or_default()),
        attributes,
    }
}

fn nanoseconds(time: &str) -> Option<String> {
    let time: jiff::Timestamp = time.parse().ok()?;
    Some((i128::from(time.as_second()) * NANOSECONDS_A_SECOND).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::audit::source::About;

    #[test]
    fn a_request_is_that_of_the_protocols_json_encoding() {
        let text = r#"{"eventID":"e","eventTime":"2026-01-31T23:59:59Z","eventName":"GetSecretValue","eventSource":"secretsmanager.amazonaws.com","readOnly":true,"errorCode":"AccessDenied"}"#;
        let event = Event {
            sequence: 9_007_199_254_740_993,
            json: text.as_bytes().to_vec(),
            about: About::read(text.as_bytes()),
        };
        let sent: Value = serde_json::to_value(request(&[event])).unwrap();
        let attribute = |key: &str, value: Value| json!({"key": key, "value": value});
        assert_eq!(
            sent,
            json!({"resourceLogs": [{
                "resource": {"attributes": [
                    attribute("service.name", json!({"stringValue": "strongroom"})),
                    attribute("service.version", json!({"stringValue": env!("CARGO_PKG_VERSION")})),
                ]},
                "scopeLogs": [{
                    "scope": {"name": "strongroom.audit"},
                    "logRecords": [{
                        "timeUnixNano": "1769903999000000000",
                        "severityNumber": 13, "severityText": "WARN",
                        "eventName": "GetSecretValue",
                        "body": {"stringValue": text},
                        "attributes": [
                            attribute("strongroom.audit.sequence", json!({"intValue": "9007199254740993"})),
                            attribute("aws.event.id", json!({"stringValue": "e"})),
                            attribute("aws.event.source", json!({"stringValue": "secretsmanager.amazonaws.com"})),
                            attribute("error.type", json!({"stringValue": "AccessDenied"})),
                            attribute("aws.event.read_only", json!({"boolValue": true})),
                        ],
                    }],
                }],
            }]})
        );
    }
}
