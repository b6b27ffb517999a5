//! UntagOpenIDConnectProvider: tags off an OpenID Connect provider.
//!
//! Source: AWS IAM API Reference, UntagOpenIDConnectProvider; the rule is in `untag_entity.rs`.

use super::entity::OnKind;
use super::oidc_provider::OidcProvider;
use super::untag_entity::UntagEntity;

/// The request.
pub type UntagOpenIDConnectProvider = UntagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "UntagOpenIDConnectProvider";
    const ACTION: &'static str = "iam:UntagOpenIDConnectProvider";
    type Kind = OidcProvider;
}
