//! A group: users who share policies. Its record; who is in it stands in each user's record, and in an index.
//!
//! Source: AWS IAM User Guide, IAM user groups.

use serde::{Deserialize, Serialize};

use super::identity_policy::InlinePolicies;
use super::managed_policy::PolicyName;
use crate::caller::{AccountId, Caller};
use crate::records::Key;
use crate::time::Timestamp;

/// An IAM group. It can't sign, and no policy can name it as a principal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// Whose.
    pub account: AccountId,
    /// As it was written; groups differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AGPA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Its own policies.
    pub inline: InlinePolicies,
    /// The managed policies that are attached to it, in the order of their attaching.
    pub attached: Vec<PolicyName>,
    /// How many users are in it. Each that comes or goes changes the record, so that none joins a group that is being
    /// deleted.
    pub users: u32,
}

impl Group {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("group{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_group(&self.account, &self.name)
    }
}
