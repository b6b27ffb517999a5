//! Making a version of a key's material.
//!
//! Everything that is sealed under the root key here is made by these functions.

use strongroom_keys::KeySpec;

use super::key::{BackingMaterial, KmsKey, RotationType};
use crate::operation::Means;
use crate::records::Records;
use crate::refusal::Stop;

impl BackingMaterial {
    /// The next version of a symmetric key's material, fresh.
    pub(super) fn fresh(
        key: &KmsKey,
        rotation: Option<RotationType>,
        _records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Self, Stop> {
        debug_assert!(key.spec == KeySpec::SymmetricDefault);
        let name = key.next_version_name();
        let wrapped = means.keyring.new_material(&name, means.entropy);
        Ok(BackingMaterial {
            wrapped,
            name,
            created: means.now,
            material_id: String::new(),
            rotation,
            expires: None,
            description: None,
        })
    }
}
