//! From a backup to a data folder: all of it is checked before anything is touched, the folder is built beside its
//! place and put there whole.

use std::fs::{self, DirBuilder, File};
use std::io::{self, BufReader};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use strongroom_keys::Keyring;
use strongroom_keys::seal::{SealFile, SealFileProblem, Unsealed};
use strongroom_services::operation::Means;
use strongroom_services::records::{self, Records, Unreadable};
use strongroom_services::secretsmanager::soundness;
use strongroom_services::time::Timestamp;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::{
    COMMIT_BYTES_MAX, COMMIT_OPERATIONS_MAX, Commit, CommitError, Fault, OPERATION_OVERHEAD_BYTES,
    Store, Write,
};
use tokio::task::JoinSet;

use super::age::{AgeProblem, Decryptor, Opener};
use super::container::{ContainerProblem, Header, Reader, Summary};
use crate::cache::CachedRecords;

/// The seal file's name in a data folder.
const SEAL_FILE_NAME: &str = "seal.json";
/// Commits that wait for the disk together.
const COMMITS_AT_ONCE: usize = 64;
const CACHE_BYTES: usize = 64 << 20;

/// Why a backup was not restored. Nothing was touched then, but where it says so.
#[derive(Debug, thiserror::Error)]
pub enum RestoreProblem {
    /// The file isn't there, or can't be read.
    #[error("the backup {} can't be read ({error}): check its path and owner", path.display())]
    NotRead {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file doesn't open.
    #[error("the backup doesn't open: {0}")]
    Age(#[from] AgeProblem),
    /// Its inside isn't right.
    #[error("the backup isn't usable: {0}")]
    Container(#[from] ContainerProblem),
    /// A record isn't right.
    #[error("the backup holds a record that can't be used: {0}")]
    Record(#[from] Unreadable),
    /// The seal file in it isn't right.
    #[error("the seal file in the backup isn't usable: {0}")]
    SealFile(#[from] SealFileProblem),
    /// Something is where the folder is to be.
    #[error("{} isn't empty: name a new folder", .0.display())]
    NotEmpty(PathBuf),
    /// The folder can't be made.
    #[error(
        "the folder can't be made ({0}): check the space, and the owner of the folder above it"
    )]
    Folder(#[from] io::Error),
    /// The store can't be made.
    #[error("the store can't be made: {0}")]
    Store(#[from] Fault),
    /// A commit failed.
    #[error("the store can't be filled: {0}")]
    Commit(#[from] CommitError),
    /// What was written isn't what was read.
    #[error("the restored copy differs: {0}")]
    Differs(String),
}

/// A backup file, and what opens it.
pub struct Backup<'a> {
    /// The file.
    pub path: &'a Path,
    /// What opens it.
    pub opener: &'a Opener,
}

impl Backup<'_> {
    /// Reads it from the beginning.
    ///
    /// # Errors
    /// [`RestoreProblem`]
    pub fn open(&self) -> Result<Reader<Decryptor<BufReader<File>>>, RestoreProblem> {
        let file = File::open(self.path).map_err(|error| RestoreProblem::NotRead {
            path: self.path.to_owned(),
            error,
        })?;
        let decryptor = Decryptor::new(BufReader::new(file), self.opener)?;
        Ok(Reader::new(decryptor)?)
    }

    /// Reads all of it: whether it is whole, and each record such as this program reads.
    ///
    /// # Errors
    /// [`RestoreProblem`]
    pub fn check(&self) -> Result<(Header, SealFile, Summary), RestoreProblem> {
        let reader = self.open()?;
        let header = reader.header().clone();
        let seal_file = SealFile::parse(&header.seal_file)?;
        let summary = reader.records::<RestoreProblem>(&mut |key, value| {
            records::examine(key, value).map_err(RestoreProblem::from)
        })?;
        Ok((header, seal_file, summary))
    }
}

/// Builds a data folder from a backup.
///
/// # Errors
/// [`RestoreProblem`]
pub async fn into_folder(backup: &Backup<'_>, folder: &Path) -> Result<Summary, RestoreProblem> {
    let is_free = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !is_free {
        return Err(RestoreProblem::NotEmpty(folder.to_owned()));
    }
    let (header, _, _) = backup.check()?;
    let above = match folder.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        _ => Path::new("."),
    };
    fs::create_dir_all(above)?;
    let building = tempfile::Builder::new()
        .prefix(".strongroom-restoring-")
        .tempdir_in(above)?;
    let place = building.path().join("data");
    DirBuilder::new().mode(0o700).create(&place)?;
    let summary = fill(backup, &place).await?;
    write_seal_file(&place, &header.seal_file)?;
    File::open(&place)?.sync_all()?;
    if folder.exists() {
        fs::remove_dir(folder)?;
    }
    fs::rename(&place, folder)?;
    File::open(above)?.sync_all()?;
    Ok(summary)
}

/// Restores into a place that goes away again, and compares: every record is there and as it was. With the root
/// keys, also whether each value opens. Says what is wrong, by the names of secrets.
///
/// # Errors
/// [`RestoreProblem`]
pub async fn verify(
    backup: &Backup<'_>,
    unseal: impl FnOnce(&SealFile) -> Option<Unsealed>,
) -> Result<(Header, Summary, Option<soundness::Report>), RestoreProblem> {
    let folder = tempfile::Builder::new()
        .prefix("strongroom-verifying-")
        .tempdir()?;
    let place = folder.path().join("data");
    into_folder(backup, &place).await?;
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::new(Embedded::open(&Options {
        cache_bytes: CACHE_BYTES,
        ..Options::new(&place)
    })?);
    let snapshot = store.snapshot()?;
    let reader = backup.open()?;
    let header = reader.header().clone();
    let summary = reader.records::<RestoreProblem>(&mut |key, value| {
        let same = snapshot.get(key)?.is_some_and(|entry| entry.value == value);
        if same {
            return Ok(());
        }
        let key = String::from_utf8_lossy(key).replace('\0', " ");
        Err(RestoreProblem::Differs(key))
    })?;
    drop(snapshot);
    let seal_file = SealFile::parse(&header.seal_file)?;
    let report = unseal(&seal_file).map(|unsealed| {
        let keyring = Keyring::with_retiring(unsealed.root, unsealed.retiring);
        let source = CachedRecords::new(std::sync::Arc::clone(&store), CACHE_BYTES as u64);
        let means = Means {
            now: Timestamp::from_milliseconds(header.made_milliseconds),
            entropy: &strongroom_keys::SystemEntropy,
            keyring: &keyring,
            elsewhere: &strongroom_services::lambda::elsewhere::Elsewhere::nowhere(),
            buckets: &strongroom_services::cloudtrail::buckets::Buckets::none(),
            history: None,
        };
        soundness::examine(&Records::of(&source), &means)
    });
    store.close();
    Ok((header, summary, report))
}

/// Puts every record into a fresh store.
async fn fill(backup: &Backup<'_>, place: &Path) -> Result<Summary, RestoreProblem> {
    let store = std::sync::Arc::new(Embedded::open(&Options {
        cache_bytes: CACHE_BYTES,
        ..Options::new(place)
    })?);
    let (sender, mut batches) = tokio::sync::mpsc::channel::<Vec<Write>>(COMMITS_AT_ONCE);
    let reader = backup.open()?;
    let reading = std::thread::scope(|scope| {
        let reading = scope.spawn(move || {
            let mut batch = Batch::default();
            let summary = reader.records::<RestoreProblem>(&mut |key, value| {
                if let Some(full) = batch.add(key, value) {
                    // Whoever takes the batches has ended where this fails; it tells why.
                    let _ = sender.blocking_send(full);
                }
                Ok(())
            })?;
            let _ = sender.blocking_send(batch.writes);
            Ok::<_, RestoreProblem>(summary)
        });
        let runtime = tokio::runtime::Handle::current();
        let committed = tokio::task::block_in_place(|| {
            runtime.block_on(async {
                let mut commits = JoinSet::new();
                while let Some(writes) = batches.recv().await {
                    while commits.len() >= COMMITS_AT_ONCE {
                        joined(commits.join_next().await)?;
                    }
                    let store = std::sync::Arc::clone(&store);
                    commits.spawn(async move {
                        let commit = Commit {
                            conditions: Vec::new(),
                            writes,
                        };
                        store.commit(commit).await.map(|_| ())
                    });
                }
                while let Some(outcome) = commits.join_next().await {
                    joined(Some(outcome))?;
                }
                Ok::<_, RestoreProblem>(())
            })
        });
        drop(batches);
        let read = reading.join();
        committed?;
        read.unwrap_or_else(|_| Err(RestoreProblem::Differs("reading it failed".to_owned())))
    });
    store.close();
    reading
}

fn joined(
    outcome: Option<Result<Result<(), CommitError>, tokio::task::JoinError>>,
) -> Result<(), RestoreProblem> {
    match outcome {
        None | Some(Ok(Ok(()))) => Ok(()),
        Some(Ok(Err(error))) => Err(error.into()),
        Some(Err(error)) => Err(RestoreProblem::Differs(error.to_string())),
    }
}

/// Writes for one commit, as many as fit.
#[derive(Default)]
struct Batch {
    writes: Vec<Write>,
    bytes: usize,
}

impl Batch {
    /// Adds a record; gives back what there was where it doesn't fit besides.
    fn add(&mut self, key: &[u8], value: &[u8]) -> Option<Vec<Write>> {
        let bytes = key.len() + value.len() + OPERATION_OVERHEAD_BYTES;
        let is_full =
            self.writes.len() == COMMIT_OPERATIONS_MAX || self.bytes + bytes > COMMIT_BYTES_MAX;
        let full = is_full.then(|| {
            self.bytes = 0;
            std::mem::take(&mut self.writes)
        });
        self.bytes += bytes;
        self.writes.push(Write::Put {
            key: key.to_vec(),
            value: value.to_vec(),
        });
        full
    }
}

fn write_seal_file(place: &Path, text: &str) -> Result<(), RestoreProblem> {
    let file = SealFile::parse(text)?;
    file.write_new(&place.join(SEAL_FILE_NAME))
        .map_err(|error| RestoreProblem::SealFile(error.problem))
}
