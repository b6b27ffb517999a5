//! GetLoginProfile: a user's password; it can have none here.
//!
//! Source: AWS IAM API Reference, GetLoginProfile; the rule is in `no_login_profile.rs`.

use super::entity::OnKind;
use super::no_login_profile::NoLoginProfile;
use super::user::User;

/// The request.
pub type GetLoginProfile = NoLoginProfile<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "GetLoginProfile";
    const ACTION: &'static str = "iam:GetLoginProfile";
    type Kind = User;
}
