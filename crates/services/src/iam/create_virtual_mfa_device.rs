//! CreateVirtualMFADevice: a device that belongs to nobody yet. What it must be told is shown this once.
//!
//! Source: AWS IAM API Reference, CreateVirtualMFADevice.

use std::borrow::Cow;

use serde::Serialize;
use strongroom_keys::one_time_password::Seed;

use super::entity::Entity;
use super::mfa_device::{DEVICE_NAME, MfaDevice};
use super::refusals;
use super::shapes::{self, PATH, Tag};
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::root_key;

/// The request.
pub struct CreateVirtualMfaDevice {
    name: String,
    path: String,
    tags: Vec<Tag>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedDevice {
    #[serde(rename = "VirtualMFADevice")]
    device: NewDevice,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NewDevice {
    serial_number: String,
    base32_string_seed: Disclosed,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl Operation for CreateVirtualMfaDevice {
    const NAME: &'static str = "CreateVirtualMFADevice";
    type Output = CreatedDevice;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let path = members.text("Path", &PATH);
        CreateVirtualMfaDevice {
            name: members.required_text("VirtualMFADeviceName", &DEVICE_NAME),
            path: path.unwrap_or_else(|| "/".to_owned()),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let resource = MfaDevice::resource(&self.path, &self.name);
        let arn = caller.iam_arn(&caller.account, &resource);
        let context = shapes::request_tags(&self.tags);
        let actions: &[_] = if self.tags.is_empty() {
            &["iam:CreateVirtualMFADevice"]
        } else {
            &["iam:CreateVirtualMFADevice", "iam:TagMFADevice"]
        };
        let needs = actions.iter().map(|action| Need {
            action,
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(arn.clone())),
            guard: Guard::ToBeMade(context.clone()),
        });
        Ok(needs.collect())
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedDevice>, Stop> {
        let CreateVirtualMfaDevice { name, path, tags } = allowed.into_request();
        let account = given.caller.account.clone();
        let place = Key::iam_mfa_device(&account, &name);
        if records.read::<MfaDevice>(place.clone())?.is_some() {
            return Err(refusals::device_exists().into());
        }
        root_key::note(records)?;
        let seed = Seed::generate(given.entropy);
        let device = MfaDevice {
            sealed_seed: MfaDevice::seal(&account, &name, &seed, given),
            account,
            name,
            path,
            created: given.now,
            tags,
            enabled: None,
        };
        let mut changes = Changes::none();
        changes.put(place, &device)?;
        let device = NewDevice {
            serial_number: Entity::arn(&device, given.caller),
            base32_string_seed: Disclosed::Binary(seed.text()),
            tags: device.tags,
        };
        Ok(Decided::change(changes, CreatedDevice { device }))
    }
}
