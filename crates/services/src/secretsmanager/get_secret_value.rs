//! GetSecretValue: one version's value, by label, by id, or the current one.
//!
//! Source: reference/api.md §6.4, reference/versions-and-staging.md §9.

use std::sync::Arc;

use serde::ser::Error;
use serde::{Serialize, Serializer};
use strongroom_policy::Context;

use super::access;
use super::refusals;
use super::secret::{Secret, ValueKind, Version};
use super::secret_id::SecretId;
use super::shapes::{self, VERSION_ID, VERSION_STAGE};
use super::version;
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::json_text::push_quoted;
use crate::last_use::Use;
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
    arn: String,
    secret: Arc<Secret>,
    version: Version,
    value: Disclosed,
}

/// The members of a [`SecretValue`] on the wire.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shape<'a> {
    #[serde(rename = "ARN")]
    arn: &'a str,
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
            arn: &self.arn,
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

impl ConditionKeys for GetSecretValue {
    fn add_condition_keys(&self, context: &mut Context) {
        access::add_text(
            "secretsmanager:VersionId",
            self.version_id.as_ref(),
            context,
        );
        access::add_text("secretsmanager:VersionStage", self.label.as_ref(), context);
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

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:GetSecretValue",
            &self.secret_id,
            self,
            caller,
            records,
        )
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
        let mut changes = Changes::none();
        let value = disclose(&secret, version, records, given, &mut changes)?;
        Ok(Decided::change(changes, value))
    }

    /// As `Shape` has it.
    fn write(output: &SecretValue, body: &mut Vec<u8>) -> serde_json::Result<()> {
        let Disclosed::Text(text) = &output.value else {
            return serde_json::to_writer(body, output);
        };
        let text = std::str::from_utf8(text.expose()).map_err(Error::custom)?;
        body.extend_from_slice(b"{\"ARN\":");
        push_quoted(&output.arn, body);
        body.extend_from_slice(b",\"Name\":");
        push_quoted(&output.secret.name, body);
        body.extend_from_slice(b",\"VersionId\":");
        push_quoted(&output.version.id, body);
        body.extend_from_slice(b",\"SecretString\":");
        push_quoted(text, body);
        let mut start: &[u8] = b",\"VersionStages\":[";
        for label in output.secret.labels.of(&output.version.id) {
            body.extend_from_slice(start);
            push_quoted(label, body);
            start = b",";
        }
        if start == b"," {
            body.push(b']');
        }
        body.extend_from_slice(b",\"CreatedDate\":");
        let mut json = serde_json::Serializer::new(&mut *body);
        epoch_seconds::serialize(&output.version.created, &mut json)?;
        body.push(b'}');
        Ok(())
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
/// first of that day: a secret that is read all day is noted once.
pub(super) fn disclose(
    secret: &Arc<Secret>,
    version: &Version,
    records: &Records<'_>,
    given: &Given<'_>,
    changes: &mut Changes,
) -> Result<SecretValue, Stop> {
    let arn = secret.arn();
    let value = version::open(secret, &arn, version, records, given)?;
    let today = Some(given.now.day_start());
    if secret.accessed != today || version.accessed != today {
        changes.note(Use::of_secret(secret, &version.id, given.now));
    }
    Ok(SecretValue {
        arn,
        secret: Arc::clone(secret),
        version: version.clone(),
        value: match version.kind {
            ValueKind::Binary => Disclosed::Binary(value),
            ValueKind::Text | ValueKind::Awaited => Disclosed::Text(value),
        },
    })
}

#[cfg(test)]
mod tests {
    use strongroom_keys::{SecretBytes, SeededEntropy};

    use super::*;
    use crate::caller::{AccountId, Principal, Region};

    #[test]
    fn a_response_written_by_hand_is_the_one_that_serde_writes() {
        let caller = Caller {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            principal: Principal::Root,
            session: None,
        };
        let entropy = SeededEntropy::new(1);
        let keyring = strongroom_keys::Keyring::new(strongroom_keys::RootKey::generate(&entropy));
        let given = Given {
            caller: &caller,
            origin: crate::origin::Origin::INSIDE,
            now: Timestamp::from_milliseconds(1_767_225_600_123),
            entropy: &entropy,
            keyring: &keyring,
            elsewhere: &crate::lambda::elsewhere::Elsewhere::nowhere(),
            buckets: &crate::cloudtrail::buckets::Buckets::none(),
            history: None,
        };
        let text = |text: &str| Disclosed::Text(SecretBytes::copy_of(text.as_bytes()));
        let id = "an id may have \"quotes\" and \\ in it";
        for (labels, value) in [
            (&[][..], text("{\"a\":\"b\\n\"}\n\u{1f511}")),
            (&["AWSCURRENT"], text("")),
            (&["AWSCURRENT", "mine, \"too\""], text("x")),
            (
                &["AWSCURRENT"],
                Disclosed::Binary(SecretBytes::copy_of(&[0, 255])),
            ),
        ] {
            let mut secret = Secret::new("a/name".to_owned(), &given);
            let labels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
            secret.labels.attach_all(&labels, id).unwrap();
            let output = SecretValue {
                arn: secret.arn(),
                secret: Arc::new(secret),
                version: Version {
                    id: id.to_owned(),
                    created: given.now,
                    accessed: None,
                    kms_key_id: None,
                    customer_key: None,
                    kind: ValueKind::Text,
                },
                value,
            };
            let mut body = Vec::new();
            GetSecretValue::write(&output, &mut body).unwrap();
            let expected = serde_json::to_string(&output).unwrap();
            assert_eq!(String::from_utf8(body).unwrap(), expected);
        }
    }
}
