//! An event as it was recorded, read back: what it can be looked up by, and what a look-up shows of it.
//!
//! Source: AWS CloudTrail API Reference, Event, Resource; AWS CloudTrail User Guide, CloudTrail record contents. Which
//! name of a user AWS shows is from experience.

use std::borrow::Cow;

use super::history::Attribute;
use crate::json_members::{each_item, each_member, flag as yes_or_no, string};

/// An event as it was recorded. Borrows from its JSON.
#[derive(Debug, Default)]
pub struct Recorded<'a> {
    event_id: Option<Cow<'a, str>>,
    event_name: Option<Cow<'a, str>>,
    event_source: Option<Cow<'a, str>>,
    event_time: Option<Cow<'a, str>>,
    /// Absent where an operator asked, which is in no region.
    aws_region: Option<Cow<'a, str>>,
    user_identity: Identity<'a>,
    read_only: Option<bool>,
    management_event: Option<bool>,
    recipient_account_id: Option<Cow<'a, str>>,
    source_ip_address: Option<Cow<'a, str>>,
    user_agent: Option<Cow<'a, str>>,
    error_code: Option<Cow<'a, str>>,
    error_message: Option<Cow<'a, str>>,
    event_type: Option<Cow<'a, str>>,
    request_id: Option<Cow<'a, str>>,
    request_parameters: Option<&'a str>,
    response_elements: Option<&'a str>,
    resources: Vec<NamedResource<'a>>,
}

/// Who called.
#[derive(Debug, Default)]
struct Identity<'a> {
    kind: Option<Cow<'a, str>>,
    arn: Option<Cow<'a, str>>,
    account_id: Option<Cow<'a, str>>,
    access_key_id: Option<Cow<'a, str>>,
    user_name: Option<Cow<'a, str>>,
    invoked_by: Option<Cow<'a, str>>,
}

/// What the call was about.
#[derive(Debug, Default)]
struct NamedResource<'a> {
    kind: Option<Cow<'a, str>>,
    arn: Option<Cow<'a, str>>,
}

impl<'a> Identity<'a> {
    fn read(object: &'a str) -> Option<Self> {
        let mut identity = Identity::default();
        each_member(object, &mut |name, value| {
            let place = match name {
                "type" => &mut identity.kind,
                "arn" => &mut identity.arn,
                "accountId" => &mut identity.account_id,
                "accessKeyId" => &mut identity.access_key_id,
                "userName" => &mut identity.user_name,
                "invokedBy" => &mut identity.invoked_by,
                _ => return,
            };
            *place = string(value);
        })?;
        Some(identity)
    }
}

impl<'a> NamedResource<'a> {
    fn read(object: &'a str) -> Self {
        let mut resource = NamedResource::default();
        // What is no object says nothing.
        let _ = each_member(object, &mut |name, value| match name {
            "type" => resource.kind = string(value),
            "ARN" => resource.arn = string(value),
            _ => {}
        });
        resource
    }
}

/// A member of an object that is a string.
fn string_in<'t>(object: &'t str, wanted: &str) -> Option<Cow<'t, str>> {
    string(value_in(object, wanted)?)
}

/// The text of a member of an object.
fn value_in<'t>(object: &'t str, wanted: &str) -> Option<&'t str> {
    let mut found = None;
    each_member(object, &mut |name, value| {
        if name == wanted {
            found = Some(value);
        }
    })?;
    found
}

impl<'a> Recorded<'a> {
    /// Reads an event; `None` for what isn't one of CloudTrail's, such as an event in EventBridge's form.
    #[must_use]
    pub fn read(json: &'a [u8]) -> Option<Self> {
        // Events of other forms have no such beginning, and needn't be read to see it.
        if !json.starts_with(b"{\"eventVersion\"") {
            return None;
        }
        let mut event = Recorded::default();
        let mut is_sound = true;
        each_member(std::str::from_utf8(json).ok()?, &mut |name, value| {
            is_sound &= event.set(name, value).is_some();
        })?;
        let needed = [
            &event.event_id,
            &event.event_name,
            &event.event_source,
            &event.event_time,
        ];
        let is_whole = is_sound && needed.iter().all(|text| text.is_some());
        is_whole.then_some(event)
    }

