//! DeleteImportedKeyMaterial: a key's material goes, at once; the key waits for the same again.
//!
//! Source: AWS KMS API Reference, DeleteImportedKeyMaterial.

use serde::Serialize;

use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::{access, import_token, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteImportedKeyMaterial {
    key: KeyName,
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
        members.text("KeyMaterialId", &shapes::MATERIAL_ID);
        DeleteImportedKeyMaterial {
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

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Deleted>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        import_token::refuse_unless_imported(&key)?;
        state::unless_pending_deletion(&key)?;
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
