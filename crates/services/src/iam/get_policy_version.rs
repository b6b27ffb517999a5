//! GetPolicyVersion: what a version of a managed policy says.
//!
//! Source: AWS IAM API Reference, GetPolicyVersion.

use serde::Serialize;

use super::managed_policy::{self, NamedPolicy, ShownVersion};
use super::shapes::VERSION_ID;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetPolicyVersion {
    policy: NamedPolicy,
    version_id: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GotVersion {
    policy_version: ShownVersion,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";
    type Output = GotVersion;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetPolicyVersion {
            policy: NamedPolicy::take(members),
            version_id: members.required_text("VersionId", &VERSION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.policy.need("iam:GetPolicyVersion", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<GotVersion>, Stop> {
        let GetPolicyVersion { policy, version_id } = allowed.into_request();
        let (_, found) = policy.find(records, given.caller)?;
        let number = managed_policy::version_number(&version_id);
        let shown = number.and_then(|number| ShownVersion::whole(&found, number));
        let policy_version = shown.ok_or_else(|| policy.no_such_version(&version_id))?;
        Ok(Decided::answer(GotVersion { policy_version }))
    }
}
