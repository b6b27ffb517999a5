//! `strongroom audit query`: who did what, when, from where, on what, and what came of it; from the log itself, without its
//! index and without a server.

use std::ops::ControlFlow;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use strongroom_audit::{Fault, Kind, Reader, Segment};
use strongroom_services::cloudtrail::operator_event::SOURCE;
use strongroom_services::cloudtrail::recorded::Recorded;
use strongroom_services::time::Timestamp;

use super::audit::no_log_in;
use super::{Failed, say};
use crate::audit::FOLDER_NAME;
use crate::clock::Clock;

/// Events of one table, unless asked otherwise.
const LIMIT: usize = 100;

/// Search the audit log: who did what, when, from where, on what, and what came of it
///
/// Reads the log alone, also while its server runs, and a copy of it anywhere. It doesn't prove the log: that is for
/// `strongroom audit verify`. Nothing is hidden from it, in whatever account or region it happened.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom audit query --data-dir /var/lib/strongroom --from 2h --errors-only
  strongroom audit query --data-dir ./data --resource prod/db --event-name GetSecretValue
  strongroom audit query --log /mnt/copy/audit --user alice --from 2026-01-01T00:00:00Z --json
  strongroom audit query --data-dir ./data --writes --ocsf --limit 0 > changes.jsonl

More: docs/audit.md")]
pub(super) struct QueryArguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    filter: Filter,
    /// Most events; 0 for all
    #[arg(long, value_name = "NUMBER", default_value_t = LIMIT)]
    limit: usize,
    /// Which events come first; the limit keeps those
    #[arg(long, value_enum, default_value_t = Order::Newest)]
    order: Order,
    /// Print each event as it was recorded, one JSON object a line
    #[arg(long)]
    json: bool,
    /// Print each event as an OCSF 1.4 API Activity, one JSON object a line
    #[arg(long, conflicts_with = "json")]
    ocsf: bool,
}

/// Where the log is that is read.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// A server's data folder, with the log in its folder audit
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The log's folder alone, or a copy of it
    #[arg(long, value_name = "DIR")]
    log: Option<PathBuf>,
}

impl Place {
    /// Reads the log there.
    ///
    /// # Errors
    /// There is none: nothing found must not be what a mistaken path looks like.
    pub(super) fn reader(&self) -> Result<Reader, Failed> {
        let folder = match (&self.log, &self.data_dir) {
            (Some(log), _) => log.clone(),
            (None, Some(data_dir)) => data_dir.join(FOLDER_NAME),
            // Refused by the arguments' definition.
            (None, None) => return Err(Failed::new("name the log with --data-dir or --log")),
        };
        if !folder.is_dir() {
            return Err(no_log_in(&folder));
        }
        let reader = Reader::open(&folder)?;
        if reader.segments().is_empty() {
            return Err(no_log_in(&folder));
        }
        Ok(reader)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// The newest first
    Newest,
    /// The oldest first
    Oldest,
}

/// What an event must have, all of it.
#[derive(Debug, Default, Args)]
struct Filter {
    /// Not earlier: an instant such as 2026-01-31T08:00:00Z, or how long ago, such as 30m, 2h or 7d
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// Not later: likewise
    #[arg(long, value_name = "TIME")]
    to: Option<When>,
    /// Such as GetSecretValue
    #[arg(long, value_name = "NAME")]
    event_name: Option<String>,
    /// A user's name, the name of a role's session, root, or the ARN of any of them
    #[arg(long, value_name = "NAME|ARN")]
    user: Option<String>,
    /// The access key that signed
    #[arg(long, value_name = "ID")]
    access_key: Option<String>,
    /// What it was about: a secret's or key's ARN or name, any other resource's
    #[arg(long, value_name = "NAME|ARN")]
    resource: Option<String>,
    /// The service, such as kms or kms.amazonaws.com; strongroom for what operators asked
    #[arg(long, value_name = "SERVICE")]
    source: Option<String>,
    /// The account whose trail tells of it
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// The request, as its answer has it (x-amzn-RequestId)
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// The event itself
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// The address that it came from
    #[arg(long, value_name = "ADDRESS")]
    source_ip: Option<String>,
    /// Only what was refused or failed
    #[arg(long)]
    errors_only: bool,
    /// Only what changed nothing
    #[arg(long, conflicts_with = "writes")]
    read_only: bool,
    /// Only what may have changed something
    #[arg(long)]
    writes: bool,
}

/// An instant, or how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    At(i64),
    SecondsAgo(i64),
}

