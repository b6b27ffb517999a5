//! How the log and the store vouch for each other: the store holds the log's key, sealed, and its newest head; the log's
//! head says which revision the store had. So an older copy of either is noticed at the start.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_audit::{
    Clock, Head, Log, LogId, NewKeyNote, Opened, Options, Reader, Resting, SigningKey,
};
use strongroom_keys::{Entropy, Keyring, SecretBytes};
use strongroom_services::audit_seed::AuditSeed;
use strongroom_services::records::{Key, Record};
use strongroom_store::{Commit, Condition, Range, Snapshot, Store, Write};

use super::anchors::memory::Memory;
use super::anchors::newest_head;
use super::recorder::{AuditProblem, AuditSettings, aside};

/// The public keys of a log, as offline tools and witnesses read them.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PublicKeys {
    /// In base64, oldest first.
    pub(crate) public_keys: Vec<String>,
    /// Each key's word for the next one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) new_keys: Vec<NewKeyNote>,
}

/// How many keys a witness is told of, the newest ones.
const TOLD_KEYS_MAX: usize = 100;

/// The line from which a witness makes out who signs a log.
pub(crate) fn told(snapshot: &dyn Snapshot, log: LogId) -> Result<String, String> {
    let found = snapshot.get(Key::audit_keys(&log.to_string()).as_bytes());
    let found = found.map_err(|fault| fault.to_string())?;
    let found = found.and_then(|entry| serde_json::from_slice::<PublicKeys>(&entry.value).ok());
    let mut keys = found.ok_or("the store doesn't have the log's public keys")?;
    let old = keys.public_keys.len().saturating_sub(TOLD_KEYS_MAX);
    keys.public_keys.drain(..old);
    let old = keys.new_keys.len().saturating_sub(TOLD_KEYS_MAX);
    keys.new_keys.drain(..old);
    serde_json::to_string(&keys).map_err(|error| error.to_string())
}

/// What the store knows of logs.
#[derive(Default)]
struct Known {
    seeds: Vec<AuditSeed>,
    heads: Vec<Head>,
    revision: u64,
}

/// Opens the log of a folder with the key that the store has for it, or makes both.
pub(super) async fn open(
    options: &Options,
    settings: &AuditSettings,
    store: &dyn Store,
    (keyring, entropy): (&Keyring, &dyn Entropy),
    clock: Clock,
) -> Result<Opened, AuditProblem> {
    let known = known(&*store.snapshot()?)?;
    let restored = settings.restored;
    let there = newest_head(&options.folder).map_err(AuditProblem::Head)?;
    let (id, seed) = match known.belonging(&options.folder, there.as_ref(), restored)? {
        Some((id, seed)) => (id, opened(seed, keyring)?),
        None => {
            // A start that was interrupted between the two has left a key without a log.
            let left = known.seeds.last().filter(|_| known.heads.is_empty());
            let left = left.and_then(|seed| Some((LogId::parse(&seed.log)?, seed)));
            match left {
                Some((id, seed)) => (id, opened(seed, keyring)?),
                None => make(store, keyring, entropy).await?,
            }
        }
    };
    let key = signing_key(&seed)?;
    let resting = Resting::find(options)?;
    // Decided before a byte is written: what is refused stays as it was found.
    let memory = settings.memory.as_deref();
    let trouble = known.trouble(id, resting.reader(), there.as_ref(), memory)?;
    if let Some(why) = trouble.as_ref().filter(|_| !restored) {
        return Err(AuditProblem::PutBack(why.clone()));
    }
    let opened = resting.open(key, id.0, clock)?;
    if let Some(why) = trouble {
        tracing::warn!(%why, "accepted, since --restored says that it is meant");
        opened.log.accept_store_revision(known.revision);
        let note = serde_json::json!({ "note": "restored", "why": why }).to_string();
        opened.log.note(&[note]).await?;
    }
    Ok(opened)
}

/// Refuses what a start would refuse: a log and a store that aren't of the same time, or not of the newest that this
/// machine had. It changes nothing. Tells whether there is a log yet.
///
/// # Errors
/// What the start would say.
pub(crate) fn check(
    snapshot: &dyn Snapshot,
    folder: &Path,
    memory: Option<&Memory>,
) -> Result<bool, AuditProblem> {
    let known = known(snapshot)?;
    let there = newest_head(folder).map_err(AuditProblem::Head)?;
    let Some((id, _)) = known.belonging(folder, there.as_ref(), false)? else {
        return Ok(false);
    };
    let reader = Reader::open(folder)?;
    let trouble = known.trouble(id, &reader, there.as_ref(), memory)?;
    trouble.map_or(Ok(true), |why| Err(AuditProblem::PutBack(why)))
}

