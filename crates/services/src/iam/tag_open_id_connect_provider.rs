//! TagOpenIDConnectProvider: tags on an OpenID Connect provider.
//!
//! Source: AWS IAM API Reference, TagOpenIDConnectProvider; the rule is in `tag_entity.rs`.

use super::entity::OnKind;
use super::oidc_provider::OidcProvider;
use super::tag_entity::TagEntity;

/// The request.
pub type TagOpenIDConnectProvider = TagEntity<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "TagOpenIDConnectProvider";
    const ACTION: &'static str = "iam:TagOpenIDConnectProvider";
    type Kind = OidcProvider;
}
