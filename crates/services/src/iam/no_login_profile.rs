//! The rule of GetLoginProfile and DeleteLoginProfile: no user has a password here, and is told so as AWS tells of one
//! that has none.
//!
//! Source: AWS IAM API Reference, GetLoginProfile.

use std::marker::PhantomData;

use strongroom_policy::Context;

use super::entity::OnKind;
use super::refusals;
use super::shapes::USER_NAME;
use super::user::{self, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct NoLoginProfile<O> {
    user_name: Option<String>,
    operation: PhantomData<O>,
}

impl<O: OnKind<Kind = User>> Operation for NoLoginProfile<O> {
    const NAME: &'static str = O::NAME;
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        NoLoginProfile {
            user_name: members.text("UserName", &USER_NAME),
            operation: PhantomData,
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need(O::ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let name = allowed.into_request().user_name;
        let user = user::named_or_caller(name.as_deref(), given.caller)?;
        let user = user.find(records, given.caller)?;
        Err(refusals::no_login_profile(&user.name).into())
    }
}
