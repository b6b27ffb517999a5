//! An event as it was recorded, read back: what it can be looked up by, and what a look-up shows of it.
//!
//! Source: AWS CloudTrail API Reference, Event, Resource; AWS CloudTrail User Guide, CloudTrail record contents. Which
//! name of a user AWS shows is from experience.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::history::Attribute;

/// An event as it was recorded. Borrows from its JSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recorded<'a> {
    #[serde(borrow, rename = "eventID")]
    event_id: Cow<'a, str>,
    #[serde(borrow)]
    event_name: Cow<'a, str>,
    #[serde(borrow)]
    event_source: Cow<'a, str>,
    #[serde(borrow)]
    event_time: Cow<'a, str>,
    /// Absent where an operator asked, which is in no region.
    #[serde(borrow, default)]
    aws_region: Option<Text<'a>>,
    #[serde(borrow)]
    user_identity: Identity<'a>,
    #[serde(default)]
    read_only: Option<bool>,
    #[serde(default)]
    management_event: Option<bool>,
    #[serde(borrow, default)]
    recipient_account_id: Option<Text<'a>>,
    #[serde(borrow, default, rename = "sourceIPAddress")]
    source_ip_address: Option<Text<'a>>,
    #[serde(borrow, default)]
    user_agent: Option<Text<'a>>,
    #[serde(borrow, default)]
    error_code: Option<Text<'a>>,
    #[serde(borrow, default)]
    error_message: Option<Text<'a>>,
    #[serde(borrow, default)]
    event_type: Option<Text<'a>>,
    #[serde(borrow, default, rename = "requestID")]
    request_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    request_parameters: Option<&'a RawValue>,
    #[serde(borrow, default)]
    response_elements: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resources: Vec<NamedResource<'a>>,
}

/// A text that borrows where it can; serde's own way to an optional `Cow` never does.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// Who called.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default)]
    arn: Option<Text<'a>>,
    #[serde(borrow, default)]
    account_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    access_key_id: Option<Text<'a>>,
    #[serde(borrow, default)]
    user_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    invoked_by: Option<Text<'a>>,
}

/// What a call made, whose ARN nobody knew before: from its parameters, or from its response.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    arn: Option<Text<'a>>,
    #[serde(borrow, default)]
    key_metadata: Option<MadeKey<'a>>,
}

#[derive(Debug, Deserialize)]
struct MadeKey<'a> {
    #[serde(borrow, default)]
    arn: Option<Text<'a>>,
}

/// What the call was about.
#[derive(Debug, Deserialize)]
struct NamedResource<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow, default, rename = "ARN")]
    arn: Option<Text<'a>>,
}

fn text<'s>(text: &'s Option<Text<'_>>) -> Option<&'s str> {
    text.as_ref().map(|text| text.0.as_ref())
}

impl<'a> Recorded<'a> {
    /// Reads an event; `None` for what isn't one of CloudTrail's, such as an event in EventBridge's form.
    #[must_use]
    pub fn read(json: &'a [u8]) -> Option<Self> {
        // Events of other forms have no such beginning, and needn't be read to see it.
        if !json.starts_with(b"{\"eventVersion\"") {
            return None;
        }
        // As one text it is looked through once, and not string by string.
        serde_json::from_str(std::str::from_utf8(json).ok()?).ok()
    }

