//! UpdateSecretVersionStage: moves, attaches or removes one staging label; rolls back.
//!
//! Source: reference/versions-and-staging.md §4, reference/api.md §6.15.

use strongroom_policy::Context;

use super::access;
use super::metadata::NamedSecret;
use super::refusals;
use super::secret::ValueKind;
use super::secret_id::SecretId;
use super::shapes::{self, VERSION_ID, VERSION_STAGE};
use crate::caller::Caller;
use crate::gate::{Authorized, ConditionKeys, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::rotation::plan;
use crate::staging::{AWSCURRENT, Immovable};

/// The request.
pub struct UpdateSecretVersionStage {
    secret_id: SecretId,
    label: String,
    remove_from: Option<String>,
    move_to: Option<String>,
}

impl ConditionKeys for UpdateSecretVersionStage {
    fn add_condition_keys(&self, context: &mut Context) {
        context.insert("secretsmanager:VersionStage", self.label.as_str());
    }
}

impl Operation for UpdateSecretVersionStage {
    const NAME: &'static str = "UpdateSecretVersionStage";
    type Output = NamedSecret;

    fn read(members: &mut Members<'_, '_>) -> Self {
        UpdateSecretVersionStage {
            secret_id: shapes::secret_id(members),
            label: members.required_text("VersionStage", &VERSION_STAGE),
            remove_from: members.text("RemoveFromVersionId", &VERSION_ID),
            move_to: members.text("MoveToVersionId", &VERSION_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:UpdateSecretVersionStage",
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
    ) -> Result<Decided<NamedSecret>, Stop> {
        let request = allowed.into_request();
        let found = request.secret_id.find_active(records, given)?;
        if let Some(target) = &request.move_to {
            let Some(version) = found.version(target) else {
                return Err(refusals::version_not_found(target).into());
            };
            if version.kind == ValueKind::Awaited && request.label == AWSCURRENT {
                return Err(refusals::invalid_request(
                    "You can't move staging label AWSCURRENT to a version without a value.",
                )
                .into());
            }
        }
        let mut secret = (*found).clone();
        let (from, to) = (request.remove_from.as_deref(), request.move_to.as_deref());
        secret
            .labels
            .move_label(&request.label, from, to)
            .map_err(|immovable| request.refusal(immovable))?;
        let mut changes = Changes::none();
        if secret.labels != found.labels {
            secret.changed = given.now;
            if secret.labels.holder(AWSCURRENT) != found.labels.holder(AWSCURRENT) {
                plan::current_changed(&mut secret, given.now, &mut changes)?;
            }
            changes.put(secret.key(), &secret)?;
        }
        Ok(Decided::change(changes, NamedSecret::of(&secret)))
    }
}

impl UpdateSecretVersionStage {
    fn refusal(&self, immovable: Immovable) -> Refusal {
        let label = &self.label;
        match immovable {
            Immovable::NothingAsked => refusals::invalid_parameter(
                "You must provide RemoveFromVersionId, MoveToVersionId, or both.",
            ),
            Immovable::HolderNotNamed { holder } => {
                refusals::label_holder_not_named(label, &holder)
            }
            Immovable::NotOnNamedVersion { .. } if self.move_to.is_some() => {
                refusals::invalid_parameter(format!(
                    "When you move staging label {label}, if you specify RemoveFromVersionId, it \
                     must be set to the version that currently has the staging label {label}."
                ))
            }
            Immovable::NotOnNamedVersion { named } => refusals::invalid_parameter(format!(
                "Version stage {label} not found in version {named}"
            )),
            Immovable::CurrentCannotBeRemoved => refusals::current_cannot_be_removed(),
            Immovable::TooMany => refusals::too_many_labels(),
        }
    }
}
