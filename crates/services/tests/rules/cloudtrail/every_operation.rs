//! What CloudTrail says of each operation of each service, held against a table: `every_operation.jsonl`, a call a line.
//!
//! A line is a call (`call`, `body`, and `be`, who asks where it isn't root), what of its answer later lines name as `$…`
//! (`keep`, by JSON pointer), and its event as far as it depends on the operation. What is random is written by its kind.
//! Sources of the shapes: AWS KMS Developer Guide, "CloudTrail log entries"; AWS IAM User Guide, Logging IAM and AWS STS API
//! calls; AWS Lambda Developer Guide, Logging AWS Lambda API calls; reference/integrations.md §1.1.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use strongroom_services::operation::Entry;
use strongroom_services::records::Records;
use strongroom_services::refusal::Stop;
use strongroom_services::sts::role_session::RoleArn;
use strongroom_services::sts::web_identity::accept;
use strongroom_services::{cloudtrail, iam, kms, lambda, secretsmanager, sts};

use super::lookups::WrittenDown;
use crate::harness::{ACCOUNT, REGION, Service, Trailed};
use crate::iam::mfa::Phone;
use crate::kms::import::bringing;
use crate::lambda::package;

const TABLE: &str = include_str!("every_operation.jsonl");

/// A service with its operations.
const SERVICES: &[(&str, &[Entry])] = &[
    ("secretsmanager", secretsmanager::OPERATIONS),
    ("kms", kms::OPERATIONS),
    ("iam", iam::OPERATIONS),
    ("sts", sts::OPERATIONS),
    ("lambda", lambda::OPERATIONS),
    ("cloudtrail", cloudtrail::OPERATIONS),
];

/// What earlier calls left behind for later ones.
struct World {
    service: Service,
    kept: BTreeMap<String, String>,
    phone: Option<Phone>,
    /// The last answer, for what a call makes of it.
    answer: Value,
}

impl World {
    fn new() -> Self {
        let kept = [("PACKAGE".to_owned(), package("one"))];
        let mut service = super::service();
        service.history = Some(WrittenDown::default());
        World {
            service,
            kept: BTreeMap::from(kept),
            phone: None,
            answer: Value::Null,
        }
    }

    /// Makes a line's call; its event as the table has it.
    fn call(&mut self, line: &Value) -> Value {
        let (service, operation) = split(line["call"].as_str().unwrap());
        let body = self.body(operation, &line["body"]);
        self.be(line["be"].as_str().unwrap_or("root"));
        let (_, entries) = SERVICES.iter().find(|(name, _)| *name == service).unwrap();
        let answer = self.service.ask_of(entries, operation, &body);
        // What was refused shows its code in the table.
        self.answer = answer.unwrap_or_default();
        for (name, pointer) in line["keep"].as_object().into_iter().flatten() {
            let value = self.answer.pointer(pointer.as_str().unwrap());
            let value = value.and_then(Value::as_str);
            let value = value.unwrap_or_else(|| panic!("{operation}: {:?}", self.service.trail));
            let value = value.to_owned();
            self.kept.insert(name.clone(), value);
        }
        if operation == "CreateVirtualMFADevice" {
            self.phone = Some(Phone::told(&self.answer));
        }
        self.event()
    }

    fn body(&mut self, operation: &str, body: &Value) -> Value {
        let later = match operation {
            "EnableMFADevice" => Some(-1),
            "ResyncMFADevice" => Some(1),
            _ => None,
        };
        if let (Some(later), Some(phone)) = (later, &self.phone) {
            for (name, later) in [("CODE1", later), ("CODE2", later + 1)] {
                let code = phone.code(&self.service, later);
                self.kept.insert(name.to_owned(), code);
            }
        }
        let body = self.replaced(body);
        if operation == "ImportKeyMaterial" {
            let key = body["KeyId"].as_str().unwrap();
            return bringing(key, &self.answer, &[1; 32], &body);
        }
        body
    }

    /// A body with the values of what it names.
    fn replaced(&self, body: &Value) -> Value {
        let mut text = body.to_string();
        for name in by_length(self.kept.keys()) {
            let value = Value::from(self.kept[name].as_str()).to_string();
            text = text.replace(&format!("${name}"), value.trim_matches('"'));
        }
        serde_json::from_str(&text).unwrap()
    }