impl std::str::FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(When::At(instant.as_second()));
        }
        let ago = text.split_at_checked(text.len().saturating_sub(1));
        let seconds = ago.and_then(|(number, unit)| {
            let number: i64 = number.parse().ok().filter(|number| *number >= 0)?;
            let each = match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3_600,
                "d" => 86_400,
                _ => return None,
            };
            number.checked_mul(each)
        });
        seconds.map(When::SecondsAgo).ok_or_else(|| {
            "say an instant such as 2026-01-31T08:00:00Z, or how long ago, such as 30m, 2h or 7d".to_owned()
        })
    }
}

impl When {
    pub(super) fn second(self, now: Timestamp) -> i64 {
        match self {
            When::At(second) => second,
            When::SecondsAgo(seconds) => now.seconds().saturating_sub(seconds),
        }
    }
}

/// Searches the log, and prints what was found.
pub(super) fn run(arguments: &QueryArguments) -> Result<(), Failed> {
    let reader = arguments.place.reader()?;
    let limit = match arguments.limit {
        0 => usize::MAX,
        limit => limit,
    };
    let wanted = Wanted::of(&arguments.filter, Clock::default().now());
    if wanted.from > wanted.to {
        return Err(Failed::new(
            "--from is later than --to, so no event can be between them",
        ));
    }
    let mut printer = Printer {
        arguments,
        rows: Vec::new(),
    };
    let unread = search(
        &reader,
        &wanted,
        arguments.order,
        limit,
        &mut |json, event| {
            printer.add(json, event);
        },
    );
    printer.end();
    all_was_read(&reader, &unread)
}

/// That nothing is missing above.
///
/// # Errors
/// Something may be, and why.
pub(super) fn all_was_read(reader: &Reader, unread: &[Fault]) -> Result<(), Failed> {
    if let Some(fault) = unread.first() {
        return Err(Failed::new(format!(
            "{} of the log's segments can't be read to their end, so records may be missing above: {fault}",
            unread.len()
        )));
    }
    match gap(&reader.segments()) {
        None => Ok(()),
        Some(number) => Err(Failed::new(format!(
            "segment {number} of the log isn't there, so records may be missing above: look with `strongroom audit \
             verify` what is damaged"
        ))),
    }
}

/// The first segment that is missing between others.
fn gap(segments: &[Segment]) -> Option<u64> {
    let mut pairs = segments.windows(2);
    pairs.find_map(|pair| (pair[1].number > pair[0].number + 1).then_some(pair[0].number + 1))
}

/// Visits what is wanted, in the order that is asked for. Damage in one segment doesn't keep the others from being
/// searched; it is what is returned.
fn search(
    reader: &Reader,
    wanted: &Wanted<'_>,
    order: Order,
    limit: usize,
    visit: &mut dyn FnMut(&[u8], &Recorded<'_>),
) -> Vec<Fault> {
    let mut unread = Vec::new();
    let mut segments = reader.segments();
    if order == Order::Newest {
        segments.reverse();
    }
    let mut left = limit;
    for segment in segments {
        let Some(last) = segment.last_sequence.filter(|_| left > 0) else {
            continue;
        };
        let mut found: Vec<Vec<u8>> = Vec::new();
        let read = reader.read(segment.first_sequence, &mut |record| {
            if record.sequence > last || (order == Order::Oldest && left == 0) {
                return ControlFlow::Break(());
            }
            if record.kind == Kind::Event && wanted.may_be(record.payload) {
                let event = Recorded::read(record.payload).filter(|event| wanted.is(event));
                match (event, order) {
                    (Some(event), Order::Oldest) => {
                        visit(record.payload, &event);
                        left -= 1;
                    }
                    // Within a segment they come oldest first.
                    (Some(_), Order::Newest) => found.push(record.payload.to_vec()),
                    (None, _) => {}
                }
            }
            ControlFlow::Continue(())
        });
        unread.extend(read.err());
        for json in found.iter().rev().take(left) {
            if let Some(event) = Recorded::read(json) {
                visit(json, &event);
            }
        }
        left -= left.min(found.len());
    }
    unread
}

/// What is asked for, with its times as seconds.
struct Wanted<'a> {
    filter: &'a Filter,
    source: Option<String>,
    from: i64,
    to: i64,
}

