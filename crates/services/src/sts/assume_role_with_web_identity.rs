//! AssumeRoleWithWebIdentity: a session of a role, for who bears a token of a provider that the role trusts. Nobody signs
//! the request: its caller is the bearer, once the token was found good.
//!
//! Source: AWS STS API Reference, AssumeRoleWithWebIdentity.

use serde::Serialize;
use strongroom_keys::SecretBytes;
use strongroom_policy::Context;

use super::refusals;
use super::role_session::{RoleArn, RoleSession, Wanted};
use super::web_identity::WebIdentity;
use crate::caller::{Caller, Principal};
use crate::cloudtrail::elements;
use crate::gate::{Authorized, Need};
use crate::input::{self, Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const TOKEN: Text = Text::of(4..=20_000);

/// The request.
pub struct AssumeRoleWithWebIdentity {
    wanted: Wanted,
    token: SecretBytes,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FederatedSession {
    #[serde(flatten)]
    session: RoleSession,
    subject_from_web_identity_token: String,
    /// The provider's ARN: AWS answers so, although its reference speaks of the token's `iss`.
    provider: String,
    audience: String,
}

/// What a request presents, before anything of it is believed.
pub struct Presented {
    /// Of which role.
    pub role: RoleArn,
    /// The token.
    pub token: SecretBytes,
}

/// Reads who is to be identified by what, out of a request that nobody signed.
///
/// # Refusals
/// `ValidationError`: constraints of the model are broken.
pub fn presented(body: &[u8]) -> Result<Presented, Refusal> {
    let understood = input::understand(body, true, &mut None, AssumeRoleWithWebIdentity::read)?;
    let AssumeRoleWithWebIdentity { wanted, token } = understood.request;
    Ok(Presented {
        role: wanted.into_role()?,
        token,
    })
}

impl Operation for AssumeRoleWithWebIdentity {
    const NAME: &'static str = "AssumeRoleWithWebIdentity";
    const READ_ONLY: bool = true;
    const UNSIGNED: bool = true;
    type Output = FederatedSession;

    fn read(members: &mut Members<'_, '_>) -> Self {
        if members.is_there("ProviderId") {
            members.refuse(refusals::unsupported(PROVIDERS_ABSENT));
        }
        members.require("WebIdentityToken");
        let token = members.sensitive_text("WebIdentityToken", &TOKEN);
        AssumeRoleWithWebIdentity {
            wanted: Wanted::read(members),
            token: token.unwrap_or_else(|| SecretBytes::new(Vec::new())),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let attributes = bearer(caller)?.attributes();
        let action = "sts:AssumeRoleWithWebIdentity";
        self.wanted
            .needs(action, &attributes, Context::new(), caller, records)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<FederatedSession>, Stop> {
        let bearer = bearer(given.caller)?;
        let wanted = allowed.into_request().wanted;
        let session = wanted.begin(bearer.attributes(), None, records, given)?;
        Ok(Decided::answer(FederatedSession {
            session,
            subject_from_web_identity_token: bearer.subject.clone(),
            provider: bearer.provider_arn.clone(),
            audience: bearer.audience.clone(),
        }))
    }

    /// Whose credentials were given out is told, although nothing was changed.
    ///
    /// Source: AWS IAM User Guide, Logging IAM and AWS STS API calls with AWS CloudTrail.
    fn tell(output: &Self::Output) -> Option<Vec<u8>> {
        elements::of(output)
    }
}

fn bearer(caller: &Caller) -> Result<&WebIdentity, Refusal> {
    match &caller.principal {
        Principal::WebIdentity(bearer) => Ok(bearer),
        _ => Err(refusals::unsigned()),
    }
}

const PROVIDERS_ABSENT: &str = "This version of Strongroom knows no OAuth 2.0 providers: leave out ProviderId, and give \
                                an OpenID Connect token.";
