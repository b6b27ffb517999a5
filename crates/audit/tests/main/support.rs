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

/// Waits until every segment but the last is closed.
pub(crate) fn settle(folder: &Path) {
    let started = std::time::Instant::now();
    loop {
        let names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        if names.iter().filter(|name| name.ends_with(".raw")).count() == 1 {
            return;
        }
        assert!(started.elapsed().as_secs() < 20, "{names:?}");
        std::thread::yield_now();
    }
}

/// Numbers drawn from a seed (SplitMix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }
}
