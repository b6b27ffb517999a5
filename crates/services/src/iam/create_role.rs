//! CreateRole: a role, which may do nothing yet.
//!
//! Source: AWS IAM API Reference, CreateRole.

use std::borrow::Cow;

use serde::Serialize;
use strongroom_policy::Context;

use super::identity_policy::InlinePolicies;
use super::role::{Role, SESSION_SECONDS_USUAL, ShownRole, TrustPolicy};
use super::shapes::{self, DESCRIPTION, PATH, POLICY_DOCUMENT, ROLE_NAME, Tag};
use super::{quota, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Roles of an account. Source: IAM and AWS STS quotas.
const ROLES_MAX: usize = 1000;

/// The request.
pub struct CreateRole {
    name: String,
    path: String,
    trust: String,
    description: Option<String>,
    session_seconds_max: Option<u32>,
    tags: Vec<Tag>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedRole {
    role: ShownRole,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    type Output = CreatedRole;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let path = members.text("Path", &PATH);
        if members.is_there("PermissionsBoundary") {
            members.object(refusals::unsupported(BOUNDARIES_ABSENT));
        }
        CreateRole {
            name: members.required_text("RoleName", &ROLE_NAME),
            path: path.unwrap_or_else(|| "/".to_owned()),
            trust: members.required_text("AssumeRolePolicyDocument", &POLICY_DOCUMENT),
            description: members.text("Description", &DESCRIPTION),
            session_seconds_max: shapes::session_seconds_max(members),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = Role::resource(&self.path, &self.name);
        let need = |action, context: Context| Need {
            action,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(caller.iam_arn(&caller.account, &resource))),
            guard: Guard::ToBeMade(context),
        };
        let context = shapes::request_tags(&self.tags);
        let mut needs = vec![need("iam:CreateRole", context.clone())];
        if !self.tags.is_empty() {
            needs.push(need("iam:TagRole", context));
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedRole>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let place = Key::iam_role(&caller.account, &request.name);
        if records.read::<Role>(place.clone())?.is_some() {
            return Err(refusals::role_exists(&request.name).into());
        }
        let trust = TrustPolicy::checked(request.trust, &caller.account, records)?;
        let all = Key::iam_roles(&caller.account);
        quota::refuse_more(&all, "RolesPerAccount", ROLES_MAX, records)?;
        let role = Role {
            account: caller.account.clone(),
            name: request.name,
            path: request.path,
            id: shapes::fresh_id("AROA", given),
            created: given.now,
            description: request.description,
            session_seconds_max: request.session_seconds_max.unwrap_or(SESSION_SECONDS_USUAL),
            trust,
            tags: request.tags,
            inline: InlinePolicies::default(),
            attached: Vec::new(),
            boundary: None,
        };
        let mut changes = Changes::none();
        changes.put(place, &role)?;
        let role = ShownRole::whole(&role, caller);
        Ok(Decided::change(changes, CreatedRole { role }))
    }
}

const BOUNDARIES_ABSENT: &str =
    "This version of Strongroom has no permissions boundaries. Nothing was changed.";
