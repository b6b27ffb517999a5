//! PutKeyPolicy: another policy for a key.
//!
//! Source: AWS KMS API Reference, PutKeyPolicy; reference/kms-iam-sts.md §A4.

use super::access::Usage;
use super::key::KmsKey;
use super::name::{Accepts, KeyName};
use super::policy::{self, POLICY_NAME};
use super::shapes::POLICY;
use super::{access, shapes, state};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct PutKeyPolicy {
    key: KeyName,
    name: Option<String>,
    policy: String,
    bypass: bool,
}

impl Operation for PutKeyPolicy {
    const NAME: &'static str = "PutKeyPolicy";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        PutKeyPolicy {
            key: shapes::key_name(Accepts::Keys, members),
            name: members.text("PolicyName", &POLICY_NAME),
            policy: members.required_text("Policy", &POLICY),
            bypass: members.flag("BypassPolicyLockoutSafetyCheck") == Some(true),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut usage = Usage::default();
        policy::insert_bypass(self.bypass, &mut usage.more);
        access::need("kms:PutKeyPolicy", &self.key, usage, caller, records).map(|need| vec![need])
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let key = request.key.find(given.caller, records)?;
        policy::check_name(request.name.as_deref())?;
        state::unless_pending_deletion(&key)?;
        let mut key = KmsKey::clone(&key);
        key.policy = policy::checked(request.policy, &key.account, records)?;
        policy::refuse_lockout(&key, request.bypass, records, given)?;
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        Ok(Decided::silent(changes))
    }
}