impl<'a> Wanted<'a> {
    fn of(filter: &'a Filter, now: Timestamp) -> Self {
        let source =
            filter
                .source
                .as_ref()
                .map(|source| match source.contains('.') || source == SOURCE {
                    true => source.clone(),
                    false => format!("{source}.amazonaws.com"),
                });
        Wanted {
            filter,
            source,
            from: filter.from.map_or(i64::MIN, |from| from.second(now)),
            to: filter.to.map_or(i64::MAX, |to| to.second(now)),
        }
    }

    /// Whether an event may be one, by a look for what it must say; reading it costs more.
    fn may_be(&self, json: &[u8]) -> bool {
        let filter = self.filter;
        let words = [
            &filter.event_name,
            &filter.access_key,
            &self.source,
            &filter.account,
            &filter.region,
            &filter.request_id,
            &filter.event_id,
            &filter.source_ip,
        ];
        let mut words = words.into_iter().flatten().filter(|word| is_plain(word));
        words.all(|word| memchr::memmem::find(json, word.as_bytes()).is_some())
    }

    fn is(&self, event: &Recorded<'_>) -> bool {
        let filter = self.filter;
        let is = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        let is_user = filter
            .user
            .as_deref()
            .is_none_or(|user| [event.username(), event.caller_arn()].contains(&Some(user)));
        is(&filter.event_name, Some(event.name()))
            && is(&self.source, Some(event.source()))
            && is(&filter.access_key, event.access_key_id())
            && is(&filter.account, event.account())
            && is(&filter.region, Some(event.region()))
            && is(&filter.request_id, event.request_id())
            && is(&filter.event_id, Some(event.id()))
            && is(&filter.source_ip, event.source_ip_address())
            && is_user
            && (!filter.errors_only || event.failed())
            && (!filter.read_only || event.read_only() == Some(true))
            && (!filter.writes || event.read_only() == Some(false))
            && event
                .seconds()
                .is_some_and(|second| (self.from..=self.to).contains(&second))
            && filter.resource.as_deref().is_none_or(|wanted| {
                let mut found = false;
                event.each_resource(&mut |_, name| found |= name == wanted);
                found
            })
    }
}

/// Whether JSON spells a text as it is.
fn is_plain(text: &str) -> bool {
    !text.contains(['"', '\\']) && !text.chars().any(char::is_control)
}

/// Prints events as they are found; a table once all are known.
struct Printer<'a> {
    arguments: &'a QueryArguments,
    rows: Vec<[String; 6]>,
}

