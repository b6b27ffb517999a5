//! The rule of GetUserPolicy, GetGroupPolicy and GetRolePolicy: a policy of an identity's own.
//!
//! Source: AWS IAM API Reference, GetUserPolicy.

use serde::ser::{Serialize, SerializeMap, Serializer};
use strongroom_policy::Context;

use super::entity::{Entity, Identity, Named, OnKind};
use super::refusals;
use super::shapes::POLICY_NAME;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetInlinePolicy<O: OnKind> {
    identity: Named<O::Kind>,
    policy_name: String,
}

/// The response.
pub struct InlinePolicy {
    /// What names the identity, and its name.
    identity: (&'static str, String),
    policy_name: String,
    policy_document: String,
}

impl Serialize for InlinePolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(Some(3))?;
        members.serialize_entry(self.identity.0, &self.identity.1)?;
        members.serialize_entry("PolicyName", &self.policy_name)?;
        members.serialize_entry("PolicyDocument", &self.policy_document)?;
        members.end()
    }
}

impl<O: OnKind<Kind: Identity>> Operation for GetInlinePolicy<O> {
    const NAME: &'static str = O::NAME;
    type Output = InlinePolicy;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetInlinePolicy {
            identity: Named::take(members),
            policy_name: members.required_text("PolicyName", &POLICY_NAME),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.identity
            .need(O::ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<InlinePolicy>, Stop> {
        let request = allowed.into_request();
        let identity = request.identity.find(records, given.caller)?;
        let Some((name, policy)) = identity.inline().get(&request.policy_name) else {
            let noun = O::Kind::NOUN;
            return Err(refusals::no_such_inline_policy(noun, &request.policy_name).into());
        };
        Ok(Decided::answer(InlinePolicy {
            identity: (O::Kind::MEMBER, identity.name().to_owned()),
            policy_name: name.to_owned(),
            policy_document: policy.encoded(),
        }))
    }
}
