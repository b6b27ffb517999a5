//! RemoveClientIDFromOpenIDConnectProvider: an `aud` that an issuer's tokens may have no longer. It is no error where
//! they couldn't.
//!
//! Source: AWS IAM API Reference, RemoveClientIDFromOpenIDConnectProvider.

use std::sync::Arc;

use strongroom_policy::Context;

use super::entity::Named;
use super::oidc_provider::{CLIENT_ID, OidcProvider};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct RemoveClientIDFromOpenIDConnectProvider {
    provider: Named<OidcProvider>,
    client_id: String,
}

impl Operation for RemoveClientIDFromOpenIDConnectProvider {
    const NAME: &'static str = "RemoveClientIDFromOpenIDConnectProvider";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        RemoveClientIDFromOpenIDConnectProvider {
            provider: Named::take(members),
            client_id: members.required_text("ClientID", &CLIENT_ID),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:RemoveClientIDFromOpenIDConnectProvider";
        self.provider.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let request = allowed.into_request();
        let client_id = request.client_id;
        let found = request.provider.find(records, given.caller)?;
        let mut provider = Arc::unwrap_or_clone(found);
        provider.client_ids.retain(|each| *each != client_id);
        let mut changes = Changes::none();
        changes.put(provider.key(), &provider)?;
        Ok(Decided::silent(changes))
    }
}
