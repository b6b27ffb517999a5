//! ListMFADevices: a user's MFA devices; it can have none here.
//!
//! Source: AWS IAM API Reference, ListMFADevices; the rule is in `list_none_of_user.rs`.

use super::entity::OnKind;
use super::list_none_of_user::{ListNoneOfUser, NoneOfUser};
use super::user::User;

/// The request.
pub type ListMFADevices = ListNoneOfUser<This>;

/// Which of the operations under the rule it is.
pub struct This;

impl OnKind for This {
    const NAME: &'static str = "ListMFADevices";
    const ACTION: &'static str = "iam:ListMFADevices";
    type Kind = User;
}

impl NoneOfUser for This {
    const LIST: &'static str = "MFADevices";
}
