//! What is inside of the encryption: a header, every record, and an end that tells a whole file from a cut one.
//! Layout: docs/formats.md, "Backups".

use std::io::{self, BufReader, Read, Write};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

const MAGIC: &[u8] = b"strongroom-backup 1\n";
/// In the place of a key's length: the end follows.
const END: u32 = u32::MAX;
const HEADER_BYTES_MAX: u32 = 1 << 20;
const KEY_BYTES_MAX: u32 = 1 << 16;
const VALUE_BYTES_MAX: u32 = 1 << 26;

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// When it was made: milliseconds since 1970.
    pub made_milliseconds: i64,
    /// The version of the program that made it.
    pub version: String,
    /// The root key that was in use.
    pub root_key_id: String,
    /// The store's revision.
    pub revision: u64,
    /// The seal file's text, so that a restored folder opens with the same seals.
    pub seal_file: String,
}

/// How much a backup holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Summary {
    /// Records.
    pub records: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

/// What is wrong with the inside of a backup.
#[derive(Debug, thiserror::Error)]
pub enum ContainerProblem {
    /// It is something else.
    #[error("it is no backup of Strongroom's")]
    NotABackup,
    /// A part is not as it was written.
    #[error("it is damaged: {0}; use another copy")]
    Damaged(&'static str),
    /// It can't be read.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Writes a backup's inside.
pub struct Writer<W> {
    inner: W,
    digest: Context,
    summary: Summary,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(inner: W, header: &Header) -> io::Result<Self> {
        let mut writer = Writer {
            inner,
            digest: Context::new(&SHA256),
            summary: Summary {
                records: 0,
                bytes: 0,
            },
        };
        let header = serde_json::to_vec(header)?;
        writer.put(MAGIC)?;
        writer.put(&length(&header)?)?;
        writer.put(&header)?;
        Ok(writer)
    }

    /// Writes one record.
    ///
    /// # Errors
    /// The writer's.
    pub fn record(&mut self, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.put(&length(key)?)?;
        self.put(&length(value)?)?;
        self.put(key)?;
        self.put(value)?;
        self.summary.records += 1;
        self.summary.bytes += (key.len() + value.len()) as u64;
        Ok(())
    }

    /// Writes the end.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(mut self) -> io::Result<(W, Summary)> {
        let summary = self.summary;
        self.put(&END.to_be_bytes())?;
        self.put(&summary.records.to_be_bytes())?;
        self.put(&summary.bytes.to_be_bytes())?;
        let digest = self.digest.finish();
        self.inner.write_all(digest.as_ref())?;
        Ok((self.inner, summary))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.inner.write_all(bytes)
    }
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    Ok(length.to_be_bytes())
}

/// Reads a backup's inside.
pub struct Reader<R> {
    inner: BufReader<R>,
    digest: Context,
    header: Header,
    summary: Summary,
}

/// A record, lent to whoever reads.
pub type Each<'a, E> = dyn FnMut(&[u8], &[u8]) -> Result<(), E> + 'a;

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// [`ContainerProblem`]
    pub fn new(inner: R) -> Result<Self, ContainerProblem> {
        let mut reader = Reader {
            inner: BufReader::new(inner),
            digest: Context::new(&SHA256),
            header: Header {
                made_milliseconds: 0,
                version: String::new(),
                root_key_id: String::new(),
                revision: 0,
                seal_file: String::new(),
            },
            summary: Summary {
                records: 0,
                bytes: 0,
            },
        };
        let mut magic = [0; MAGIC.len()];
        reader.take(&mut magic)?;
        if magic != MAGIC {
            return Err(ContainerProblem::NotABackup);
        }
        let length = reader.number()?;
        let header = reader.bytes(length, HEADER_BYTES_MAX)?;
        reader.header = serde_json::from_slice(&header)
            .map_err(|_| ContainerProblem::Damaged("its header can't be read"))?;
        Ok(reader)
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Reads every record, and checks the end.
    ///
    /// # Errors
    /// [`ContainerProblem`], or what `each` refuses.
    pub fn records<E: From<ContainerProblem>>(
        mut self,
        each: &mut Each<'_, E>,
    ) -> Result<Summary, E> {
        loop {
            let key_length = self.number()?;
            if key_length == END {
                return self.end().map_err(E::from);
            }
            let value_length = self.number()?;
            let key = self.bytes(key_length, KEY_BYTES_MAX)?;
            let value = self.bytes(value_length, VALUE_BYTES_MAX)?;
            self.summary.records += 1;
            self.summary.bytes += (key.len() + value.len()) as u64;
            each(&key, &value)?;
        }
    }

    fn end(mut self) -> Result<Summary, ContainerProblem> {
        let mut numbers = [0; 16];
        self.take(&mut numbers)?;
        let expected = [self.summary.records, self.summary.bytes].map(u64::to_be_bytes);
        if numbers != *expected.as_flattened() {
            return Err(ContainerProblem::Damaged(
                "it holds another number of records",
            ));
        }
        let digest = self.digest.clone().finish();
        let mut written = [0; 32];
        self.inner.read_exact(&mut written)?;
        if written != digest.as_ref() {
            return Err(ContainerProblem::Damaged("its digest doesn't fit"));
        }
        let mut more = [0; 1];
        match self.inner.read(&mut more)? {
            0 => Ok(self.summary),
            _ => Err(ContainerProblem::Damaged("something follows its end")),
        }
    }

    fn number(&mut self) -> Result<u32, ContainerProblem> {
        let mut bytes = [0; 4];
        self.take(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn bytes(&mut self, length: u32, most: u32) -> Result<Vec<u8>, ContainerProblem> {
        if length > most {
            return Err(ContainerProblem::Damaged("a record is too long"));
        }
        let mut bytes = vec![0; length as usize];
        self.take(&mut bytes)?;
        Ok(bytes)
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), ContainerProblem> {
        self.inner.read_exact(bytes)?;
        self.digest.update(bytes);
        Ok(())
    }
}
