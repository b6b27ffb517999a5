//! Putting one account or one secret of a backup back into the store of a running server. The backup is read several
//! times: to check all of it, to find what is wanted, and to put it back in an order in which nothing is ever seen
//! half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use strongroom_keys::{Keyring, RootKey};
use strongroom_services::accounts::Account;
use strongroom_services::caller::AccountId;
use strongroom_services::kms::dependents::KeyRef;
use strongroom_services::kms::key::KmsKey;
use strongroom_services::records::{Changes, Key, Records};
use strongroom_services::refusal::Stop;
use strongroom_services::restoration::{self, Part};
use strongroom_services::root_key;
use strongroom_services::secretsmanager::secret::Secret;
use strongroom_services::secretsmanager::version::SealedValue;
use strongroom_store::{COMMIT_BYTES_MAX, Commit, CommitError, OPERATION_OVERHEAD_BYTES, Write};

use super::restore::{Backup, RestoreProblem};
use crate::audit::NotCommitted;
use crate::jobs::{self, JobProblem};
use crate::node::Node;

/// Writes in one commit; room for its conditions is left.
const WRITES_AT_ONCE: usize = 100;
/// Times that one change is tried while others change the same.
const ATTEMPTS: usize = 100;

/// What is wanted of a backup.
#[derive(Debug)]
pub enum Wanted {
    /// One account.
    Account(AccountId),
    /// One secret, by its ARN.
    Secret(String),
}

/// How it is put back.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// Whether what is there is replaced.
    pub overwrite: bool,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

/// Why nothing, or not all, was put back.
#[derive(Debug, thiserror::Error)]
pub enum PutBackProblem {
    /// The backup can't be used.
    #[error(transparent)]
    Backup(#[from] RestoreProblem),
    /// Something else is going on that it would spoil.
    #[error(transparent)]
    NotNow(#[from] JobProblem),
    /// It isn't in the backup.
    #[error("{0} is not in the backup")]
    NotThere(String),
    /// It is there already.
    #[error("{0} exists; to replace it, add --overwrite")]
    Exists(String),
    /// It doesn't open.
    #[error(
        "what is sealed in the backup doesn't open ({0}): it was made under another root key; say what opens that, \
         with --seal-key-file or --seal-config"
    )]
    NotOpened(String),
    /// The store failed.
    #[error(
        "the store failed: {0}; what was put back until then stays, and the same command goes on"
    )]
    Store(String),
}

impl From<Stop> for PutBackProblem {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Unavailable(cause) if cause.is::<root_key::NotOpened>() => {
                PutBackProblem::NotOpened(cause.to_string())
            }
            Stop::Unavailable(cause) => PutBackProblem::Store(cause.to_string()),
            Stop::Refused(refusal) => PutBackProblem::Store(refusal.message.unwrap_or_default()),
        }
    }
}

/// Puts back what is wanted; a line for each thing.
///
/// # Errors
/// [`PutBackProblem`]
pub async fn put_back(
    node: &Arc<Node>,
    backup: &Backup<'_>,
    wanted: &Wanted,
    manner: Manner,
    root_keys: Vec<RootKey>,
) -> Result<Vec<String>, PutBackProblem> {
    backup.check()?;
    let _restoring = jobs::begin_restore(node.jobs())?;
    let keyring = node.keyring().adopting(root_keys);
    let putting = Putting {
        node,
        backup,
        manner,
        keyring,
    };
    match wanted {
        Wanted::Account(account) => putting.account(account).await,
        Wanted::Secret(arn) => putting.secret(arn).await,
    }
}

struct Putting<'a> {
    node: &'a Arc<Node>,
    backup: &'a Backup<'a>,
    manner: Manner,
    keyring: Keyring,
}

type Found = Vec<(Vec<u8>, Vec<u8>)>;

