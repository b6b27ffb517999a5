//! ListMFADevices: the devices of a user.
//!
//! Source: AWS IAM API Reference, ListMFADevices.

use strongroom_policy::Context;

use super::listing::{self, Listed};
use super::mfa_device::{MfaDevice, UsersDevice};
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct ListMfaDevices {
    user_name: Option<String>,
    page: PageRequest,
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
            if let Some(device) = records.read::<MfaDevice>(place)?
                && let Some(shown) = UsersDevice::of(&device, caller)
            {
                devices.push((device.name.to_ascii_lowercase(), shown));
            }
        }
        devices.sort_by(|(one, _), (other, _)| one.cmp(other));
        let list = format!("ListMFADevices {}", user.id);
        let page = page.of_sorted(&list, given, devices)?;
        Ok(Decided::answer(Listed::of("MFADevices", page)))
    }
}
