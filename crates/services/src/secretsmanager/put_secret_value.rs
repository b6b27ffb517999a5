//! PutSecretValue: a new version with a value, and the labels it shall have.
//!
//! Source: reference/api.md §6.2, reference/versions-and-staging.md §5.

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::access;
use super::refusals;
use super::secret_id::SecretId;
use super::shapes::{self, CLIENT_REQUEST_TOKEN, ROTATION_TOKEN, VERSION_STAGE};
use super::version::{self, TokenUse, Value};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::rotation::function::is_rotation_token;
use crate::rotation::job::{self, RotationJob};
use crate::staging::LABELS_MAX;

/// The request.
pub struct PutSecretValue {
    secret_id: SecretId,
    token: Option<String>,
    value: Result<Option<Value>, Refusal>,
    labels: Option<Vec<String>>,
    rotation_token: Option<SecretBytes>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Put {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    version_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version_stages: Vec<String>,
}

impl Operation for PutSecretValue {
    const NAME: &'static str = "PutSecretValue";
    type Output = Put;

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutSecretValue {
            secret_id: shapes::secret_id(members),
            token: members.text("ClientRequestToken", &CLIENT_REQUEST_TOKEN),
            value: shapes::value(members),
            labels: members.texts("VersionStages", 1..=LABELS_MAX, &VERSION_STAGE),
            rotation_token: members.sensitive_text("RotationToken", &ROTATION_TOKEN),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:PutSecretValue",
            &self.secret_id,
            &(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Put>, Stop> {
        let request = allowed.into_request();
        let secret = request.secret_id.find_active(records, given)?;
        let token = request.token.ok_or_else(refusals::token_missing)?;
        if let Some(proof) = &request.rotation_token {
            let job = job::of_secret(&secret, records)?;
            let arn = secret.arn();
            let is_of = |job: &RotationJob| {
                job.version_id == token
                    && is_rotation_token(proof, &arn, &token, job.number, given.keyring)
            };
            if !job.is_some_and(|job| is_of(&job)) {
                return Err(refusals::not_of_this_rotation().into());
            }
        }
        let value = request.value?.ok_or_else(refusals::value_missing)?;
        let mut changes = Changes::none();
        let mut secret = (*secret).clone();
        if let TokenUse::Free = version::token_use(&secret, &token, &value, records, given)? {
            let labels = request.labels.as_deref();
            version::add(
                &mut secret,
                &token,
                &value,
                labels,
                records,
                given,
                &mut changes,
            )?;
            secret.changed = given.now;
            changes.put(secret.key(), &secret)?;
        }
        let version_stages = secret.labels_of(&token);
        let output = Put {
            arn: secret.arn(),
            name: secret.name,
            version_id: token,
            version_stages,
        };
        Ok(Decided::change(changes, output))
    }
}