    /// Whether look-ups show it at all: they have management events alone.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        self.management_event != Some(false)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.event_id
    }

    /// What happened, such as `GetSecretValue`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.event_name
    }

    /// The service, such as `kms.amazonaws.com`.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.event_source
    }

    /// When it happened, as it says it.
    #[must_use]
    pub fn time(&self) -> &str {
        &self.event_time
    }

    /// When it happened, in whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let instant: Result<jiff::Timestamp, _> = self.event_time.parse();
        instant.ok().map(jiff::Timestamp::as_second)
    }

    /// The region in which it is found; empty for what an operator asked, which is in none.
    #[must_use]
    pub fn region(&self) -> &str {
        text(&self.aws_region).unwrap_or_default()
    }

    /// The account whose trail tells of it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        text(&self.recipient_account_id)
    }

    /// The account of whoever called.
    #[must_use]
    pub fn caller_account(&self) -> Option<&str> {
        text(&self.user_identity.account_id)
    }

    /// The ARN of whoever called.
    #[must_use]
    pub fn caller_arn(&self) -> Option<&str> {
        text(&self.user_identity.arn)
    }

    /// What kind of caller it was, such as `IAMUser`.
    #[must_use]
    pub fn caller_type(&self) -> Option<&str> {
        text(&self.user_identity.kind)
    }

    /// The service that called for its own caller, or by itself.
    #[must_use]
    pub fn invoked_by(&self) -> Option<&str> {
        text(&self.user_identity.invoked_by)
    }

    /// The access key that signed.
    #[must_use]
    pub fn access_key_id(&self) -> Option<&str> {
        text(&self.user_identity.access_key_id)
    }

    /// Whether it changed nothing.
    #[must_use]
    pub fn read_only(&self) -> Option<bool> {
        self.read_only
    }

    /// Where the call came from.
    #[must_use]
    pub fn source_ip_address(&self) -> Option<&str> {
        text(&self.source_ip_address)
    }

    /// What it was made with.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        text(&self.user_agent)
    }

    /// What kind of event it is, such as `AwsApiCall`.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        text(&self.event_type)
    }

    /// Whether it was refused or failed. What failed that nobody called for, such as a rotation, has no code.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error_code.is_some() || self.error_message.is_some()
    }

    /// Why it was refused or failed.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        text(&self.error_code)
    }

    /// The same in words.
    #[must_use]
    pub fn error_message(&self) -> Option<&str> {
        text(&self.error_message)
    }

    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        text(&self.request_id)
    }

    /// What was asked, as JSON.
    #[must_use]
    pub fn request_parameters(&self) -> Option<&'a str> {
        self.request_parameters.map(RawValue::get)
    }

    /// The name by which whoever called is looked up: a user's; a session's, of a role that was assumed; `root`.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        let identity = &self.user_identity;
        match text(&identity.kind)? {
            "Root" => Some("root"),
            "AssumedRole" => text(&identity.arn)?.rsplit('/').next(),
            _ => text(&identity.user_name),
        }
    }

    /// The resources that it was about, each by its type and, twice, by its ARN and by its name.
    pub fn each_resource(&self, visit: &mut dyn FnMut(&str, &str)) {
        for resource in &self.resources {
            let (Some(kind), Some(arn)) = (text(&resource.kind), text(&resource.arn)) else {
                continue;
            };
            visit(kind, arn);
            if let Some(name) = name_in(arn) {
                visit(kind, name);
            }
        }
        if self.resources.is_empty() {
            self.each_made(visit);
        }
    }

    /// A secret or a key that was made: until then, there was no ARN that could have been asked about.
    fn each_made(&self, visit: &mut dyn FnMut(&str, &str)) {
        let kind = match &*self.event_name {
            "CreateSecret" => "AWS::SecretsManager::Secret",
            "CreateKey" => "AWS::KMS::Key",
            _ => return,
        };
        let made = |json: Option<&'a RawValue>| {
            let json =
                json.and_then(|json| serde_json::from_str::<Option<Made<'a>>>(json.get()).ok());
            json.flatten().unwrap_or_default()
        };
        let response = made(self.response_elements);
        let key = response.key_metadata.as_ref();
        let arn = text(&response.arn).or_else(|| text(&key?.arn));
        if let Some(arn) = arn {
            visit(kind, arn);
        }
        let asked = made(self.request_parameters);
        if let Some(name) = text(&asked.name).or_else(|| name_in(arn?)) {
            visit(kind, name);
        }
    }

    /// All that it can be looked up by. A type may come more than once.
    pub fn each_attribute(&self, visit: &mut dyn FnMut(Attribute, &str)) {
        visit(Attribute::EventId, &self.event_id);
        visit(Attribute::EventName, &self.event_name);
        visit(Attribute::EventSource, &self.event_source);
        if let Some(read_only) = self.read_only {
            visit(Attribute::ReadOnly, flag(read_only));
        }
        if let Some(name) = self.username() {
            visit(Attribute::Username, name);
        }
        if let Some(id) = self.access_key_id() {
            visit(Attribute::AccessKeyId, id);
        }
        self.each_resource(&mut |kind, name| {
            visit(Attribute::ResourceType, kind);
            visit(Attribute::ResourceName, name);
        });
    }
}

