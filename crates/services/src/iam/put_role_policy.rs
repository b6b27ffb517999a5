//! PutRolePolicy: a policy of a role's own.
//!
//! Source: AWS IAM API Reference, PutRolePolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::identity_policy::IdentityPolicy;
use super::refusals;
use super::role::{self, INLINE_MAX};
use super::shapes::{POLICY_DOCUMENT, POLICY_NAME, ROLE_NAME};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutRolePolicy {
    role_name: String,
    policy_name: String,
    document: String,
}

impl Operation for PutRolePolicy {
    const NAME: &'static str = "PutRolePolicy";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutRolePolicy {
            role_name: members.required_text("RoleName", &ROLE_NAME),
            policy_name: members.required_text("PolicyName", &POLICY_NAME),
            document: members.required_text("PolicyDocument", &POLICY_DOCUMENT),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        role::need(
            "iam:PutRolePolicy",
            &self.role_name,
            Context::new(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let role = role::find(&request.role_name, records, given.caller)?;
        let policy = IdentityPolicy::checked(request.document)?;
        let mut role = Arc::unwrap_or_clone(role);
        if !role.inline.put(request.policy_name, policy, INLINE_MAX) {
            let of = format!("role {}", role.name);
            return Err(refusals::inline_policies_too_large(&of, INLINE_MAX).into());
        }
        let mut changes = Changes::none();
        changes.put(role.key(), &role)?;
        Ok(Decided::silent(changes))
    }
}
