//! AWS KMS: one file an operation, the records that they share, and envelope encryption for the
//! services that keep values.
//!
//! Source: reference/kms-iam-sts.md §A, reference/access-control.md §10; AWS KMS API Reference.

pub mod access;
mod algorithm;
pub mod alias;
pub mod cancel_key_deletion;
mod ciphertext;
pub mod create_alias;
pub mod create_grant;
pub mod create_key;
mod data_key;
mod data_key_pair;
pub mod decrypt;
pub mod delete_alias;
pub mod delete_imported_key_material;
pub mod dependents;
pub mod describe_key;
pub mod disable_key;
pub mod disable_key_rotation;
pub mod due;
pub mod enable_key;
pub mod enable_key_rotation;
pub mod encrypt;
pub mod envelope;
pub mod generate_data_key;
pub mod generate_data_key_pair;
pub mod generate_data_key_pair_without_plaintext;
pub mod generate_data_key_without_plaintext;
pub mod generate_mac;
pub mod generate_random;
pub mod get_key_policy;
pub mod get_key_rotation_status;
pub mod get_parameters_for_import;
pub mod get_public_key;
pub mod grant;
pub mod import_key_material;
mod import_token;
pub mod key;
pub mod list_aliases;
pub mod list_grants;
pub mod list_key_policies;
pub mod list_key_rotations;
pub mod list_keys;
pub mod list_resource_tags;
pub mod list_retirable_grants;
mod listing;
mod material;
mod metadata;
pub mod name;
pub mod policy;
pub mod put_key_policy;
pub mod re_encrypt;
mod refusals;
pub mod retire_grant;
pub mod revoke_grant;
pub mod rotate_key_on_demand;
mod rotation;
pub mod schedule_key_deletion;
mod shapes;
pub mod sign;
mod signed;
mod source;
mod state;
mod symmetric;
pub mod tag_resource;
mod tags;
pub mod untag_resource;
pub mod update_alias;
pub mod update_key_description;
pub mod usable;
pub mod verify;
pub mod verify_mac;

use crate::operation::{Entry, Given};
use crate::refusal::Refusal;

/// The service's name in credential scopes and before the colon of its actions.
pub const SERVICE: &str = "kms";

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of::<cancel_key_deletion::CancelKeyDeletion>(),
    Entry::of::<create_alias::CreateAlias>(),
    Entry::of::<create_grant::CreateGrant>(),
    Entry::of::<create_key::CreateKey>(),
    Entry::of::<decrypt::Decrypt>(),
    Entry::of::<delete_alias::DeleteAlias>(),
    Entry::of::<delete_imported_key_material::DeleteImportedKeyMaterial>(),
    Entry::of::<describe_key::DescribeKey>(),
    Entry::of::<disable_key::DisableKey>(),
    Entry::of::<disable_key_rotation::DisableKeyRotation>(),
    Entry::of::<enable_key::EnableKey>(),
    Entry::of::<enable_key_rotation::EnableKeyRotation>(),
    Entry::of::<encrypt::Encrypt>(),
    Entry::of::<generate_data_key::GenerateDataKey>(),
    Entry::of::<generate_data_key_pair::GenerateDataKeyPair>(),
    Entry::of::<generate_data_key_pair_without_plaintext::GenerateDataKeyPairWithoutPlaintext>(),
    Entry::of::<generate_data_key_without_plaintext::GenerateDataKeyWithoutPlaintext>(),
    Entry::of::<generate_mac::GenerateMac>(),
    Entry::of::<generate_random::GenerateRandom>(),
    Entry::of::<get_key_policy::GetKeyPolicy>(),
    Entry::of::<get_key_rotation_status::GetKeyRotationStatus>(),
    Entry::of::<get_parameters_for_import::GetParametersForImport>(),
    Entry::of::<get_public_key::GetPublicKey>(),
    Entry::of::<import_key_material::ImportKeyMaterial>(),
    Entry::of::<list_aliases::ListAliases>(),
    Entry::of::<list_grants::ListGrants>(),
    Entry::of::<list_key_policies::ListKeyPolicies>(),
    Entry::of::<list_key_rotations::ListKeyRotations>(),
    Entry::of::<list_keys::ListKeys>(),
    Entry::of::<list_resource_tags::ListResourceTags>(),
    Entry::of::<list_retirable_grants::ListRetirableGrants>(),
    Entry::of::<put_key_policy::PutKeyPolicy>(),
    Entry::of::<re_encrypt::ReEncrypt>(),
    Entry::of::<retire_grant::RetireGrant>(),
    Entry::of::<revoke_grant::RevokeGrant>(),
    Entry::of::<rotate_key_on_demand::RotateKeyOnDemand>(),
    Entry::of::<schedule_key_deletion::ScheduleKeyDeletion>(),
    Entry::of::<sign::Sign>(),
    Entry::of::<tag_resource::TagResource>(),
    Entry::of::<untag_resource::UntagResource>(),
    Entry::of::<update_alias::UpdateAlias>(),
    Entry::of::<update_key_description::UpdateKeyDescription>(),
    Entry::of::<verify::Verify>(),
    Entry::of::<verify_mac::VerifyMac>(),
];

/// Operations of AWS that this deployment does not have: each is refused, with the reason.
pub const ABSENT_OPERATIONS: &[(&str, &str)] = &[
    ("ConnectCustomKeyStore", KEY_STORES_ABSENT),
    ("CreateCustomKeyStore", KEY_STORES_ABSENT),
    ("DeleteCustomKeyStore", KEY_STORES_ABSENT),
    ("DescribeCustomKeyStores", KEY_STORES_ABSENT),
    ("DisconnectCustomKeyStore", KEY_STORES_ABSENT),
    ("UpdateCustomKeyStore", KEY_STORES_ABSENT),
    ("Decapsulate", AGREEMENT_ABSENT),
    ("DeriveSharedSecret", AGREEMENT_ABSENT),
    ("Encapsulate", AGREEMENT_ABSENT),
    ("GetKeyLastUsage", LAST_USAGE_ABSENT),
    ("ReplicateKey", MULTI_REGION_ABSENT),
    ("UpdatePrimaryRegion", MULTI_REGION_ABSENT),
];

const KEY_STORES_ABSENT: &str = "This version of Strongroom has no custom key stores. Where the \
     root key of all keys is kept is set by its operator.";

const AGREEMENT_ABSENT: &str = "This version of Strongroom has no keys for key agreement or \
     encapsulation.";

const LAST_USAGE_ABSENT: &str = "This version of Strongroom doesn't track when a key was last \
     used.";

const MULTI_REGION_ABSENT: &str = "This version of Strongroom has no multi-Region keys. Nothing \
     was changed; make a key in each Region.";

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<Refusal> {
    ABSENT_OPERATIONS
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, reason)| refusals::unsupported(*reason))
}

/// The account asks more often than it may.
///
/// Source: AWS KMS Developer Guide, Throttling AWS KMS requests.
pub fn throttled() -> Refusal {
    Refusal::framework(
        "ThrottlingException",
        "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.",
    )
}

/// A random UUID (version 4).
pub(crate) fn uuid(given: &Given<'_>) -> String {
    fresh_uuid(given.entropy)
}

/// A random UUID.
pub(crate) fn fresh_uuid(entropy: &dyn strongroom_keys::Entropy) -> String {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    random[6] = (random[6] & 0x0f) | 0x40;
    random[8] = (random[8] & 0x3f) | 0x80;
    uuid_text(random)
}

/// The text of a UUID's bytes.
fn uuid_text(bytes: [u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 0x0f] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}
