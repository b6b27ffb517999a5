//! DeletePolicyVersion: the end of a version of a managed policy that isn't in force.
//!
//! Source: AWS IAM API Reference, DeletePolicyVersion.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::managed_policy::{self, ManagedPolicy};
use super::refusals;
use super::shapes::VERSION_ID;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeletePolicyVersion {
    policy: Named<ManagedPolicy>,
    version_id: String,
}

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeletePolicyVersion {
            policy: Named::take(members),
            version_id: members.required_text("VersionId", &VERSION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:DeletePolicyVersion";
        self.policy.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeletePolicyVersion { policy, version_id } = allowed.into_request();
        let mut found = Arc::unwrap_or_clone(policy.find(records, given.caller)?);
        let number = managed_policy::version_number(&version_id);
        let Some(number) = number.filter(|number| found.version(*number).is_some()) else {
            return Err(refusals::no_such_version(policy.name(), &version_id).into());
        };
        if number == found.default_version {
            return Err(refusals::default_version().into());
        }
        found.versions.retain(|version| version.number != number);
        let mut changes = Changes::none();
        changes.put(found.key(), &found)?;
        Ok(Decided::silent(changes))
    }
}
