//! The events of a call: its own, a copy for each other account whose resource it was about, and those of what services
//! asked of each other for the caller.
//!
//! Written straight into bytes: every call waits for it.
//!
//! Source: AWS CloudTrail User Guide, CloudTrail record contents; reference/integrations.md §1.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io::Write;

use serde_json::Value;

use super::service_event::{About, ServiceEvent};
use super::told::{Parameters, Resource, ServiceCall, Told};
use super::{identity, name};
use crate::caller::{AccountId, Caller, Region};
use crate::json_text::push_quoted;
use crate::origin::Origin;
use crate::time::{Timestamp, rfc3339};

/// The version of the format. Source: AWS CloudTrail User Guide, CloudTrail record contents, `eventVersion`.
pub const EVENT_VERSION: &str = "1.11";
/// Room for an event of the usual size.
const EVENT_BYTES_EXPECTED: usize = 1280;

/// What is known of a call but for what it told itself.
pub struct Call<'a> {
    /// The service that was asked, as in `secretsmanager.amazonaws.com`; those of `cloudtrail::name`.
    pub source: &'a str,
    /// The operation, by its own name.
    pub operation: &'a str,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// Who called.
    pub who: Who<'a>,
    /// The access key that was sent.
    pub access_key_id: Option<&'a str>,
    /// Where from.
    pub origin: Origin<'a>,
    /// The `Host` that the client sent.
    pub host: Option<&'a str>,
    /// How the connection was encrypted, where it was.
    pub tls: Option<Tls<'a>>,
    /// The request's id, as the client learns it.
    pub request_id: &'a dyn Display,
    /// The domain's instant.
    pub now: Timestamp,
    /// Why the call was refused, where it was: the code as the client learns it, and what was said to it.
    pub error: Option<(&'a str, Option<&'a str>)>,
    /// What the operation adds.
    pub additional_event_data: Option<&'a Value>,
}

/// Who called, as far as that is known.
#[derive(Clone, Copy)]
pub enum Who<'a> {
    /// Someone whose signature or token was found right.
    Caller(&'a Caller),
    /// Nobody who could be made sure of.
    Unknown {
        /// The account of the access key that was sent, if there is such a key; `None`: no account's trail tells of the
        /// call, only the operator can find it.
        account: Option<&'a AccountId>,
        /// The region that the request was signed for, or another that stands for it.
        region: &'a str,
    },
    /// A service, by itself.
    Service {
        /// The account for which it acts.
        account: &'a AccountId,
        /// The region that it acts in.
        region: &'a str,
    },
}

impl<'a> Call<'a> {
    /// What the calls have in common that a service makes by itself, for nobody who called.
    pub fn of_service(account: &'a AccountId, region: &'a Region, now: Timestamp) -> Self {
        Call {
            source: name::SECRETS_MANAGER,
            operation: "",
            read_only: true,
            who: Who::Service {
                account,
                region: region.as_str(),
            },
            access_key_id: None,
            origin: Origin::INSIDE,
            host: None,
            tls: None,
            request_id: &"",
            now,
            error: None,
            additional_event_data: None,
        }
    }
}

/// How a connection was encrypted.
#[derive(Clone, Copy, Debug)]
pub struct Tls<'a> {
    /// Such as `TLSv1.3`.
    pub version: &'a str,
    /// Such as `TLS_AES_256_GCM_SHA384`.
    pub cipher_suite: &'a str,
}

/// An event as it goes into the log.
#[derive(Debug)]
pub struct Event<'a> {
    /// The account whose trail tells of it; `None`: no account's.
    pub account: Option<&'a AccountId>,
    /// The region in which it is found.
    pub region: &'a str,
    /// Its id.
    pub id: EventId,
    /// One JSON object.
    pub json: Vec<u8>,
}

/// An event's id: a UUID's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventId([u8; 36]);

