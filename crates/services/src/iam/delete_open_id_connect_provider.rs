//! DeleteOpenIDConnectProvider: an issuer is trusted no longer. It is no error where it wasn't.
//!
//! Source: AWS IAM API Reference, DeleteOpenIDConnectProvider.

use strongroom_policy::Context;

use super::oidc_provider::{self, ARN};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::Stop;

/// The request.
pub struct DeleteOpenIDConnectProvider {
    arn: String,
}

impl Operation for DeleteOpenIDConnectProvider {
    const NAME: &'static str = "DeleteOpenIDConnectProvider";
    type Output = ();

    fn read(members: &mut Members<'_, '_>) -> Self {
        DeleteOpenIDConnectProvider {
            arn: members.required_text("OpenIDConnectProviderArn", &ARN),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        const ACTION: &str = "iam:DeleteOpenIDConnectProvider";
        oidc_provider::need(ACTION, &self.arn, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<()>, Stop> {
        let DeleteOpenIDConnectProvider { arn } = allowed.into_request();
        let mut changes = Changes::none();
        if let Some(provider) = oidc_provider::by_arn(&arn, records, given.caller)? {
            changes.delete(provider.key());
        }
        Ok(Decided::silent(changes))
    }
}
