//! The bearer of an identity provider's token, as policies see it. Whether the token is what it says was checked before.
//!
//! Source: AWS IAM User Guide, Available keys for AWS OIDC federation.

use strongroom_policy::Context;

/// What a token that was found valid says.
#[derive(Clone, Debug)]
pub struct WebIdentity {
    /// The ARN of the account's provider.
    pub provider_arn: String,
    /// The provider's URL without its scheme: what condition keys start with, and what `Provider` shows.
    pub provider: String,
    /// `sub`
    pub subject: String,
    /// `aud`, or `azp` where the token has that.
    pub audience: String,
    /// Condition keys of the provider's: each name without the provider, with its values.
    pub claims: Vec<(String, Vec<String>)>,
}

impl WebIdentity {
    /// How events name the bearer.
    ///
    /// Source: AWS CloudTrail User Guide, CloudTrail userIdentity element, `WebIdentityUser`.
    pub fn user_id(&self) -> String {
        format!("{}:{}:{}", self.provider_arn, self.audience, self.subject)
    }

    /// Adds its condition keys.
    pub fn add_condition_keys(&self, context: &mut Context) {
        context.insert("aws:FederatedProvider", self.provider_arn.as_str());
        for (name, values) in &self.claims {
            context.insert_all(&format!("{}:{name}", self.provider), values.iter().cloned());
        }
    }
}
