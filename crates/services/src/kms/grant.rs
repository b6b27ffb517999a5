//! The record of a grant: a permission to use a key, given to one principal.
//!
//! Source: AWS KMS Developer Guide, Grants in AWS KMS; AWS KMS API Reference, GrantConstraints.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use super::key::KmsKey;
use crate::caller::AccountId;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// A grant of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The key that it belongs to.
    pub key_id: String,
    /// 64 hexadecimal digits.
    pub grant_id: String,
    /// The name that its maker gave it, so that a repeated request makes no second one.
    pub name: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// The ARN of the principal that may use the key.
    pub grantee_principal: String,
    /// The ARN of the principal that may retire it.
    pub retiring_principal: Option<String>,
    /// The account that made it.
    pub issuing_account: AccountId,
    /// What the grantee may do, by the operations' names.
    pub operations: Vec<String>,
    /// In which cases.
    pub constraints: Constraints,
}

/// In which cases a grant applies; without any, in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// The request's encryption context has all of these.
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
    /// The request's encryption context is exactly this.
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
    /// The request is made for this resource.
    pub source_arn: Option<String>,
}

impl Grant {
    /// Whether it allows an operation with an encryption context.
    pub fn allows(&self, operation: &str, context: &BTreeMap<String, String>) -> bool {
        self.operations.iter().any(|granted| granted == operation) && self.constraints.hold(context)
    }
}

impl Grant {
    /// Writes its rows; the key's count is up to the caller.
    pub(super) fn add(&self, key: &KmsKey, changes: &mut Changes) -> Result<(), Stop> {
        for index in self.indices(key) {
            changes.put_entry(index);
        }
        changes.put(self.key(key), self)
    }

    /// Removes its rows; the key's count is up to the caller.
    pub(super) fn remove(&self, key: &KmsKey, changes: &mut Changes) {
        for index in self.indices(key) {
            changes.delete(index);
        }
        changes.delete(self.key(key));
    }

    fn key(&self, key: &KmsKey) -> Key {
        Key::kms_grant(&key.account, &key.region, &key.key_id, &self.grant_id)
    }

    fn indices(&self, key: &KmsKey) -> impl Iterator<Item = Key> {
        let (account, region, key_id) = (&key.account, &key.region, &key.key_id);
        let grantee = &self.grantee_principal;
        let retiring = self.retiring_principal.as_ref();
        let to = Key::kms_grant_to(account, region, key_id, grantee, &self.grant_id);
        [to].into_iter().chain(
            retiring.map(|retiring| {
                Key::kms_retirable(account, region, retiring, key_id, &self.grant_id)
            }),
        )
    }
}

impl Constraints {
    fn hold(&self, context: &BTreeMap<String, String>) -> bool {
        let subset = self
            .encryption_context_subset
            .as_ref()
            .is_none_or(|subset| {
                subset
                    .iter()
                    .all(|(name, value)| context.get(name) == Some(value))
            });
        let equal = self
            .encryption_context_equals
            .as_ref()
            .is_none_or(|equal| equal == context);
        // No request of ours is made on behalf of a resource yet that would name itself.
        subset && equal && self.source_arn.is_none()
    }
}

/// Whether a grant of a key lets a principal do an operation. `principal` is its ARN.
pub fn grants(
    key: &KmsKey,
    principal: &str,
    operation: &str,
    context: &BTreeMap<String, String>,
    records: &Records<'_>,
) -> Result<bool, Stop> {
    if key.grants_count == 0 {
        return Ok(false);
    }
    let index = Key::kms_grants_to(&key.account, &key.region, &key.key_id, principal);
    let mut grant_ids = Vec::new();
    records.scan_keys(index.as_bytes(), &index.end(), false, |row| {
        grant_ids.push(String::from_utf8_lossy(&row[index.as_bytes().len()..]).into_owned());
        ControlFlow::Continue(())
    })?;
    for grant_id in grant_ids {
        let record = Key::kms_grant(&key.account, &key.region, &key.key_id, &grant_id);
        if let Some(grant) = records.peek::<Grant>(&record)?
            && grant.allows(operation, context)
        {
            return Ok(true);
        }
    }
    Ok(false)
}
