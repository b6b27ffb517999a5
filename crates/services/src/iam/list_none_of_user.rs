//! The rule of ListSSHPublicKeys, ListSigningCertificates and their like: what users can't have here, so that the list of
//! any user who is there is empty. Who cleans up a user asks for all of them.
//!
//! Source: AWS IAM API Reference, ListSigningCertificates.

use std::marker::PhantomData;

use strongroom_policy::Context;

use super::entity::{Named, OnKind};
use super::listing::{self, Listed};
use super::shapes::USER_NAME;
use super::user::{self, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

/// One of these operations.
pub trait NoneOfUser: OnKind<Kind = User> {
    /// The list's name in answers.
    const LIST: &'static str;
}

/// The request.
pub struct ListNoneOfUser<O> {
    user_name: Option<String>,
    page: PageRequest,
    operation: PhantomData<O>,
}

impl<O: NoneOfUser> Operation for ListNoneOfUser<O> {
    const NAME: &'static str = O::NAME;
    type Output = Listed<()>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListNoneOfUser {
            user_name: members.text("UserName", &USER_NAME),
            page: listing::take(members),
            operation: PhantomData,
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user: Named<User> = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need(O::ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<()>>, Stop> {
        let request = allowed.into_request();
        let user = user::named_or_caller(request.user_name.as_deref(), given.caller)?;
        let user = user.find(records, given.caller)?;
        let list = format!("{} {}", O::NAME, user.id);
        let page = request.page.of_sorted(&list, given, [])?;
        Ok(Decided::answer(Listed::of(O::LIST, page)))
    }
}