impl Known {
    /// The log in a folder, with its key; nothing where there is none, and none was before, or that is meant.
    fn belonging(
        &self,
        folder: &Path,
        there: Option<&Head>,
        restored: bool,
    ) -> Result<Option<(LogId, &AuditSeed)>, AuditProblem> {
        let left = || self.newest().filter(|_| !is_empty(folder));
        match there.map(|head| head.log).or_else(left) {
            Some(id) => match self.seed(id) {
                Some(seed) => Ok(Some((id, seed))),
                None => Err(AuditProblem::PutBack(format!(
                    "the audit log in {} isn't the one that belongs to this data: move that folder away, or put the \
                     right one in its place",
                    folder.display()
                ))),
            },
            None if self.heads.is_empty() || restored => Ok(None),
            None => Err(AuditProblem::PutBack(format!(
                "the audit log of this data is gone from {}",
                folder.display()
            ))),
        }
    }

    fn seed(&self, id: LogId) -> Option<&AuditSeed> {
        let id = id.to_string();
        self.seeds.iter().find(|seed| seed.log == id)
    }

    /// The log that the store was tied to last.
    fn newest(&self) -> Option<LogId> {
        let newest = self.heads.iter().max_by_key(|head| head.milliseconds);
        newest.map(|head| head.log)
    }

    /// Why the log and the store aren't of the same time, or the log not the newest that this machine had.
    fn trouble(
        &self,
        id: LogId,
        reader: &Reader,
        found: Option<&Head>,
        memory: Option<&Memory>,
    ) -> Result<Option<String>, strongroom_audit::Fault> {
        let head = self.heads.iter().find(|head| head.log == id);
        if let Some(head) = head
            && !reader.holds(head)?
        {
            return Ok(Some(format!(
                "the audit log lacks record {}, which the store knows: it was cut, changed or replaced by an older copy",
                head.sequence
            )));
        }
        match found {
            Some(head) if head.store_revision > self.revision => Ok(Some(format!(
                "the store is at revision {}, and the audit log knows revision {}: the store was replaced by an older copy, or is \
                 damaged and lost its newest state",
                self.revision, head.store_revision
            ))),
            _ => forgotten(id, reader, memory),
        }
    }
}

