//! What holds in a store's raw records whatever happened: no half-made state, no orphan.
//!
//! Written from docs/formats.md and the reference, not from the operations; shared by the model test and the crash
//! test.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use strongroom_services::accounts::{AccessKey, Account};
use strongroom_services::audit_seed::AuditSeed;
use strongroom_services::job::Job;
use strongroom_services::kms::alias::Alias;
use strongroom_services::kms::due::KmsDue;
use strongroom_services::kms::grant::Grant;
use strongroom_services::kms::key::KmsKey;
use strongroom_services::last_use::LastUse;
use strongroom_services::records::{Key, Record};
use strongroom_services::root_key::RootKeyInUse;
use strongroom_services::rotation::job::{RotationJob, RotationStep};
use strongroom_services::rotation::plan::RotationDue;
use strongroom_services::rotation::run::RotationRun;
use strongroom_services::secretsmanager::purge::PurgeDue;
use strongroom_services::secretsmanager::secret::{Lifecycle, Secret, ValueKind};
use strongroom_services::secretsmanager::version::SealedValue;
use strongroom_store::{Range, Store};

const LABELS_MAX: usize = 20;
const VERSIONS_MAX: usize = 100;

/// Every secret of the store, after its records were found to fit together.
///
/// # Errors
/// Everything that is wrong, a line each.
pub(crate) fn check(store: &dyn Store) -> Result<Vec<Secret>, String> {
    let mut found = Found::default();
    let snapshot = store.snapshot().map_err(|fault| fault.to_string())?;
    snapshot
        .range(&Range::all(), &mut |entry| {
            found.take(entry.key, entry.value);
            ControlFlow::Continue(())
        })
        .map_err(|fault| fault.to_string())?;
    found.verdict()
}

#[derive(Default)]
struct Found {
    secrets: Vec<Secret>,
    /// The KMS key of each sealed value, by the value's key.
    values: BTreeMap<Vec<u8>, String>,
    /// Rows of indices that secrets must account for.
    rows: BTreeSet<Vec<u8>>,
    kms_keys: BTreeMap<Vec<u8>, KmsKey>,
    /// The aliases' keys and what they name.
    aliases: Vec<(Vec<u8>, String)>,
    grants: BTreeSet<String>,
    /// The keys of rows of grants' indices, and the grants' ids.
    grant_rows: Vec<(Vec<u8>, String)>,
    rotations: Vec<RotationJob>,
    wrong: Vec<String>,
}

impl Found {
    fn take(&mut self, key: &[u8], value: &[u8]) {
        let kind = key.split(|byte| *byte == 0).next().unwrap_or_default();
        match kind {
            b"secret" => {
                if let Some(secret) = self.decoded::<Secret>(key, value) {
                    if secret.key().as_bytes() != key {
                        self.note(key, "holds a secret that belongs elsewhere");
                    }
                    self.secrets.push(secret);
                }
            }
            b"version" => {
                if let Some(sealed) = self.decoded::<SealedValue>(key, value) {
                    self.values.insert(key.to_vec(), sealed.envelope.key_id);
                }
            }
            b"created" if value.is_empty() => drop(self.rows.insert(key.to_vec())),
            b"purge-due" => {
                if let Some(due) = self.decoded::<PurgeDue>(key, value) {
                    let due = serde_json::to_value(due).unwrap_or_default();
                    let part = |name: &str| due[name].as_str().unwrap_or_default().to_owned();
                    let end = ["account", "region", "name"].map(part).join("\0");
                    if !key.ends_with(format!("\0{end}").as_bytes()) {
                        self.note(key, "says something else than its key");
                    }
                    self.rows.insert(key.to_vec());
                }
            }
            b"kms-key" => {
                if let Some(kms_key) = self.decoded::<KmsKey>(key, value) {
                    self.kms_keys.insert(key.to_vec(), kms_key);
                }
            }
            b"kms-alias" => {
                if let Some(alias) = self.decoded::<Alias>(key, value) {
                    self.aliases.push((key.to_vec(), alias.key_id));
                }
            }
            b"kms-grant" => {
                if let Some(grant) = self.decoded::<Grant>(key, value) {
                    self.grants.insert(grant.grant_id);
                }
            }
            b"kms-grant-to" | b"kms-retirable" if value.is_empty() => {
                let id = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
                self.grant_rows
                    .push((key.to_vec(), String::from_utf8_lossy(id).into_owned()));
            }
            b"kms-dependent" if value.is_empty() => drop(self.rows.insert(key.to_vec())),
            b"last-use" => drop(self.decoded::<LastUse>(key, value)),
            b"kms-due" => drop(self.decoded::<KmsDue>(key, value)),
            b"account" => drop(self.decoded::<Account>(key, value)),
            b"access-key" => drop(self.decoded::<AccessKey>(key, value)),
            b"development-clock" | b"audit-head" | b"audit-keys" | b"audit-outbox" => {}
            b"audit-seed" => drop(self.decoded::<AuditSeed>(key, value)),
            b"root-key" => drop(self.decoded::<RootKeyInUse>(key, value)),
            b"job" => drop(self.decoded::<Job>(key, value)),
            b"rotation-job" => {
                let job = self.decoded::<RotationJob>(key, value);
                self.rotations.extend(job);
            }
            b"rotation-step" => {
                if self.decoded::<RotationStep>(key, value).is_some() {
                    self.rows.insert(key.to_vec());
                }
            }
            b"rotation-due" => {
                if self.decoded::<RotationDue>(key, value).is_some() {
                    self.rows.insert(key.to_vec());
                }
            }
            b"rotation-run" => drop(self.decoded::<RotationRun>(key, value)),
            _ => self.note(key, "is of no known kind"),
        }
    }

