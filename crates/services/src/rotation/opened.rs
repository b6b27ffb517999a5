//! Values in the open, for a rotation to work with: it acts as the service, for the secret's account.

use super::told;
use crate::caller::{AccountId, Caller, Principal, Region};
use crate::operation::Means;
use crate::records::Records;
use crate::refusal::Stop;
use crate::secretsmanager::secret::{Secret, ValueKind, Version};
use crate::secretsmanager::version::{self, Value};

/// Whoever acts for the rotations of an account's secrets inside the service.
pub(crate) fn service_caller(account: &AccountId, region: &Region) -> Caller {
    Caller {
        account: account.clone(),
        region: region.clone(),
        principal: Principal::Root,
        session: None,
    }
}

/// Reads a version's value for a function that is built in, as one would that runs elsewhere: it is told of.
///
/// # Refusals
/// As [`open`].
pub(crate) fn read(
    secret: &Secret,
    version: &Version,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Option<Value>, Stop> {
    match version.kind {
        ValueKind::Awaited => Ok(None),
        ValueKind::Text | ValueKind::Binary => told::reading(secret, &version.id)
            .tell(records, |_| open(secret, version, records, means)),
    }
}

/// Opens a version of a secret; `None` where it awaits its value.
///
/// # Refusals
/// As reading the value has them: the key's policy must let the account use it.
pub(crate) fn open(
    secret: &Secret,
    version: &Version,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Option<Value>, Stop> {
    let service = service_caller(&secret.account, &secret.region);
    let given = means.given(&service);
    let open = || version::open(secret, &secret.arn(), version, records, &given);
    Ok(match version.kind {
        ValueKind::Awaited => None,
        ValueKind::Text => Some(Value::Text(open()?)),
        ValueKind::Binary => Some(Value::Binary(open()?)),
    })
}
