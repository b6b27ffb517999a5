//! CreatePolicyVersion: another version of a managed policy; in force at once where that is asked for.
//!
//! Source: AWS IAM API Reference, CreatePolicyVersion.

use std::sync::Arc;

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::managed_policy::{self, ManagedPolicy, ShownVersion, VERSIONS_MAX};
use super::refusals;
use super::shapes::POLICY_DOCUMENT;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct CreatePolicyVersion {
    policy: Named<ManagedPolicy>,
    document: String,
    set_as_default: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedVersion {
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_version: Option<ShownVersion>,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";
    type Output = CreatedVersion;

    fn read(members: &mut Members<'_, '_>) -> Self {
        CreatePolicyVersion {
            policy: Named::take(members),
            document: members.required_text("PolicyDocument", &POLICY_DOCUMENT),
            set_as_default: members.flag("SetAsDefault").unwrap_or_default(),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:CreatePolicyVersion";
        self.policy.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedVersion>, Stop> {
        let request = allowed.into_request();
        let found = request.policy.find(records, given.caller)?;
        let document = managed_policy::checked(request.document)?;
        if found.versions.len() >= VERSIONS_MAX {
            return Err(refusals::too_many_versions(VERSIONS_MAX).into());
        }
        let mut policy = Arc::unwrap_or_clone(found);
        policy.add_version(document, request.set_as_default, given.now);
        let mut changes = Changes::none();
        changes.put(policy.key(), &policy)?;
        let version = policy.versions.last();
        let policy_version = version.map(|version| ShownVersion::of_own(&policy, version));
        Ok(Decided::change(changes, CreatedVersion { policy_version }))
    }
}