impl EventId {
    /// Of random bytes.
    pub fn of(mut random: [u8; 16]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        random[6] = (random[6] & 0x0f) | 0x40;
        random[8] = (random[8] & 0x3f) | 0x80;
        let mut text = [b'-'; 36];
        let places = (0..36).filter(|at| !matches!(at, 8 | 13 | 18 | 23));
        let digits = random.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        for (place, digit) in places.zip(digits) {
            text[place] = DIGITS[usize::from(digit)];
        }
        EventId(text)
    }

    /// Its 36 characters.
    pub fn as_str(&self) -> &str {
        // All of them are ASCII.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// All events of a call, its own first. `fresh` gives random bytes.
pub fn events<'a>(
    call: &'a Call<'a>,
    told: &'a Told,
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Vec<Event<'a>> {
    let mut events = Vec::with_capacity(1 + told.calls.len());
    let key = key_response(call, told).map(Cow::Owned);
    let own = Asked {
        source: call.source,
        operation: call.operation,
        read_only: call.read_only,
        invoked_by: None,
        parameters: told.parameters.as_ref(),
        response: match call.error {
            None => told.response.as_deref().map(Cow::Borrowed).or(key),
            Some(_) => None,
        },
        resources: &told.resources,
        error: call.error,
        additional_event_data: call.additional_event_data.or(told.data.as_ref()),
    };
    let common = Common::of(call);
    push_all(&own, (&common, call.request_id), fresh, &mut events);
    push_calls(&told.calls, &common, fresh, &mut events);
    events
}

/// The events of calls that a service makes by itself: `call` is what they have in common.
pub fn service_calls<'a>(
    call: &'a Call<'a>,
    calls: &'a [ServiceCall],
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Vec<Event<'a>> {
    let mut events = Vec::with_capacity(calls.len());
    push_calls(calls, &Common::of(call), fresh, &mut events);
    events
}

fn push_calls<'a>(
    calls: &'a [ServiceCall],
    common: &Common<'a>,
    fresh: &mut dyn FnMut() -> [u8; 16],
    events: &mut Vec<Event<'a>>,
) {
    for each in calls {
        // A request of its own: the client's id leads to the client's call alone.
        let request_id = EventId::of(fresh());
        push_all(&Asked::by(each), (common, &request_id), fresh, events);
    }
}

/// What KMS's events tell in place of an empty response: which key was changed.
///
/// Source: AWS KMS Developer Guide, DisableKey (CloudTrail log entries), and others: "include the key ARN of the affected
/// KMS key in the responseElements.keyId value".
fn key_response(call: &Call<'_>, told: &Told) -> Option<Vec<u8>> {
    if call.source != name::KMS || call.read_only {
        return None;
    }
    let is_key = |resource: &&Resource| matches!(resource, Resource::Key(_));
    let key = told.resources.iter().find(is_key)?;
    let mut json = b"{\"keyId\":".to_vec();
    push_quoted(&key.arn(), &mut json);
    json.push(b'}');
    Some(json)
}

