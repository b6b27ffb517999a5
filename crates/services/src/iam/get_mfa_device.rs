//! GetMFADevice: whose a device is, and since when.
//!
//! Source: AWS IAM API Reference, GetMFADevice.

use strongroom_policy::Context;

use super::entity::Named;
use super::mfa_device::{MfaDevice, UsersDevice};
use super::refusals;
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetMfaDevice {
    user_name: Option<String>,
    device: Named<MfaDevice>,
}

impl Operation for GetMfaDevice {
    const NAME: &'static str = "GetMFADevice";
    type Output = UsersDevice;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetMfaDevice {
            user_name: members.text("UserName", &USER_NAME),
            device: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:GetMFADevice", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<UsersDevice>, Stop> {
        let request = allowed.into_request();
        let user = request.user_name.as_deref();
        let (_, device) = user::with_device(user, &request.device, records, given.caller)?;
        let shown = UsersDevice::of(&device, given.caller);
        let missing = || refusals::no_such_device(request.device.name());
        Ok(Decided::answer(shown.ok_or_else(missing)?))
    }
}
