//! DeletePolicy: the end of a managed policy that nothing uses, once only its default version is left.
//!
//! Source: AWS IAM API Reference, DeletePolicy.

use strongroom_policy::Context;

use super::entity::Named;
use super::managed_policy::ManagedPolicy;
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeletePolicy {
    policy: Named<ManagedPolicy>,
}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeletePolicy {
            policy: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.policy
            .need("iam:DeletePolicy", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeletePolicy { policy } = allowed.into_request();
        let policy = policy.find(records, given.caller)?;
        if policy.attachments > 0 || policy.boundaries > 0 {
            return Err(refusals::policy_in_use().into());
        }
        if policy.versions.len() > 1 {
            return Err(refusals::policy_with_versions().into());
        }
        let mut changes = Changes::none();
        changes.delete(policy.key());
        Ok(Decided::silent(changes))
    }
}
