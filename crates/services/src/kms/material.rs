//! Making versions of a key's material. Everything that is sealed under the root key here is made by
//! these functions.

use strongroom_keys::{KeyVersionName, NewMaterial, SecretBytes, UseError};

use super::key::{BackingMaterial, KmsKey, RotationType};
use super::usable::UsableKey;
use crate::cloudtrail::service_event::ServiceEvent;
use crate::operation::{Given, Means};
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::root_key;

impl KmsKey {
    /// Gives the key its next version of material, fresh.
    pub(super) fn renew(
        &mut self,
        rotation: Option<RotationType>,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<(), Stop> {
        root_key::note(records)?;
        let name = self.next_version_name();
        let made = means
            .keyring
            .make_material(&name, self.spec, means.entropy)
            .map_err(broken)?;
        self.take(made, name, rotation, means);
        Ok(())
    }

    /// Renews a key's material, and tells of it.
    pub(super) fn rotate(
        &mut self,
        rotation: RotationType,
        records: &Records<'_>,
        means: &Means<'_>,
        changes: &mut Changes,
    ) -> Result<(), Stop> {
        let before = self
            .material
            .last()
            .map(|material| material.material_id.clone());
        self.renew(Some(rotation), records, means)?;
        changes.tell(ServiceEvent::of_rotated_key(self, before.as_deref()));
        Ok(())
    }

    /// Takes material that its owner brings as a version of the key; `None` where it is none of this
    /// key's kind.
    pub(super) fn import(
        &mut self,
        name: KeyVersionName,
        material: &SecretBytes,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Option<&mut BackingMaterial>, Stop> {
        root_key::note(records)?;
        let keyring = means.keyring;
        let made = keyring.import_material(&name, self.spec, material, means.entropy);
        let Ok(made) = made else {
            return Ok(None);
        };
        self.take(made, name, None, means);
        Ok(self.material.last_mut())
    }

    fn take(
        &mut self,
        made: NewMaterial,
        name: KeyVersionName,
        rotation: Option<RotationType>,
        means: &Means<'_>,
    ) {
        self.material.push(BackingMaterial {
            name,
            wrapped: made.wrapped,
            created: means.now,
            material_id: made.id,
            rotation,
            expires: None,
            description: None,
        });
    }
}

/// A use of material that fails though the request is right.
pub(super) fn broken(error: UseError) -> Stop {
    Stop::Unavailable(Box::new(error))
}

/// The public half of a key pair. It comes from the private half each time: one that is kept beside it could be
/// exchanged for another's.
pub(super) fn public_key(key: &UsableKey, given: &Given<'_>) -> Result<Vec<u8>, Stop> {
    let material = key.current();
    let spec = key.key().spec;
    given
        .keyring
        .public_key(&material.name, spec, &material.wrapped)
        .map_err(|cause| unusable(key.key(), cause))
}

/// A key whose own material can't be used: damage, or the library's failure.
#[derive(Debug, thiserror::Error)]
#[error("the material of KMS key {arn} can't be used: {cause}")]
struct Unusable {
    arn: String,
    cause: UseError,
}

/// A use of a key's material that fails though the request is right; names the key.
pub(super) fn unusable(key: &KmsKey, cause: UseError) -> Stop {
    Stop::Unavailable(Box::new(Unusable {
        arn: key.arn(),
        cause,
    }))
}
