//! CreatePolicy: a managed policy of the account's own, which nothing uses yet.
//!
//! Source: AWS IAM API Reference, CreatePolicy.

use std::sync::Arc;

use serde::Serialize;

use super::managed_policy::{self, FoundPolicy, ManagedPolicy, ShownPolicy};
use super::shapes::{self, POLICY_DESCRIPTION, POLICY_DOCUMENT, POLICY_NAME, POLICY_PATH, Tag};
use super::{entity, quota, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Managed policies of an account's own. Source: IAM and AWS STS quotas.
pub(super) const POLICIES_MAX: usize = 1500;

/// The request.
pub struct CreatePolicy {
    name: String,
    path: String,
    document: String,
    description: Option<String>,
    tags: Vec<Tag>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedPolicy {
    policy: ShownPolicy,
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";
    type Output = CreatedPolicy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let path = members.text("Path", &POLICY_PATH);
        CreatePolicy {
            name: members.required_text("PolicyName", &POLICY_NAME),
            path: path.unwrap_or_else(|| "/".to_owned()),
            document: members.required_text("PolicyDocument", &POLICY_DOCUMENT),
            description: members.text("Description", &POLICY_DESCRIPTION),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(entity::needs_to_make(
            "iam:CreatePolicy",
            "iam:TagPolicy",
            &ManagedPolicy::resource(&self.path, &self.name),
            &self.tags,
            None,
            caller,
        ))
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedPolicy>, Stop> {
        let request = allowed.into_request();
        let account = &given.caller.account;
        let place = Key::iam_policy(account, &request.name);
        if records.read::<ManagedPolicy>(place.clone())?.is_some() {
            return Err(refusals::policy_exists(&request.name).into());
        }
        let document = managed_policy::checked(request.document)?;
        let all = Key::iam_policies(account);
        quota::refuse_more(&all, "PoliciesPerAccount", POLICIES_MAX, records)?;
        let mut policy = ManagedPolicy {
            account: account.clone(),
            name: request.name,
            path: request.path,
            id: shapes::fresh_id("ANPA", given),
            created: given.now,
            updated: given.now,
            description: request.description,
            tags: request.tags,
            versions: Vec::new(),
            default_version: 0,
            last_version: 0,
            attachments: 0,
            boundaries: 0,
        };
        policy.add_version(document, true, given.now);
        let mut changes = Changes::none();
        changes.put(place, &policy)?;
        let found = FoundPolicy::Own(Arc::new(policy));
        let policy = ShownPolicy::whole(&found, given.caller, records)?;
        Ok(Decided::change(changes, CreatedPolicy { policy }))
    }
}
