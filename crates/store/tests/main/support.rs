//! A disk that fails when told to, and what the tests share.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use strongroom_store::embedded::{Disk, FileDisk, Room};
use strongroom_store::{Change, ChangeKind, Commit, Entry, Range, Revision, Store, Watcher, Write};

/// A file that fails when told to, and that can lose power.
///
/// It never waits for the real disk: what a sync makes last is remembered here.
#[derive(Debug)]
pub(crate) struct Unreliable {
    file: FileDisk,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    trouble: Option<Trouble>,
    room: Room,
    /// Operations that change something: writes, syncs, changes of length.
    operations: u64,
    /// What lasts.
    durable: Vec<u8>,
    /// What was done since the last sync.
    unsynced: Vec<Operation>,
}

#[derive(Clone, Debug)]
enum Operation {
    Write(u64, Vec<u8>),
    SetLen(u64),
}

/// What goes wrong: from operation number `from` on, `times` operations fail with `kind`.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Trouble {
    pub(crate) kind: io::ErrorKind,
    pub(crate) from: u64,
    pub(crate) times: u64,
    pub(crate) reads_too: bool,
}

impl Unreliable {
    pub(crate) fn new(file: FileDisk) -> Arc<Self> {
        let mut durable = vec![0; file.len().unwrap() as usize];
        file.read_at(&mut durable, 0).unwrap();
        let room = Room {
            free_bytes: 1 << 40,
            read_only: false,
        };
        let state = State {
            trouble: None,
            room,
            operations: 0,
            durable,
            unsynced: Vec::new(),
        };
        Arc::new(Self {
            file,
            state: Mutex::new(state),
        })
    }

    /// From now on, every change of the file fails so, until [`Self::mend`].
    pub(crate) fn break_with(&self, kind: io::ErrorKind) {
        self.set_trouble(Trouble {
            kind,
            from: 0,
            times: u64::MAX,
            reads_too: false,
        });
    }

    pub(crate) fn set_trouble(&self, trouble: Trouble) {
        let mut state = self.state.lock().unwrap();
        state.operations = 0;
        state.trouble = Some(trouble);
    }

    pub(crate) fn mend(&self) {
        self.state.lock().unwrap().trouble = None;
    }

    pub(crate) fn set_room(&self, free_bytes: u64, read_only: bool) {
        self.state.lock().unwrap().room = Room {
            free_bytes,
            read_only,
        };
    }

    /// What was tried since the last [`Self::set_trouble`].
    pub(crate) fn operations(&self) -> u64 {
        self.state.lock().unwrap().operations
    }

    /// What lies on the disk if the power goes now: all that was synced, and of what was written since then any
    /// sectors, as the seed says.
    pub(crate) fn after_power_cut(&self, seed: &mut Seed) -> Vec<u8> {
        let state = self.state.lock().unwrap();
        let mut image = state.durable.clone();
        for operation in &state.unsynced {
            match operation {
                Operation::SetLen(len) => {
                    if seed.below(2) == 0 {
                        image.resize(*len as usize, 0);
                    }
                }
                Operation::Write(offset, data) => {
                    for (index, sector) in data.chunks(512).enumerate() {
                        let start = *offset as usize + index * 512;
                        if seed.below(2) == 0 && start + sector.len() <= image.len() {
                            image[start..start + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
            }
        }
        image
    }

    fn operation(&self) -> io::Result<std::sync::MutexGuard<'_, State>> {
        let mut state = self.state.lock().unwrap();
        state.operations += 1;
        match state.trouble {
            Some(trouble)
                if state.operations > trouble.from
                    && state.operations - trouble.from <= trouble.times =>
            {
                Err(trouble.kind.into())
            }
            _ => Ok(state),
        }
    }
}

impl Disk for Unreliable {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        match self.state.lock().unwrap().trouble {
            Some(Trouble {
                kind,
                reads_too: true,
                ..
            }) => Err(kind.into()),
            _ => self.file.read_at(out, offset),
        }
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.operation()?;
        self.file.write_at(data, offset)?;
        state.unsynced.push(Operation::Write(offset, data.to_vec()));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.operation()?;
        self.file.set_len(len)?;
        state.unsynced.push(Operation::SetLen(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.operation()?;
        for operation in std::mem::take(&mut state.unsynced) {
            match operation {
                Operation::SetLen(len) => state.durable.resize(len as usize, 0),
                Operation::Write(offset, data) => {
                    let end = offset as usize + data.len();
                    let len = state.durable.len().max(end);
                    state.durable.resize(len, 0);
                    state.durable[offset as usize..end].copy_from_slice(&data);
                }
            }
        }
        Ok(())
    }

    fn forget_cached(&self) {}

    fn room(&self) -> io::Result<Room> {
        Ok(self.state.lock().unwrap().room)
    }
}

/// SplitMix64.
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A watcher that keeps the newest revision of each key: what a cache knows.
#[derive(Default)]
pub(crate) struct Known(Mutex<BTreeMap<Vec<u8>, Revision>>);

impl Known {
    pub(crate) fn by(store: &dyn Store) -> Arc<Self> {
        let known = Arc::new(Self::default());
        store.watch(Arc::clone(&known) as Arc<dyn Watcher>);
        known
    }

    pub(crate) fn keys(&self) -> BTreeMap<Vec<u8>, Revision> {
        self.0.lock().unwrap().clone()
    }
}

impl Watcher for Known {
    fn changed(&self, changes: &[Change]) {
        let mut known = self.0.lock().unwrap();
        for change in changes {
            match change.kind {
                ChangeKind::Deleted => known.remove(&change.key),
                ChangeKind::Created | ChangeKind::Updated => {
                    known.insert(change.key.clone(), change.modified)
                }
            };
        }
    }
}

pub(crate) fn put(key: &str, value: &str) -> Write {
    Write::Put {
        key: key.into(),
        value: value.into(),
    }
}

/// Two records that must be there together.
pub(crate) fn pair(name: &str) -> Commit {
    let value = name.repeat(40);
    Commit {
        conditions: vec![],
        writes: vec![
            put(&format!("left/{name}"), &value),
            put(&format!("right/{name}"), &value),
        ],
    }
}

/// Whether the two records are there; they must be both or neither, and right.
pub(crate) fn has_pair(store: &dyn Store, name: &str) -> bool {
    let snapshot = store.snapshot().unwrap();
    let sides = ["left", "right"].map(|side| {
        snapshot
            .get(format!("{side}/{name}").as_bytes())
            .unwrap()
            .map(|entry| (entry.value, entry.modified))
    });
    assert_eq!(sides[0], sides[1], "half of the commit {name}");
    sides[0].as_ref().is_some_and(|(value, _)| {
        assert_eq!(*value, name.repeat(40).into_bytes());
        true
    })
}

pub(crate) fn all(store: &dyn Store) -> Vec<Entry> {
    let mut entries = Vec::new();
    let visited = store
        .snapshot()
        .unwrap()
        .range(&Range::all(), &mut |entry| {
            entries.push(entry.to_entry());
            ControlFlow::Continue(())
        });
    visited.unwrap();
    entries
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(future)
}
