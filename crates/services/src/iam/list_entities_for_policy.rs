//! ListEntitiesForPolicy: the users, groups and roles of the caller's account that a managed policy is attached to or
//! bounds.
//!
//! Source: AWS IAM API Reference, ListEntitiesForPolicy.

use std::ops::ControlFlow;

use serde::Serialize;

use super::attachment::Usage;
use super::entity::Listable;
use super::group::Group;
use super::listing;
use super::managed_policy::NamedPolicy;
use super::role::Role;
use super::shapes::{self, PATH};
use super::user::User;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

const ENTITY_FILTER: Text = Text::one_of(&[
    "User",
    "Role",
    "Group",
    "LocalManagedPolicy",
    "AWSManagedPolicy",
]);

/// The request.
pub struct ListEntitiesForPolicy {
    policy: NamedPolicy,
    /// In lower case, as the index has kinds.
    kind: Option<String>,
    path_prefix: String,
    usage: Option<Usage>,
    page: PageRequest,
}

/// The response.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyEntities {
    policy_groups: Vec<PolicyGroup>,
    policy_users: Vec<PolicyUser>,
    policy_roles: Vec<PolicyRole>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyGroup {
    group_name: String,
    group_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyUser {
    user_name: String,
    user_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyRole {
    role_name: String,
    role_id: String,
}

/// One of the response.
enum PolicyEntity {
    Group(PolicyGroup),
    User(PolicyUser),
    Role(PolicyRole),
}

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
    const WALKS: bool = true;
    type Output = PolicyEntities;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let kind = members.text("EntityFilter", &ENTITY_FILTER);
        let path_prefix = members.text("PathPrefix", &PATH);
        ListEntitiesForPolicy {
            policy: NamedPolicy::take(members),
            kind: kind.map(|kind| kind.to_ascii_lowercase()),
            path_prefix: path_prefix.unwrap_or_else(|| "/".to_owned()),
            usage: shapes::usage(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:ListEntitiesForPolicy";
        self.policy.need(ACTION, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<PolicyEntities>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let (name, policy) = request.policy.find(records, caller)?;
        let list = request.list(&policy.arn(caller));
        let all = Key::iam_attachments(&caller.account, &name);
        let start = all.behind(request.page.start(&list, given)?.as_deref());
        let page = request.page.fill(&list, given, |push| {
            let mut last = String::new();
            records.scan_keys(&start, &all.end(), false, |key| {
                let entry = String::from_utf8_lossy(&key[all.as_bytes().len()..]).into_owned();
                let parts: Vec<&str> = entry.split('\0').collect();
                let [kind, name, usage] = parts[..] else {
                    return ControlFlow::Continue(());
                };
                // The uses of one identity stand together, and all of them before its position.
                let position = format!("{kind}\0{name}\0{BEHIND_ALL_USES}");
                if position == last || !request.wants(kind, usage) {
                    return ControlFlow::Continue(());
                }
                match request.shown(kind, name, caller, records) {
                    Ok(Some(shown)) => {
                        last.clone_from(&position);
                        push(position, shown).map_break(Ok)
                    }
                    Ok(None) => ControlFlow::Continue(()),
                    Err(stop) => ControlFlow::Break(Err(stop)),
                }
            })
        })?;
        let mut found = PolicyEntities {
            is_truncated: page.marker.is_some(),
            marker: page.marker,
            ..PolicyEntities::default()
        };
        for entity in page.items {
            match entity {
                PolicyEntity::Group(group) => found.policy_groups.push(group),
                PolicyEntity::User(user) => found.policy_users.push(user),
                PolicyEntity::Role(role) => found.policy_roles.push(role),
            }
        }
        Ok(Decided::answer(found))
    }
}

/// Sorts behind every name of a usage.
const BEHIND_ALL_USES: char = '~';

impl ListEntitiesForPolicy {
    /// Names the list with all that shapes it.
    fn list(&self, arn: &str) -> String {
        let kind = self.kind.as_deref().unwrap_or_default();
        let usage = self.usage.map(Usage::name).unwrap_or_default();
        format!(
            "ListEntitiesForPolicy {arn} {kind} {usage} {}",
            self.path_prefix
        )
    }

    fn wants(&self, kind: &str, usage: &str) -> bool {
        self.kind.as_ref().is_none_or(|wanted| wanted == kind)
            && self.usage.is_none_or(|wanted| wanted.name() == usage)
    }

    fn shown(
        &self,
        kind: &str,
        name: &str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<PolicyEntity>, Stop> {
        Ok(match kind {
            "user" => self.find::<User>(name, caller, records)?.map(|(name, id)| {
                PolicyEntity::User(PolicyUser {
                    user_name: name,
                    user_id: id,
                })
            }),
            "group" => self
                .find::<Group>(name, caller, records)?
                .map(|(name, id)| {
                    PolicyEntity::Group(PolicyGroup {
                        group_name: name,
                        group_id: id,
                    })
                }),
            _ => self.find::<Role>(name, caller, records)?.map(|(name, id)| {
                PolicyEntity::Role(PolicyRole {
                    role_name: name,
                    role_id: id,
                })
            }),
        })
    }

    /// Name and id of one below the path that is asked for.
    fn find<E: Listable>(
        &self,
        name: &str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<(String, String)>, Stop> {
        let found = E::read(name, caller, records)?;
        let found = found.filter(|entity| entity.path().starts_with(&self.path_prefix));
        Ok(found.map(|entity| (entity.name().to_owned(), entity.id().to_owned())))
    }
}
