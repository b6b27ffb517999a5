//! CreateOpenIDConnectProvider: trust in the tokens of an issuer.
//!
//! Source: AWS IAM API Reference, CreateOpenIDConnectProvider.

use serde::Serialize;

use super::oidc_provider::{self, CLIENT_ID, OidcProvider};
use super::shapes::{self, Tag};
use super::{entity, quota, refusals};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Key, Records};
use crate::refusal::Stop;

/// Providers of an account. Source: IAM and AWS STS quotas.
const PROVIDERS_MAX: usize = 100;

/// The request.
pub struct CreateOpenIDConnectProvider {
    url: String,
    client_ids: Vec<String>,
    thumbprints: Vec<String>,
    tags: Vec<Tag>,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct CreatedProvider {
    #[serde(rename = "OpenIDConnectProviderArn")]
    open_id_connect_provider_arn: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
}

impl Operation for CreateOpenIDConnectProvider {
    const NAME: &'static str = "CreateOpenIDConnectProvider";
    type Output = CreatedProvider;

    fn read(members: &mut Members<'_, '_>) -> Self {
        for member in ["ContextProvider", "IdentityCenterInstanceArn"] {
            if members.is_there(member) {
                members.object(refusals::unsupported(IDENTITY_CENTER_ABSENT));
            }
        }
        let client_ids = members.texts("ClientIDList", 0..=usize::MAX, &CLIENT_ID);
        CreateOpenIDConnectProvider {
            url: oidc_provider::url(members),
            client_ids: client_ids.unwrap_or_default(),
            thumbprints: oidc_provider::thumbprints(members),
            tags: shapes::tags(members),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(entity::needs_to_make(
            "iam:CreateOpenIDConnectProvider",
            "iam:TagOpenIDConnectProvider",
            &OidcProvider::resource(&self.url),
            &self.tags,
            None,
            caller,
        ))
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<CreatedProvider>, Stop> {
        let request = allowed.into_request();
        let caller = given.caller;
        let mut provider = OidcProvider {
            account: caller.account.clone(),
            url: request.url,
            created: given.now,
            client_ids: Vec::new(),
            thumbprints: request.thumbprints,
            tags: request.tags,
        };
        if records.read::<OidcProvider>(provider.key())?.is_some() {
            return Err(refusals::oidc_provider_exists(&provider.url).into());
        }
        let all = Key::iam_oidc_providers(&caller.account);
        quota::refuse_more(
            &all,
            "OpenIdConnectProvidersPerAccount",
            PROVIDERS_MAX,
            records,
        )?;
        for client_id in request.client_ids {
            provider.add_client_id(client_id)?;
        }
        let mut changes = Changes::none();
        changes.put(provider.key(), &provider)?;
        let answer = CreatedProvider {
            open_id_connect_provider_arn: provider.arn(caller),
            tags: provider.tags,
        };
        Ok(Decided::change(changes, answer))
    }
}

const IDENTITY_CENTER_ABSENT: &str = "This version of Strongroom doesn't map tokens to users of an IAM Identity Center. Nothing was changed.";
