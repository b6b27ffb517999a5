//! AWS STS: one file an operation.
//!
//! Source: reference/kms-iam-sts.md §C; AWS Security Token Service API Reference.

pub mod assume_role;
pub mod assume_role_with_web_identity;
pub mod get_access_key_info;
pub mod get_caller_identity;
pub mod get_session_token;
pub(crate) mod refusals;
pub mod role_session;
pub mod session;
mod shapes;
pub mod web_identity;

use crate::operation::Entry;
use crate::refusal::Refusal;

/// Every operation that the service answers.
pub const OPERATIONS: &[Entry] = &[
    Entry::of_query::<assume_role::AssumeRole>(),
    Entry::of_query::<assume_role_with_web_identity::AssumeRoleWithWebIdentity>(),
    Entry::of_query::<get_access_key_info::GetAccessKeyInfo>(),
    Entry::of_query::<get_caller_identity::GetCallerIdentity>(),
    Entry::of_query::<get_session_token::GetSessionToken>(),
];

/// Operations of AWS that this deployment does not have: each is refused, with the reason.
pub const ABSENT_OPERATIONS: &[(&str, &str)] = &[
    ("AssumeRoleWithSAML", SAML_ABSENT),
    ("AssumeRoot", ORGANIZATIONS_ABSENT),
    ("DecodeAuthorizationMessage", MESSAGES_ABSENT),
    ("GetDelegatedAccessToken", DELEGATION_ABSENT),
    ("GetFederationToken", FEDERATION_ABSENT),
    ("GetScopedCredentials", DELEGATION_ABSENT),
    ("GetWebIdentityToken", OUTBOUND_ABSENT),
];

const SAML_ABSENT: &str = "This version of Strongroom knows no SAML providers. Assume a role by AssumeRole, or by \
     AssumeRoleWithWebIdentity.";

const ORGANIZATIONS_ABSENT: &str =
    "This version of Strongroom has no central root access. Use the account's root credentials.";

const DELEGATION_ABSENT: &str =
    "This version of Strongroom delegates no access by tokens. Assume a role by AssumeRole.";

const FEDERATION_ABSENT: &str = "This version of Strongroom has no federated users. Assume a role by AssumeRole, \
     with a session policy for what a user of its own should be limited to.";

const OUTBOUND_ABSENT: &str = "This version of Strongroom is no identity provider for others.";

const MESSAGES_ABSENT: &str = "This version of Strongroom encodes no authorization messages, so \
     there are none to decode.";

/// The refusal of an operation that AWS has and this deployment has not.
pub fn absent(operation: &str) -> Option<Refusal> {
    ABSENT_OPERATIONS
        .iter()
        .find(|(name, _)| *name == operation)
        .map(|(_, reason)| Refusal::framework("UnsupportedOperation", *reason))
}
