//! GetAccountAuthorizationDetails: the users, groups, roles and managed policies of the caller's account with all that
//! they allow.
//!
//! Source: AWS IAM API Reference, GetAccountAuthorizationDetails.

use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;

use super::account_alias;
use super::aws_managed;
use super::entity::{Identity, Listable};
use super::group::{self, Group, ShownGroup};
use super::identity_policy::InlinePolicies;
use super::instance_profile::{self, ShownInstanceProfile};
use super::list_attached_policies::AttachedPolicy;
use super::listing;
use super::managed_policy::{FoundPolicy, ManagedPolicy, ShownPolicy, ShownVersion};
use super::role::{Role, ShownRole};
use super::user::{ShownUser, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// What can be asked for, in the order in which it comes.
const KINDS: &[&str] = &[
    "User",
    "Group",
    "Role",
    "LocalManagedPolicy",
    "AWSManagedPolicy",
];
const KIND: Text = Text::one_of(KINDS);

/// The request.
pub struct GetAccountAuthorizationDetails {
    filter: Vec<String>,
    page: PageRequest,
}

/// The response.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountDetails {
    user_detail_list: Vec<UserDetail>,
    group_detail_list: Vec<GroupDetail>,
    role_detail_list: Vec<RoleDetail>,
    policies: Vec<PolicyDetail>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct UserDetail {
    #[serde(flatten)]
    user: ShownUser,
    user_policy_list: Vec<InlineDetail>,
    group_list: Vec<String>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDetail {
    #[serde(flatten)]
    group: ShownGroup,
    group_policy_list: Vec<InlineDetail>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDetail {
    #[serde(flatten)]
    role: ShownRole,
    instance_profile_list: Vec<ShownInstanceProfile>,
    role_policy_list: Vec<InlineDetail>,
    attached_managed_policies: Vec<AttachedPolicy>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDetail {
    #[serde(flatten)]
    policy: ShownPolicy,
    policy_version_list: Vec<ShownVersion>,
}

/// A policy of an identity's own.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct InlineDetail {
    policy_name: String,
    policy_document: String,
}

/// One of the response.
enum Detail {
    User(UserDetail),
    Group(GroupDetail),
    Role(RoleDetail),
    Policy(PolicyDetail),
}

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";
    const WALKS: bool = true;
    type Output = AccountDetails;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let filter = members.texts("Filter", 0..=usize::MAX, &KIND);
        GetAccountAuthorizationDetails {
            filter: filter.unwrap_or_default(),
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:GetAccountAuthorizationDetails";
        Ok(vec![account_alias::need(ACTION, caller)])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<AccountDetails>, Stop> {
        let request = allowed.into_request();
        let is_wanted = |kind: &&str| {
            request.filter.is_empty() || request.filter.iter().any(|each| each == kind)
        };
        let wanted: Vec<&str> = KINDS.iter().copied().filter(is_wanted).collect();
        let list = format!("GetAccountAuthorizationDetails {}", wanted.join(" "));
        let start = request.page.start(&list, given)?.unwrap_or_default();
        let page = request.page.fill(&list, given, |push| {
            let mut walk = Walk {
                start,
                caller: given.caller,
                records,
                push,
            };
            for (at, kind) in KINDS.iter().enumerate() {
                if !wanted.contains(kind) {
                    continue;
                }
                if let ControlFlow::Break(result) = walk.kind(at) {
                    return result;
                }
            }
            Ok(())
        })?;
        let mut details = AccountDetails {
            is_truncated: page.marker.is_some(),
            marker: page.marker,
            ..AccountDetails::default()
        };
        for detail in page.items {
            match detail {
                Detail::User(user) => details.user_detail_list.push(user),
                Detail::Group(group) => details.group_detail_list.push(group),
                Detail::Role(role) => details.role_detail_list.push(role),
                Detail::Policy(policy) => details.policies.push(policy),
            }
        }
        Ok(Decided::answer(details))
    }
}

/// Whether to go on; else how the walk ended.
type Step = ControlFlow<Result<(), Stop>>;

/// A walk through an account, behind a position: the number of a kind, and a name in lower case.
struct Walk<'w> {
    start: String,
    caller: &'w Caller,
    records: &'w Records<'w>,
    push: &'w mut dyn FnMut(String, Detail) -> ControlFlow<()>,
}

impl Walk<'_> {
    /// Shows those of a kind, by its number.
    fn kind(&mut self, kind: usize) -> Step {
        match kind {
            0 => self.entities(kind, user_detail),
            1 => self.entities(kind, group_detail),
            2 => self.entities(kind, role_detail),
            3 => self.own_policies(kind),
            _ => self.aws_policies(kind),
        }
    }

    fn entities<E: Listable>(
        &mut self,
        kind: usize,
        detail: fn(&E, &Caller, &Records<'_>) -> Result<Detail, Stop>,
    ) -> Step {
        let records = self.records;
        let all = E::all(&self.caller.account);
        let first = self.first(kind, &all);
        let mut step = Step::Continue(());
        let scanned = E::scan(&first, &all.end(), records, &mut |entity| {
            step = self.show(kind, entity.name(), |caller| {
                detail(entity, caller, records)
            });
            if step.is_break() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        ended(scanned, step)
    }

    fn own_policies(&mut self, kind: usize) -> Step {
        let records = self.records;
        let all = Key::iam_policies(&self.caller.account);
        let first = self.first(kind, &all);
        let mut step = Step::Continue(());
        let scanned = records.scan::<ManagedPolicy>(&first, &all.end(), false, |policy| {
            let found = FoundPolicy::Own(Arc::clone(&policy));
            step = self.show(kind, &policy.name, |caller| {
                policy_detail(&found, caller, records)
            });
            if step.is_break() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        ended(scanned, step)
    }

    fn aws_policies(&mut self, kind: usize) -> Step {
        let records = self.records;
        for policy in aws_managed::all() {
            let found = FoundPolicy::Aws(policy);
            self.show(kind, policy.name, |caller| {
                policy_detail(&found, caller, records)
            })?;
        }
        Step::Continue(())
    }

    /// Where a scan of a kind starts.
    fn first(&self, kind: usize, all: &Key) -> Vec<u8> {
        all.behind(self.start.strip_prefix(&format!("{kind} ")))
    }

    fn show(
        &mut self,
        kind: usize,
        name: &str,
        detail: impl FnOnce(&Caller) -> Result<Detail, Stop>,
    ) -> Step {
        let position = format!("{kind} {}", name.to_ascii_lowercase());
        if position <= self.start {
            return Step::Continue(());
        }
        match detail(self.caller) {
            Ok(detail) => (self.push)(position, detail).map_break(Ok),
            Err(stop) => Step::Break(Err(stop)),
        }
    }
}

/// How a walk goes on after a scan.
fn ended(scanned: Result<(), Stop>, step: Step) -> Step {
    match scanned {
        Ok(()) => step,
        Err(stop) => Step::Break(Err(stop)),
    }
}

fn user_detail(user: &User, caller: &Caller, records: &Records<'_>) -> Result<Detail, Stop> {
    let groups = group::groups_of(user, records)?;
    Ok(Detail::User(UserDetail {
        user: ShownUser::whole(user, caller, records)?,
        user_policy_list: inline_details(&user.inline),
        group_list: groups.iter().map(|group| group.name.clone()).collect(),
        attached_managed_policies: attached(user, caller, records)?,
    }))
}

fn group_detail(group: &Group, caller: &Caller, records: &Records<'_>) -> Result<Detail, Stop> {
    Ok(Detail::Group(GroupDetail {
        group: ShownGroup::of(group, caller),
        group_policy_list: inline_details(&group.inline),
        attached_managed_policies: attached(group, caller, records)?,
    }))
}

fn role_detail(role: &Role, caller: &Caller, records: &Records<'_>) -> Result<Detail, Stop> {
    let profiles = instance_profile::of_role(role, records)?.into_iter();
    let profiles = profiles.map(|profile| ShownInstanceProfile::of(&profile, caller, records));
    Ok(Detail::Role(RoleDetail {
        role: ShownRole::in_details(role, caller, records)?,
        instance_profile_list: profiles.collect::<Result<_, _>>()?,
        role_policy_list: inline_details(&role.inline),
        attached_managed_policies: attached(role, caller, records)?,
    }))
}

fn policy_detail(
    policy: &FoundPolicy,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Detail, Stop> {
    let numbers = ShownVersion::all_of(policy).into_iter();
    Ok(Detail::Policy(PolicyDetail {
        policy: ShownPolicy::described(policy, caller, records)?,
        policy_version_list: numbers
            .filter_map(|(number, _)| ShownVersion::whole(policy, number))
            .collect(),
    }))
}

fn attached<E: Identity>(
    identity: &E,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Vec<AttachedPolicy>, Stop> {
    AttachedPolicy::all_of(identity, "/", caller, records)
}

fn inline_details(policies: &InlinePolicies) -> Vec<InlineDetail> {
    let each = policies.iter().map(|(name, policy)| InlineDetail {
        policy_name: name.to_owned(),
        policy_document: policy.encoded(),
    });
    each.collect()
}