/// A yes or no as look-ups write it.
#[must_use]
pub fn flag(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// The name in an ARN by which people know the resource: a secret's without what was appended to it, a key's id, the last
/// part of what has a path.
fn name_in(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next()?;
    let resource = parts.nth(2)?;
    let (noun, rest) = resource.split_once([':', '/'])?;
    let name = match (service, noun) {
        ("secretsmanager", "secret") => rest.rsplit_once('-').map_or(rest, |(name, _)| name),
        ("kms", "alias") => resource,
        ("lambda", "function") => rest.split(':').next()?,
        ("iam", "oidc-provider") => rest,
        ("iam", _) => rest.rsplit('/').next()?,
        _ => rest,
    };
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::operator_event::operator_event;
    use crate::time::Timestamp;

    #[test]
    fn what_an_operator_asked_is_read_like_any_call() {
        let now = Timestamp::from_milliseconds(1_700_006_399_000);
        let event = operator_event("audit/rotate-key", now, &mut || [1; 16]);
        let read = Recorded::read(&event.json).unwrap();
        assert_eq!(read.name(), "audit/rotate-key");
        assert_eq!(read.caller_type(), Some("Operator"));
        assert_eq!((read.account(), read.region()), (None, ""));
    }

    #[test]
    fn a_resource_is_known_by_the_name_that_people_give_it() {
        for (arn, name) in [
            (
                "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
                Some("prod/db"),
            ),
            ("arn:aws:kms:us-east-1:123456789012:key/1-2", Some("1-2")),
            (
                "arn:aws:kms:us-east-1:123456789012:alias/mine",
                Some("alias/mine"),
            ),
            (
                "arn:aws:lambda:us-east-1:123456789012:function:f:live",
                Some("f"),
            ),
            ("arn:aws:iam::123456789012:user/team/ann", Some("ann")),
            (
                "arn:aws:iam::123456789012:oidc-provider/a.example/x",
                Some("a.example/x"),
            ),
            (
                "arn:aws:cloudtrail:us-east-1:123456789012:trail/main",
                Some("main"),
            ),
            ("arn:aws:iam::123456789012:root", None),
            ("none", None),
        ] {
            assert_eq!(name_in(arn), name, "{arn}");
        }
    }

    #[test]
    fn whoever_called_is_looked_up_by_their_name() {
        let event = |identity: &str| {
            format!(
                r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"2023-11-14T23:59:59Z","eventSource":"s","eventName":"n","awsRegion":"r","eventID":"i"}}"#
            )
        };
        for (identity, name) in [
            (r#"{"type":"Root","accountId":"1"}"#, Some("root")),
            (
                r#"{"type":"IAMUser","userName":"ann","arn":"arn:aws:iam::1:user/ann"}"#,
                Some("ann"),
            ),
            (
                r#"{"type":"AssumedRole","arn":"arn:aws:sts::1:assumed-role/reader/build-17"}"#,
                Some("build-17"),
            ),
            (
                r#"{"type":"WebIdentityUser","userName":"sub"}"#,
                Some("sub"),
            ),
            (r#"{"type":"AWSAccount","accountId":"1"}"#, None),
            (r#"{"accountId":"1","invokedBy":"kms.amazonaws.com"}"#, None),
        ] {
            let json = event(identity);
            let read = Recorded::read(json.as_bytes()).unwrap();
            assert_eq!(read.username(), name, "{identity}");
            assert_eq!(read.seconds(), Some(1_700_006_399));
        }
    }

    #[test]
    fn what_is_no_event_of_cloudtrails_is_not_read() {
        for json in [
            r#"{"version":"0","detail-type":"Secret Label Updated"}"#,
            r#"{"eventVersion":"1.11"}"#,
            "{\"eventVersion\"",
            "",
        ] {
            assert!(Recorded::read(json.as_bytes()).is_none(), "{json}");
        }
    }
}
