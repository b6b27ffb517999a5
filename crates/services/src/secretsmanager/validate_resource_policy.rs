//! ValidateResourcePolicy: says what is wrong with a policy, and keeps nothing.
//!
//! Source: reference/api.md §6.21, reference/access-control.md §8.3.

use serde::Serialize;

use super::access;
use super::resource_policy::{self, Flaw};
use super::secret::Secret;
use super::secret_id::SecretId;
use super::shapes::{RESOURCE_POLICY, SECRET_ID};
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

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = Vec::new();
        for action in [
            "secretsmanager:ValidateResourcePolicy",
            "secretsmanager:PutResourcePolicy",
        ] {
            needs.extend(match &self.secret_id {
                Some(secret_id) => access::need_on(action, secret_id, &(), caller, records)?,
                None => access::need_on_account(action, caller)?,
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
        let secret = match &request.secret_id {
            Some(secret_id) => Some((secret_id, secret_id.find_active(records, given)?)),
            None => None,
        };
        let flaws = match resource_policy::checked(request.policy) {
            Err(Flaw::NotJson) => return Err(Flaw::NotJson.refusal().into()),
            Err(flaw) => vec![flaw],
            Ok(policy) => {
                let owner = secret
                    .as_ref()
                    .map_or(&given.caller.account, |(_, secret)| &secret.account);
                let (policy, unknown) = resource_policy::bound(policy, owner, records)?;
                let mut flaws: Vec<Flaw> = unknown.into_iter().collect();
                flaws.extend(resource_policy::grants_to_everyone(&policy));
                // Without a secret there is nothing that anyone could be locked out of.
                if let Some((secret_id, secret)) = &secret {
                    let mut changed = Secret::clone(secret);
                    changed.resource_policy = Some(policy);
                    flaws.extend(resource_policy::lock_out(
                        secret_id,
                        &changed,
                        &(),
                        records,
                        given,
                    )?);
                }
                flaws
            }
        };
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
