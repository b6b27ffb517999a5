//! DeleteAccessKey: the end of an access key.
//!
//! Source: AWS IAM API Reference, DeleteAccessKey.

use std::sync::Arc;

use strongroom_policy::Context;

use super::access_key;
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::sts::get_access_key_info::ACCESS_KEY_ID;

/// The request.
pub struct DeleteAccessKey {
    user_name: Option<String>,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteAccessKey {
            user_name: members.text("UserName", &USER_NAME),
            access_key_id: members.required_text("AccessKeyId", &ACCESS_KEY_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:DeleteAccessKey", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let id = &request.access_key_id;
        let user = access_key::user_with(id, request.user_name.as_deref(), records, given.caller)?;
        let mut user = Arc::unwrap_or_clone(user);
        let mut changes = Changes::none();
        access_key::remove(&mut user, id, &mut changes)?;
        Ok(Decided::silent(changes))
    }
}
