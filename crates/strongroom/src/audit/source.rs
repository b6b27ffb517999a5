//! What feeds and deliveries read events from: the log, behind as little of it as they need. They read what is durable
//! and at their own pace; whoever appends knows nothing of them.

use std::ops::ControlFlow;

use serde::Deserialize;
use strongroom_audit::{Kind, Log, LogId, Reader};
use tokio::sync::watch;

/// Where events are read from.
pub trait Source: Send + Sync {
    /// Which log it is.
    fn log_id(&self) -> String;

    /// The oldest sequence that is still kept.
    fn oldest(&self) -> u64;

    /// The newest sequence that is durable.
    fn durable(&self) -> watch::Receiver<u64>;

    /// Visits the durable records from a sequence on, oldest first.
    ///
    /// # Errors
    /// What keeps the log from being read, with what to do about it.
    fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), String>;
}

/// A record of the log.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its place in the log.
    pub sequence: u64,
    /// The event's JSON; `None` for a record that the log keeps for itself.
    pub event: Option<&'a [u8]>,
}

/// A log of this node.
#[derive(Debug)]
pub struct LogSource {
    id: LogId,
    reader: Reader,
    durable: watch::Receiver<u64>,
}

impl LogSource {
    /// Reads from a log that is appended to.
    #[must_use]
    pub fn of(log: &Log) -> Self {
        LogSource {
            id: log.id(),
            reader: log.reader(),
            durable: log.durable(),
        }
    }
}

impl Source for LogSource {
    fn log_id(&self) -> String {
        self.id.to_string()
    }

    fn oldest(&self) -> u64 {
        let segments = self.reader.segments();
        segments.first().map_or(1, |segment| segment.first_sequence)
    }

    fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let read = self.reader.read(from, &mut |record| {
            let event = (record.kind == Kind::Event).then_some(record.payload);
            visit(Record {
                sequence: record.sequence,
                event,
            })
        });
        read.map_err(|fault| format!("{} ({})", fault.what(), fault.remedy()))
    }
}

/// An event, with what must be known of it to choose and to sort it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place in the log.
    pub sequence: u64,
    /// Its JSON, as it is in the log: one object without a line's end.
    pub json: Vec<u8>,
    /// What it says of itself.
    pub about: About,
}

/// What an event says of itself.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct About {
    /// Such as `secretsmanager.amazonaws.com`.
    pub event_source: Option<String>,
    /// Such as `GetSecretValue`.
    pub event_name: Option<String>,
    /// Such as `AwsApiCall`.
    pub event_type: Option<String>,
    /// Its id.
    #[serde(rename = "eventID")]
    pub event_id: Option<String>,
    /// When it happened, such as `2026-01-31T23:59:59Z`.
    pub event_time: Option<String>,
    /// Where it happened.
    pub aws_region: Option<String>,
    /// Whose event it is.
    pub recipient_account_id: Option<String>,
    /// Why the call failed.
    pub error_code: Option<String>,
    /// The same in words; what failed that nobody called for has these alone.
    pub error_message: Option<String>,
    /// Whether it changed nothing.
    pub read_only: Option<bool>,
    /// Whether it is of a resource's management.
    pub management_event: Option<bool>,
    /// Of an event that is as EventBridge gives it; CloudTrail knows nothing of those.
    #[serde(rename = "detail-type")]
    pub detail_type: Option<String>,
}

impl About {
    /// Reads what an event says of itself; what can't be read says nothing.
    #[must_use]
    pub fn read(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// Whether it tells of something that was refused or failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.error_code.is_some() || self.error_message.is_some()
    }

    /// Whether it is one as EventBridge gives it, which CloudTrail doesn't record.
    #[must_use]
    pub fn is_native(&self) -> bool {
        self.detail_type.is_some()
    }
}

/// Most that is taken from the log at once.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Events.
    pub events: usize,
    /// Bytes of their JSON; one event alone may have more.
    pub bytes: usize,
    /// Records that are looked at, so that a choice that takes few doesn't read for ever.
    pub records: usize,
}

/// A run of the log.
#[derive(Debug)]
pub struct Batch {
    /// The events that were chosen, oldest first.
    pub events: Vec<Event>,
    /// The sequence behind the last record that was looked at.
    pub next: u64,
    /// Whether there may be more right behind it.
    pub is_full: bool,
}

/// Takes the next events that are wanted.
///
/// # Errors
/// What keeps the log from being read.
pub fn take(
    source: &dyn Source,
    from: u64,
    most: Most,
    wanted: &dyn Fn(&About) -> bool,
) -> Result<Batch, String> {
    let mut batch = Batch {
        events: Vec::new(),
        next: from,
        is_full: false,
    };
    let (mut bytes, mut records) = (0, 0);
    source.read(from, &mut |record| {
        if let Some(json) = record.event {
            let about = About::read(json);
            if wanted(&about) {
                if !batch.events.is_empty() && bytes + json.len() > most.bytes {
                    batch.is_full = true;
                    return ControlFlow::Break(());
                }
                bytes += json.len();
                batch.events.push(Event {
                    sequence: record.sequence,
                    json: json.to_vec(),
                    about,
                });
            }
        }
        batch.next = record.sequence + 1;
        records += 1;
        if batch.events.len() >= most.events || records >= most.records {
            batch.is_full = true;
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    Ok(batch)
}
