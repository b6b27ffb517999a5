//! GetContextKeysForPrincipalPolicy: the condition keys that the policies of a user, a group or a role use.
//!
//! Source: AWS IAM API Reference, GetContextKeysForPrincipalPolicy.

use super::get_context_keys_for_custom_policy::ContextKeys;
use super::policy_source::{self, PolicySource};
use super::simulation::{self, Source, context_keys};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetContextKeysForPrincipalPolicy {
    source: PolicySource,
    policies: Vec<Source>,
}

impl Operation for GetContextKeysForPrincipalPolicy {
    const NAME: &'static str = "GetContextKeysForPrincipalPolicy";
    type Output = ContextKeys;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetContextKeysForPrincipalPolicy {
            source: policy_source::take(members),
            policies: simulation::policies("PolicyInputList", members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.source
            .needs("iam:GetContextKeysForPrincipalPolicy", caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ContextKeys>, Stop> {
        let request = allowed.into_request();
        let standing = request.source.standing(given.caller, records)?;
        let sources = standing.identity.iter().chain(&standing.boundary);
        let documents = sources
            .chain(&request.policies)
            .map(|source| &source.document);
        Ok(Decided::answer(ContextKeys {
            context_key_names: context_keys(documents),
        }))
    }
}
