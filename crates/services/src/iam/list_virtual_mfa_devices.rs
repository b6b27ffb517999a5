//! ListVirtualMFADevices: the MFA devices of the account; there can be none here.
//!
//! Source: AWS IAM API Reference, ListVirtualMFADevices.

use std::borrow::Cow;

use super::listing::{self, Listed};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;

const ASSIGNMENT_STATUS: Text = Text::one_of(&["Assigned", "Unassigned", "Any"]);

/// The request.
pub struct ListVirtualMFADevices {
    page: PageRequest,
}

impl Operation for ListVirtualMFADevices {
    const NAME: &'static str = "ListVirtualMFADevices";
    type Output = Listed<()>;

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.text("AssignmentStatus", &ASSIGNMENT_STATUS);
        ListVirtualMFADevices {
            page: listing::take(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "iam:ListVirtualMFADevices",
            owner: Cow::Borrowed(&caller.account),
            shown: Some(Cow::Owned(caller.iam_arn(&caller.account, "mfa/"))),
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Listed<()>>, Stop> {
        let page = allowed.into_request().page;
        let page = page.of_sorted("ListVirtualMFADevices", given, [])?;
        Ok(Decided::answer(Listed::of("VirtualMFADevices", page)))
    }
}
