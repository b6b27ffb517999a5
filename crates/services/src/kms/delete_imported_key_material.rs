//! DeleteImportedKeyMaterial: a key's material goes, at once; the key waits for the same again.
//!
//! Source: AWS KMS API Reference, DeleteImportedKeyMaterial.

use serde::Serialize;

use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::{access, import_token, refusals, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteImportedKeyMaterial {
    key: KeyName,
    material_id: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Deleted {
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_material_id: Option<String>,
}

impl Operation for DeleteImportedKeyMaterial {
    const NAME: &'static str = "DeleteImportedKeyMaterial";
    type Output = Deleted;

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteImportedKeyMaterial {
            material_id: members.text("KeyMaterialId", &shapes::MATERIAL_ID),
            key: shapes::key_name(Accepts::Keys, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:DeleteImportedKeyMaterial", &self.key, caller, records)
    }

    /// Also from a key that will be gone, whose state stays.
    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Deleted>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        import_token::refuse_unless_imported(&key)?;
        let had = key.had_material().map(|(_, id)| id);
        if let Some(wanted) = request
            .material_id
            .filter(|wanted| had.as_ref() != Some(wanted))
        {
            let message = format!("Key material {wanted} not found in {}", key.arn());
            return Err(refusals::not_found(message).into());
        }
        let mut key = KmsKey::clone(&key);
        let material_id = key
            .material
            .last()
            .map(|material| material.material_id.clone());
        let mut changes = Changes::none();
        if material_id.is_some() {
            key.lose_material();
            changes.put(key.key(), &key)?;
        }
        Ok(Decided::change(
            changes,
            Deleted {
                key_id: key.arn(),
                key_material_id: material_id,
            },
        ))
    }
}
