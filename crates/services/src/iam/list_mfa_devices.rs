//! ListMFADevices: the devices of a user.
//!
//! Source: AWS IAM API Reference, ListMFADevices.

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Entity;
use super::listing::{self, Listed};
use super::mfa_device::MfaDevice;
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

/// The request.
pub struct ListMfaDevices {
    user_name: Option<String>,
    page: PageRequest,
}

/// A device in the response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UsersDevice {
    user_name: String,
    serial_number: String,
    #[serde(serialize_with = "iso8601::serialize")]
    enable_date: Timestamp,
}

impl Operation for ListMfaDevices {
    const NAME: &'static str = "ListMFADevices";
    type Output = Listed<UsersDevice>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        ListMfaDevices {
            user_name: members.text("UserName", &USER_NAME),
            page: listing::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:ListMFADevices", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<UsersDevice>>, Stop> {
        let ListMfaDevices { user_name, page } = allowed.into_request();
        let caller = given.caller;
        let user = user::named_or_caller(user_name.as_deref(), caller)?;
        let user = user.find(records, caller)?;
        let mut devices = Vec::with_capacity(user.mfa_devices.len());
        for name in &user.mfa_devices {
            let place = Key::iam_mfa_device(&user.account, name);
            let Some(device) = records.read::<MfaDevice>(place)? else {
                continue;
            };
            let since = device.enabled.as_ref().map(|enabled| enabled.since);
            let shown = UsersDevice {
                user_name: user.name.clone(),
                serial_number: device.arn(caller),
                enable_date: since.unwrap_or(device.created),
            };
            devices.push((device.name.to_ascii_lowercase(), shown));
        }
        devices.sort_by(|(one, _), (other, _)| one.cmp(other));
        let list = format!("ListMFADevices {}", user.id);
        let page = page.of_sorted(&list, given, devices)?;
        Ok(Decided::answer(Listed::of("MFADevices", page)))
    }
}