impl Putting<'_> {
    async fn secret(&self, arn: &str) -> Result<Vec<String>, PutBackProblem> {
        let mut found = self.read(|key, value| {
            key.starts_with(Key::all_secrets().as_bytes())
                && restoration::read::<Secret>(key, value).is_ok_and(|secret| secret.arn() == arn)
        })?;
        let Some((key, value)) = found.pop() else {
            return Err(PutBackProblem::NotThere(arn.to_owned()));
        };
        let secret: Secret = restoration::read(&key, &value).map_err(RestoreProblem::from)?;
        let there = Records::of(self.node.records()).peek::<Secret>(&secret.key())?;
        if there.is_some() && !self.manner.overwrite {
            return Err(PutBackProblem::Exists(format!(
                "a secret named {}",
                secret.name
            )));
        }
        let places = restoration::values_of(&secret);
        let values = self.read(|key, _| places.contains(key))?;
        let mut needed = BTreeSet::new();
        for (key, value) in &values {
            let value: SealedValue = restoration::read(key, value).map_err(RestoreProblem::from)?;
            needed.insert(restoration::key_of(&value));
        }
        let is_needed =
            |key: &KmsKey| key.region == secret.region && needed.contains(&KeyRef::to(key));
        let keys = self.read(|key, value| {
            key.starts_with(Key::all_kms_keys().as_bytes())
                && restoration::read::<KmsKey>(key, value).is_ok_and(|key| is_needed(&key))
        })?;

        let mut what = Vec::new();
        for (place, value) in &keys {
            // Opens it in any case: a secret whose key doesn't open is of no use.
            let adopted = self.adopted(place, value)?;
            let key: KmsKey = restoration::read(place, &adopted).map_err(RestoreProblem::from)?;
            if self
                .change(|records| restoration::put_key(&key, records))
                .await?
            {
                what.push(format!("KMS key {}", key.arn()));
            }
        }
        self.put(&values).await?;
        self.change(|records| restoration::put_secret(&secret, records))
            .await?;
        let count = secret.versions.len();
        let versions = if count == 1 { "version" } else { "versions" };
        what.push(format!("secret {arn} with {count} {versions}"));
        Ok(what)
    }

    async fn account(&self, account: &AccountId) -> Result<Vec<String>, PutBackProblem> {
        let place = Key::account(account);
        let known = self.read(|key, _| key == place.as_bytes())?;
        if known.is_empty() {
            return Err(PutBackProblem::NotThere(format!("account {account}")));
        }
        let there = Records::of(self.node.records()).peek::<Account>(&place)?;
        if there.is_some() && !self.manner.overwrite {
            return Err(PutBackProblem::Exists(format!("account {account}")));
        }
        // Everything that secrets need comes before them.
        let mut counts = BTreeMap::new();
        let mut batch: Found = Vec::new();
        let own = self.read(|key, value| {
            restoration::part_of_account(account, key, value).is_ok_and(|part| part == Part::Own)
        })?;
        for (key, value) in own {
            let kind = key.split(|byte| *byte == 0).next().unwrap_or_default();
            *counts
                .entry(String::from_utf8_lossy(kind).into_owned())
                .or_insert(0_u64) += 1;
            let adopted = self.adopted(&key, &value)?;
            if key.starts_with(Key::all_kms_keys().as_bytes()) {
                // Its grants come before it.
                self.put(&batch).await?;
                batch.clear();
                let key: KmsKey =
                    restoration::read(&key, &adopted).map_err(RestoreProblem::from)?;
                self.change(|records| restoration::overwrite_key(&key, records))
                    .await?;
                continue;
            }
            batch.push((key, adopted));
            if batch.len() == WRITES_AT_ONCE {
                self.put(&batch).await?;
                batch.clear();
            }
        }
        self.put(&batch).await?;
        let secrets = self.read(|key, value| {
            restoration::part_of_account(account, key, value).is_ok_and(|part| part == Part::Secret)
        })?;
        for (key, value) in &secrets {
            let secret: Secret = restoration::read(key, value).map_err(RestoreProblem::from)?;
            self.change(|records| restoration::put_secret(&secret, records))
                .await?;
        }
        let mut what = vec![format!("account {account} with {} secrets", secrets.len())];
        what.extend(
            counts
                .into_iter()
                .map(|(kind, count)| format!("{count} records of kind {kind}")),
        );
        Ok(what)
    }

    /// The records of the backup that are wanted.
    fn read(&self, wanted: impl Fn(&[u8], &[u8]) -> bool) -> Result<Found, PutBackProblem> {
        let mut found = Found::new();
        let reader = self.backup.open()?;
        reader.records::<RestoreProblem>(&mut |key, value| {
            if wanted(key, value) {
                found.push((key.to_vec(), value.to_vec()));
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn adopted(&self, key: &[u8], value: &[u8]) -> Result<Vec<u8>, PutBackProblem> {
        let entropy = self.node.entropy();
        Ok(restoration::adopted(key, value, &self.keyring, entropy)?)
    }

    /// Puts records back as they are, in commits that fit.
    async fn put(&self, records: &[(Vec<u8>, Vec<u8>)]) -> Result<(), PutBackProblem> {
        if self.manner.dry_run {
            return Ok(());
        }
        let mut rest = records;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |(key, value): &&(Vec<u8>, Vec<u8>)| {
                bytes += key.len() + value.len() + OPERATION_OVERHEAD_BYTES;
                bytes <= COMMIT_BYTES_MAX
            };
            let count = rest
                .iter()
                .take(WRITES_AT_ONCE)
                .take_while(fits)
                .count()
                .max(1);
            let (now, later) = rest.split_at(count);
            let writes = now.iter().map(|(key, value)| Write::Put {
                key: key.clone(),
                value: value.clone(),
            });
            let commit = Commit {
                conditions: Vec::new(),
                writes: writes.collect(),
            };
            let committed = self.node.store().commit(commit).await;
            committed.map_err(|error| PutBackProblem::Store(error.to_string()))?;
            rest = later;
        }
        Ok(())
    }

    /// Commits what is decided, deciding anew where others were faster; whether there was anything.
    async fn change(
        &self,
        decide: impl Fn(&Records<'_>) -> Result<Changes, Stop>,
    ) -> Result<bool, PutBackProblem> {
        for _ in 0..ATTEMPTS {
            let records = Records::of(self.node.records());
            let changes = decide(&records)?;
            if changes.writes.is_empty() {
                return Ok(false);
            }
            if self.manner.dry_run {
                return Ok(true);
            }
            match self.node.commit(records.into_seen(), changes).await {
                Ok(()) => return Ok(true),
                Err(NotCommitted::Store(CommitError::Conflict { .. })) => {}
                Err(error) => return Err(PutBackProblem::Store(error.to_string())),
            }
        }
        Err(PutBackProblem::Store(
            "a record was changed all the time".to_owned(),
        ))
    }
}
