//! A folder in memory, which can be copied, edited, filled and torn.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use strongroom_audit::{Disk, Folder, Identity, Room};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// A folder in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(Arc<Mutex<State>>);

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Which file has a name.
    names: BTreeMap<String, u64>,
    files: BTreeMap<u64, Vec<u8>>,
    next: u64,
    /// What a power cut leaves: names and files as they were synced last.
    synced_names: BTreeMap<String, u64>,
    synced_files: BTreeMap<u64, Vec<u8>>,
    /// How often a file was written.
    writes: BTreeMap<u64, i128>,
    /// Changes so far: writes, syncs, new names and removed ones.
    pub(crate) changes: u64,
    /// From this change on, everything fails.
    pub(crate) stop_at: Option<u64>,
    /// Of the change that fails, so many thousandths are done.
    pub(crate) torn_permille: usize,
    pub(crate) room: Option<Room>,
    /// What every write and sync meets.
    pub(crate) trouble: Option<(io::ErrorKind, Trouble)>,
}

/// What fails.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    Writes,
    Syncs,
}

impl Memory {
    pub(crate) fn of(files: &Files) -> Self {
        let memory = Self::default();
        for (name, bytes) in files {
            let mut state = memory.state();
            let id = state.next;
            state.next += 1;
            state.names.insert(name.clone(), id);
            state.files.insert(id, bytes.clone());
            state.synced_names.insert(name.clone(), id);
            state.synced_files.insert(id, bytes.clone());
        }
        memory
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// What is in it now.
    pub(crate) fn files(&self) -> Files {
        let state = self.state();
        let files = state.names.iter();
        files
            .map(|(name, id)| (name.clone(), state.files[id].clone()))
            .collect()
    }

    /// What a power cut leaves of it.
    pub(crate) fn files_after_power_cut(&self) -> Files {
        let state = self.state();
        let files = state.synced_names.iter().map(|(name, id)| {
            let bytes = state.synced_files.get(id).cloned();
            (name.clone(), bytes.unwrap_or_default())
        });
        files.collect()
    }

    pub(crate) fn shared(&self) -> Arc<Self> {
        Arc::new(Self(Arc::clone(&self.0)))
    }
}

impl State {
    /// Counts a change. Whether it happens: `None` as a whole, else so many thousandths of it.
    fn change(&mut self) -> Option<usize> {
        self.changes += 1;
        match self.stop_at {
            Some(at) if self.changes > at => Some(0),
            Some(at) if self.changes == at => Some(self.torn_permille),
            _ => None,
        }
    }

    fn met(&self, trouble: Trouble) -> io::Result<()> {
        match self.trouble {
            Some((kind, what)) if what == trouble => Err(kind.into()),
            _ => Ok(()),
        }
    }
}

fn killed() -> io::Error {
    io::Error::other("killed")
}

impl Folder for Memory {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn lock(&self) -> io::Result<Option<Box<dyn Send + Sync>>> {
        Ok(Some(Box::new(())))
    }

    fn names(&self) -> io::Result<Vec<String>> {
        Ok(self.state().names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn Disk>> {
        let mut state = self.state();
        if state.change().is_some() {
            return Err(killed());
        }
        state.met(Trouble::Writes)?;
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let id = state.next;
        state.next += 1;
        state.names.insert(name.to_owned(), id);
        state.files.insert(id, Vec::new());
        Ok(Arc::new(MemoryDisk(Arc::clone(&self.0), id)))
    }

    fn open(&self, name: &str, _write: bool) -> io::Result<Arc<dyn Disk>> {
        let state = self.state();
        let id = *state.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryDisk(Arc::clone(&self.0), id)))
    }

    fn identity(&self, name: &str) -> io::Result<Option<Identity>> {
        let state = self.state();
        Ok(state.names.get(name).map(|id| state.identity(*id)))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        if state.change().is_some() {
            return Err(killed());
        }
        state.names.remove(name);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        state.met(Trouble::Syncs)?;
        if state.change().is_some() {
            return Err(killed());
        }
        state.synced_names = state.names.clone();
        Ok(())
    }

    fn room(&self) -> io::Result<Room> {
        Ok(self.state().room.unwrap_or(Room {
            free_bytes: 1 << 40,
            read_only: false,
        }))
    }
}

impl State {
    fn identity(&self, id: u64) -> Identity {
        Identity {
            inode: (0, id),
            links: 1,
            len: self.files[&id].len() as u64,
            modified: self.writes.get(&id).copied().unwrap_or(0),
        }
    }
}

#[derive(Debug)]
struct MemoryDisk(Arc<Mutex<State>>, u64);

impl Disk for MemoryDisk {
    fn identity(&self) -> io::Result<Identity> {
        Ok(self.0.lock().unwrap().identity(self.1))
    }

    fn read_at(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let state = self.0.lock().unwrap();
        let file = &state.files[&self.1];
        let rest = file.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(out.len());
        out[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.met(Trouble::Writes)?;
        let torn = state.change();
        let done = match torn {
            None => data.len(),
            // A sector is written as a whole or not at all.
            Some(permille) if data.len() <= 512 && offset.is_multiple_of(512) => {
                if permille >= 500 { data.len() } else { 0 }
            }
            Some(permille) => data.len() * permille / 1000,
        };
        *state.writes.entry(self.1).or_default() += 1;
        let file = state.files.get_mut(&self.1).unwrap();
        let end = offset as usize + done;
        if done > 0 && file.len() < end {
            file.resize(end, 0);
        }
        file[offset as usize..end.max(offset as usize)].copy_from_slice(&data[..done]);
        if torn.is_some() {
            Err(killed())
        } else {
            Ok(())
        }
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.change().is_some() {
            return Err(killed());
        }
        state
            .files
            .get_mut(&self.1)
            .unwrap()
            .resize(len as usize, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.met(Trouble::Syncs)?;
        if state.change().is_some() {
            return Err(killed());
        }
        let bytes = state.files[&self.1].clone();
        state.synced_files.insert(self.1, bytes);
        Ok(())
    }
}

/// The files of a real folder.
pub(crate) fn read(folder: &Path) -> Files {
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}
