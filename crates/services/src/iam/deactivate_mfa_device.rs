//! DeactivateMFADevice: takes a device from its user.
//!
//! Source: AWS IAM API Reference, DeactivateMFADevice.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Entity;
use super::entity::Named;
use super::mfa_device::MfaDevice;
use super::shapes::USER_NAME;
use super::user::{self, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeactivateMfaDevice {
    user_name: Option<String>,
    device: Named<MfaDevice>,
}

impl Operation for DeactivateMfaDevice {
    const NAME: &'static str = "DeactivateMFADevice";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeactivateMfaDevice {
            user_name: members.text("UserName", &USER_NAME),
            device: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user: Named<User> = user::named_or_caller(self.user_name.as_deref(), caller)?;
        user.need("iam:DeactivateMFADevice", Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let (user, device) = user::with_device(
            request.user_name.as_deref(),
            &request.device,
            records,
            given.caller,
        )?;
        let mut user = Arc::unwrap_or_clone(user);
        let mut device = Arc::unwrap_or_clone(device);
        user.mfa_devices.retain(|name| *name != device.name);
        device.enabled = None;
        records.tell(|told| told.note_arn(&device.arn(given.caller)));
        let mut changes = Changes::none();
        changes.put(device.key(), &device)?;
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
