//! The rule of ListUsers, ListGroups and ListRoles: those of the caller's account, by name.
//!
//! Source: AWS IAM API Reference, ListUsers.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::ControlFlow;

use super::entity::{Entity, Listable, OnKind};
use super::listing::{self, Listed};
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ListEntities<O> {
    path_prefix: String,
    page: PageRequest,
    operation: PhantomData<O>,
}

impl<O: OnKind<Kind: Listable>> Operation for ListEntities<O> {
    const NAME: &'static str = O::NAME;
    const WALKS: bool = true;
    type Output = Listed<<O::Kind as Listable>::Shown>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListEntities {
            path_prefix: shapes::path_prefix(members),
            page: listing::take(members),
            operation: PhantomData,
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = O::Kind::below(&self.path_prefix);
        Ok(vec![Need {
            action: O::ACTION,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(caller.iam_arn(&caller.account, &resource))),
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Self::Output>, Stop> {
        let request = allowed.into_request();
        let (prefix, page) = (request.path_prefix, request.page);
        let caller = given.caller;
        let list = format!("{} {prefix}", O::NAME);
        let all = O::Kind::all(&caller.account);
        let start = all.behind(page.start(&list, given)?.as_deref());
        let page = page.fill(&list, given, |push| {
            O::Kind::scan(&start, &all.end(), records, &mut |entity| {
                if !entity.path().starts_with(&prefix) {
                    return ControlFlow::Continue(());
                }
                let shown = entity.shown(caller, records);
                push(entity.name().to_ascii_lowercase(), shown)
            })
        })?;
        let page = page.whole()?;
        Ok(Decided::answer(Listed::of(O::Kind::LIST, page)))
    }
}