    /// Takes a member. `None`: it isn't what an event has there.
    fn set(&mut self, name: &str, value: &'a str) -> Option<()> {
        let present = |value: &'a str| (value != "null").then_some(value);
        let optional = |value: &'a str| match present(value) {
            Some(value) => string(value).map(Some),
            None => Some(None),
        };
        match name {
            "eventID" => self.event_id = Some(string(value)?),
            "eventName" => self.event_name = Some(string(value)?),
            "eventSource" => self.event_source = Some(string(value)?),
            "eventTime" => self.event_time = Some(string(value)?),
            "awsRegion" => self.aws_region = Some(string(value)?),
            "userIdentity" => self.user_identity = Identity::read(value)?,
            "readOnly" => self.read_only = Some(yes_or_no(value)?),
            "managementEvent" => self.management_event = Some(yes_or_no(value)?),
            "recipientAccountId" => self.recipient_account_id = optional(value)?,
            "sourceIPAddress" => self.source_ip_address = optional(value)?,
            "userAgent" => self.user_agent = optional(value)?,
            "errorCode" => self.error_code = optional(value)?,
            "errorMessage" => self.error_message = optional(value)?,
            "eventType" => self.event_type = optional(value)?,
            "requestID" => self.request_id = optional(value)?,
            "requestParameters" => self.request_parameters = present(value),
            "responseElements" => self.response_elements = present(value),
            "resources" => each_item(value, &mut |resource| {
                self.resources.push(NamedResource::read(resource));
            })?,
            _ => {}
        }
        Some(())
    }

    /// Whether look-ups show it at all: they have management events alone.
    #[must_use]
    pub fn is_looked_up(&self) -> bool {
        self.management_event != Some(false)
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.event_id.as_deref().unwrap_or_default()
    }

    /// What happened, such as `GetSecretValue`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.event_name.as_deref().unwrap_or_default()
    }

    /// The service, such as `kms.amazonaws.com`.
    #[must_use]
    pub fn source(&self) -> &str {
        self.event_source.as_deref().unwrap_or_default()
    }

    /// When it happened, as it says it.
    #[must_use]
    pub fn time(&self) -> &str {
        self.event_time.as_deref().unwrap_or_default()
    }

    /// When it happened, in whole seconds since 1970.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        let instant: Result<jiff::Timestamp, _> = self.time().parse();
        instant.ok().map(jiff::Timestamp::as_second)
    }

    /// The region in which it is found; empty for what an operator asked, which is in none.
    #[must_use]
    pub fn region(&self) -> &str {
        self.aws_region.as_deref().unwrap_or_default()
    }

    /// The account whose trail tells of it.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.recipient_account_id.as_deref()
    }

    /// The account of whoever called.
    #[must_use]
    pub fn caller_account(&self) -> Option<&str> {
        self.user_identity.account_id.as_deref()
    }

    /// The ARN of whoever called.
    #[must_use]
    pub fn caller_arn(&self) -> Option<&str> {
        self.user_identity.arn.as_deref()
    }

    /// What kind of caller it was, such as `IAMUser`.
    #[must_use]
    pub fn caller_type(&self) -> Option<&str> {
        self.user_identity.kind.as_deref()
    }

    /// The service that called for its own caller, or by itself.
    #[must_use]
    pub fn invoked_by(&self) -> Option<&str> {
        self.user_identity.invoked_by.as_deref()
    }

    /// The access key that signed.
    #[must_use]
    pub fn access_key_id(&self) -> Option<&str> {
        self.user_identity.access_key_id.as_deref()
    }

    /// Whether it changed nothing.
    #[must_use]
    pub fn read_only(&self) -> Option<bool> {
        self.read_only
    }

    /// Where the call came from.
    #[must_use]
    pub fn source_ip_address(&self) -> Option<&str> {
        self.source_ip_address.as_deref()
    }

    /// What it was made with.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// What kind of event it is, such as `AwsApiCall`.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.event_type.as_deref()
    }

    /// Whether it was refused or failed. What failed that nobody called for, such as a rotation, has no code.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error_code.is_some() || self.error_message.is_some()
    }

    /// Why it was refused or failed.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.error_code.as_deref()
    }

    /// The same in words.
    #[must_use]
    pub fn error_message(&self) -> Option<&str> {
        self.error_message.as_deref()
    }

    /// The id of the request.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// What was asked, as JSON.
    #[must_use]
    pub fn request_parameters(&self) -> Option<&'a str> {
        self.request_parameters
    }

    /// The name by which whoever called is looked up: a user's; a session's, of a role that was assumed; `root`.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        match self.caller_type()? {
            "Root" => Some("root"),
            "AssumedRole" => self.caller_arn()?.rsplit('/').next(),
            _ => self.user_identity.user_name.as_deref(),
        }
    }

    /// The resources that it was about, each by its type and, twice, by its ARN and by its name.
    pub fn each_resource(&self, visit: &mut dyn FnMut(&str, &str)) {
        for resource in &self.resources {
            let (Some(kind), Some(arn)) = (&resource.kind, &resource.arn) else {
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
        let kind = match self.name() {
            "CreateSecret" => "AWS::SecretsManager::Secret",
            "CreateKey" => "AWS::KMS::Key",
            _ => return,
        };
        let response = self.response_elements.unwrap_or_default();
        let key = value_in(response, "keyMetadata").unwrap_or_default();
        let arn = string_in(response, "arn").or_else(|| string_in(key, "arn"));
        if let Some(arn) = &arn {
            visit(kind, arn);
        }
        let asked = string_in(self.request_parameters.unwrap_or_default(), "name");
        if let Some(name) = asked.as_deref().or_else(|| name_in(arn.as_deref()?)) {
            visit(kind, name);
        }
    }

    /// All that it can be looked up by. A type may come more than once.
    pub fn each_attribute(&self, visit: &mut dyn FnMut(Attribute, &str)) {
        visit(Attribute::EventId, self.id());
        visit(Attribute::EventName, self.name());
        visit(Attribute::EventSource, self.source());
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
