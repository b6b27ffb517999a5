//! GetContextKeysForCustomPolicy: the condition keys that policies given as texts use.
//!
//! Source: AWS IAM API Reference, GetContextKeysForCustomPolicy.

use std::borrow::Cow;

use serde::Serialize;

use super::simulation::{self, Source, context_keys};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetContextKeysForCustomPolicy {
    policies: Vec<Source>,
}

/// The response, also of GetContextKeysForPrincipalPolicy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextKeys {
    pub(super) context_key_names: Vec<String>,
}

impl Operation for GetContextKeysForCustomPolicy {
    const NAME: &'static str = "GetContextKeysForCustomPolicy";
    type Output = ContextKeys;

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("PolicyInputList");
        GetContextKeysForCustomPolicy {
            policies: simulation::policies("PolicyInputList", members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "iam:GetContextKeysForCustomPolicy",
            owner: Cow::Borrowed(&caller.account),
            shown: None,
            guard: Guard::Account,
        }])
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        _: &Given<'_>,
    ) -> Result<Decided<ContextKeys>, Stop> {
        let policies = allowed.into_request().policies;
        Ok(Decided::answer(ContextKeys {
            context_key_names: context_keys(policies.iter().map(|source| &source.document)),
        }))
    }
}
