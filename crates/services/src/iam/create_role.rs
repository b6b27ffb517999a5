//! CreateRole: a role, which may do nothing yet.
//!
//! Source: AWS IAM API Reference, CreateRole.

use serde::Serialize;

use super::identity_policy::InlinePolicies;
use super::role::{self, Role, SESSION_SECONDS_USUAL, ShownRole};
use super::shapes::{self, DESCRIPTION, POLICY_DOCUMENT, ROLE_NAME, Tag};
use super::{attachment, entity, quota, refusals, unique_id};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Roles of an account. Source: IAM and AWS STS quotas.
pub(super) const ROLES_MAX: usize = 1000;

/// The request.
pub struct CreateRole {
    name: String,
    path: String,
    trust: String,
    description: Option<String>,
    session_seconds_max: Option<u32>,
    tags: Vec<Tag>,
    boundary: Option<String>,
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
        CreateRole {
            name: members.required_text("RoleName", &ROLE_NAME),
            path: shapes::path(members),
            trust: members.required_text("AssumeRolePolicyDocument", &POLICY_DOCUMENT),
            description: members.text("Description", &DESCRIPTION),
            session_seconds_max: shapes::session_seconds_max(members),
            tags: shapes::tags(members),
            boundary: shapes::optional_arn("PermissionsBoundary", members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(entity::needs_to_make(
            "iam:CreateRole",
            "iam:TagRole",
            &Role::resource(&self.path, &self.name),
            &self.tags,
            self.boundary.as_deref(),
            caller,
        ))
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
            return Err(refusals::exists("Role", &request.name).into());
        }
        let trust = role::checked_trust(request.trust, &caller.account, records)?;
        let all = Key::iam_roles(&caller.account);
        quota::refuse_more(&all, "RolesPerAccount", ROLES_MAX, records)?;
        let mut role = Role {
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
            instance_profiles: Vec::new(),
        };
        let mut changes = Changes::none();
        if let Some(arn) = request.boundary {
            attachment::set_boundary(&mut role, &arn, caller, records, &mut changes)?;
        }
        changes.put(place, &role)?;
        unique_id::enter(&role, &mut changes)?;
        let role = ShownRole::whole(&role, caller, records)?;
        Ok(Decided::change(changes, CreatedRole { role }))
    }
}
