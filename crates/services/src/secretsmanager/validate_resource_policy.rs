//! ValidateResourcePolicy: says what is wrong with a policy, and keeps nothing.
//!
//! Source: reference/api.md §6.21, reference/access-control.md §8.3.

use serde::Serialize;

use super::resource_policy::{self, Flaw};
use super::secret_id::SecretId;
use super::shapes::{self, RESOURCE_POLICY, SECRET_ID};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct ValidateResourcePolicy {
    secret_id: Option<SecretId>,
    policy: String,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Validation {
    policy_validation_passed: bool,
    validation_errors: Vec<ValidationError>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ValidationError {
    check_name: &'static str,
    error_message: String,
}

impl Operation for ValidateResourcePolicy {
    const NAME: &'static str = "ValidateResourcePolicy";
    type Output = Validation;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let secret_id = members.text("SecretId", &SECRET_ID).and_then(|text| {
            SecretId::parse(text)
                .map_err(|refusal| members.refuse(refusal))
                .ok()
        });
        let policy = members.required_text("ResourcePolicy", &RESOURCE_POLICY);
        ValidateResourcePolicy { secret_id, policy }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = Vec::new();
        for action in [
            "secretsmanager:ValidateResourcePolicy",
            "secretsmanager:PutResourcePolicy",
        ] {
            needs.extend(match &self.secret_id {
                Some(secret_id) => shapes::need_on(action, secret_id, caller)?,
                None => shapes::need_on_account(action, caller)?,
            });
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Validation>, Stop> {
        let request = allowed.into_request();
        if let Some(secret_id) = &request.secret_id {
            secret_id.find_active(records, given)?;
        }
        let mut flaws = resource_policy::flaws(&request.policy, given.caller);
        if let Some(not_json) = flaws.iter().find(|flaw| **flaw == Flaw::NotJson) {
            return Err(not_json.refusal().into());
        }
        if request.secret_id.is_none() {
            // Without a secret there is nothing that anyone could be locked out of.
            flaws.retain(|flaw| !matches!(flaw, Flaw::LockOut { .. }));
        }
        let validation_errors: Vec<ValidationError> = flaws
            .iter()
            .map(|flaw| ValidationError {
                check_name: flaw.check_name(),
                error_message: flaw.message(),
            })
            .collect();
        Ok(Decided::answer(Validation {
            policy_validation_passed: validation_errors.is_empty(),
            validation_errors,
        }))
    }
}
