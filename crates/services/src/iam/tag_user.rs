//! TagUser: tags on a user.
//!
//! Source: AWS IAM API Reference, TagUser.

use std::sync::Arc;

use super::shapes::{self, Tag, USER_NAME};
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct TagUser {
    name: String,
    tags: Vec<Tag>,
}

impl Operation for TagUser {
    const NAME: &'static str = "TagUser";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("Tags");
        TagUser {
            name: members.required_text("UserName", &USER_NAME),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        user::need(
            "iam:TagUser",
            &self.name,
            shapes::request_tags(&self.tags),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let TagUser { name, tags } = allowed.into_request();
        let user = user::find(&name, records, given.caller)?;
        let mut user = Arc::unwrap_or_clone(user);
        shapes::merge_tags(&mut user.tags, tags)?;
        let mut changes = Changes::none();
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
