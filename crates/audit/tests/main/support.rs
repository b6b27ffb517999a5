//! What the tests share: a log with a known key and a clock that goes on by itself.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use strongroom_audit::{Clock, Durability, Log, Opened, Options, OwnedRecord, Reader, SigningKey};

pub(crate) fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32]).unwrap()
}

pub(crate) fn options(folder: &Path, durability: Durability) -> Options {
    Options {
        durability,
        segment_bytes: 64 << 20,
        reserve_bytes: 0,
        ..Options::new(folder)
    }
}

/// A clock that goes on by a millisecond each time somebody looks.
pub(crate) fn clock() -> Clock {
    let now = AtomicI64::new(1_700_000_000_000);
    Arc::new(move || now.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn open(options: &Options) -> Opened {
    Log::open(options, key(1), [7; 16], clock()).unwrap()
}

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// All records from a sequence on.
pub(crate) fn all(reader: &Reader, from: u64) -> Vec<OwnedRecord> {
    let mut records = Vec::new();
    reader
        .read(from, &mut |record| {
            records.push(record.to_owned());
            ControlFlow::Continue(())
        })
        .unwrap();
    records
}