/// Why the log isn't the newest that this machine had.
fn forgotten(
    id: LogId,
    reader: &Reader,
    memory: Option<&Memory>,
) -> Result<Option<String>, strongroom_audit::Fault> {
    let remembered = memory.map(|memory| memory.newest(id));
    let head = match remembered {
        None | Some(Ok(None)) => return Ok(None),
        Some(Ok(Some(head))) => head,
        Some(Err(why)) => {
            tracing::warn!(%why, "whether the data folder is an older copy can't be told");
            return Ok(None);
        }
    };
    let is_there = reader.holds(&head)?;
    Ok((!is_there).then(|| {
        format!(
            "the data folder is an older copy, or was altered: this machine remembers record {} of its audit log, which \
             isn't there any more",
            head.sequence
        )
    }))
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// A fresh log's id and key, which the store keeps before there is a log.
async fn make(
    store: &dyn Store,
    keyring: &Keyring,
    entropy: &dyn Entropy,
) -> Result<(LogId, SecretBytes), AuditProblem> {
    let mut id = [0; 16];
    entropy.fill(&mut id);
    let (id, seed) = (LogId(id), fresh_seed(entropy));
    let public_keys = PublicKeys {
        public_keys: vec![signing_key(&seed)?.public().to_base64()],
        new_keys: Vec::new(),
    };
    let mut commit = keep(&id.to_string(), &seed, &public_keys, (keyring, entropy))?;
    let place = Key::audit_seed(&id.to_string());
    commit
        .conditions
        .push(Condition::absent(place.into_bytes()));
    store.commit(commit).await?;
    Ok((id, seed))
}

/// Has a fresh key sign a log from now on, and keeps it. The public halves so far, the newest last.
pub(super) async fn rotate(
    log: &Arc<Log>,
    store: &dyn Store,
    (keyring, entropy): (&Keyring, &dyn Entropy),
) -> Result<Vec<String>, AuditProblem> {
    let id = log.id().to_string();
    let found = store.snapshot()?.get(Key::audit_keys(&id).as_bytes())?;
    let found = found.and_then(|entry| serde_json::from_slice::<PublicKeys>(&entry.value).ok());
    let mut public_keys = found.unwrap_or_default();
    let seed = fresh_seed(entropy);
    let key = signing_key(&seed)?;
    let log = Arc::clone(log);
    // Until the log has told of it, the key so far is the one to open it with.
    let public = key.public().to_base64();
    let note = aside(move || log.rotate_key(key)).await?;
    public_keys.public_keys.push(public);
    public_keys.new_keys.push(note);
    let commit = keep(&id, &seed, &public_keys, (keyring, entropy))?;
    store.commit(commit).await?;
    Ok(public_keys.public_keys)
}

/// What keeps a log's key and its public halves.
fn keep(
    log: &str,
    seed: &SecretBytes,
    public_keys: &PublicKeys,
    (keyring, entropy): (&Keyring, &dyn Entropy),
) -> Result<Commit, AuditProblem> {
    let record = AuditSeed::new(log, seed, keyring, entropy);
    let encoded = record.encode();
    let encoded = encoded.map_err(|stop| AuditProblem::Key(format!("{stop:?}")))?;
    // Texts alone.
    let public_keys = serde_json::to_vec(public_keys).unwrap_or_default();
    Ok(Commit {
        conditions: Vec::new(),
        writes: vec![
            Write::Put {
                key: Key::audit_seed(log).into_bytes(),
                value: encoded,
            },
            Write::Put {
                key: Key::audit_keys(log).into_bytes(),
                value: public_keys,
            },
        ],
    })
}

fn fresh_seed(entropy: &dyn Entropy) -> SecretBytes {
    let mut bytes = vec![0; SEED_BYTES];
    entropy.fill(&mut bytes);
    SecretBytes::new(bytes)
}

const SEED_BYTES: usize = 32;

fn opened(seed: &AuditSeed, keyring: &Keyring) -> Result<SecretBytes, AuditProblem> {
    let opened = seed.open(keyring);
    opened.map_err(|error| AuditProblem::Key(error.to_string()))
}

fn signing_key(seed: &SecretBytes) -> Result<SigningKey, AuditProblem> {
    let seed = seed.expose().try_into().ok();
    seed.and_then(SigningKey::from_seed)
        .ok_or_else(|| AuditProblem::Key("it is no key".to_owned()))
}

fn known(snapshot: &dyn Snapshot) -> Result<Known, AuditProblem> {
    let mut known = Known {
        revision: snapshot.revision().0,
        ..Known::default()
    };
    let mut unreadable = None;
    let seeds = Range::prefix(Key::all_audit_seeds().as_bytes());
    snapshot.range(&seeds, &mut |entry| {
        match AuditSeed::fields(entry.value) {
            Ok(seed) => known.seeds.push(seed),
            Err(error) => unreadable = Some(error.to_string()),
        }
        std::ops::ControlFlow::Continue(())
    })?;
    if let Some(why) = unreadable {
        return Err(AuditProblem::Key(why));
    }
    known.heads = heads(snapshot)?;
    Ok(known)
}

/// The heads that the store holds.
pub(crate) fn heads(snapshot: &dyn Snapshot) -> Result<Vec<Head>, strongroom_store::Fault> {
    let mut heads = Vec::new();
    let range = Range::prefix(Key::audit_head("").as_bytes());
    snapshot.range(&range, &mut |entry| {
        let head = std::str::from_utf8(entry.value).ok().and_then(Head::decode);
        heads.extend(head);
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(heads)
}

/// The public keys that the store has of logs, in base64, each log's oldest first.
pub(crate) fn public_keys(snapshot: &dyn Snapshot) -> Result<Vec<String>, strongroom_store::Fault> {
    let mut keys = Vec::new();
    let range = Range::prefix(Key::audit_keys("").as_bytes());
    snapshot.range(&range, &mut |entry| {
        let record = serde_json::from_slice::<PublicKeys>(entry.value);
        keys.extend(record.unwrap_or_default().public_keys);
        std::ops::ControlFlow::Continue(())
    })?;
    Ok(keys)
}

/// What puts a head into the store.
pub(super) fn put_head(log: &str, head: &Head) -> Write {
    Write::Put {
        key: Key::audit_head(log).into_bytes(),
        value: head.encode().into_bytes(),
    }
}
