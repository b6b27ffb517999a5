//! ListVirtualMFADevices: the virtual devices of the caller's account, by name, and whose they are.
//!
//! Source: AWS IAM API Reference, ListVirtualMFADevices.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Serialize;

use super::entity::Entity;
use super::listing::{self, Listed};
use super::mfa_device::MfaDevice;
use super::user::{ShownUser, User};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

const ASSIGNMENT_STATUS: Text = Text::one_of(&["Assigned", "Unassigned", "Any"]);

/// The request.
pub struct ListVirtualMfaDevices {
    /// Only those that have a user, or have none.
    assigned: Option<bool>,
    page: PageRequest,
}

/// A device in the response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownDevice {
    serial_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<ShownUser>,
    #[serde(flatten)]
    enabled: Option<EnabledSince>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct EnabledSince {
    #[serde(serialize_with = "iso8601::serialize")]
    enable_date: Timestamp,
}

impl Operation for ListVirtualMfaDevices {
    const NAME: &'static str = "ListVirtualMFADevices";
    const WALKS: bool = true;
    type Output = Listed<ShownDevice>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let status = members.text("AssignmentStatus", &ASSIGNMENT_STATUS);
        ListVirtualMfaDevices {
            assigned: match status.as_deref() {
                Some("Assigned") => Some(true),
                Some("Unassigned") => Some(false),
                _ => None,
            },
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "iam:ListVirtualMFADevices",
            owner: Cow::Borrowed(&caller.account),
            shown: None,
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<ShownDevice>>, Stop> {
        let ListVirtualMfaDevices { assigned, page } = allowed.into_request();
        let account = &given.caller.account;
        let list = format!("ListVirtualMFADevices {assigned:?}");
        let all = Key::iam_mfa_devices(account);
        let start = all.behind(page.start(&list, given)?.as_deref());
        let shown = |device: &MfaDevice| {
            let user = match &device.enabled {
                Some(enabled) => records.peek::<User>(&Key::iam_user(account, &enabled.user))?,
                None => None,
            };
            Ok::<_, Stop>(ShownDevice {
                serial_number: device.arn(given.caller),
                user: user.map(|user| ShownUser::of(&user, given.caller)),
                enabled: device.enabled.as_ref().map(|enabled| EnabledSince {
                    enable_date: enabled.since,
                }),
            })
        };
        let page = page.fill(&list, given, |push| {
            records.scan::<MfaDevice>(&start, &all.end(), false, |device| {
                if assigned.is_some_and(|assigned| assigned != device.enabled.is_some()) {
                    return ControlFlow::Continue(());
                }
                push(device.name.to_ascii_lowercase(), shown(&device))
            })
        })?;
        let page = page.whole()?;
        Ok(Decided::answer(Listed::of("VirtualMFADevices", page)))
    }
}
