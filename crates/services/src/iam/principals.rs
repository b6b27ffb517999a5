//! Whom those mean that policies, grants and requests name.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::Principal;

use super::role::Role;
use super::unique_id;
use super::user::User;
use crate::caller::{AccountId, Caller};
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// Whom a name means, or meant when something was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Named {
    /// What has no unique id, such as an account: the name says it all.
    ByName,
    /// The user, role or session with this unique id.
    There(String),
    /// No user, role or session that there is.
    Absent,
}

/// Whom a principal means in something of `owner`. Of other accounts too; who may not learn that mustn't be told.
pub(crate) fn named(
    principal: &Principal,
    owner: &AccountId,
    records: &Records<'_>,
) -> Result<Named, Stop> {
    let account = principal
        .account()
        .and_then(|account| AccountId::parse(account).ok());
    let id = match (principal, &account) {
        (Principal::User { arn }, Some(account)) => user(arn, account, records)?,
        (Principal::Role { arn }, Some(account)) => {
            role_of_arn(arn, account, records)?.map(|role| role.id.clone())
        }
        (Principal::Session { arn }, Some(account)) => session(arn, account, records)?,
        // Nobody else's ids are looked up: whether there is one could be told from the answer.
        (Principal::UniqueId { id }, _) => by_id(id, owner, records)?.map(|_| id.clone()),
        // Of another service, which isn't here.
        (Principal::CanonicalUser { .. }, _) => None,
        _ => return Ok(Named::ByName),
    };
    Ok(id.map_or(Named::Absent, Named::There))
}

/// Whether an account, where one is known, is another one.
pub(crate) fn is_foreign(account: Option<&str>, owner: &AccountId) -> bool {
    account.is_some_and(|account| account != owner.as_str())
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

/// How the user, role or session that had a unique id of `owner`'s is called now: as `written` where that is still right,
/// else by its new ARN, and by the bare id once it is gone. `written` may be such an id itself.
///
/// Source: AWS IAM User Guide, JSON policy elements, Principal ("transforms to the unique principal ID").
pub(crate) fn name_now(
    written: &str,
    id: &str,
    owner: &AccountId,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Option<String>, Stop> {
    let resource = resource(written);
    let session = resource.strip_prefix("assumed-role/");
    let last_name = match session {
        Some(session) => session.split('/').next(),
        None => resource.rsplit('/').next(),
    };
    let last_name = last_name.filter(|name| !name.is_empty());
    let (role_id, session_name) = match id.split_once(':') {
        Some((role_id, session)) => (role_id, Some(session)),
        None => (id, None),
    };
    let now = if let Some(user) = unique_id::find::<User>(owner, id, last_name, records)? {
        User::resource(&user.path, &user.name)
    } else if let Some(role) = unique_id::find::<Role>(owner, role_id, last_name, records)? {
        match session_name {
            Some(session) => {
                let region = &caller.region;
                let arn = format!(
                    "arn:{}:sts::{owner}:assumed-role/{}/{session}",
                    region.partition(),
                    role.name
                );
                return Ok((resource != self::resource(&arn)).then_some(arn));
            }
            None => Role::resource(&role.path, &role.name),
        }
    } else {
        return Ok((written != id).then(|| id.to_owned()));
    };
    Ok((resource != now).then(|| caller.iam_arn(owner, &now)))
}

/// The user or the role with a unique id, or the role of a session's, if the account has it.
fn by_id(id: &str, account: &AccountId, records: &Records<'_>) -> Result<Option<()>, Stop> {
    let own = id.split(':').next().unwrap_or_default();
    if unique_id::find::<User>(account, own, None, records)?.is_some() {
        return Ok(Some(()));
    }
    let role = unique_id::find::<Role>(account, own, None, records)?;
    Ok(role.map(|_| ()))
}

/// The id of the user that an ARN names, path and letter case included.
fn user(arn: &str, account: &AccountId, records: &Records<'_>) -> Result<Option<String>, Stop> {
    let resource = resource(arn);
    let name = resource.rsplit('/').next().unwrap_or_default();
    let found = records.read::<User>(Key::iam_user(account, name))?;
    let found = found.filter(|user| User::resource(&user.path, &user.name) == resource);
    Ok(found.map(|user| user.id.clone()))
}

/// The role of an account that an ARN names, path and letter case included.
pub(crate) fn role_of_arn(
    arn: &str,
    account: &AccountId,
    records: &Records<'_>,
) -> Result<Option<Arc<Role>>, Stop> {
    let resource = resource(arn);
    let name = resource.rsplit('/').next().unwrap_or_default();
    let found = records.read::<Role>(Key::iam_role(account, name))?;
    Ok(found.filter(|role| Role::resource(&role.path, &role.name) == resource))
}

/// The id that the session has or would have that an ARN names.
fn session(arn: &str, account: &AccountId, records: &Records<'_>) -> Result<Option<String>, Stop> {
    let mut parts = resource(arn).split('/').skip(1);
    let (Some(name), Some(session)) = (parts.next(), parts.next()) else {
        return Ok(None);
    };
    let found = records.read::<Role>(Key::iam_role(account, name))?;
    let found = found.filter(|role| role.name == name);
    Ok(found.map(|role| format!("{}:{session}", role.id)))
}

/// What of an ARN is behind partition, service and account.
pub(crate) fn resource(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}
