//! Renewing the data keys of functions: their environment variables and the pieces of their code are sealed anew under fresh
//! data keys and the newest material of the KMS key that they are under. For operators, on nobody's behalf.

use std::sync::Arc;

use super::code::{self, CodePiece};
use super::environment;
use super::function::Function;
use crate::caller::{AccountId, Region};
use crate::kms::envelope::{self, Context, Envelope};
use crate::kms::key::{KeyUsage, KmsKey};
use crate::kms::usable::UsableKey;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::secretsmanager::renewal::Renewed;

/// The records that hold something sealed under a data key, in the order of their keys.
pub fn places() -> [Key; 2] {
    [Key::all_lambda_pieces(), Key::all_lambda_functions()]
}

/// Seals anew what is in one of these records. `only` is the one KMS key that is asked for.
///
/// # Errors
/// It doesn't open, or can't be read.
pub fn renew(
    place: &Key,
    only: Option<&KmsKey>,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Renewed, Stop> {
    match place.starts_with(&Key::all_lambda_pieces()) {
        true => renew_piece(place, only, records, means),
        false => renew_variables(place, only, records, means),
    }
}

fn renew_variables(
    place: &Key,
    only: Option<&KmsKey>,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Renewed, Stop> {
    let Some(function) = records.read::<Function>(place.clone())? else {
        return Ok(Renewed::Nothing);
    };
    let mut function = Function::clone(&function);
    let arn = function.arn.clone();
    let (text, mut changed) = (arn.to_string(), false);
    let what = || format!("the environment variables of {text}");
    let at = (&arn.account, &arn.region);
    for configuration in function.configurations_mut() {
        let Some(sealed) = &configuration.environment else {
            continue;
        };
        let context = environment::context(&text);
        match anew(sealed, at, only, &context, &what, records, means)? {
            Anew::Sealed(envelope) => {
                configuration.environment = Some(envelope);
                changed = true;
            }
            Anew::Nothing => {}
            Anew::KeyUnusable(why) => return Ok(Renewed::KeyUnusable(why)),
        }
    }
    if !changed {
        return Ok(Renewed::Nothing);
    }
    let mut changes = Changes::none();
    changes.put(place.clone(), &function)?;
    Ok(Renewed::Changes(changes))
}

fn renew_piece(
    place: &Key,
    only: Option<&KmsKey>,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Renewed, Stop> {
    let Some(piece) = records.read::<CodePiece>(place.clone())? else {
        return Ok(Renewed::Nothing);
    };
    let text = String::from_utf8_lossy(place.as_bytes()).into_owned();
    let parts: Vec<&str> = text.split('\0').collect();
    let [_, account, region, hash, _, number] = parts[..] else {
        return Ok(Renewed::Nothing);
    };
    let named = (
        AccountId::parse(account),
        Region::parse(region),
        number.parse::<u32>(),
    );
    let (Ok(account), Ok(region), Ok(number)) = named else {
        return Ok(Renewed::Nothing);
    };
    let number = number.to_string();
    let what = || format!("piece {number} of the code {hash} of account {account}");
    let (at, context) = ((&account, &region), code::context(hash, &number));
    Ok(
        match anew(&piece.envelope, at, only, &context, &what, records, means)? {
            Anew::Sealed(envelope) => {
                let mut changes = Changes::none();
                changes.put(place.clone(), &CodePiece { envelope })?;
                Renewed::Changes(changes)
            }
            Anew::Nothing => Renewed::Nothing,
            Anew::KeyUnusable(why) => Renewed::KeyUnusable(why),
        },
    )
}

enum Anew {
    Sealed(Envelope),
    Nothing,
    KeyUnusable(String),
}

fn anew(
    sealed: &Envelope,
    (account, region): (&AccountId, &Region),
    only: Option<&KmsKey>,
    context: &Context<'_>,
    what: &dyn Fn() -> String,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Anew, Stop> {
    let is_asked_for = |only: &KmsKey| {
        only.key_id == sealed.key_id && only.account == *account && only.region == *region
    };
    if !only.is_none_or(is_asked_for) {
        return Ok(Anew::Nothing);
    }
    let key_id = &sealed.key_id;
    let Some(key) = records.read::<KmsKey>(Key::kms_key(account, region, key_id))? else {
        return Ok(Anew::KeyUnusable(format!(
            "KMS key {key_id} of account {account} is gone"
        )));
    };
    let Ok(usable) = UsableKey::check(Arc::clone(&key), KeyUsage::EncryptDecrypt) else {
        let (arn, state) = (key.arn(), key.state.name());
        return Ok(Anew::KeyUnusable(format!("{arn} is {state}")));
    };
    let value = envelope::open_with(&usable, sealed, context, what, means)?;
    let envelope = envelope::seal_with(&usable, context, &value, means)?;
    Ok(Anew::Sealed(envelope))
}
