//! DeleteVirtualMFADevice: the end of a device that belongs to nobody.
//!
//! Source: AWS IAM API Reference, DeleteVirtualMFADevice.

use strongroom_policy::Context;

use super::entity::Named;
use super::mfa_device::MfaDevice;
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteVirtualMfaDevice {
    device: Named<MfaDevice>,
}

impl Operation for DeleteVirtualMfaDevice {
    const NAME: &'static str = "DeleteVirtualMFADevice";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteVirtualMfaDevice {
            device: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "iam:DeleteVirtualMFADevice";
        self.device.need(action, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let device = allowed.into_request().device.find(records, given.caller)?;
        if device.enabled.is_some() {
            return Err(refusals::device_in_use().into());
        }
        let mut changes = Changes::none();
        changes.delete(device.key());
        Ok(Decided::silent(changes))
    }
}
