//! Whose policies a request asks about: a user, a group or a role by its ARN.
//!
//! Source: AWS IAM API Reference, SimulatePrincipalPolicy, `PolicySourceArn`.

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Entity;
use super::group::Group;
use super::identity_policy::IdentityPolicy;
use super::in_force::{InForce, Place, Speaking};
use super::principals;
use super::refusals;
use super::role::Role;
use super::shapes::add_resource_tags;
use super::simulation::{Source, Standing};
use super::user::User;
use crate::caller::Caller;
use crate::gate::{Guard, Need};
use crate::input::{Members, Text};
use crate::records::{Key, Records};
use crate::refusal::Stop;

const ARN: Text = Text::of(20..=2048);

/// Someone by an ARN, there or not.
pub(super) struct PolicySource(String);

/// Takes `PolicySourceArn`.
pub(super) fn take(members: &mut Members<'_, '_>) -> PolicySource {
    PolicySource(members.required_text("PolicySourceArn", &ARN))
}

enum Found {
    User(Arc<User>),
    Group(Arc<Group>),
    Role(Arc<Role>),
}

impl PolicySource {
    pub(super) fn arn(&self) -> &str {
        &self.0
    }

    pub(super) fn is_user(&self) -> bool {
        self.resource().starts_with("user/")
    }

    fn resource(&self) -> &str {
        principals::resource(&self.0)
    }

    /// What an operation on it needs.
    pub(super) fn needs<'a>(
        &'a self,
        action: &'static str,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        match self.find(caller, records)? {
            Some(Found::User(user)) => add_resource_tags(&user.tags, &mut context),
            Some(Found::Role(role)) => add_resource_tags(&role.tags, &mut context),
            Some(Found::Group(_)) | None => {}
        }
        Ok(vec![Need {
            action,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Borrowed(self.arn())),
            guard: Guard::ToBeMade(context),
        }])
    }

    fn find(&self, caller: &Caller, records: &Records<'_>) -> Result<Option<Found>, Stop> {
        let resource = self.resource();
        let account = &caller.account;
        if self.0 != caller.iam_arn(account, resource) {
            return Ok(None);
        }
        let name = resource.rsplit('/').next().unwrap_or_default();
        Ok(match resource.split('/').next().unwrap_or_default() {
            "user" => records
                .read::<User>(Key::iam_user(account, name))?
                .filter(|user| User::resource(&user.path, &user.name) == resource)
                .map(Found::User),
            "group" => Group::read(name, caller, records)?
                .filter(|group| Group::resource(&group.path, &group.name) == resource)
                .map(Found::Group),
            "role" => records
                .read::<Role>(Key::iam_role(account, name))?
                .filter(|role| Role::resource(&role.path, &role.name) == resource)
                .map(Found::Role),
            _ => None,
        })
    }

    /// What stands for it.
    ///
    /// # Refusals
    /// `InvalidInput`, `NoSuchEntity`
    pub(super) fn standing(
        &self,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Standing, Stop> {
        let resource = self.resource();
        let (kind, name) = (
            resource.split('/').next().unwrap_or_default(),
            resource.rsplit('/').next().unwrap_or_default(),
        );
        let Some(found) = self.find(caller, records)? else {
            return Err(if ["user", "group", "role"].contains(&kind) {
                refusals::no_such(kind, name).into()
            } else {
                refusals::invalid_arn(self.arn()).into()
            });
        };
        let (in_force, unique_id) = match found {
            Found::Group(group) => return of_group(&group, records),
            Found::User(user) => {
                let id = user.id.clone();
                (InForce::of_user(user, records)?, id)
            }
            Found::Role(role) => {
                let id = role.id.clone();
                (InForce::of_role(role, records)?, id)
            }
        };
        let source = |speaking: Speaking<'_>| {
            let id = match (speaking.place, speaking.group) {
                (Place::Inline(policy), Some(group)) => format!("group_{}_{policy}", group.name),
                (Place::Inline(policy), None) => format!("{kind}_{name}_{policy}"),
                (Place::Managed(policy), _) => policy.name().to_owned(),
                (Place::ServiceControl(policy), _) => policy.to_owned(),
                (Place::Session, _) => "session".to_owned(),
            };
            of(id, speaking.policy)
        };
        Ok(Standing {
            arn: Some(self.0.clone()),
            unique_id: Some(unique_id),
            identity: in_force.identity().map(source).collect(),
            boundary: in_force.boundary().map(source),
            control: in_force
                .service_control()
                .map(|all| all.map(source).collect())
                .into_iter()
                .collect(),
        })
    }
}

fn of(id: String, policy: &IdentityPolicy) -> Source {
    Source {
        id,
        text: policy.text().to_owned(),
        document: policy.document().clone(),
    }
}

/// A group speaks for nobody by itself; its policies are simulated all the same.
fn of_group(group: &Group, records: &Records<'_>) -> Result<Standing, Stop> {
    let inline = group.inline.iter();
    let inline = inline.map(|(name, policy)| of(format!("group_{}_{name}", group.name), policy));
    let mut identity: Vec<Source> = inline.collect();
    for name in &group.attached {
        let found = name.find(&group.account, records)?;
        let policy = found
            .as_ref()
            .and_then(|found| Some((found.name(), found.in_force()?)));
        identity.extend(policy.map(|(name, policy)| of(name.to_owned(), policy)));
    }
    Ok(Standing {
        identity,
        ..Standing::default()
    })
}
