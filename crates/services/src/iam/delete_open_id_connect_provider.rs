//! DeleteOpenIDConnectProvider: an issuer is trusted no longer. It is no error where it wasn't.
//!
//! Source: AWS IAM API Reference, DeleteOpenIDConnectProvider.

use strongroom_policy::Context;

use super::entity::Entity;
use super::entity::Named;
use super::oidc_provider::OidcProvider;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteOpenIDConnectProvider {
    provider: Named<OidcProvider>,
}

impl Operation for DeleteOpenIDConnectProvider {
    const NAME: &'static str = "DeleteOpenIDConnectProvider";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteOpenIDConnectProvider {
            provider: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:DeleteOpenIDConnectProvider";
        self.provider.need(ACTION, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteOpenIDConnectProvider { provider } = allowed.into_request();
        let mut changes = Changes::none();
        if let Some(provider) = OidcProvider::read(provider.name(), given.caller, records)? {
            changes.delete(provider.key());
        }
        Ok(Decided::silent(changes))
    }
}
