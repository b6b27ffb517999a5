//! ListKeyRotations: when a key's material was renewed.
//!
//! Source: AWS KMS API Reference, ListKeyRotations.

use serde::Serialize;

use super::key::{AwaitedMaterial, BackingMaterial, KmsKey, Origin};
use super::listing;
use super::name::{Accepts, KeyName};
use super::{access, rotation, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::paging::PageRequest;
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds};

const INCLUDE_KEY_MATERIAL: Text = Text::one_of(&["ALL_KEY_MATERIAL", "ROTATIONS_ONLY"]);

/// The request.
pub struct ListKeyRotations {
    key: KeyName,
    all: bool,
    page: PageRequest,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Rotations {
    rotations: Vec<Rotation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Rotation {
    key_id: String,
    key_material_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_state: Option<&'static str>,
    key_material_state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_model: Option<&'static str>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    valid_to: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    rotation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_type: Option<&'static str>,
}

impl Rotation {
    fn of(material: &BackingMaterial, key: &KmsKey, is_current: bool) -> Self {
        let imported = key.origin == Origin::External;
        Rotation {
            key_id: key.key_id.clone(),
            key_material_id: material.material_id.clone(),
            key_material_description: material.description.clone(),
            import_state: imported.then_some("IMPORTED"),
            key_material_state: Self::state(is_current),
            expiration_model: imported.then(|| material.expiration_model()),
            valid_to: material.expires,
            rotation_date: material.rotation.map(|_| material.created),
            rotation_type: material.rotation.map(|rotation| rotation.name()),
        }
    }
}

impl Rotation {
    /// Imported material that the key waits for; what is known of it but its id went with it.
    fn awaited(material: &AwaitedMaterial, key: &KmsKey, is_current: bool) -> Self {
        Rotation {
            key_id: key.key_id.clone(),
            key_material_id: material.material_id.clone(),
            key_material_description: None,
            import_state: Some("PENDING_IMPORT"),
            key_material_state: Self::state(is_current),
            expiration_model: None,
            valid_to: None,
            rotation_date: None,
            rotation_type: None,
        }
    }

    fn state(is_current: bool) -> &'static str {
        if is_current { "CURRENT" } else { "NON_CURRENT" }
    }
}

impl Operation for ListKeyRotations {
    const NAME: &'static str = "ListKeyRotations";
    type Output = Rotations;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let include = members.text("IncludeKeyMaterial", &INCLUDE_KEY_MATERIAL);
        ListKeyRotations {
            key: shapes::key_name(Accepts::Keys, members),
            all: include.as_deref() == Some("ALL_KEY_MATERIAL"),
            page: listing::take(100, 1000, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:ListKeyRotations", &self.key, caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Rotations>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        rotation::refuse_unless_symmetric(&key)?;
        let list = format!("ListKeyRotations {} {}", key.key_id, request.all);
        let start = request.page.start(&list, given)?;
        let start = start
            .and_then(|start| start.parse::<u32>().ok())
            .unwrap_or(0);
        let current = key.had_material().map(|(version, _)| version);
        let page = request.page.fill(&list, given, |push| {
            let awaited = key.awaited.iter().filter(|_| request.all);
            let awaited = awaited.map(|material| {
                let version = material.version;
                let is_current = current == Some(version);
                (version, Rotation::awaited(material, &key, is_current))
            });
            let material = key.material.iter();
            let material = material.filter(|it| request.all || it.rotation.is_some());
            let material = material.map(|material| {
                let version = material.name.version;
                let is_current = current == Some(version);
                (version, Rotation::of(material, &key, is_current))
            });
            // What is awaited is older than what the key has.
            let listed = awaited.chain(material);
            for (version, rotation) in listed.filter(|(version, _)| *version > start) {
                if push(version.to_string(), rotation).is_break() {
                    break;
                }
            }
            Ok(())
        })?;
        Ok(Decided::answer(Rotations {
            truncated: page.marker.is_some(),
            rotations: page.items,
            next_marker: page.marker,
        }))
    }
}
