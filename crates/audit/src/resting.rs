//! A log before it is opened: locked and looked at, and not a byte of it changed. So whoever opens it can decide by what
//! is in it whether to.

use std::fmt;
use std::sync::Arc;

use crate::folder::{Folder, RealFolder};
use crate::opening::{self, Looked};
use crate::{Clock, Fault, Log, LogId, Opened, Options, Reader, SigningKey};

/// What lies in a folder, kept from others until it is opened or dropped.
pub struct Resting {
    folder: Arc<dyn Folder>,
    options: Options,
    looked: Looked,
    reader: Reader,
}

impl Resting {
    /// Looks at the log in a folder. Nothing is written; a folder that isn't there is made.
    ///
    /// # Errors
    /// As those of [`Log::open`].
    pub fn find(options: &Options) -> Result<Self, Fault> {
        Self::find_on(Arc::new(RealFolder::new(&options.folder)), options)
    }

    /// As [`Self::find`], with the folder behind something else: how tests make a disk fail.
    ///
    /// # Errors
    /// As those of [`Log::open`].
    pub fn find_on(folder: Arc<dyn Folder>, options: &Options) -> Result<Self, Fault> {
        let looked = opening::look(folder.as_ref())?;
        Ok(Self {
            reader: Reader::of(Arc::clone(&folder), looked.index()),
            folder,
            options: options.clone(),
            looked,
        })
    }

    /// Which log it is; nothing, where there is none, or nothing that tells.
    pub fn id(&self) -> Option<LogId> {
        self.looked.id()
    }

    /// Reads what is sound of it.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Opens it, or makes one with this id; as [`Log::open`].
    ///
    /// # Errors
    /// As those of [`Log::open`].
    pub fn open(self, key: SigningKey, fresh_id: [u8; 16], clock: Clock) -> Result<Opened, Fault> {
        let Self {
            folder,
            options,
            looked,
            ..
        } = self;
        Log::begin(looked.open(folder, &options, key, LogId(fresh_id), clock)?)
    }
}

impl fmt::Debug for Resting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resting({})", self.folder.path().display())
    }
}
