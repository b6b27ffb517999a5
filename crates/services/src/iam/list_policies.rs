//! ListPolicies: the managed policies that the caller's account can use: its own by name, then AWS's by name.
//!
//! Source: AWS IAM API Reference, ListPolicies.

use std::borrow::Cow;
use std::ops::ControlFlow;

use super::attachment::Usage;
use super::aws_managed;
use super::listing::{self, Listed};
use super::managed_policy::{FoundPolicy, ManagedPolicy, ShownPolicy};
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

const SCOPE: Text = Text::one_of(&["All", "AWS", "Local"]);
/// What positions of the account's own start with, and what those of AWS's.
const OWN: &str = "0 ";
const AWS: &str = "1 ";

/// The request.
pub struct ListPolicies {
    scope: String,
    only_attached: bool,
    usage: Option<Usage>,
    path_prefix: String,
    page: PageRequest,
}

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";
    const WALKS: bool = true;
    type Output = Listed<ShownPolicy>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let scope = members.text("Scope", &SCOPE);
        ListPolicies {
            scope: scope.unwrap_or_else(|| "All".to_owned()),
            only_attached: members.flag("OnlyAttached").unwrap_or_default(),
            usage: shapes::usage(members),
            path_prefix: shapes::policy_path_prefix(members),
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "iam:ListPolicies",
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(format!("policy path {}", self.path_prefix))),
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ShownPolicy>>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let list = request.list();
        let start = request.page.start(&list, given)?.unwrap_or_default();
        let page = request.page.fill(&list, given, |push| {
            let mut show = |kind: &str, policy: FoundPolicy| {
                let position = format!("{kind}{}", policy.name().to_ascii_lowercase());
                if position <= start || !policy.path().starts_with(&request.path_prefix) {
                    return ControlFlow::Continue(());
                }
                match ShownPolicy::of(&policy, caller, records) {
                    Ok(shown) if request.wants(&shown) => push(position, shown).map_break(Ok),
                    Ok(_) => ControlFlow::Continue(()),
                    Err(stop) => ControlFlow::Break(Err(stop)),
                }
            };
            if request.scope != "AWS" {
                let all = Key::iam_policies(&caller.account);
                let first = all.behind(start.strip_prefix(OWN));
                let mut ended = ControlFlow::Continue(());
                records.scan::<ManagedPolicy>(&first, &all.end(), false, |policy| {
                    ended = show(OWN, FoundPolicy::Own(policy));
                    match ended {
                        ControlFlow::Continue(()) => ControlFlow::Continue(()),
                        ControlFlow::Break(_) => ControlFlow::Break(()),
                    }
                })?;
                if let ControlFlow::Break(result) = ended {
                    return result;
                }
            }
            if request.scope != "Local" {
                for policy in aws_managed::all() {
                    if let ControlFlow::Break(result) = show(AWS, FoundPolicy::Aws(policy)) {
                        return result;
                    }
                }
            }
            Ok(())
        })?;
        Ok(Decided::answer(Listed::of("Policies", page)))
    }
}

impl ListPolicies {
    /// Names the list with all that shapes it.
    fn list(&self) -> String {
        let usage = self.usage.map(Usage::name).unwrap_or_default();
        let (scope, only_attached) = (&self.scope, self.only_attached);
        format!(
            "ListPolicies {scope} {only_attached} {usage} {}",
            self.path_prefix
        )
    }

    fn wants(&self, policy: &ShownPolicy) -> bool {
        let is_used = self.usage.is_none_or(|usage| policy.is_used(usage));
        is_used && (!self.only_attached || policy.is_used(Usage::Permissions))
    }
}
