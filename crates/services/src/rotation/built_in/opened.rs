//! Values in the open, for a function to work with: it acts as the service, for the secret's account.

use crate::caller::{Caller, Principal};
use crate::operation::{Given, Means};
use crate::origin::Origin;
use crate::records::Records;
use crate::refusal::Stop;
use crate::secretsmanager::secret::{Secret, ValueKind, Version};
use crate::secretsmanager::version::{self, Value};

/// Opens a version of a secret; `None` where it awaits its value.
pub(super) fn open(
    secret: &Secret,
    version: &Version,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<Option<Value>, Stop> {
    let service = Caller {
        account: secret.account.clone(),
        region: secret.region.clone(),
        principal: Principal::Root,
        session: None,
    };
    let given = Given {
        caller: &service,
        origin: Origin::INSIDE,
        now: means.now,
        entropy: means.entropy,
        keyring: means.keyring,
    };
    let open = || version::open(secret, &secret.arn(), version, records, &given);
    Ok(match version.kind {
        ValueKind::Awaited => None,
        ValueKind::Text => Some(Value::Text(open()?)),
        ValueKind::Binary => Some(Value::Binary(open()?)),
    })
}
