//! GenerateCredentialReport: asks for the account's credential report.
//!
//! Source: AWS IAM API Reference, GenerateCredentialReport.

use serde::Serialize;

use super::account_alias;
use super::credential_report::{CredentialReport, LIFETIME};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct GenerateCredentialReport;

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReportState {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
}

impl Operation for GenerateCredentialReport {
    const NAME: &'static str = "GenerateCredentialReport";
    const READ_ONLY: bool = true;
    type Output = ReportState;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GenerateCredentialReport
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![account_alias::need(
            "iam:GenerateCredentialReport",
            caller,
        )])
    }

    fn decide(
        _: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ReportState>, Stop> {
        let account = given.caller.account.clone();
        let place = Key::iam_credential_report(&account);
        let found = records.read::<CredentialReport>(place.clone())?;
        if found.is_some_and(|found| !given.now.is_past(found.generated, LIFETIME)) {
            return Ok(Decided::answer(ReportState {
                state: "COMPLETE",
                description: None,
            }));
        }
        let mut changes = Changes::none();
        let generated = given.now;
        changes.put(place, &CredentialReport { account, generated })?;
        let output = ReportState {
            state: "STARTED",
            description: Some("No report exists. Starting a new report generation task"),
        };
        Ok(Decided::change(changes, output))
    }
}
