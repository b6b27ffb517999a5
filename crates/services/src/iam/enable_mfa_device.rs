//! EnableMFADevice: gives a device to a user, who shows by two codes in a row to have it at hand.
//!
//! Source: AWS IAM API Reference, EnableMFADevice.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Entity;
use super::mfa_device::{DEVICES_MAX, EnabledFor, Synchronizing, WrongCodes};
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct EnableMfaDevice(Synchronizing);

impl Operation for EnableMfaDevice {
    const NAME: &'static str = "EnableMFADevice";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        EnableMfaDevice(Synchronizing::take(members))
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let action = "iam:EnableMFADevice";
        self.0.user.need(action, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let EnableMfaDevice(request) = allowed.into_request();
        let mut user = Arc::unwrap_or_clone(request.user.find(records, given.caller)?);
        let device = request.device.find(records, given.caller)?;
        records.tell(|told| told.note_arn(&device.arn(given.caller)));
        if device.enabled.is_some() {
            return Err(refusals::device_taken().into());
        }
        if user.mfa_devices.len() >= DEVICES_MAX {
            return Err(refusals::quota("MFADevicesPerUser", DEVICES_MAX).into());
        }
        let (last_step, steps_ahead) = device.synchronized(&request.codes, given)?;
        let mut device = Arc::unwrap_or_clone(device);
        device.enabled = Some(EnabledFor {
            user: user.name.clone(),
            since: given.now,
            last_step,
            steps_ahead,
            wrong: WrongCodes::none(given.now),
        });
        user.mfa_devices.push(device.name.clone());
        let mut changes = Changes::none();
        changes.put(device.key(), &device)?;
        changes.put(user.key(), &user)?;
        Ok(Decided::silent(changes))
    }
}
