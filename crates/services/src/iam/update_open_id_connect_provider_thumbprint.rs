//! UpdateOpenIDConnectProviderThumbprint: other certificates of an issuer's server.
//!
//! Source: AWS IAM API Reference, UpdateOpenIDConnectProviderThumbprint.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::oidc_provider::{self, OidcProvider};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct UpdateOpenIDConnectProviderThumbprint {
    provider: Named<OidcProvider>,
    thumbprints: Vec<String>,
}

impl Operation for UpdateOpenIDConnectProviderThumbprint {
    const NAME: &'static str = "UpdateOpenIDConnectProviderThumbprint";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        members.require("ThumbprintList");
        UpdateOpenIDConnectProviderThumbprint {
            provider: Named::take(members),
            thumbprints: oidc_provider::thumbprints(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:UpdateOpenIDConnectProviderThumbprint";
        self.provider.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let found = request.provider.find(records, given.caller)?;
        let mut provider = Arc::unwrap_or_clone(found);
        provider.thumbprints = request.thumbprints;
        let mut changes = Changes::none();
        changes.put(provider.key(), &provider)?;
        Ok(Decided::silent(changes))
    }
}
