//! GetCredentialReport: the account's credential report, once it was asked for.
//!
//! Source: AWS IAM API Reference, GetCredentialReport.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::account_alias;
use super::credential_report::{self, CredentialReport, LIFETIME};
use super::refusals;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

/// The request.
pub struct GetCredentialReport;

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Report {
    content: String,
    report_format: &'static str,
    #[serde(serialize_with = "iso8601::serialize")]
    generated_time: Timestamp,
}

impl Operation for GetCredentialReport {
    const NAME: &'static str = "GetCredentialReport";
    const WALKS: bool = true;
    type Output = Report;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GetCredentialReport
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![account_alias::need("iam:GetCredentialReport", caller)])
    }

    fn decide(
        _: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Report>, Stop> {
        let place = Key::iam_credential_report(&given.caller.account);
        let found = records.read::<CredentialReport>(place)?;
        let found = found.ok_or_else(refusals::report_not_present)?;
        if given.now.is_past(found.generated, LIFETIME) {
            return Err(refusals::report_expired().into());
        }
        let table = credential_report::table(given.caller, records)?;
        Ok(Decided::answer(Report {
            content: BASE64.encode(table),
            report_format: "text/csv",
            generated_time: given.now,
        }))
    }
}