/// The event of what a service did by itself. `fresh` gives random bytes.
pub fn service_event<'a>(
    event: &'a ServiceEvent,
    now: Timestamp,
    fresh: &mut dyn FnMut() -> [u8; 16],
) -> Event<'a> {
    let id = EventId::of(fresh());
    let mut json = Vec::with_capacity(EVENT_BYTES_EXPECTED);
    let (source, service) = match event.about {
        About::Secret { .. } => (name::SECRETS_MANAGER, name::SECRETS_MANAGER),
        About::Key { .. } => (name::KMS, "AWS Internal"),
    };
    push_start(&mut json);
    json.extend_from_slice(b"{\"accountId\":");
    push_quoted(event.account.as_str(), &mut json);
    text("invokedBy", service, &mut json);
    json.push(b'}');
    text("eventTime", &rfc3339(now), &mut json);
    text("eventSource", source, &mut json);
    text("eventName", event.name, &mut json);
    text("awsRegion", event.region.as_str(), &mut json);
    text("sourceIPAddress", service, &mut json);
    text("userAgent", service, &mut json);
    if let Some(error) = &event.error {
        text("errorMessage", error, &mut json);
    }
    json.extend_from_slice(b",\"requestParameters\":null,\"responseElements\":null");
    if let About::Secret { version_id } = &event.about {
        json.extend_from_slice(b",\"additionalEventData\":{\"SecretId\":");
        push_quoted(&event.resource, &mut json);
        if let Some(version_id) = version_id {
            text("SecretVersionId", version_id, &mut json);
        }
        json.push(b'}');
    }
    if !event.request_id.is_empty() {
        text("requestID", &event.request_id, &mut json);
    }
    text("eventID", id.as_str(), &mut json);
    json.extend_from_slice(b",\"readOnly\":false");
    if let Some(resource) = Resource::by_arn(&event.resource) {
        push_resources([&resource].into_iter(), &mut json);
    }
    text("eventType", "AwsServiceEvent", &mut json);
    json.extend_from_slice(b",\"managementEvent\":true");
    text("recipientAccountId", event.account.as_str(), &mut json);
    if let About::Key { details } = &event.about
        && !details.is_empty()
    {
        json.extend_from_slice(b",\"serviceEventDetails\":{");
        for (at, (name, value)) in details.iter().enumerate() {
            if at > 0 {
                json.push(b',');
            }
            push_quoted(name, &mut json);
            json.push(b':');
            push_quoted(value, &mut json);
        }
        json.push(b'}');
    }
    text("eventCategory", "Management", &mut json);
    json.push(b'}');
    Event {
        account: Some(&event.account),
        region: event.region.as_str(),
        id,
        json,
    }
}

/// What all events of a call have in common, written once.
struct Common<'a> {
    call: &'a Call<'a>,
    /// `userIdentity` as the caller's own account sees it, without its closing brace.
    identity: Vec<u8>,
    time: String,
}

impl<'a> Common<'a> {
    fn of(call: &'a Call<'a>) -> Self {
        let mut identity = Vec::with_capacity(512);
        match call.who {
            Who::Caller(caller) => identity::push(caller, call.access_key_id, &mut identity),
            Who::Unknown { account, .. } => {
                let account = account.map(AccountId::as_str);
                identity::push_unknown(account, call.access_key_id, &mut identity);
            }
            Who::Service { .. } => identity::push_service(&mut identity),
        }
        Common {
            call,
            identity,
            time: rfc3339(call.now),
        }
    }
}

/// What was asked: by the caller, or for it.
struct Asked<'a> {
    source: &'a str,
    operation: &'a str,
    read_only: bool,
    invoked_by: Option<&'a str>,
    parameters: Option<&'a Parameters>,
    response: Option<Cow<'a, [u8]>>,
    resources: &'a [Resource],
    error: Option<(&'a str, Option<&'a str>)>,
    additional_event_data: Option<&'a Value>,
}

impl<'a> Asked<'a> {
    fn by(call: &'a ServiceCall) -> Self {
        let error = call.error.as_ref();
        Asked {
            source: call.source,
            operation: call.operation,
            read_only: call.read_only,
            invoked_by: call.invoked_by,
            parameters: Some(&call.parameters),
            response: match error {
                None => call.response.as_deref().map(Cow::Borrowed),
                Some(_) => None,
            },
            resources: &call.resources,
            error: error.map(|(code, message)| (*code, message.as_deref())),
            additional_event_data: None,
        }
    }
}

