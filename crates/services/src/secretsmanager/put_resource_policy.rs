//! PutResourcePolicy: checks a resource policy and keeps it, byte by byte as it was given, for those whom it names now.
//!
//! Source: reference/api.md §6.18, reference/access-control.md §8.1.

use strongroom_policy::Context;

use super::access;
use super::metadata::NamedSecret;
use super::resource_policy;
use super::secret_id::SecretId;
use super::shapes::{self, RESOURCE_POLICY};
use crate::caller::Caller;
use crate::gate::{Authorized, ConditionKeys, Need};
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

impl ConditionKeys for PutResourcePolicy {
    fn add_condition_keys(&self, context: &mut Context) {
        let block = self.block_public_policy.to_string();
        context.insert("secretsmanager:BlockPublicPolicy", block);
    }
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

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on(
            "secretsmanager:PutResourcePolicy",
            &self.secret_id,
            self,
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<NamedSecret>, Stop> {
        let mut request = allowed.into_request();
        let text = std::mem::take(&mut request.policy);
        let mut secret = (*request.secret_id.find_active(records, given)?).clone();
        let policy = resource_policy::checked(text).map_err(|flaw| flaw.refusal())?;
        let (policy, unknown) = resource_policy::bound(policy, &secret.account, records)?;
        let public = match request.block_public_policy {
            true => resource_policy::grants_to_everyone(&policy).next(),
            false => None,
        };
        secret.resource_policy = Some(policy);
        let locked_out =
            resource_policy::lock_out(&request.secret_id, &secret, &request, records, given)?;
        if let Some(flaw) = unknown.or(locked_out).or(public) {
            return Err(flaw.refusal().into());
        }
        secret.changed = given.now;
        let mut changes = Changes::none();
        changes.put(secret.key(), &secret)?;
        Ok(Decided::change(changes, NamedSecret::of(&secret)))
    }
}
