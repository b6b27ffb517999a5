//! CreateSecret: a new secret, with or without a first value.
//!
//! Source: reference/api.md §5, §6.1.

use serde::Serialize;
use strongroom_policy::Context;

use super::access;
use super::purge;
use super::refusals;
use super::secret::{Lifecycle, RESOURCE_TAGS, Secret, Tag, add_tags};
use super::secret_id::is_valid_name;
use super::shapes::{
    self, CLIENT_REQUEST_TOKEN, DESCRIPTION, KMS_KEY_ID, NAME, REGION, SECRET_TYPE,
};
use super::version::{self, TokenUse, Value};
use crate::caller::Caller;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::{Refusal, Stop};

/// Secrets in one region of an account. Source: reference/api.md §4.
pub const SECRETS_MAX: u64 = 500_000;

/// The request.
pub struct CreateSecret {
    name: String,
    token: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    value: Result<Option<Value>, Refusal>,
    tags: Vec<Tag>,
    secret_type: Option<String>,
    replica_regions: Option<Vec<String>>,
    force_overwrite: bool,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Created {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
}

impl ConditionKeys for CreateSecret {
    fn add_condition_keys(&self, context: &mut Context) {
        context.insert("secretsmanager:Name", self.name.as_str());
        access::add_text(
            "secretsmanager:Description",
            self.description.as_ref(),
            context,
        );
        access::add_text("secretsmanager:KmsKeyId", self.kms_key_id.as_ref(), context);
        access::add_text("secretsmanager:Type", self.secret_type.as_ref(), context);
        let force = self.force_overwrite.to_string();
        context.insert("secretsmanager:ForceOverwriteReplicaSecret", force);
        let regions = self.replica_regions.iter().flatten();
        context.insert_all(
            "secretsmanager:AddReplicaRegions",
            regions.map(String::as_str),
        );
        self.tags.add_condition_keys(context);
        add_tags(RESOURCE_TAGS, &self.tags, context);
    }
}

impl Operation for CreateSecret {
    const NAME: &'static str = "CreateSecret";
    type Output = Created;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let name = members.required_text("Name", &NAME);
        if !name.is_empty() && !is_valid_name(&name) {
            members.refuse(refusals::invalid_name());
        }
        CreateSecret {
            name,
            force_overwrite: members.flag("ForceOverwriteReplicaSecret").unwrap_or(false),
            token: members.text("ClientRequestToken", &CLIENT_REQUEST_TOKEN),
            description: members.text("Description", &DESCRIPTION),
            kms_key_id: members.text("KmsKeyId", &KMS_KEY_ID),
            value: shapes::value(members),
            tags: shapes::tags(members).unwrap_or_default(),
            secret_type: members.text("Type", &SECRET_TYPE),
            replica_regions: members.structures("AddReplicaRegions", 1..=usize::MAX, |replica| {
                replica.text("KmsKeyId", &KMS_KEY_ID);
                replica.text("Region", &REGION).unwrap_or_default()
            }),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = vec![access::need_to_make(
            "secretsmanager:CreateSecret",
            &self.name,
            self,
            caller,
        )];
        access::tell_key(self.kms_key_id.as_deref(), &mut needs, caller, records)?;
        if !self.tags.is_empty() {
            needs.push(access::need_to_make(
                "secretsmanager:TagResource",
                &self.name,
                &self.tags,
                caller,
            ));
        }
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Created>, Stop> {
        let request = allowed.into_request();
        let token = request.token.ok_or_else(refusals::token_missing)?;
        let value = request.value?;
        if let Some(regions) = &request.replica_regions {
            let own = given.caller.region.as_str();
            return Err(if regions.iter().any(|region| region == own) {
                refusals::invalid_parameter("Invalid replica region.").into()
            } else {
                refusals::invalid_request(super::REPLICATION_ABSENT).into()
            });
        }
        let mut changes = Changes::none();
        let caller = given.caller;
        let key = Key::secret(&caller.account, &caller.region, &request.name);
        if let Some(existing) = records.read::<Secret>(key)? {
            match existing.lifecycle {
                _ if existing.is_gone(given.now) => {
                    purge::all_of(&existing, records, &mut changes)?
                }
                Lifecycle::Deleting { .. } => {
                    return Err(refusals::name_scheduled_for_deletion().into());
                }
                Lifecycle::Active => return repeated(&existing, token, value, records, given),
            }
        } else if records.secrets_count(&caller.account, &caller.region)? >= SECRETS_MAX {
            return Err(refusals::too_many_secrets(SECRETS_MAX).into());
        }

        let mut secret = Secret::new(request.name, given);
        secret.description = request
            .description
            .filter(|description| !description.is_empty());
        secret.secret_type = request
            .secret_type
            .filter(|secret_type| !secret_type.is_empty());
        if let Some(named) = &request.kms_key_id {
            secret.kms_key_id = version::chosen_key(named, &secret, records, given)?;
        }
        shapes::merge_tags(&mut secret.tags, request.tags)?;
        let mut version_id = None;
        if let Some(value) = &value {
            version::add(
                &mut secret,
                &token,
                value,
                None,
                records,
                given,
                &mut changes,
            )?;
            version_id = Some(token);
        }
        changes.put(secret.key(), &secret)?;
        changes.put_entry(secret.created_key());
        records.tell(|told| told.note_arn(&secret.arn()));
        Ok(Decided::change(
            changes,
            Created {
                arn: secret.arn(),
                name: secret.name,
                version_id,
            },
        ))
    }
}

/// A name that is taken: the same request again answers the same, any other is refused.
fn repeated(
    existing: &Secret,
    token: String,
    value: Option<Value>,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Decided<Created>, Stop> {
    if let Some(value) = &value
        && let TokenUse::Repeated = version::token_use(existing, &token, value, records, given)?
    {
        return Ok(Decided::answer(Created {
            arn: existing.arn(),
            name: existing.name.clone(),
            version_id: Some(token),
        }));
    }
    Err(refusals::name_exists(&existing.name).into())
}