impl Printer<'_> {
    fn add(&mut self, json: &[u8], event: &Recorded<'_>) {
        if self.arguments.json {
            say(&String::from_utf8_lossy(json));
        } else if self.arguments.ocsf {
            say(&ocsf(json, event).to_string());
        } else {
            self.rows.push(row(event));
        }
    }

    fn end(&self) {
        if self.arguments.json || self.arguments.ocsf {
            return;
        }
        if self.rows.is_empty() {
            say("No event is like that.");
            return;
        }
        let heads = ["WHEN", "WHO", "WHAT", "ON", "FROM", "OUTCOME"].map(str::to_owned);
        let all = || std::iter::once(&heads).chain(&self.rows);
        let widths: Vec<usize> = (0..heads.len())
            .map(|column| {
                all()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        for row in all() {
            let cells = row.iter().zip(&widths);
            let line: Vec<String> = cells
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            say(line.join("  ").trim_end());
        }
    }
}

/// Who, what, when, from where, on what, and what came of it.
fn row(event: &Recorded<'_>) -> [String; 6] {
    let mut on = None;
    // The name comes behind the ARN, and is the shorter.
    event.each_resource(&mut |_, name| on = Some(name.to_owned()));
    [
        event.time().to_owned(),
        shown(&who(event)),
        shown(
            Some(event.name())
                .filter(|name| !name.is_empty())
                .unwrap_or("-"),
        ),
        shown(on.as_deref().unwrap_or("-")),
        shown(event.source_ip_address().unwrap_or("-")),
        shown(
            event
                .error_code()
                .unwrap_or(if event.failed() { "failed" } else { "ok" }),
        ),
    ]
}

fn who(event: &Recorded<'_>) -> String {
    let account = event.caller_account().or(event.account());
    let account = account.unwrap_or("-");
    let name = match event.caller_type() {
        Some("Operator") => return "operator".to_owned(),
        // Whoever it was, this is the key that they named.
        Some("Unknown") => event.access_key_id(),
        _ => event.username(),
    };
    match (name, event.invoked_by()) {
        (Some(name), Some(service)) => format!("{account}/{name} by {service}"),
        (Some(name), None) => format!("{account}/{name}"),
        (None, Some(service)) => format!("{account} by {service}"),
        (None, None) => account.to_owned(),
    }
}

/// A text for a terminal: whoever calls chooses some of them, and none may do anything there.
pub(super) fn shown(text: &str) -> String {
    let is_safe = |each: char| !each.is_control();
    text.chars()
        .map(|each| if is_safe(each) { each } else { '\u{fffd}' })
        .collect()
}

/// An event as the Open Cybersecurity Schema Framework has it: class API Activity (6003).
///
/// Source: OCSF 1.4.0, API Activity; its mapping of CloudTrail.
fn ocsf(json: &[u8], event: &Recorded<'_>) -> Value {
    let (activity_id, activity) = activity(event.name(), event.read_only() == Some(true));
    let failed = event.failed();
    let millis = event.seconds().unwrap_or_default().saturating_mul(1000);
    let mut resources = Vec::new();
    event.each_resource(&mut |kind, name| {
        if name.starts_with("arn:") {
            resources.push(json!({"uid": name, "type": kind}));
        }
    });
    let mut value = json!({
        "class_uid": 6003,
        "class_name": "API Activity",
        "category_uid": 6,
        "category_name": "Application Activity",
        "activity_id": activity_id,
        "activity_name": activity,
        "type_uid": 600_300 + activity_id,
        "type_name": format!("API Activity: {activity}"),
        "severity_id": 1,
        "severity": "Informational",
        "status_id": if failed { 2 } else { 1 },
        "status": if failed { "Failure" } else { "Success" },
        "time": millis,
        "metadata": {
            "version": "1.4.0",
            "uid": event.id(),
            "event_code": event.event_type(),
            "product": {"name": "Strongroom", "vendor_name": "Strongroom", "feature": {"name": "Management"}},
            "profiles": ["cloud"],
        },
        "cloud": {
            "provider": "AWS",
            "region": event.region(),
        },
        "api": {
            "operation": event.name(),
            "service": {"name": event.source()},
        },
        "actor": {
            "user": {},
        },
        "src_endpoint": {},
    });
    let mut set = |path: &[&str], text: Option<&str>| {
        let Some(text) = text else { return };
        let mut place = &mut value;
        for member in path {
            place = &mut place[*member];
        }
        *place = json!(text);
    };
    set(&["cloud", "account", "uid"], event.account());
    set(&["api", "request", "uid"], event.request_id());
    set(&["api", "response", "error"], event.error_code());
    set(&["api", "response", "error_message"], event.error_message());
    set(&["status_code"], event.error_code());
    set(&["status_detail"], event.error_message());
    set(&["actor", "user", "type"], event.caller_type());
    set(&["actor", "user", "name"], event.username());
    set(&["actor", "user", "uid_alt"], event.access_key_id());
    set(&["actor", "user", "uid"], event.caller_arn());
    set(&["actor", "user", "account", "uid"], event.caller_account());
    set(&["actor", "invoked_by"], event.invoked_by());
    set(&["http_request", "user_agent"], event.user_agent());
    let address = event.source_ip_address();
    match address.filter(|address| address.parse::<std::net::IpAddr>().is_ok()) {
        Some(address) => set(&["src_endpoint", "ip"], Some(address)),
        None => set(&["src_endpoint", "name"], address),
    }
    if !resources.is_empty() {
        value["resources"] = Value::Array(resources);
    }
    let parameters = event.request_parameters();
    if let Some(parameters) = parameters.and_then(|text| serde_json::from_str::<Value>(text).ok())
        && !parameters.is_null()
    {
        value["api"]["request"]["data"] = parameters;
    }
    value["raw_data"] = json!(String::from_utf8_lossy(json));
    value
}

/// What kind of call it was: created, read, updated, deleted, or something else.
fn activity(name: &str, read_only: bool) -> (u32, &'static str) {
    let starts = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    if read_only {
        (2, "Read")
    } else if starts(&["Create"]) {
        (1, "Create")
    } else if starts(&["Delete", "Remove", "ScheduleKeyDeletion"]) {
        (4, "Delete")
    } else if starts(&[
        "Update", "Put", "Tag", "Untag", "Add", "Attach", "Detach", "Enable", "Disable", "Set",
    ]) {
        (3, "Update")
    } else {
        (99, "Other")
    }
}

#[cfg(test)]
mod tests {
    use strongroom_services::cloudtrail::operator_event::operator_event;

    use super::*;

    const EVENT: &str = r#"{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/ann","accountId":"123456789012","accessKeyId":"AKIAEXAMPLE","userName":"ann"},"eventTime":"2023-11-14T23:59:59Z","eventSource":"secretsmanager.amazonaws.com","eventName":"DeleteSecret","awsRegion":"us-east-1","sourceIPAddress":"203.0.113.9","userAgent":"aws-cli/2","errorCode":"AccessDenied","errorMessage":"no","requestParameters":{"secretId":"prod/db"},"responseElements":null,"requestID":"r-1","eventID":"e-1","readOnly":false,"resources":[{"accountId":"123456789012","type":"AWS::SecretsManager::Secret","ARN":"arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf"}],"managementEvent":true,"recipientAccountId":"123456789012"}"#;

    fn event() -> Recorded<'static> {
        Recorded::read(EVENT.as_bytes()).unwrap()
    }

    #[test]
    fn a_time_is_an_instant_or_how_long_ago() {
        for (text, expected) in [
            ("2023-11-14T23:59:59Z", Some(When::At(1_700_006_399))),
            ("2023-11-15T01:59:59+02:00", Some(When::At(1_700_006_399))),
            ("30s", Some(When::SecondsAgo(30))),
            ("2h", Some(When::SecondsAgo(7_200))),
            ("7d", Some(When::SecondsAgo(604_800))),
            ("-1h", None),
            ("h", None),
            ("", None),
            ("2w", None),
            ("yesterday", None),
            ("ü", None),
        ] {
            assert_eq!(text.parse().ok(), expected, "{text}");
        }
    }

    #[test]
    fn an_event_must_have_all_that_is_asked_for() {
        let some = |text: &str| Some(text.to_owned());
        let none = Filter::default;
        let now = Timestamp::from_milliseconds(1_700_006_400_000);
        for (filter, expected) in [
            (none(), true),
            (
                Filter {
                    from: Some(When::SecondsAgo(1)),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    from: Some(When::SecondsAgo(0)),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    to: Some(When::At(1_700_006_399)),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    to: Some(When::At(1_700_006_398)),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    event_name: some("DeleteSecret"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    event_name: some("Delete"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    user: some("ann"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    user: some("arn:aws:iam::123456789012:user/ann"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    user: some("bob"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    access_key: some("AKIAEXAMPLE"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    access_key: some("AKIA"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    resource: some("prod/db"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    resource: some("prod"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    source: some("secretsmanager"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    source: some("secretsmanager.amazonaws.com"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    source: some("kms"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    account: some("123456789012"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    account: some("210987654321"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    region: some("us-east-1"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    region: some("eu-west-1"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    request_id: some("r-1"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    request_id: some("r"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    event_id: some("e-1"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    event_id: some("e"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    source_ip: some("203.0.113.9"),
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    source_ip: some("203.0.113"),
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    errors_only: true,
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    read_only: true,
                    ..none()
                },
                false,
            ),
            (
                Filter {
                    writes: true,
                    ..none()
                },
                true,
            ),
            (
                Filter {
                    user: some("ann"),
                    region: some("eu-west-1"),
                    ..none()
                },
                false,
            ),
        ] {
            let wanted = Wanted::of(&filter, now);
            let found = wanted.may_be(EVENT.as_bytes()) && wanted.is(&event());
            assert_eq!(found, expected, "{filter:?}");
        }
    }

    #[test]
    fn a_row_says_who_did_what_to_what_and_what_came_of_it() {
        let expected = [
            "2023-11-14T23:59:59Z",
            "123456789012/ann",
            "DeleteSecret",
            "prod/db",
            "203.0.113.9",
            "AccessDenied",
        ];
        assert_eq!(row(&event()), expected.map(str::to_owned));
    }

    #[test]
    fn who_it_was_is_said_as_far_as_it_is_known() {
        for (identity, expected) in [
            (r#"{"type":"Root","accountId":"1"}"#, "1/root"),
            (r#"{"type":"Operator"}"#, "operator"),
            (
                r#"{"type":"Unknown","accountId":"1","accessKeyId":"AKIAWRONG"}"#,
                "1/AKIAWRONG",
            ),
            (
                r#"{"type":"Unknown","accessKeyId":"AKIANONE"}"#,
                "-/AKIANONE",
            ),
            (r#"{"type":"Unknown"}"#, "-"),
            (
                r#"{"accountId":"1","invokedBy":"kms.amazonaws.com"}"#,
                "1 by kms.amazonaws.com",
            ),
        ] {
            let json = format!(
                r#"{{"eventVersion":"1.11","userIdentity":{identity},"eventTime":"t","eventSource":"s","eventName":"n","eventID":"i"}}"#
            );
            let event = Recorded::read(json.as_bytes()).unwrap();
            assert_eq!(who(&event), expected, "{identity}");
        }
    }

    #[test]
    fn what_an_operator_asked_is_found_by_its_source() {
        let now = Timestamp::from_milliseconds(1_700_006_400_000);
        let event = operator_event("accounts", now, &mut || [1; 16]);
        let filter = Filter {
            source: Some("strongroom".to_owned()),
            ..Filter::default()
        };
        let wanted = Wanted::of(&filter, now);
        let read = Recorded::read(&event.json).unwrap();
        assert!(wanted.may_be(&event.json) && wanted.is(&read));
        assert_eq!(
            ocsf(&event.json, &read)["metadata"]["event_code"],
            "AwsServiceEvent"
        );
    }

    #[test]
    fn what_failed_without_a_call_is_no_success() {
        let json = br#"{"eventVersion":"1.11","userIdentity":{"accountId":"1","invokedBy":"secretsmanager.amazonaws.com"},"eventTime":"2023-11-14T23:59:59Z","eventSource":"secretsmanager.amazonaws.com","eventName":"RotationFailed","awsRegion":"us-east-1","errorMessage":"no","eventID":"i","eventType":"AwsServiceEvent"}"#;
        let filter = Filter {
            errors_only: true,
            ..Filter::default()
        };
        let event = Recorded::read(json).unwrap();
        assert!(Wanted::of(&filter, Timestamp::from_milliseconds(0)).is(&event));
        assert_eq!(row(&event)[5], "failed");
        assert_eq!(ocsf(json, &event)["status"], "Failure");
    }

    #[test]
    fn a_segment_that_is_missing_between_others_is_told() {
        let segment = |number| Segment {
            number,
            first_sequence: number,
            last_sequence: Some(number),
            closed: true,
            first_milliseconds: 0,
            last_milliseconds: 0,
        };
        for (numbers, missing) in [
            (&[1, 2, 3][..], None),
            (&[4, 5], None),
            (&[1, 3], Some(2)),
            (&[1, 2, 5, 7], Some(3)),
            (&[], None),
        ] {
            let segments: Vec<Segment> = numbers.iter().map(|number| segment(*number)).collect();
            assert_eq!(gap(&segments), missing, "{numbers:?}");
        }
    }

    #[test]
    fn nothing_that_a_caller_chose_reaches_the_terminal_as_a_control() {
        assert_eq!(shown("a\u{1b}[2Jb\n"), "a\u{fffd}[2Jb\u{fffd}");
    }

    #[test]
    fn an_event_is_an_api_activity() {
        let value = ocsf(EVENT.as_bytes(), &event());
        for (path, expected) in [
            ("/class_uid", json!(6003)),
            ("/type_uid", json!(600_304)),
            ("/activity_name", json!("Delete")),
            ("/time", json!(1_700_006_399_000_i64)),
            ("/status", json!("Failure")),
            ("/status_code", json!("AccessDenied")),
            ("/actor/user/name", json!("ann")),
            (
                "/actor/user/uid",
                json!("arn:aws:iam::123456789012:user/ann"),
            ),
            ("/api/operation", json!("DeleteSecret")),
            ("/api/service/name", json!("secretsmanager.amazonaws.com")),
            ("/api/request/uid", json!("r-1")),
            ("/api/request/data/secretId", json!("prod/db")),
            ("/cloud/account/uid", json!("123456789012")),
            ("/cloud/region", json!("us-east-1")),
            ("/src_endpoint/ip", json!("203.0.113.9")),
            ("/http_request/user_agent", json!("aws-cli/2")),
            ("/metadata/uid", json!("e-1")),
            ("/resources/0/type", json!("AWS::SecretsManager::Secret")),
        ] {
            assert_eq!(value.pointer(path), Some(&expected), "{path}");
        }
    }
}
