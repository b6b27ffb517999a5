//! AWS Secrets Manager: one file an operation, and the records that they share.
//!
//! Source: reference/api.md, reference/versions-and-staging.md.

pub mod access;
pub mod batch_get_secret_value;
pub mod cancel_rotate_secret;
pub mod create_secret;
pub mod delete_resource_policy;
pub mod delete_secret;
pub mod describe_secret;
mod filters;
pub mod get_random_password;
pub mod get_resource_policy;
pub mod get_secret_value;
pub mod key_usage;
pub mod list_secret_version_ids;
pub mod list_secrets;
mod listing;
mod metadata;
pub(crate) mod password;
pub mod place;
pub mod purge;
pub mod put_resource_policy;
pub mod put_secret_value;
pub(crate) mod refusals;
pub mod renewal;
pub mod resource_policy;
pub mod restore_secret;
pub mod rotate_secret;
pub mod secret;
pub mod secret_id;
pub(crate) mod shapes;
pub mod soundness;
pub mod tag_resource;
pub mod untag_resource;
pub mod update_secret;
pub mod update_secret_version_stage;
pub mod validate_resource_policy;
pub mod version;

use crate::operation::Entry;

/// The service's name in credential scopes, and its prefix in `X-Amz-Target`.
pub const SERVICE: &str = "secretsmanager";

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of::<batch_get_secret_value::BatchGetSecretValue>(),
    Entry::of::<cancel_rotate_secret::CancelRotateSecret>(),
    Entry::of::<create_secret::CreateSecret>(),
    Entry::of::<delete_resource_policy::DeleteResourcePolicy>(),
    Entry::of::<delete_secret::DeleteSecret>(),
    Entry::of::<describe_secret::DescribeSecret>(),
    Entry::of::<get_random_password::GetRandomPassword>(),
    Entry::of::<get_resource_policy::GetResourcePolicy>(),
    Entry::of::<get_secret_value::GetSecretValue>(),
    Entry::of::<list_secret_version_ids::ListSecretVersionIds>(),
    Entry::of::<list_secrets::ListSecrets>(),
    Entry::of::<put_resource_policy::PutResourcePolicy>(),
    Entry::of::<put_secret_value::PutSecretValue>(),
    Entry::of::<restore_secret::RestoreSecret>(),
    Entry::of::<rotate_secret::RotateSecret>(),
    Entry::of::<tag_resource::TagResource>(),
    Entry::of::<untag_resource::UntagResource>(),
    Entry::of::<update_secret::UpdateSecret>(),
    Entry::of::<update_secret_version_stage::UpdateSecretVersionStage>(),
    Entry::of::<validate_resource_policy::ValidateResourcePolicy>(),
];

/// Operations of AWS that this deployment does not have yet: each is refused, with the reason.
pub const ABSENT_OPERATIONS: &[(&str, &str)] = &[
    ("ReplicateSecretToRegions", REPLICATION_ABSENT),
    ("RemoveRegionsFromReplication", REPLICATION_ABSENT),
    ("StopReplicationToReplica", REPLICATION_ABSENT),
];

const REPLICATION_ABSENT: &str = "This version of Strongroom doesn't replicate secrets. The secret \
     was not changed; create it in each region with CreateSecret.";

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<crate::refusal::Refusal> {
    ABSENT_OPERATIONS
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, reason)| refusals::invalid_request(*reason))
}