/// The event for the caller's account, and one for each other whose resource it is about. Those aren't told of what they
/// refused: AWS logs that in the caller's account alone.
///
/// Source: AWS KMS Developer Guide, Logging AWS KMS API calls with AWS CloudTrail.
fn push_all<'a>(
    asked: &Asked<'a>,
    (common, request_id): (&Common<'a>, &dyn Display),
    fresh: &mut dyn FnMut() -> [u8; 16],
    events: &mut Vec<Event<'a>>,
) {
    let call = common.call;
    let own = call.who.account();
    let is_shared = |account: &AccountId| {
        !matches!(call.who, Who::Unknown { .. }) && Some(account) != own && asked.error.is_none()
    };
    let mut others = Vec::new();
    for resource in asked.resources {
        let account = resource.account();
        if is_shared(account) && !others.contains(&account) {
            others.push(account);
        }
    }
    let shared = (!others.is_empty()).then(|| EventId::of(fresh()));
    for account in [own].into_iter().chain(others.into_iter().map(Some)) {
        let id = EventId::of(fresh());
        events.push(Event {
            account,
            region: call.who.region(),
            id,
            json: written(asked, (common, request_id), account, (id, shared)),
        });
    }
}

/// One event as the account that it is for sees it.
fn written(
    asked: &Asked<'_>,
    (common, request_id): (&Common<'_>, &dyn Display),
    account: Option<&AccountId>,
    (id, shared): (EventId, Option<EventId>),
) -> Vec<u8> {
    let call = common.call;
    let mut json = Vec::with_capacity(EVENT_BYTES_EXPECTED);
    push_start(&mut json);
    match call.who {
        Who::Caller(caller) if account != Some(&caller.account) => {
            identity::push_to_other_account(caller, &mut json);
        }
        _ => json.extend_from_slice(&common.identity),
    }
    if let Some(service) = asked.invoked_by {
        text("invokedBy", service, &mut json);
    }
    json.push(b'}');
    text("eventTime", &common.time, &mut json);
    text("eventSource", asked.source, &mut json);
    let event_name = name::event_name(asked.source, asked.operation);
    text("eventName", event_name, &mut json);
    text("awsRegion", call.who.region(), &mut json);
    match (asked.invoked_by, call.origin.address) {
        (Some(service), _) => {
            text("sourceIPAddress", service, &mut json);
            text("userAgent", service, &mut json);
        }
        (None, address) => {
            match address {
                Some(address) => {
                    json.extend_from_slice(b",\"sourceIPAddress\":");
                    displayed(address, &mut json);
                }
                None => text("sourceIPAddress", INSIDE, &mut json),
            }
            if let Some(agent) = call.origin.user_agent {
                text("userAgent", cut(agent, SHORT_BYTES_MAX), &mut json);
            }
        }
    }
    if let Some((code, message)) = asked.error {
        text(
            "errorCode",
            &name::error_code(asked.source, code),
            &mut json,
        );
        if let Some(message) = message {
            text("errorMessage", cut(message, SHORT_BYTES_MAX), &mut json);
        }
    }
    json.extend_from_slice(b",\"requestParameters\":");
    match asked.parameters {
        Some(parameters) if parameters.bytes() > LARGE_BYTES_MAX => {
            json.extend_from_slice(OMITTED);
        }
        Some(parameters) if !parameters.is_empty() => parameters.write(&mut json),
        _ => json.extend_from_slice(b"null"),
    }
    json.extend_from_slice(b",\"responseElements\":");
    match &asked.response {
        Some(response) if response.len() <= LARGE_BYTES_MAX => json.extend_from_slice(response),
        Some(_) => json.extend_from_slice(OMITTED),
        None => json.extend_from_slice(b"null"),
    }
    if let Some(data) = asked.additional_event_data {
        json.extend_from_slice(b",\"additionalEventData\":");
        // A `Value` always can be written.
        let _ = serde_json::to_writer(&mut json, data);
    }
    json.extend_from_slice(b",\"requestID\":");
    displayed(request_id, &mut json);
    text("eventID", id.as_str(), &mut json);
    flag("readOnly", asked.read_only, &mut json);
    // Who was refused isn't told that there is something of another account's under that name.
    let is_told = |resource: &&Resource| {
        asked.error.is_none() || Some(resource.account()) == call.who.account()
    };
    push_resources(asked.resources.iter().filter(is_told), &mut json);
    text("eventType", "AwsApiCall", &mut json);
    if let Some(version) = name::api_version(asked.source, event_name) {
        text("apiVersion", &version, &mut json);
    }
    let is_data = name::is_data_event(asked.source, asked.operation);
    flag("managementEvent", !is_data, &mut json);
    if let Some(account) = account {
        text("recipientAccountId", account.as_str(), &mut json);
    }
    if let Some(shared) = shared {
        text("sharedEventID", shared.as_str(), &mut json);
    }
    text(
        "eventCategory",
        if is_data { "Data" } else { "Management" },
        &mut json,
    );
    if asked.invoked_by.is_none()
        && let Some(tls) = call.tls
    {
        json.extend_from_slice(b",\"tlsDetails\":{\"tlsVersion\":");
        push_quoted(tls.version, &mut json);
        text("cipherSuite", tls.cipher_suite, &mut json);
        if let Some(host) = call.host {
            text(
                "clientProvidedHostHeader",
                cut(host, SHORT_BYTES_MAX),
                &mut json,
            );
        }
        json.push(b'}');
    }
    json.push(b'}');
    json
}

/// What stands for the address of who is inside the process.
const INSIDE: &str = "AWS Internal";
/// How much an event keeps of a text that anyone may make as long as they like.
///
/// Source: AWS CloudTrail User Guide, CloudTrail record contents, `userAgent` and `errorMessage`.
const SHORT_BYTES_MAX: usize = 1024;
/// From which size on parameters and responses are left out. Source: as above, `requestParameters`.
const LARGE_BYTES_MAX: usize = 100 * 1024;
/// What stands for what is left out.
const OMITTED: &[u8] = b"{\"omitted\":true}";

impl<'a> Who<'a> {
    fn account(self) -> Option<&'a AccountId> {
        match self {
            Who::Caller(caller) => Some(&caller.account),
            Who::Unknown { account, .. } => account,
            Who::Service { account, .. } => Some(account),
        }
    }

    fn region(self) -> &'a str {
        match self {
            Who::Caller(caller) => caller.region.as_str(),
            Who::Unknown { region, .. } | Who::Service { region, .. } => region,
        }
    }
}

