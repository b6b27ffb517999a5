//! AWS STS: one file an operation.
//!
//! Source: reference/kms-iam-sts.md §C; AWS Security Token Service API Reference.

pub mod get_access_key_info;
pub mod get_caller_identity;
pub mod session;
pub mod web_identity;

use crate::operation::Entry;
use crate::refusal::Refusal;

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of_query::<get_access_key_info::GetAccessKeyInfo>(),
    Entry::of_query::<get_caller_identity::GetCallerIdentity>(),
];

/// Operations of AWS that this deployment does not have: each is refused, with the reason.
pub const ABSENT_OPERATIONS: &[(&str, &str)] = &[
    ("AssumeRole", ROLES_ABSENT),
    ("AssumeRoleWithSAML", ROLES_ABSENT),
    ("AssumeRoleWithWebIdentity", ROLES_ABSENT),
    ("AssumeRoot", ROLES_ABSENT),
    ("DecodeAuthorizationMessage", MESSAGES_ABSENT),
    ("GetDelegatedAccessToken", SESSIONS_ABSENT),
    ("GetFederationToken", SESSIONS_ABSENT),
    ("GetSessionToken", SESSIONS_ABSENT),
    ("GetWebIdentityToken", SESSIONS_ABSENT),
];

const ROLES_ABSENT: &str = "This version of Strongroom has no roles. Use the access key of an IAM \
     user.";

const SESSIONS_ABSENT: &str = "This version of Strongroom gives out no temporary credentials. Use \
     the access key of an IAM user.";

const MESSAGES_ABSENT: &str = "This version of Strongroom encodes no authorization messages, so \
     there are none to decode.";

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<Refusal> {
    ABSENT_OPERATIONS
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, reason)| Refusal::framework("UnsupportedOperation", *reason))
}
