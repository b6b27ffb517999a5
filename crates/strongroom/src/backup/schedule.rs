//! Backups that make themselves: one after each interval, older ones removed once a newer one is whole on disk.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, Digest, SHA256};
use strongroom_services::time::{Timestamp, rfc3339};

use super::age::Lock;
use crate::node::Node;
use crate::workers::WorkerState;

const PREFIX: &str = "strongroom-";
const SUFFIX: &str = ".age";
/// How often it is looked whether one is due.
const TICK: Duration = Duration::from_secs(1);
/// Waits after one that failed, so that a full disk isn't written to all the time.
const RETRY: Duration = Duration::from_secs(60);

/// When and where.
#[derive(Debug)]
pub struct Schedule {
    /// The folder that keeps them.
    pub folder: PathBuf,
    /// From one to the next.
    pub every: Duration,
    /// How many are kept.
    pub keep: usize,
    /// Who may open them.
    pub lock: Lock,
}

/// A schedule at work.
#[derive(Debug)]
pub struct ScheduledBackups {
    schedule: Schedule,
    state: Mutex<WorkerState>,
}

impl ScheduledBackups {
    /// None was made yet.
    pub fn new(schedule: Schedule) -> Self {
        ScheduledBackups {
            schedule,
            state: Mutex::new(WorkerState {
                name: "backups".into(),
                last_run: None,
                done: 0,
                last_error: None,
            }),
        }
    }

    /// How it is doing.
    pub fn state(&self) -> WorkerState {
        self.lock().clone()
    }

    /// Makes one where one is due; whether that was so.
    ///
    /// # Errors
    /// Why it was not made; the next try comes later.
    pub fn run(&self, node: &Node, now: Timestamp) -> Result<bool, String> {
        let outcome = self.make_if_due(node, now);
        let mut state = self.lock();
        match &outcome {
            Ok(false) => {}
            Ok(true) => {
                state.done += 1;
                state.last_run = Some(now);
                state.last_error = None;
            }
            Err(error) => {
                if state.last_error.as_ref() != Some(error) {
                    tracing::error!(%error, "a scheduled backup was not made");
                }
                state.last_error = Some(error.clone());
            }
        }
        outcome
    }

    fn make_if_due(&self, node: &Node, now: Timestamp) -> Result<bool, String> {
        let Schedule {
            folder,
            every,
            keep,
            lock,
        } = &self.schedule;
        let told = |what: &'static str| {
            move |error: io::Error| {
                let folder = folder.display();
                format!(
                    "{what} in {folder} ({error}): check backup.folder, its owner and the space"
                )
            }
        };
        fs::create_dir_all(folder).map_err(told("the folder can't be made"))?;
        let existing = backups_in(folder).map_err(told("the backups can't be listed"))?;
        if let Some((newest, _)) = existing.last()
            && !now.is_past(*newest, *every)
        {
            return Ok(false);
        }
        let name = name_at(now);
        let mut file = tempfile::Builder::new()
            .prefix(".strongroom-backup-")
            .tempfile_in(folder)
            .map_err(told("no file can be made"))?;
        let written = {
            let mut writer = Digesting::new(BufWriter::new(file.as_file_mut()));
            super::write(
                node.store(),
                &|| node.backup_about(),
                lock,
                node.entropy(),
                &mut writer,
            )
            .map_err(|error| error.to_string())?;
            writer.flush().map_err(told("the file can't be written"))?;
            writer.digest.clone().finish()
        };
        file.as_file()
            .sync_all()
            .map_err(told("the file can't be written"))?;
        // Only what reads back as it was written may take the place of an older one.
        let read = digest_of(file.path()).map_err(told("the file can't be read back"))?;
        if read.as_ref() != written.as_ref() {
            return Err(format!(
                "the backup in {} reads back otherwise: check the disk",
                folder.display()
            ));
        }
        file.persist(folder.join(&name))
            .map_err(|error| told("the file can't be kept")(error.error))?;
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(told("the folder can't be synced"))?;
        tracing::info!(name, "a scheduled backup was made");
        let older = backups_in(folder).map_err(told("the backups can't be listed"))?;
        let surplus = older.len().saturating_sub(*keep);
        for (_, path) in &older[..surplus] {
            fs::remove_file(path).map_err(told("an older backup can't be removed"))?;
        }
        Ok(true)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WorkerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a schedule for as long as the node lives.
pub fn start(node: &Arc<Node>, backups: &Arc<ScheduledBackups>) {
    let (node, backups) = (Arc::downgrade(node), Arc::clone(backups));
    tokio::spawn(async move {
        loop {
            let Some(node) = node.upgrade() else { return };
            let backups = Arc::clone(&backups);
            let made = tokio::task::spawn_blocking(move || backups.run(&node, node.now())).await;
            let pause = match made {
                Ok(Ok(_)) => TICK,
                Ok(Err(_)) | Err(_) => RETRY,
            };
            tokio::time::sleep(pause).await;
        }
    });
}

/// `strongroom-20260131T235959Z.age`, which sorts as the instants do.
fn name_at(now: Timestamp) -> String {
    let compact: String = rfc3339(now)
        .chars()
        .filter(|each| !matches!(each, '-' | ':'))
        .collect();
    format!("{PREFIX}{compact}{SUFFIX}")
}

/// Our backups in a folder with their instants, oldest first.
fn backups_in(folder: &Path) -> io::Result<Vec<(Timestamp, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let instant = name
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_suffix(SUFFIX))
            .and_then(|text| jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok())
            .and_then(|time| jiff::tz::TimeZone::UTC.to_timestamp(time).ok());
        if let Some(instant) = instant {
            let milliseconds = instant.as_millisecond();
            found.push((Timestamp::from_milliseconds(milliseconds), path));
        }
    }
    found.sort();
    Ok(found)
}

