//! `strongroom-iam-access-key`: an access key of an IAM user of the secret's account, as the members `AccessKeyId`,
//! `SecretAccessKey` and `UserName` of a JSON object.
//!
//! A user has two access keys at most, so a new one takes the place of the one before the current one. Only keys that
//! the secret itself holds are ever removed: another was made by someone for something else.

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_policy::Context;

use super::json_object::JsonObject;
use super::{BuiltIn, Call, Created, Failure, Parameters, Rotation};
use crate::accounts::{AccessKey, KeyOwner, KeyStatus};
use crate::caller::Caller;
use crate::gate::{Guard, Need};
use crate::iam::access_key::{self, ACCESS_KEYS_MAX};
use crate::iam::shapes::{USER_NAME, add_resource_tags};
use crate::iam::user::User;
use crate::operation::Means;
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;
use crate::rotation::step::Step;
use crate::rotation::{opened, told};
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::version::Value;

const ACCESS_KEY_ID: &str = "AccessKeyId";
const SECRET_ACCESS_KEY: &str = "SecretAccessKey";

/// What it does with access keys, for which whoever configures it must be allowed as much.
const ACTIONS: &[&str] = &[
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:ListAccessKeys",
];

/// Whose access keys are rotated, and how many are kept.
struct IamAccessKey {
    user_name: String,
    keeps_previous: bool,
}

pub(super) fn configure(parameters: &mut Parameters<'_>, _: &Secret) -> Box<dyn BuiltIn> {
    let user_name = parameters.required("UserName", "the IAM user whose access keys are rotated");
    if !user_name.is_empty() && !USER_NAME.accepts(user_name) {
        parameters.refuse("UserName must be the name of an IAM user, without path or ARN");
    }
    Box::new(IamAccessKey {
        user_name: user_name.to_owned(),
        keeps_previous: parameters.number("KeysKept", 1..=2, 2) == 2,
    })
}

