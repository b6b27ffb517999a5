//! UntagUser: tags off a user.
//!
//! Source: AWS IAM API Reference, UntagUser.

use std::sync::Arc;

use strongroom_policy::Context;

use super::shapes::{self, USER_NAME};
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UntagUser {
    name: String,
    tag_keys: Vec<String>,
}

impl Operation for UntagUser {
    const NAME: &'static str = "UntagUser";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        UntagUser {
            name: members.required_text("UserName", &USER_NAME),
            tag_keys: shapes::tag_keys(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut context = Context::new();
        context.insert_all("aws:TagKeys", self.tag_keys.iter().cloned());
        user::need("iam:UntagUser", &self.name, context, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let UntagUser { name, tag_keys } = allowed.into_request();
        let user = user::find(&name, records, given.caller)?;
        let mut user = Arc::unwrap_or_clone(user);
        let named = |key: &str| tag_keys.iter().any(|each| each.eq_ignore_ascii_case(key));
        user.tags.retain(|tag| !named(&tag.key));
        let mut changes = Changes::none();
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
