//! PutResourcePolicy: checks a resource policy and keeps it, byte by byte as it was given.
//!
//! Source: reference/api.md §6.18, reference/access-control.md §8.1.

use super::metadata::NamedSecret;
use super::resource_policy::{self, Flaw};
use super::secret_id::SecretId;
use super::shapes::{self, RESOURCE_POLICY};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutResourcePolicy {
    secret_id: SecretId,
    policy: String,
    block_public_policy: bool,
}

impl Operation for PutResourcePolicy {
    const NAME: &'static str = "PutResourcePolicy";
    type Output = NamedSecret;

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutResourcePolicy {
            secret_id: shapes::secret_id(members),
            policy: members.required_text("ResourcePolicy", &RESOURCE_POLICY),
            block_public_policy: members.flag("BlockPublicPolicy").unwrap_or(false),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        shapes::need_on("secretsmanager:PutResourcePolicy", &self.secret_id, caller)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<NamedSecret>, Stop> {
        let request = allowed.into_request();
        let mut secret = (*request.secret_id.find_active(records, given)?).clone();
        let refused = resource_policy::flaws(&request.policy, given.caller)
            .into_iter()
            .find(|flaw| request.block_public_policy || !matches!(flaw, Flaw::Public { .. }));
        if let Some(flaw) = refused {
            return Err(flaw.refusal().into());
        }
        secret.resource_policy = Some(request.policy);
        secret.changed = given.now;
        let mut changes = Changes::none();
        changes.put(secret.key(), &secret)?;
        Ok(Decided::change(changes, NamedSecret::of(&secret)))
    }
}
