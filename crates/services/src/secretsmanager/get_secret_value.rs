//! GetSecretValue: one version's value, by label, by id, or the current one.
//!
//! Source: reference/api.md §6.4, reference/versions-and-staging.md §9.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use super::disclosed::Disclosed;
use super::refusals;
use super::secret::{Secret, ValueKind, Version};
use super::secret_id::SecretId;
use super::shapes::{self, VERSION_ID, VERSION_STAGE};
use super::version;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::staging::AWSCURRENT;
use crate::time::{Timestamp, epoch_seconds};

/// The request.
pub struct GetSecretValue {
    secret_id: SecretId,
    version_id: Option<String>,
    label: Option<String>,
}

/// A version with its value, as this operation and batch reads return it.
pub struct SecretValue {
    secret: Arc<Secret>,
    version: Version,
    value: Disclosed,
}

/// The members of a [`SecretValue`] on the wire.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shape<'a> {
    #[serde(rename = "ARN")]
    arn: String,
    name: &'a str,
    version_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_binary: Option<&'a Disclosed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_string: Option<&'a Disclosed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    version_stages: Vec<&'a str>,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    created_date: Timestamp,
}

impl Serialize for SecretValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value = &self.value;
        Shape {
            arn: self.secret.arn(),
            name: &self.secret.name,
            version_id: &self.version.id,
            secret_binary: matches!(value, Disclosed::Binary(_)).then_some(value),
            secret_string: matches!(value, Disclosed::Text(_)).then_some(value),
            version_stages: self.secret.labels.of(&self.version.id).collect(),
            created_date: self.version.created,
        }
        .serialize(serializer)
    }
}

impl Operation for GetSecretValue {
    const NAME: &'static str = "GetSecretValue";
    type Output = SecretValue;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetSecretValue {
            secret_id: shapes::secret_id(members),
            version_id: members.text("VersionId", &VERSION_ID),
            label: members.text("VersionStage", &VERSION_STAGE),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        shapes::need_on("secretsmanager:GetSecretValue", &self.secret_id, caller)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<SecretValue>, Stop> {
        let request = allowed.into_request();
        let secret = request.secret_id.find_active(records, given)?;
        let version = select(
            &secret,
            request.version_id.as_deref(),
            request.label.as_deref(),
        )?;
        let mut changes = Changes {
            writes: Vec::new(),
            optional: true,
        };
        let value = disclose(&secret, version, records, given, &mut changes)?;
        Ok(Decided::change(changes, value))
    }
}

/// The version that a request asks for.
///
/// # Refusals
/// `ResourceNotFoundException`; `InvalidRequestException` where the id and the label disagree.
fn select<'a>(
    secret: &'a Secret,
    version_id: Option<&str>,
    label: Option<&str>,
) -> Result<&'a Version, Refusal> {
    let found = match (version_id, label) {
        (Some(id), label) => {
            let version = secret
                .version(id)
                .ok_or_else(|| refusals::version_not_found(id))?;
            if label.is_some_and(|label| secret.labels.holder(label) != Some(id)) {
                return Err(refusals::stage_not_on_version());
            }
            version
        }
        (None, label) => {
            let label = label.unwrap_or(AWSCURRENT);
            let holder = secret
                .labels
                .holder(label)
                .and_then(|id| secret.version(id));
            holder.ok_or_else(|| refusals::label_not_found(label))?
        }
    };
    match (found.kind, version_id, label) {
        (ValueKind::Awaited, Some(id), _) => Err(refusals::version_not_found(id)),
        (ValueKind::Awaited, None, label) => {
            Err(refusals::label_not_found(label.unwrap_or(AWSCURRENT)))
        }
        _ => Ok(found),
    }
}

/// The current version of a secret; what batch reads return.
pub(super) fn current(secret: &Secret) -> Result<&Version, Refusal> {
    select(secret, None, None)
}

/// Opens a version for a caller who may read it, and notes the day of the access where it is the
/// first of that day: a secret that is read all day is written once.
pub(super) fn disclose(
    secret: &Arc<Secret>,
    version: &Version,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<SecretValue, Stop> {
    let value = version::open(secret, version, records, given)?;
    let today = Some(given.now.day_start());
    if secret.accessed != today || version.accessed != today {
        let mut accessed = Secret::clone(secret);
        accessed.accessed = today;
        for each in accessed
            .versions
            .iter_mut()
            .filter(|each| each.id == version.id)
        {
            each.accessed = today;
        }
        changes.put(accessed.key(), &accessed)?;
    }
    Ok(SecretValue {
        secret: Arc::clone(secret),
        version: version.clone(),
        value: match version.kind {
            ValueKind::Binary => Disclosed::Binary(value),
            ValueKind::Text | ValueKind::Awaited => Disclosed::Text(value),
        },
    })
}