fn push_start(json: &mut Vec<u8>) {
    json.extend_from_slice(b"{\"eventVersion\":");
    push_quoted(EVENT_VERSION, json);
    json.extend_from_slice(b",\"userIdentity\":");
}

fn push_resources<'r>(resources: impl Iterator<Item = &'r Resource>, json: &mut Vec<u8>) {
    let mut start: &[u8] = b",\"resources\":[";
    let mut end: &[u8] = b"";
    for resource in resources {
        json.extend_from_slice(start);
        json.extend_from_slice(b"{\"accountId\":");
        push_quoted(resource.account().as_str(), json);
        text("type", resource.kind(), json);
        text("ARN", &resource.arn(), json);
        json.push(b'}');
        (start, end) = (b",", b"]");
    }
    json.extend_from_slice(end);
}

/// Writes a member, whose name has no character that JSON would escape.
pub(super) fn text(name: &'static str, value: &str, json: &mut Vec<u8>) {
    member(name, json);
    push_quoted(value, json);
}

fn member(name: &'static str, json: &mut Vec<u8>) {
    json.extend_from_slice(b",\"");
    json.extend_from_slice(name.as_bytes());
    json.extend_from_slice(b"\":");
}

fn flag(name: &'static str, value: bool, json: &mut Vec<u8>) {
    member(name, json);
    let text: &[u8] = if value { b"true" } else { b"false" };
    json.extend_from_slice(text);
}

/// Writes what has no character in it that JSON would escape: an address, an id.
pub(super) fn displayed(value: &dyn Display, json: &mut Vec<u8>) {
    // Writing into memory doesn't fail.
    let _ = write!(json, "\"{value}\"");
}

/// A text's beginning, of so many bytes at most.
fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
