//! ImportKeyMaterial: the material of a key, from its owner.
//!
//! A key keeps to the material that it once had: brought again after it expired or was deleted, it
//! must be the same, and old ciphertexts open again.
//!
//! Source: AWS KMS API Reference, ImportKeyMaterial; AWS KMS Developer Guide, Importing key material.

use std::time::Duration;

use serde::Serialize;
use strongroom_keys::{WrappingAlgorithm, WrappingKey};
use strongroom_policy::Context;

use super::access::Usage;
use super::import_token::ImportToken;
use super::key::{KeyState, KmsKey};
use super::name::{Accepts, KeyName};
use super::{access, due, import_token, refusals, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Pattern, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

const VALID_DAYS_MAX: u64 = 365;
const EXPIRATION_MODEL: Text =
    Text::one_of(&["KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"]);
const IMPORT_TYPE: Text = Text::one_of(&["NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"]);
const MATERIAL_DESCRIPTION: Text = Text::matching(
    0..=256,
    &Pattern {
        shown: "^[a-zA-Z0-9:/_\\s.-]+$",
        matches: |text| {
            !text.is_empty()
                && text.chars().all(|each| {
                    each.is_ascii_alphanumeric() || each.is_whitespace() || ":/_.-".contains(each)
                })
        },
    },
);

/// The request.
pub struct ImportKeyMaterial {
    key: KeyName,
    token: Vec<u8>,
    wrapped: Vec<u8>,
    valid_to: Option<Timestamp>,
    expires: bool,
    is_new: bool,
    description: Option<String>,
    material_id: Option<String>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Imported {
    key_id: String,
    key_material_id: String,
}

impl Operation for ImportKeyMaterial {
    const NAME: &'static str = "ImportKeyMaterial";
    const WALKS: bool = true;
    type Output = Imported;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let model = members.text("ExpirationModel", &EXPIRATION_MODEL);
        ImportKeyMaterial {
            key: shapes::key_name(Accepts::Keys, members),
            token: shapes::required_blob("ImportToken", 1..=6144, members),
            wrapped: shapes::required_blob("EncryptedKeyMaterial", 1..=6144, members),
            valid_to: members.instant("ValidTo"),
            expires: model.as_deref() != Some("KEY_MATERIAL_DOES_NOT_EXPIRE"),
            is_new: members.text("ImportType", &IMPORT_TYPE).as_deref() == Some("NEW_KEY_MATERIAL"),
            description: members.text("KeyMaterialDescription", &MATERIAL_DESCRIPTION),
            material_id: members.text("KeyMaterialId", &shapes::MATERIAL_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut more = Context::new();
        more.insert("kms:ExpirationModel", expiration_model(self.expires));
        if let Some(valid_to) = self.valid_to {
            more.insert("kms:ValidTo", valid_to.seconds().to_string());
        }
        let usage = Usage {
            more,
            ..Usage::default()
        };
        access::need("kms:ImportKeyMaterial", &self.key, usage, caller, records)
            .map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Imported>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        import_token::refuse_unless_imported(&key)?;
        state::unless_pending_deletion(&key)?;
        let expires = request.expiry(given.now)?;
        let token = ImportToken::open(request.token, &key, given)?;
        let algorithm = WrappingAlgorithm::parse(&token.algorithm)
            .ok_or_else(refusals::invalid_import_token)?;
        let pair =
            WrappingKey::from_bytes(&token.pair).ok_or_else(refusals::invalid_import_token)?;
        let material = pair
            .unwrap(algorithm, &request.wrapped)
            .map_err(|_| refusals::invalid_ciphertext())?;

        let mut new = KmsKey::clone(&key);
        let had = new.had_material();
        if request.is_new && had.is_some() {
            return Err(refusals::unsupported(format!(
                "{} has key material. This version of Strongroom keeps one version of imported \
                 material; make another key, and give it the alias.",
                key.arn()
            ))
            .into());
        }
        let name = new.version_name(had.as_ref().map_or(1, |(version, _)| *version));
        new.material.clear();
        new.awaited.clear();
        let Some(taken) = new.import(name, &material, records, &given.means())? else {
            return Err(refusals::wrong_material(&key).into());
        };
        let is_other = had.is_some_and(|(_, id)| id != taken.material_id)
            || request
                .material_id
                .is_some_and(|id| id != taken.material_id);
        if is_other {
            return Err(refusals::other_material(&key).into());
        }
        taken.expires = expires;
        taken.description = request.description;
        let key_material_id = taken.material_id.clone();
        new.state = match key.state {
            KeyState::PendingImport => KeyState::Enabled,
            state => state,
        };
        let mut changes = Changes::none();
        due::schedule(&new, &mut changes)?;
        changes.put(new.key(), &new)?;
        Ok(Decided::change(
            changes,
            Imported {
                key_id: new.arn(),
                key_material_id,
            },
        ))
    }
}

impl ImportKeyMaterial {
    fn expiry(&self, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let latest = now.after(Duration::from_secs(VALID_DAYS_MAX * 24 * 60 * 60));
        match (self.expires, self.valid_to) {
            (true, None) => Err(Refusal::validation(
                "ValidTo must be specified where ExpirationModel is KEY_MATERIAL_EXPIRES.",
            )),
            (false, Some(_)) => Err(Refusal::validation(
                "ValidTo must not be specified where ExpirationModel is \
                 KEY_MATERIAL_DOES_NOT_EXPIRE.",
            )),
            (true, Some(at)) if at <= now || at > latest => Err(Refusal::validation(
                "ValidTo must be in the future, and at most 365 days from now.",
            )),
            (_, valid_to) => Ok(valid_to),
        }
    }
}

fn expiration_model(expires: bool) -> &'static str {
    if expires {
        "KEY_MATERIAL_EXPIRES"
    } else {
        "KEY_MATERIAL_DOES_NOT_EXPIRE"
    }
}