    fn decoded<T: Record + Clone>(&mut self, key: &[u8], value: &[u8]) -> Option<T> {
        let record = match T::decode(value) {
            Ok(record) => T::unwrap(&record).cloned(),
            Err(_) => None,
        };
        let record = record.map(Arc::unwrap_or_clone);
        if record.is_none() {
            self.note(key, "can't be read");
        }
        record
    }

    fn note(&mut self, key: &[u8], what: &str) {
        self.wrong.push(format!("{} {what}", key.escape_ascii()));
    }

    fn verdict(mut self) -> Result<Vec<Secret>, String> {
        for secret in &self.secrets {
            let mut wrong = labels_of(secret);
            for version in &secret.versions {
                let key = secret.version_key(&version.id);
                let value = self.values.remove(key.as_bytes());
                match (value, version.kind) {
                    (None, ValueKind::Awaited) => {}
                    (Some(_), ValueKind::Awaited) => {
                        wrong.push(format!("version {} has a value too early", version.id));
                    }
                    (None, _) => wrong.push(format!("version {} has lost its value", version.id)),
                    (Some(kms_key), _) => {
                        let kms_key = Key::kms_key(&secret.account, &secret.region, &kms_key);
                        if !self.kms_keys.contains_key(kms_key.as_bytes()) {
                            wrong.push(format!("version {} has lost its KMS key", version.id));
                        }
                    }
                }
            }
            if !self.rows.remove(secret.created_key().as_bytes()) {
                wrong.push("is not in the index by creation".to_owned());
            }
            for key in secret.customer_keys() {
                let arn = secret.arn();
                let row = Key::kms_dependent(&key.account, &secret.region, &key.key_id, &arn);
                if !self.rows.remove(row.as_bytes()) {
                    wrong.push(format!("is not among what depends on {}", key.key_id));
                }
            }
            if let Lifecycle::Deleting { at } = secret.lifecycle {
                let due = Key::purge_due(at, &secret.account, &secret.region, &secret.name);
                if !self.rows.remove(due.as_bytes()) {
                    wrong.push("will never be purged".to_owned());
                }
            }
            let rotates = self.rotations.iter().any(|job| {
                (&job.account, &job.region, &job.name, &job.suffix)
                    == (
                        &secret.account,
                        &secret.region,
                        &secret.name,
                        &secret.suffix,
                    )
            });
            if let Some(next) = secret.rotation.as_ref().and_then(|rotation| rotation.next) {
                let (account, region) = (&secret.account, &secret.region);
                let due = Key::rotation_due(next.at, account, region, &secret.name);
                // While it rotates, the row that began that is gone.
                if !self.rows.remove(due.as_bytes()) && !rotates {
                    wrong.push("will never rotate".to_owned());
                }
            }
            let arn = secret.arn();
            self.wrong
                .extend(wrong.into_iter().map(|what| format!("{arn}: {what}")));
        }
        for job in &self.rotations {
            let row = Key::rotation_step(job.due, &job.account, &job.region, &job.name);
            if !self.rows.remove(row.as_bytes()) {
                let job = job.key().as_bytes().escape_ascii().to_string();
                self.wrong.push(format!("{job} will never be taken up"));
            }
        }
        for (alias, key_id) in &self.aliases {
            let named = self.kms_keys.values().any(|key| key.key_id == *key_id);
            if !named {
                let alias = alias.escape_ascii();
                self.wrong.push(format!("{alias} names no KMS key"));
            }
        }
        for (row, grant_id) in &self.grant_rows {
            if !self.grants.contains(grant_id) {
                let row = row.escape_ascii();
                self.wrong.push(format!("{row} is of no grant"));
            }
        }
        let orphans = self.values.keys().chain(&self.rows);
        self.wrong
            .extend(orphans.map(|key| format!("{} is an orphan", key.escape_ascii())));
        if self.wrong.is_empty() {
            Ok(self.secrets)
        } else {
            Err(self.wrong.join("\n"))
        }
    }
}

/// Each label with the version that has it.
pub(crate) fn labels(secret: &Secret) -> BTreeMap<String, String> {
    let json = serde_json::to_value(&secret.labels).unwrap_or_default();
    serde_json::from_value(json).unwrap_or_default()
}

fn labels_of(secret: &Secret) -> Vec<String> {
    let mut wrong = Vec::new();
    let labels = labels(secret);
    let ids: BTreeSet<&str> = secret.versions.iter().map(|it| it.id.as_str()).collect();
    if ids.len() != secret.versions.len() {
        wrong.push("has two versions of one id".to_owned());
    }
    if ids.len() > VERSIONS_MAX {
        wrong.push(format!("has {} versions", ids.len()));
    }
    if labels.len() > LABELS_MAX {
        wrong.push(format!("has {} labels", labels.len()));
    }
    for (label, holder) in &labels {
        if !ids.contains(holder.as_str()) {
            wrong.push(format!("label {label} is on {holder}, which is no version"));
        }
    }
    let valued = |id: &str| {
        secret
            .version(id)
            .is_some_and(|version| version.kind != ValueKind::Awaited)
    };
    let has_value = ids.iter().any(|id| valued(id));
    let current = labels.get("AWSCURRENT");
    if has_value && !current.is_some_and(|id| valued(id)) {
        wrong.push("has values, and none of them is current".to_owned());
    }
    wrong
}
