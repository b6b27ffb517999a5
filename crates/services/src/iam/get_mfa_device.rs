//! GetMFADevice: whose a device is, and since when.
//!
//! Source: AWS IAM API Reference, GetMFADevice.

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::{Entity, Named};
use super::mfa_device::MfaDevice;
use super::shapes::USER_NAME;
use super::user;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

/// The request.
pub struct GetMfaDevice {
    user_name: Option<String>,
    device: Named<MfaDevice>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundDevice {
    user_name: String,
    serial_number: String,
    #[serde(serialize_with = "iso8601::serialize")]
    enable_date: Timestamp,
}

impl Operation for GetMfaDevice {
    const NAME: &'static str = "GetMFADevice";
    type Output = FoundDevice;

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
    ) -> Result<Decided<FoundDevice>, Stop> {
        let request = allowed.into_request();
        let (user, device) = user::with_device(
            request.user_name.as_deref(),
            &request.device,
            records,
            given.caller,
        )?;
        let since = device.enabled.as_ref().map(|enabled| enabled.since);
        Ok(Decided::answer(FoundDevice {
            user_name: user.name.clone(),
            serial_number: device.arn(given.caller),
            enable_date: since.unwrap_or(device.created),
        }))
    }
}