impl BuiltIn for IamAccessKey {
    fn needs<'a>(
        &'a self,
        secret: &Secret,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let user = self.read(secret, records)?;
        let mut context = Context::new();
        let arn = match &user {
            Some(user) => {
                add_resource_tags(&user.tags, &mut context);
                user.arn(caller)
            }
            None => caller.iam_arn(&secret.account, &User::resource("/", &self.user_name)),
        };
        let need = |action: &&'static str| Need {
            action,
            owner: Cow::Owned(secret.account.clone()),
            shown: Some(Cow::Owned(arn.clone())),
            guard: Guard::ToBeMade(context.clone()),
        };
        Ok(ACTIONS.iter().map(need).collect())
    }

    fn check(&self, secret: &Secret, records: &Records<'_>, _: &Means<'_>) -> Result<(), Failure> {
        self.find(secret, records).map(|_| ())
    }

    fn create(
        &self,
        rotation: &Rotation<'_>,
        records: &Records<'_>,
        means: &Means<'_>,
        changes: &mut Changes,
    ) -> Result<Created, Failure> {
        let service = service_of(rotation.secret);
        let mut user = Arc::unwrap_or_clone(self.find(rotation.secret, records)?);
        if user.access_key_ids.len() >= ACCESS_KEYS_MAX {
            let current = rotation.current.and_then(access_key_id);
            let mut ours = None;
            for id in user
                .access_key_ids
                .iter()
                .filter(|id| Some(*id) != current.as_ref())
            {
                if is_held(id, rotation.secret, records, means)? {
                    ours = Some(id.clone());
                    break;
                }
            }
            let Some(ours) = ours else {
                return Err(Failure::because(format!(
                    "the IAM user {} has two access keys, and this secret holds none of them that is not in use: \
                     delete one with DeleteAccessKey",
                    user.name
                )));
            };
            access_key::remove(&mut user, &ours, changes)?;
            told::access_key_removed(&user, &ours, &service, records);
        }
        let made = access_key::make(&mut user, records, means, changes)?;
        told::access_key_made(&user, &made.access_key_id, &service, records);
        let mut object = JsonObject::in_place_of(rotation.current);
        object.set(ACCESS_KEY_ID, &made.access_key_id);
        object.set_bytes(SECRET_ACCESS_KEY, &made.secret_access_key);
        object.set("UserName", &user.name);
        Ok(Created::Value(object.into_value()))
    }

    /// Tests the key as far as it can be without signing with it.
    fn step(
        &self,
        step: Step,
        rotation: &Rotation<'_>,
        pending: &Value,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Option<Call>, Failure> {
        if step != Step::Test {
            return Ok(None);
        }
        let user = self.find(rotation.secret, records)?;
        let Some(id) = access_key_id(pending) else {
            return Err(Failure::because(format!(
                "the value is no JSON object with a member {ACCESS_KEY_ID}: rotate the secret with RotateImmediately, \
                 which makes one"
            )));
        };
        let key = records.read::<AccessKey>(Key::access_key(&id))?;
        let owner = KeyOwner::User {
            name: user.name.clone(),
        };
        let key = key.filter(|key| key.account == user.account && key.owner == owner);
        let Some(key) = key else {
            return Err(Failure::because(format!(
                "the IAM user {} has no access key {id}: rotate the secret to make another",
                user.name
            )));
        };
        if key.status != KeyStatus::Active {
            return Err(Failure::because(format!(
                "the access key {id} is inactive: make it active with UpdateAccessKey, or rotate the secret"
            )));
        }
        let opened = means
            .keyring
            .open_credential(key.name(), &key.sealed_secret);
        let opened = opened.map_err(|error| Failure::Unavailable(Box::new(error)))?;
        let held = JsonObject::of(pending).and_then(|object| object.secret(SECRET_ACCESS_KEY));
        if !held.is_some_and(|held| held.matches(&opened)) {
            return Err(Failure::because(format!(
                "the value's {SECRET_ACCESS_KEY} isn't that of the access key {id}: rotate the secret to make another"
            )));
        }
        Ok(None)
    }

    fn finish(
        &self,
        rotation: &Rotation<'_>,
        pending: &Value,
        records: &Records<'_>,
        means: &Means<'_>,
        changes: &mut Changes,
    ) -> Result<(), Failure> {
        let mut user = Arc::unwrap_or_clone(self.find(rotation.secret, records)?);
        let kept = [
            access_key_id(pending),
            rotation
                .current
                .filter(|_| self.keeps_previous)
                .and_then(access_key_id),
        ];
        for id in user.access_key_ids.clone() {
            if !kept.contains(&Some(id.clone())) && is_held(&id, rotation.secret, records, means)? {
                access_key::remove(&mut user, &id, changes)?;
                told::access_key_removed(&user, &id, &service_of(rotation.secret), records);
            }
        }
        Ok(())
    }
}

impl IamAccessKey {
    fn read(&self, secret: &Secret, records: &Records<'_>) -> Result<Option<Arc<User>>, Stop> {
        records.read(Key::iam_user(&secret.account, &self.user_name))
    }

    fn find(&self, secret: &Secret, records: &Records<'_>) -> Result<Arc<User>, Failure> {
        self.read(secret, records)?.ok_or_else(|| {
            Failure::because(format!(
                "there is no IAM user {} in account {}: create it, or name another with the parameter UserName",
                self.user_name, secret.account
            ))
        })
    }
}

fn service_of(secret: &Secret) -> Caller {
    opened::service_caller(&secret.account, &secret.region)
}

/// The access key that a value holds.
fn access_key_id(value: &Value) -> Option<String> {
    JsonObject::of(value)?.text(ACCESS_KEY_ID)
}

/// Whether any version of the secret holds an access key. The newest are looked at first.
fn is_held(
    id: &str,
    secret: &Secret,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<bool, Stop> {
    for version in secret.versions.iter().rev() {
        match opened::read(secret, version, records, means) {
            Ok(value) => {
                if value.as_ref().and_then(access_key_id).as_deref() == Some(id) {
                    return Ok(true);
                }
            }
            // An old version may be under a key that was disabled since.
            Err(Stop::Refused(_)) => {}
            Err(unavailable) => return Err(unavailable),
        }
    }
    Ok(false)
}
