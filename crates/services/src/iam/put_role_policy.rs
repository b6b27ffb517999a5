//! PutRolePolicy: a policy of a role's own.
//!
//! Source: AWS IAM API Reference, PutRolePolicy; the rule is in `put_inline_policy.rs`.

use super::entity::OnKind;
use super::put_inline_policy::PutInlinePolicy;
use super::role::Role;

/// The request.
pub type PutRolePolicy = PutInlinePolicy<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "PutRolePolicy";
    const ACTION: &'static str = "iam:PutRolePolicy";
    type Kind = Role;
}
