//! ListOpenIDConnectProviderTags: the tags of an OpenID Connect provider.
//!
//! Source: AWS IAM API Reference, ListOpenIDConnectProviderTags; the rule is in `list_entity_tags.rs`.

use super::entity::OnKind;
use super::list_entity_tags::ListEntityTags;
use super::oidc_provider::OidcProvider;

/// The request.
pub type ListOpenIDConnectProviderTags = ListEntityTags<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListOpenIDConnectProviderTags";
    const ACTION: &'static str = "iam:ListOpenIDConnectProviderTags";
    type Kind = OidcProvider;
}
