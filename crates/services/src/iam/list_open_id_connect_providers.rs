//! ListOpenIDConnectProviders: the issuers whose tokens are trusted. At most a hundred, and in one piece.
//!
//! Source: AWS IAM API Reference, ListOpenIDConnectProviders.

use std::borrow::Cow;
use std::ops::ControlFlow;

use serde::Serialize;

use super::oidc_provider::OidcProvider;
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// The request.
pub struct ListOpenIDConnectProviders {}

/// The response.
#[derive(Serialize)]
pub struct Providers {
    #[serde(rename = "OpenIDConnectProviderList")]
    providers: Vec<ListedProvider>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedProvider {
    arn: String,
}

impl Operation for ListOpenIDConnectProviders {
    const NAME: &'static str = "ListOpenIDConnectProviders";
    type Output = Providers;

    fn read(_: &mut Members<'_, '_>) -> Self {
        ListOpenIDConnectProviders {}
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(vec![Need {
            action: "iam:ListOpenIDConnectProviders",
            owner: Cow::Borrowed(&caller.account),
            shown: None,
            guard: Guard::Account,
        }])
    }

    fn decide(
        _: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Providers>, Stop> {
        let caller = given.caller;
        let all = Key::iam_oidc_providers(&caller.account);
        let mut providers = Vec::new();
        records.scan::<OidcProvider>(all.as_bytes(), &all.end(), false, |provider| {
            let arn = provider.arn(caller);
            providers.push(ListedProvider { arn });
            ControlFlow::Continue(())
        })?;
        Ok(Decided::answer(Providers { providers }))
    }
}
