//! Which versions of which secrets a KMS key protects: what would be lost with it. For operators; it
//! tells names, never values.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::secret::Secret;
use super::secret_id::SecretId;
use crate::kms::dependents::{self, KeyRef};
use crate::kms::key::KmsKey;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// A secret of which at least one version is sealed under the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DependentSecret {
    /// The secret's ARN.
    #[serde(rename = "ARN")]
    pub arn: String,
    /// Its versions under the key.
    pub versions: Vec<DependentVersion>,
}

/// A version that is sealed under the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct DependentVersion {
    /// The version's id.
    pub version_id: String,
    /// Its labels; without any, it is an old one.
    pub version_stages: Vec<String>,
}

/// Secrets under a key, in the order of their ARNs, behind the one named `after`; at most `most`.
pub fn of_key(
    key: &KmsKey,
    after: &str,
    most: usize,
    records: &Records<'_>,
) -> Result<Vec<DependentSecret>, Stop> {
    let mut arns = Vec::new();
    dependents::each(key, after, records, |arn| {
        arns.push(arn.to_owned());
        if arns.len() < most {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    let key_ref = KeyRef::to(key);
    let mut found = Vec::with_capacity(arns.len());
    for arn in arns {
        if let Some(secret) = secret_of(&arn, key, records)? {
            let versions = secret.versions.iter();
            found.push(DependentSecret {
                versions: versions
                    .filter(|version| version.customer_key.as_ref() == Some(&key_ref))
                    .map(|version| DependentVersion {
                        version_id: version.id.clone(),
                        version_stages: secret.labels_of(&version.id),
                    })
                    .collect(),
                arn,
            });
        }
    }
    Ok(found)
}

/// The secret whose ARN stands in the index; `None` where it went away meanwhile.
fn secret_of(arn: &str, key: &KmsKey, records: &Records<'_>) -> Result<Option<Arc<Secret>>, Stop> {
    let Ok(id) = SecretId::parse(arn.to_owned()) else {
        return Ok(None);
    };
    let Some((account, name)) = id.account_and_name() else {
        return Ok(None);
    };
    let place = Key::secret(account, &key.region, name);
    let secret = records.peek::<Secret>(&place)?;
    Ok(secret.filter(|secret| secret.arn() == arn))
}
