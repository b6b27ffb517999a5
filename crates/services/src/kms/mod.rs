//! AWS KMS: one file an operation, the records that they share, and envelope encryption for the
//! services that keep values.
//!
//! Source: reference/kms-iam-sts.md §A, reference/access-control.md §10; AWS KMS API Reference.

pub mod access;
pub mod alias;
pub mod dependents;
pub mod describe_key;
pub mod due;
pub mod envelope;
pub mod grant;
pub mod key;
mod material;
mod metadata;
pub mod name;
pub mod policy;
mod refusals;
mod shapes;
pub mod usable;

use crate::operation::{Entry, Given};
use crate::refusal::Refusal;

/// The service's name in credential scopes and before the colon of its actions.
pub const SERVICE: &str = "kms";

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[Entry::of::<describe_key::DescribeKey>()];

/// Operations of AWS that this deployment does not have: each is refused, with the reason.
pub const ABSENT_OPERATIONS: &[(&str, &str)] = &[
    ("ConnectCustomKeyStore", KEY_STORES_ABSENT),
    ("CreateCustomKeyStore", KEY_STORES_ABSENT),
    ("DeleteCustomKeyStore", KEY_STORES_ABSENT),
    ("DescribeCustomKeyStores", KEY_STORES_ABSENT),
    ("DisconnectCustomKeyStore", KEY_STORES_ABSENT),
    ("UpdateCustomKeyStore", KEY_STORES_ABSENT),
    ("ReplicateKey", MULTI_REGION_ABSENT),
    ("UpdatePrimaryRegion", MULTI_REGION_ABSENT),
];

const KEY_STORES_ABSENT: &str = "This version of Strongroom has no custom key stores. Where the \
     root key of all keys is kept is set by its operator.";

const MULTI_REGION_ABSENT: &str = "This version of Strongroom has no multi-Region keys. Nothing \
     was changed; make a key in each Region.";

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<Refusal> {
    ABSENT_OPERATIONS
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, reason)| refusals::unsupported(*reason))
}

/// A random UUID (version 4).
fn uuid(given: &Given<'_>) -> String {
    let mut random = [0; 16];
    given.entropy.fill(&mut random);
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}
