//! Renewing the data keys of secrets' versions: each value is sealed anew under a fresh data key and the
//! newest material of the KMS key that it is under. For operators, on nobody's behalf; a value is only
//! ever in the open inside of these functions.

use std::sync::Arc;

use super::secret::{Secret, ValueKind};
use super::version::{self, SealedValue};
use crate::kms::dependents::KeyRef;
use crate::kms::envelope;
use crate::kms::key::{KeyUsage, KmsKey};
use crate::kms::usable::UsableKey;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// What became of one version.
#[derive(Debug)]
pub enum Renewed {
    /// These changes renew it.
    Changes(Changes),
    /// There is nothing to renew: it is gone, has no value, or is under another key.
    Nothing,
    /// Its key may not be used now; which key, and its state.
    KeyUnusable(String),
}

/// Seals one version's value anew. `only` is the one KMS key that is asked for.
pub fn renew(
    secret: &Secret,
    version_id: &str,
    only: Option<&KmsKey>,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Renewed, Stop> {
    let Some(version) = secret.version(version_id) else {
        return Ok(Renewed::Nothing);
    };
    let place = secret.version_key(version_id);
    if version.kind == ValueKind::Awaited {
        return Ok(Renewed::Nothing);
    }
    let Some(sealed) = records.read::<SealedValue>(place.clone())? else {
        return Ok(Renewed::Nothing);
    };
    let under = KeyRef {
        account: sealed.envelope.key_account.clone(),
        key_id: sealed.envelope.key_id.clone(),
    };
    if only.is_some_and(|only| KeyRef::to(only) != under) {
        return Ok(Renewed::Nothing);
    }
    let key = Key::kms_key(&under.account, &secret.region, &under.key_id);
    let Some(key) = records.read::<KmsKey>(key)? else {
        return Ok(Renewed::KeyUnusable(format!(
            "KMS key {} of account {} is gone",
            under.key_id, under.account
        )));
    };
    let Ok(usable) = UsableKey::check(Arc::clone(&key), KeyUsage::EncryptDecrypt) else {
        let (arn, state) = (key.arn(), key.state.name());
        return Ok(Renewed::KeyUnusable(format!("{arn} is {state}")));
    };
    let arn = secret.arn();
    let context = version::context(&arn, version_id);
    let what = || format!("secret {arn} version {version_id}");
    let value = envelope::open_with(&usable, &sealed.envelope, &context, what, means)?;
    let envelope = envelope::seal_with(&usable, &context, &value, means)?;
    let mut changes = Changes::none();
    changes.put(place, &SealedValue { envelope })?;
    Ok(Renewed::Changes(changes))
}
