//! UpdateSecret: a new value, description or key. What the request leaves out stays as it is.
//!
//! Source: reference/api.md §6.3, reference/versions-and-staging.md §6, §10.

use serde::Serialize;
use strongroom_policy::Context;

use super::access;
use super::refusals;
use super::secret_id::SecretId;
use super::shapes::{self, CLIENT_REQUEST_TOKEN, DESCRIPTION, KMS_KEY_ID, SECRET_TYPE};
use super::version::{self, TokenUse, Value};
use crate::caller::Caller;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

/// The request.
pub struct UpdateSecret {
    secret_id: SecretId,
    token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    value: Result<Option<Value>, Refusal>,
    secret_type: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Updated {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

impl ConditionKeys for UpdateSecret {
    fn add_condition_keys(&self, context: &mut Context) {
        access::add_text(
            "secretsmanager:Description",
            self.description.as_ref(),
            context,
        );
        access::add_text("secretsmanager:KmsKeyId", self.kms_key_id.as_ref(), context);
        access::add_text("secretsmanager:Type", self.secret_type.as_ref(), context);
    }
}

impl Operation for UpdateSecret {
    const NAME: &'static str = "UpdateSecret";
    type Output = Updated;

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateSecret {
            secret_id: shapes::secret_id(members),
            token: members.text("ClientRequestToken", &CLIENT_REQUEST_TOKEN),
            description: members.text("Description", &DESCRIPTION),
            kms_key_id: members.text("KmsKeyId", &KMS_KEY_ID),
            value: shapes::value(members),
            secret_type: members.text("Type", &SECRET_TYPE),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = access::need_on(
            "secretsmanager:UpdateSecret",
            &self.secret_id,
            self,
            caller,
            records,
        )?;
        access::tell_key(self.kms_key_id.as_deref(), &mut needs, caller, records)?;
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Updated>, Stop> {
        let request = allowed.into_request();
        let found = request.secret_id.find_active(records, given)?;
        let new_version = match (request.value?, request.token) {
            (None, _) => None,
            (Some(_), None) => return Err(refusals::token_missing().into()),
            (Some(value), Some(token)) => Some((token, value)),
        };
        let mut secret = (*found).clone();
        let mut changes = Changes::none();
        let mut changed = false;

        if let Some(description) = request.description {
            secret.description = Some(description).filter(|description| !description.is_empty());
            changed = true;
        }
        if let Some(secret_type) = request.secret_type {
            secret.secret_type = Some(secret_type).filter(|secret_type| !secret_type.is_empty());
            changed = true;
        }
        if let Some(named) = request.kms_key_id {
            secret.kms_key_id = version::chosen_key(&named, &secret, records, given)?;
            version::reseal(&mut secret, records, given, &mut changes)?;
            changed = true;
        }
        let mut version_id = None;
        if let Some((token, value)) = new_version {
            // The versions as they are stored: one that was just resealed opens only afterwards.
            if let TokenUse::Free = version::token_use(&found, &token, &value, records, given)? {
                version::add(
                    &mut secret,
                    &token,
                    &value,
                    None,
                    records,
                    given,
                    &mut changes,
                )?;
                changed = true;
            }
            version_id = Some(token);
        }
        if changed {
            secret.changed = given.now;
            changes.put(secret.key(), &secret)?;
        }
        Ok(Decided::change(
            changes,
            Updated {
                arn: secret.arn(),
                name: secret.name,
                version_id,
            },
        ))
    }
}
