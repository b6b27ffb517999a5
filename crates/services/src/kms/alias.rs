//! An alias: another name of a key, by which it can be exchanged for another key.
//!
//! Source: AWS KMS Developer Guide, Aliases in AWS KMS.

use serde::{Deserialize, Serialize};

use crate::caller::{AccountId, Region};
use crate::time::Timestamp;

/// The alias of the key that Secrets Manager keeps for each account, with `alias/`.
pub const SECRETS_MANAGER_ALIAS: &str = "alias/aws/secretsmanager";

/// A KMS alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// Its name, with `alias/`.
    pub name: String,
    /// The key that it names.
    pub key_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last given another key.
    pub updated: Timestamp,
}

/// The ARN of an alias; `name` is with `alias/`.
pub fn alias_arn(account: &AccountId, region: &Region, name: &str) -> String {
    format!("arn:{}:kms:{region}:{account}:{name}", region.partition())
}
