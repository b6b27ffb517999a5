//! What a caller must be allowed to do with a secret, and the condition keys that requests fill.
//!
//! Source: Service Authorization Reference, Actions, resources, and condition keys for AWS Secrets Manager;
//! reference/access-control.md §5.2.

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_policy::Context;

use super::secret::{Secret, Tag, add_tags};
use super::secret_id::SecretId;
use crate::caller::Caller;
use crate::gate::{self, ConditionKeys, Guard, Need, SecretGuard, Sought};
use crate::kms::envelope;
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::Stop;

/// The need of an operation on one secret. `request` is what the operation tells policies of itself.
pub(crate) fn need_on<'a>(
    action: &'a str,
    secret_id: &'a SecretId,
    request: &'a dyn ConditionKeys,
    caller: &'a Caller,
    records: &Records<'_>,
) -> Result<Vec<Need<'a>>, Stop> {
    let secret = secret_id.record(caller, records)?;
    Ok(vec![Need {
        action,
        owner: Cow::Borrowed(secret_id.owner(caller)),
        shown: Some(Cow::Borrowed(secret_id.as_given())),
        guard: Guard::Secret(SecretGuard {
            secret: secret.map_or(Sought::Absent(secret_id), Sought::Found),
            request,
            known: Context::new(),
        }),
    }])
}

/// The need of the same operation on a secret as it would become.
pub(super) fn need_on_changed<'a>(
    action: &'static str,
    secret_id: &'a SecretId,
    changed: &Secret,
    request: &'a dyn ConditionKeys,
) -> Need<'a> {
    Need {
        action,
        owner: Cow::Owned(changed.account.clone()),
        shown: Some(Cow::Borrowed(secret_id.as_given())),
        guard: Guard::Secret(SecretGuard {
            secret: Sought::Found(Arc::new(changed.clone())),
            request,
            known: Context::new(),
        }),
    }
}

/// Refuses a change of tags after which the caller could not make it any more.
///
/// Source: AWS Secrets Manager API Reference, TagResource, UntagResource.
///
/// # Refusals
/// `AccessDeniedException`
pub(super) fn still_permit(
    action: &'static str,
    secret_id: &SecretId,
    changed: &Secret,
    request: &dyn ConditionKeys,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(), Stop> {
    let need = need_on_changed(action, secret_id, changed, request);
    gate::permit(&need, records, given)
}

/// The need of making a secret.
pub(crate) fn need_to_make<'a>(
    action: &'a str,
    name: &'a str,
    request: &'a dyn ConditionKeys,
    caller: &'a Caller,
) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: Some(Cow::Borrowed(name)),
        guard: Guard::Secret(SecretGuard {
            secret: Sought::ToBeMade(name),
            request,
            known: Context::new(),
        }),
    }
}

/// The need of an operation on no secret in particular.
pub(crate) fn need_on_account<'a>(
    action: &'a str,
    caller: &'a Caller,
) -> Result<Vec<Need<'a>>, Stop> {
    Ok(vec![Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: None,
        guard: Guard::Account,
    }])
}

/// Tells the policies that a need is put to which key a request chooses.
pub(super) fn tell_key(
    named: Option<&str>,
    needs: &mut [Need<'_>],
    caller: &Caller,
    records: &Records<'_>,
) -> Result<(), Stop> {
    let Some(named) = named else { return Ok(()) };
    let Some(arn) = envelope::named_key_arn(named, caller, records)? else {
        return Ok(());
    };
    for need in needs {
        if let Guard::Secret(guard) = &mut need.guard {
            guard.known.insert("secretsmanager:KmsKeyArn", arn.as_str());
        }
    }
    Ok(())
}

/// The tags of a request.
impl ConditionKeys for Vec<Tag> {
    fn add_condition_keys(&self, context: &mut Context) {
        add_tags(&["aws:RequestTag/"], self, context);
        context.insert_all("aws:TagKeys", self.iter().map(|tag| tag.key.as_str()));
    }
}

/// Adds a condition key with what a member says, where the request has it.
pub(super) fn add_text(name: &str, member: Option<&String>, context: &mut Context) {
    if let Some(text) = member {
        context.insert(name, text.as_str());
    }
}
