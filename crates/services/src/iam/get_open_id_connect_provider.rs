//! GetOpenIDConnectProvider: an issuer whose tokens are trusted.
//!
//! Source: AWS IAM API Reference, GetOpenIDConnectProvider.

use serde::Serialize;
use strongroom_policy::Context;

use super::entity::Named;
use super::oidc_provider::OidcProvider;
use super::shapes::Tag;
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, iso8601};

/// The request.
pub struct GetOpenIDConnectProvider {
    provider: Named<OidcProvider>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FoundProvider {
    url: String,
    #[serde(rename = "ClientIDList")]
    client_ids: Vec<String>,
    #[serde(rename = "ThumbprintList")]
    thumbprints: Vec<String>,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
    tags: Vec<Tag>,
}

impl Operation for GetOpenIDConnectProvider {
    const NAME: &'static str = "GetOpenIDConnectProvider";
    type Output = FoundProvider;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetOpenIDConnectProvider {
            provider: Named::take(members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        self.provider.need(
            "iam:GetOpenIDConnectProvider",
            Context::new(),
            caller,
            records,
        )
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FoundProvider>, Stop> {
        let GetOpenIDConnectProvider { provider } = allowed.into_request();
        let found = provider.find(records, given.caller)?;
        Ok(Decided::answer(FoundProvider {
            url: found.url.clone(),
            client_ids: found.client_ids.clone(),
            thumbprints: found.thumbprints.clone(),
            create_date: found.created,
            tags: found.tags.clone(),
        }))
    }
}
