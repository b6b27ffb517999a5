//! UpdateAssumeRolePolicy: who may assume a role from now on.
//!
//! Source: AWS IAM API Reference, UpdateAssumeRolePolicy.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::role::{self, Role};
use super::shapes::POLICY_DOCUMENT;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateAssumeRolePolicy {
    role: Named<Role>,
    trust: String,
}

impl Operation for UpdateAssumeRolePolicy {
    const NAME: &'static str = "UpdateAssumeRolePolicy";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateAssumeRolePolicy {
            role: Named::take(members),
            trust: members.required_text("PolicyDocument", &POLICY_DOCUMENT),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:UpdateAssumeRolePolicy";
        self.role.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let UpdateAssumeRolePolicy { role, trust } = allowed.into_request();
        let role = role.find(records, given.caller)?;
        let trust = role::checked_trust(trust, &role.account, records)?;
        let mut role = Arc::unwrap_or_clone(role);
        role.trust = trust;
        let mut changes = Changes::none();
        changes.put(role.key(), &role)?;
        Ok(Decided::silent(changes))
    }
}
