//! `strongroom audit notes`: what the log holds beside events, since the server noted it for whoever looks into the log.

use std::ops::ControlFlow;

use clap::Args;
use serde_json::{Value, json};
use strongroom_audit::{Kind, Record};
use strongroom_services::time::{Timestamp, rfc3339};

use super::audit_query::{Place, When, all_was_read, shown};
use super::{Failed, say};
use crate::clock::Clock;

/// List what the log holds beside events: starts and ends, repairs, damage, keys, an older copy that was accepted
///
/// The oldest first. Of a witness, the heads too that it was given. It reads the log alone, also while its server runs,
/// and doesn't prove it: that is for `strongroom audit verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom audit notes --data-dir /var/lib/strongroom
  strongroom audit notes --log /mnt/copy/audit --from 30d --json

More: docs/audit.md")]
pub(super) struct NotesArguments {
    #[command(flatten)]
    place: Place,
    /// Not earlier: an instant such as 2026-01-31T08:00:00Z, or how long ago, such as 30m, 2h or 7d
    #[arg(long, value_name = "TIME")]
    from: Option<When>,
    /// Print each as one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Reads the log, and prints them.
pub(super) fn run(arguments: &NotesArguments) -> Result<(), Failed> {
    let reader = arguments.place.reader()?;
    let now = Clock::default().now();
    let from = arguments.from.map_or(i64::MIN, |from| from.second(now));
    let mut unread = Vec::new();
    for segment in reader.segments() {
        let Some(last) = segment.last_sequence else {
            continue;
        };
        let read = reader.read(segment.first_sequence, &mut |record| {
            if record.sequence > last {
                return ControlFlow::Break(());
            }
            if instant(&record).seconds() >= from
                && let Some(kind) = named(record.kind)
            {
                say(&line(&record, kind, arguments.json));
            }
            ControlFlow::Continue(())
        });
        unread.extend(read.err());
    }
    all_was_read(&reader, &unread)
}

/// What a record is called that is neither an event nor where a segment begins.
fn named(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Event | Kind::Segment => None,
        Kind::Repair => Some("repair"),
        Kind::NewKey => Some("new key"),
        Kind::Pruned => Some("pruned"),
        Kind::Damage => Some("damage"),
        Kind::Closed => Some("closed"),
        Kind::Note => Some("note"),
        Kind::Opened => Some("opened"),
    }
}

fn instant(record: &Record<'_>) -> Timestamp {
    Timestamp::from_milliseconds(record.milliseconds)
}

/// A record as it is printed.
fn line(record: &Record<'_>, kind: &str, as_json: bool) -> String {
    let time = rfc3339(instant(record));
    let text = String::from_utf8_lossy(record.payload);
    if as_json {
        let told = serde_json::from_str(&text).unwrap_or(Value::Null);
        let value = json!({"Sequence": record.sequence, "Time": time, "Kind": kind, "Told": told});
        return value.to_string();
    }
    let told = if text == "{}" {
        String::new()
    } else {
        shown(&text)
    };
    let line = format!("{time}  {:<10} {kind:<8} {told}", record.sequence);
    line.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_which_record_and_what_was_noted() {
        let record = |kind, payload| Record {
            sequence: 17,
            milliseconds: 1_700_006_399_000,
            kind,
            payload,
        };
        for (kind, payload, expected) in [
            (Kind::Event, &b"{}"[..], None),
            (Kind::Segment, b"{}", None),
            (
                Kind::Opened,
                b"{}",
                Some("2023-11-14T23:59:59Z  17         opened"),
            ),
            (
                Kind::Note,
                b"{\"note\":\"reset\"}",
                Some("2023-11-14T23:59:59Z  17         note     {\"note\":\"reset\"}"),
            ),
            (
                Kind::Damage,
                b"\x1b[2J",
                Some("2023-11-14T23:59:59Z  17         damage   \u{fffd}[2J"),
            ),
        ] {
            let record = record(kind, payload);
            let told = named(kind).map(|kind| line(&record, kind, false));
            assert_eq!(told.as_deref(), expected);
        }
        let json = line(&record(Kind::Note, b"{\"note\":1}"), "note", true);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["Told"]["note"], 1);
    }
}