/// Digests what passes through.
struct Digesting<W> {
    inner: W,
    digest: Context,
}

impl<W: Write> Digesting<W> {
    fn new(inner: W) -> Self {
        Digesting {
            inner,
            digest: Context::new(&SHA256),
        }
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.digest.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let mut file = File::open(path)?;
    let mut digest = Context::new(&SHA256);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finish()),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use strongroom_keys::{Keyring, RootKey, SeededEntropy};
    use strongroom_store::simulated::Simulated;

    use super::*;
    use crate::backup::age::Identity;
    use crate::clock::Clock;
    use crate::node::Assembly;

    const HOUR: i64 = 60 * 60 * 1000;

    fn node(seal_file: &Path) -> Arc<Node> {
        fs::write(seal_file, "{}").unwrap();
        let entropy = SeededEntropy::new(1);
        Node::assemble(Assembly {
            store: Arc::new(Simulated::new(1)),
            keyring: Keyring::new(RootKey::generate(&entropy)),
            entropy: Box::new(entropy),
            clock: Clock::default(),
            record_cache_bytes: 1 << 20,
            dev: false,
            seal_file: Some(seal_file.to_owned()),
        })
        .unwrap()
    }

    fn schedule(folder: &Path) -> ScheduledBackups {
        let recipient = Identity::generate(&SeededEntropy::new(2))
            .recipient()
            .unwrap();
        ScheduledBackups::new(Schedule {
            folder: folder.to_owned(),
            every: Duration::from_hours(24),
            keep: 3,
            lock: Lock::Recipients(vec![recipient]),
        })
    }

    #[test]
    fn one_is_made_each_interval_and_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let backups = folder.path().join("backups");
        let node = node(&folder.path().join("seal.json"));
        let start = 1_800_000_000_000;
        let mut made = Vec::new();
        // Each hour of a week; another start in the middle of it finds out by the files when the next is due.
        let mut at_work = schedule(&backups);
        for hour in 0..7 * 24 {
            if hour == 100 {
                at_work = schedule(&backups);
            }
            let now = Timestamp::from_milliseconds(start + hour * HOUR);
            if at_work.run(&node, now).unwrap() {
                made.push((hour, now));
            }
        }
        let hours: Vec<_> = made.iter().map(|(hour, _)| *hour).collect();
        assert_eq!(hours, [0, 24, 48, 72, 96, 120, 144]);
        let kept: Vec<_> = backups_in(&backups)
            .unwrap()
            .into_iter()
            .map(|(instant, _)| instant)
            .collect();
        let newest: Vec<_> = made[4..].iter().map(|(_, instant)| *instant).collect();
        assert_eq!(kept, newest);
        assert_eq!(at_work.state().done, 2);
        // Nothing half made is left beside them.
        assert_eq!(fs::read_dir(&backups).unwrap().count(), 3);
    }

    #[test]
    fn one_that_can_not_be_made_is_told_and_removes_none() {
        let folder = tempfile::tempdir().unwrap();
        let backups = folder.path().join("backups");
        let seal_file = folder.path().join("seal.json");
        let (node, at_work) = (node(&seal_file), schedule(&backups));
        let at = |hours: i64| Timestamp::from_milliseconds(1_800_000_000_000 + hours * HOUR);
        assert!(at_work.run(&node, at(0)).unwrap());
        fs::remove_file(&seal_file).unwrap();
        let error = at_work.run(&node, at(24)).unwrap_err();
        assert!(error.contains("seal.json"), "{error}");
        assert_eq!(at_work.state().last_error, Some(error));
        assert_eq!(fs::read_dir(&backups).unwrap().count(), 1);
        fs::write(&seal_file, "{}").unwrap();
        assert!(at_work.run(&node, at(25)).unwrap());
        assert_eq!(at_work.state().last_error, None);
    }

    #[test]
    fn names_tell_their_instants() {
        let folder = tempfile::tempdir().unwrap();
        let instants = [1_800_000_000_000, 951_782_400_000, 0].map(Timestamp::from_milliseconds);
        for instant in instants {
            fs::write(folder.path().join(name_at(instant)), b"").unwrap();
        }
        for other in [
            "strongroom-today.age",
            "strongroom-20260131T235959Z.age.part",
            "other",
        ] {
            fs::write(folder.path().join(other), b"").unwrap();
        }
        let found: Vec<_> = backups_in(folder.path())
            .unwrap()
            .into_iter()
            .map(|it| it.0)
            .collect();
        assert_eq!(found, [instants[2], instants[1], instants[0]]);
        assert_eq!(name_at(instants[2]), "strongroom-19700101T000000Z.age");
    }
}
