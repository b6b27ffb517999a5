//! A role: an identity that others assume for a while. Its record and its trust policy.
//!
//! Source: AWS IAM User Guide, IAM roles.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_policy::{Document, Kind, Malformed};

use super::identity_policy::InlinePolicies;
use super::managed_policy::PolicyName;
use super::shapes::Tag;
use crate::caller::{AccountId, Caller};
use crate::records::Key;
use crate::time::Timestamp;

/// An IAM role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Whose.
    pub account: AccountId,
    /// As it was written; roles differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AROA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it is for.
    pub description: Option<String>,
    /// How long a session may last, 3,600 to 43,200 seconds.
    pub session_seconds_max: u32,
    /// Who may assume it.
    pub trust: TrustPolicy,
    /// Its tags; its sessions have them too.
    pub tags: Vec<Tag>,
    /// Its own policies.
    pub inline: InlinePolicies,
    /// The managed policies that are attached to it, in the order of their attaching.
    pub attached: Vec<PolicyName>,
    /// What bounds what its policies may allow.
    pub boundary: Option<PolicyName>,
}

impl Role {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("role{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_role(&self.account, &self.name)
    }
}

/// Who may assume a role: kept as it was written, compiled when its record is read.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    text: String,
    document: Document,
}

impl TrustPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: String) -> Result<Self, Malformed> {
        let document = Document::parse(&text, Kind::Trust)?;
        Ok(TrustPolicy { text, document })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compiled.
    pub fn document(&self) -> &Document {
        &self.document
    }
}

impl Serialize for TrustPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for TrustPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}
