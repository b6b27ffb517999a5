//! What a caller must be allowed to do with a key, and the condition keys that its policy may ask
//! about.
//!
//! Source: AWS KMS Developer Guide, Condition keys for AWS KMS; reference/kms-iam-sts.md §A5.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use strongroom_policy::Context;

use super::grant;
use super::key::KmsKey;
use super::name::{KeyName, Named};
use crate::caller::Caller;
use crate::gate::{Guard, KeyGuard, Need};
use crate::iam::in_force::InForce;
use crate::records::Records;
use crate::refusal::Stop;

/// What a key's policy or a grant can open to callers of other accounts. Everything else is the key's own account's,
/// whatever its policy says.
///
/// Source: AWS KMS API Reference, "Cross-account use" of each operation; AWS KMS Developer Guide, AWS KMS permissions.
const OPEN_TO_OTHER_ACCOUNTS: &[&str] = &[
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyPair",
    "kms:GenerateDataKeyPairWithoutPlaintext",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:GenerateMac",
    "kms:GetKeyRotationStatus",
    "kms:GetPublicKey",
    "kms:ListGrants",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:RetireGrant",
    "kms:RevokeGrant",
    "kms:Sign",
    "kms:Verify",
    "kms:VerifyMac",
];

/// What a request does with a key, as far as permissions depend on it.
#[derive(Debug, Default)]
pub struct Usage<'a> {
    /// The encryption context.
    pub encryption_context: Cow<'a, BTreeMap<String, String>>,
    /// The service that uses the key for the caller, such as `secretsmanager`.
    pub via: Option<&'static str>,
    /// More condition keys, such as `kms:EncryptionAlgorithm`.
    pub more: Context,
}

/// The need of an operation on the key that a request names. `operation` is the action without
/// `kms:`, as grants name it.
pub fn need<'a>(
    action: &'a str,
    name: &'a KeyName,
    usage: Usage<'_>,
    caller: &'a Caller,
    records: &Records<'_>,
) -> Result<Need<'a>, Stop> {
    let named = name.resolve(&caller.account, &caller.region, records)?;
    need_on_named(action, name, &named, usage, caller, records)
}

/// The need of an operation on the key that a request names. `named` is what the name stands for.
pub(super) fn need_on_named<'a>(
    action: &'a str,
    name: &'a KeyName,
    named: &Named,
    usage: Usage<'_>,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Need<'a>, Stop> {
    let shown = Some(Cow::Borrowed(name.as_given()));
    match named {
        Named::Key(key) => {
            let (key, alias) = (Arc::clone(key), name.alias());
            let need = need_on_key(action, key, alias, usage, caller, records)?;
            Ok(if *need.owner == caller.account {
                need
            } else {
                // Which key an alias of another account names is told to those alone who may use it.
                Need { shown, ..need }
            })
        }
        Named::Absent { owner, .. } => Ok(Need {
            action,
            owner: Cow::Owned(owner.clone()),
            shown,
            guard: Guard::Absent,
        }),
    }
}

/// The need of an operation on the key that a request names, whose permission depends on nothing else.
pub fn needs<'a>(
    action: &'static str,
    name: &'a KeyName,
    caller: &'a Caller,
    records: &Records<'_>,
) -> Result<Vec<Need<'a>>, Stop> {
    need(action, name, Usage::default(), caller, records).map(|need| vec![need])
}

/// The need of an operation on a key that was found. `alias` is the one that the request named.
pub fn need_on_key<'a>(
    action: &'a str,
    key: Arc<KmsKey>,
    alias: Option<&str>,
    usage: Usage<'_>,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Need<'a>, Stop> {
    if key.account != caller.account && !OPEN_TO_OTHER_ACCOUNTS.contains(&action) {
        return Ok(Need {
            action,
            owner: Cow::Owned(key.account.clone()),
            shown: Some(Cow::Owned(key.arn())),
            guard: Guard::Absent,
        });
    }
    let operation = action.strip_prefix("kms:").unwrap_or(action);
    let granted = grant::grants(&key, caller, operation, &usage.encryption_context, records)?;
    let context = if InForce::asks_more(caller, records)? || key.policy.document().reads_context() {
        condition_keys(&key, alias, usage, caller)
    } else {
        Context::new()
    };
    Ok(Need {
        action,
        owner: Cow::Owned(key.account.clone()),
        shown: Some(Cow::Owned(key.arn())),
        guard: Guard::Key(Box::new(KeyGuard {
            key,
            granted,
            context,
            refusal: None,
        })),
    })
}

/// The need to be of the account whose key a request names, where it isn't the caller's.
pub fn need_of_owner<'a>(
    action: &'static str,
    name: &'a KeyName,
    caller: &Caller,
) -> Option<Need<'a>> {
    let owner = name.account().filter(|owner| **owner != caller.account)?;
    Some(Need {
        action,
        owner: Cow::Borrowed(owner),
        shown: Some(Cow::Borrowed(name.as_given())),
        guard: Guard::Absent,
    })
}

/// The need of an operation on no key in particular.
pub fn need_on_account<'a>(action: &'a str, caller: &'a Caller) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: Some(Cow::Borrowed("*")),
        guard: guard_of_account(Context::new(), caller),
    }
}

/// The need of making a key, of which so much is known.
pub fn need_to_make<'a>(action: &'static str, known: Context, caller: &'a Caller) -> Need<'a> {
    Need {
        guard: guard_of_account(known, caller),
        ..need_on_account(action, caller)
    }
}

/// What stands before what is no key: the caller's own policies alone, which are told the condition key that every
/// request to KMS has.
///
/// Source: AWS KMS Developer Guide, Condition keys for AWS KMS, `kms:CallerAccount`.
pub(super) fn guard_of_account<'a>(mut known: Context, caller: &Caller) -> Guard<'a> {
    known.insert("kms:CallerAccount", caller.account.as_str());
    Guard::ToBeMade(known)
}

/// The `kms:` condition keys of a request to a key, and those of its tags. `alias` is the one that the request named.
pub fn condition_keys(
    key: &KmsKey,
    alias: Option<&str>,
    usage: Usage<'_>,
    caller: &Caller,
) -> Context {
    let mut context = usage.more;
    context.insert("kms:CallerAccount", caller.account.as_str());
    context.insert("kms:KeySpec", key.spec.name());
    context.insert("kms:KeyUsage", key.usage.name());
    context.insert("kms:KeyOrigin", key.origin.name());
    context.insert("kms:MultiRegion", "false");
    context.insert_all("kms:ResourceAliases", key.aliases.iter().cloned());
    if let Some(alias) = alias {
        context.insert("kms:RequestAlias", alias);
    }
    if let Some(service) = usage.via {
        context.insert(
            "kms:ViaService",
            format!("{service}.{}.amazonaws.com", caller.region),
        );
    }
    for tag in &key.tags {
        context.insert(
            &format!("aws:ResourceTag/{}", tag.tag_key),
            tag.tag_value.as_str(),
        );
    }
    for (name, value) in usage.encryption_context.iter() {
        context.insert(&format!("kms:EncryptionContext:{name}"), value.as_str());
    }
    context.insert_all(
        "kms:EncryptionContextKeys",
        usage.encryption_context.keys().cloned(),
    );
    context
}
