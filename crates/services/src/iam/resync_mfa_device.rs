//! ResyncMFADevice: follows a device whose clock has drifted, by two codes in a row.
//!
//! Source: AWS IAM API Reference, ResyncMFADevice.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Entity;
use super::mfa_device::Synchronizing;
use super::refusals;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct ResyncMfaDevice(Synchronizing);

impl Operation for ResyncMfaDevice {
    const NAME: &'static str = "ResyncMFADevice";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        ResyncMfaDevice(Synchronizing::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "iam:ResyncMFADevice";
        self.0.user.need(action, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let ResyncMfaDevice(request) = allowed.into_request();
        let name = Some(request.user.name());
        let (_, device) = user::with_device(name, &request.device, records, given.caller)?;
        records.tell(|told| told.note_arn(&device.arn(given.caller)));
        let (step, ahead) = device.synchronized(&request.codes, given)?;
        let mut device = Arc::unwrap_or_clone(device);
        let Some(enabled) = &mut device.enabled else {
            return Err(refusals::no_such_device(request.device.name()).into());
        };
        if step <= enabled.last_step {
            return Err(refusals::invalid_authentication_code().into());
        }
        (enabled.last_step, enabled.steps_ahead) = (step, ahead);
        let mut changes = Changes::none();
        changes.put(device.key(), &device)?;
        Ok(Decided::silent(changes))
    }
}
