//! DeleteResourcePolicy: takes a secret's policy away, if it has one.
//!
//! Source: reference/api.md §6.20.

use super::access;
use super::metadata::NamedSecret;
use super::secret_id::SecretId;
use super::shapes;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteResourcePolicy {
    secret_id: SecretId,
}

impl Operation for DeleteResourcePolicy {
    const NAME: &'static str = "DeleteResourcePolicy";
    type Output = NamedSecret;

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteResourcePolicy {
            secret_id: shapes::secret_id(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:DeleteResourcePolicy",
            &self.secret_id,
            &(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<NamedSecret>, Stop> {
        let found = allowed
            .into_request()
            .secret_id
            .find_active(records, given)?;
        let mut changes = Changes::none();
        if found.resource_policy.is_some() {
            let mut secret = (*found).clone();
            secret.resource_policy = None;
            secret.changed = given.now;
            changes.put(secret.key(), &secret)?;
        }
        Ok(Decided::change(changes, NamedSecret::of(&found)))
    }
}
