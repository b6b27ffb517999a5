//! An alias: another name of a key, by which it can be exchanged for another key.
//!
//! Source: AWS KMS Developer Guide, Aliases in AWS KMS.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_keys::KeySpec;
use strongroom_policy::Context;

use super::access::{self, Usage};
use super::key::KmsKey;
use super::refusals;
use crate::caller::{AccountId, Caller, Region};
use crate::gate::Need;
use crate::operation::Given;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

/// The alias of the key that Secrets Manager keeps for each account, with `alias/`.
pub const SECRETS_MANAGER_ALIAS: &str = "alias/aws/secretsmanager";

/// The alias of the key that Lambda keeps for each account, with `alias/`.
pub const LAMBDA_ALIAS: &str = "alias/aws/lambda";

/// A KMS alias.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// Its name, with `alias/`.
    pub name: String,
    /// The key that it names.
    pub key_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last given another key.
    pub updated: Timestamp,
}

/// The ARN of an alias; `name` is with `alias/`.
pub fn alias_arn(account: &AccountId, region: &Region, name: &str) -> String {
    format!("arn:{}:kms:{region}:{account}:{name}", region.partition())
}

/// Aliases of one key. Source: AWS KMS Developer Guide, Quotas.
const ALIASES_MAX: usize = 50;

/// The need of an operation on the alias itself, which its account's policies grant.
pub(super) fn need<'a>(action: &'static str, name: &str, caller: &'a Caller) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: Some(Cow::Owned(alias_arn(&caller.account, &caller.region, name))),
        guard: access::guard_of_account(Context::new(), caller),
    }
}

/// The need of an operation on the key that an alias names, where there is one.
pub(super) fn need_on_its_key<'a>(
    action: &'static str,
    name: &str,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Option<Need<'a>>, Stop> {
    let place = Key::kms_alias(&caller.account, &caller.region, name);
    let Some(alias) = records.read::<Alias>(place)? else {
        return Ok(None);
    };
    let place = Key::kms_key(&caller.account, &caller.region, &alias.key_id);
    let Some(key) = records.read::<KmsKey>(place)? else {
        return Ok(None);
    };
    access::need_on_key(action, key, Some(name), Usage::default(), caller, records).map(Some)
}

/// An alias of the caller, with its place.
///
/// # Refusals
/// `NotFoundException`
pub(super) fn find(
    name: &str,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(Key, Arc<Alias>), Stop> {
    let caller = given.caller;
    let place = Key::kms_alias(&caller.account, &caller.region, name);
    match records.read::<Alias>(place.clone())? {
        Some(alias) => Ok((place, alias)),
        None => {
            let arn = alias_arn(&caller.account, &caller.region, name);
            Err(refusals::alias_not_found(&arn).into())
        }
    }
}

/// What a user's alias may be called.
///
/// # Refusals
/// `InvalidAliasNameException`; `NotAuthorizedException` for those that services keep.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    let Some(rest) = name.strip_prefix("alias/") else {
        return Err(refusals::invalid_alias_name(
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ));
    };
    if rest.starts_with("aws/") {
        return Err(refusals::reserved_alias());
    }
    let well_formed = !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte));
    if well_formed {
        Ok(())
    } else {
        Err(refusals::invalid_alias_name(
            "Alias must contain only alphanumeric characters, forward slashes, underscores, and \
             dashes",
        ))
    }
}

/// An alias and its key are of one account.
pub(super) fn refuse_foreign_key(key: &KmsKey, caller: &Caller) -> Result<(), Refusal> {
    if key.account == caller.account {
        return Ok(());
    }
    Err(refusals::unsupported(
        "An alias can only name a key of its own account and Region.",
    ))
}

/// Gives a key one more alias.
///
/// # Refusals
/// `LimitExceededException`
pub(super) fn attach(name: &str, key: &mut KmsKey) -> Result<(), Refusal> {
    if key.aliases.len() >= ALIASES_MAX {
        return Err(refusals::limit_exceeded(format!(
            "The key has {ALIASES_MAX} aliases, which is the most that a key can have."
        )));
    }
    key.aliases.push(name.to_owned());
    Ok(())
}

/// Symmetric, code or key pair: an alias stays with one kind.
pub(super) fn kind_of(key: &KmsKey) -> &'static str {
    match key.spec {
        KeySpec::SymmetricDefault => "symmetric",
        spec if !spec.mac_algorithms().is_empty() => "HMAC",
        _ => "asymmetric",
    }
}
