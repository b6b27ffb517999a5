//! A log in memory, for whatever reads from one.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use strongroom::audit::source::{Record, Source};
use tokio::sync::watch;

/// Sequences begin with 1. An empty record is one of the log's own.
pub(crate) struct MemoryLog {
    id: &'static str,
    records: Mutex<Vec<String>>,
    oldest: AtomicU64,
    durable: watch::Sender<u64>,
}

impl MemoryLog {
    pub(crate) fn new(id: &'static str) -> Self {
        MemoryLog {
            id,
            records: Mutex::new(vec![String::new()]),
            oldest: AtomicU64::new(1),
            durable: watch::channel(1).0,
        }
    }

    pub(crate) fn append(&self, json: impl Into<String>) {
        let mut records = self.records.lock().unwrap();
        records.push(json.into());
        self.durable.send_replace(records.len() as u64);
    }

    /// Appends an event that says what number it is.
    pub(crate) fn append_number(&self, number: usize) {
        self.append(event(number));
    }

    /// Removes what comes before a sequence.
    pub(crate) fn prune(&self, oldest: u64) {
        self.oldest.store(oldest, Ordering::Relaxed);
    }
}

pub(crate) fn event(number: usize) -> String {
    format!(
        "{{\"eventName\":\"PutSecretValue\",\"eventSource\":\"secretsmanager.amazonaws.com\",\"number\":{number}}}"
    )
}

/// The numbers in a text, in their order.
pub(crate) fn numbers(text: &str) -> Vec<usize> {
    let parts = text.split("\"number\":").skip(1);
    parts
        .map(|part| {
            let digits = part.split(|char: char| !char.is_ascii_digit()).next();
            digits.unwrap().parse().unwrap()
        })
        .collect()
}

impl Source for MemoryLog {
    fn log_id(&self) -> String {
        self.id.to_owned()
    }

    fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Relaxed)
    }

    fn durable(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }

    fn read(
        &self,
        from: u64,
        visit: &mut dyn FnMut(Record<'_>) -> ControlFlow<()>,
    ) -> Result<(), String> {
        let records = self.records.lock().unwrap();
        let from = from.max(self.oldest());
        for (sequence, json) in (1..).zip(records.iter()).skip(from as usize - 1) {
            let event = (!json.is_empty()).then_some(json.as_bytes());
            if visit(Record { sequence, event }).is_break() {
                break;
            }
        }
        Ok(())
    }
}
