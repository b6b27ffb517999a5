//! Authorization: the one place that lets an operation through, and the only maker of
//! [`Authorized`], which every decision asks for.
//!
//! Each account's root may do everything in its own account; every other request is denied.

use crate::caller::{AccountId, Caller, Principal};
use crate::operation::Operation;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// One permission that a caller must hold for an operation.
#[derive(Copy, Clone, Debug)]
pub struct Need<'a> {
    /// The IAM action, such as `secretsmanager:GetSecretValue`.
    pub action: &'static str,
    /// The account that owns the resource.
    pub owner: &'a AccountId,
    /// The resource as the caller named it; absent for actions on no resource of their own.
    pub shown: Option<&'a str>,
}

/// A request that passed the gate.
pub struct Authorized<Op>(Op);

impl<Op> Authorized<Op> {
    /// The request itself.
    pub fn into_request(self) -> Op {
        self.0
    }
}

/// Asks for everything that the operation needs, and lets it through where all of it is granted.
pub fn authorize<Op: Operation>(
    request: Op,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Authorized<Op>, Stop> {
    for need in request.needs(caller, records)? {
        permit(caller, &need)?;
    }
    Ok(Authorized(request))
}

/// Grants or denies one need; for operations that decide item by item, such as batch reads.
pub fn permit(caller: &Caller, need: &Need<'_>) -> Result<(), Refusal> {
    match caller.principal {
        Principal::Root if caller.account == *need.owner => Ok(()),
        Principal::Root => Err(Refusal::access_denied(
            &caller.arn(),
            need.action,
            need.shown,
            &format!(
                "because no resource-based policy allows the {} action",
                need.action
            ),
        )),
    }
}
