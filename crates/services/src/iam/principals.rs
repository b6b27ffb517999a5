//! Whether those whom ARNs name are there.

use std::sync::Arc;

use strongroom_policy::Principal;

use super::role::Role;
use super::user::User;
use crate::caller::AccountId;
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// Whether a principal can be named by something of `account`: its own users and roles must be there.
/// Whether another account has the principal isn't asked, as with AWS it could be told from the answer.
pub(crate) fn may_be_there(
    principal: &Principal,
    account: &AccountId,
    records: &Records<'_>,
) -> Result<bool, Stop> {
    if principal.account() != Some(account.as_str()) {
        return Ok(true);
    }
    match principal {
        Principal::User { arn } => is_user(arn, account, records),
        Principal::Role { arn } => Ok(role_of_arn(arn, account, records)?.is_some()),
        Principal::Session { arn } => {
            let name = resource(arn).split('/').nth(1).unwrap_or_default();
            let found = records.read::<Role>(Key::iam_role(account, name))?;
            Ok(found.is_some_and(|role| role.name == name))
        }
        _ => Ok(true),
    }
}

/// Whether an account has the user that an ARN names, path and letter case included.
fn is_user(arn: &str, account: &AccountId, records: &Records<'_>) -> Result<bool, Stop> {
    let resource = resource(arn);
    let name = resource.rsplit('/').next().unwrap_or_default();
    let found = records.read::<User>(Key::iam_user(account, name))?;
    Ok(found.is_some_and(|user| User::resource(&user.path, &user.name) == resource))
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

/// What of an ARN is behind partition, service and account.
fn resource(arn: &str) -> &str {
    arn.splitn(6, ':').nth(5).unwrap_or_default()
}