    fn be(&mut self, who: &str) {
        match who {
            "root" => self.service.be(ACCOUNT, REGION),
            "bearer" => {
                let claims = json!({
                    "iss": "https://id.example.com/cluster", "sub": "pod", "aud": "sts.amazonaws.com",
                    "exp": 1_700_000_600,
                });
                let role = RoleArn::parse(&self.kept["ROLE"]).unwrap();
                let claims: &Map<String, Value> = claims.as_object().unwrap();
                let accepted = self.service.with_records(|records: &Records<'_>| {
                    accept(claims, &role, 1_700_000_000, records)
                });
                match accepted {
                    Ok((caller, _)) => self.service.be_caller(caller),
                    Err(Stop::Refused(refusal)) => panic!("{refusal:?}"),
                    Err(Stop::Unavailable(cause)) => panic!("{cause}"),
                }
            }
            user => {
                let key = self.kept["ACCESS_KEY"].clone();
                self.service.be_user(ACCOUNT, user, &key);
            }
        }
    }

    fn event(&self) -> Value {
        let own = &self.service.trail[0].said;
        let mut event = Map::new();
        for member in [
            "eventName",
            "readOnly",
            "errorCode",
            "requestParameters",
            "responseElements",
            "additionalEventData",
            "apiVersion",
            "eventCategory",
        ] {
            if let Some(value) = own.get(member) {
                event.insert(member.to_owned(), self.masked(value));
            }
        }
        let resources = own["resources"].as_array().into_iter().flatten();
        let resources: Vec<Value> = resources
            .map(|resource| {
                assert_eq!(resource["accountId"], ACCOUNT);
                let (kind, arn) = (&resource["type"], &resource["ARN"]);
                let text = format!("{} {}", kind.as_str().unwrap(), arn.as_str().unwrap());
                self.masked(&Value::from(text))
            })
            .collect();
        event.insert("resources".to_owned(), Value::from(resources));
        if event["eventCategory"] == "Management" {
            event.remove("eventCategory");
        }
        let more = self.service.trail[1..].iter().map(asked_for);
        let more: Vec<Value> = more.map(Value::from).collect();
        if !more.is_empty() {
            event.insert("more".to_owned(), Value::from(more));
        }
        Value::from(event)
    }

    /// What the event says, with names for what calls left behind and kinds for what is random.
    fn masked(&self, value: &Value) -> Value {
        let mut text = value.to_string();
        let mut kept: Vec<(&String, &String)> = self.kept.iter().collect();
        kept.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
        for (name, value) in kept {
            text = text.replace(value.as_str(), &format!("${name}"));
        }
        serde_json::from_str(&without_chance(&text)).unwrap()
    }
}

fn split(call: &str) -> (&str, &str) {
    call.split_once(':').unwrap()
}

fn asked_for(event: &Trailed) -> String {
    let text = |member: &str| event.said[member].as_str().unwrap().to_owned();
    let service = text("eventSource").replace(".amazonaws.com", "");
    format!("{service}:{}", text("eventName"))
}

/// Longest first, so that none is taken for the beginning of another.
fn by_length<'a>(names: impl Iterator<Item = &'a String>) -> Vec<&'a String> {
    let mut names: Vec<&String> = names.collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    names
}

/// Writes ids, digests and the like by their kind.
fn without_chance(text: &str) -> String {
    let is_within = |each: char| each.is_ascii_alphanumeric() || "-+/=".contains(each);
    let mut out = String::new();
    let mut word = String::new();
    for each in text.chars().chain([' ']) {
        if is_within(each) {
            word.push(each);
            continue;
        }
        out.push_str(kind_of(&word).unwrap_or(&word));
        word.clear();
        out.push(each);
    }
    out.pop();
    out
}

fn kind_of(word: &str) -> Option<&'static str> {
    let hex = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths = word.split('-').map(str::len);
    if lengths.eq([8, 4, 4, 4, 12]) && hex(&word.replace('-', "")) {
        return Some("UUID");
    }
    if word.len() == 64 && hex(word) {
        return Some("HEX");
    }
    if word.len() == 44 && word.ends_with('=') {
        return Some("SHA256");
    }
    let is_id = |start: &&str| word.len() >= 20 && word.starts_with(*start) && !word.contains('-');
    let starts = [
        "ABIA", "AGPA", "AIDA", "AIPA", "AKIA", "ANPA", "AROA", "ASIA",
    ];
    starts.into_iter().find(is_id)
}

#[test]
fn each_operation_has_the_event_that_the_table_shows() {
    let mut world = World::new();
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for line in TABLE.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let event = world.call(&line);
        if event != line["event"] {
            let (call, expected) = (&line["call"], &line["event"]);
            wrong.push(format!("{call}\n  said {event}\n  not  {expected}"));
        }
        seen.insert(line["call"].as_str().unwrap().to_owned());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (service, entries) in SERVICES {
        for entry in *entries {
            let call = format!("{service}:{}", entry.name);
            assert!(seen.contains(&call), "{call} isn't in the table");
        }
    }
}
