//! A policy of an identity: kept as it was written, compiled once when its record is read, so that no decision reads
//! JSON.
//!
//! Source: AWS IAM User Guide, Policies and permissions in IAM, and IAM and AWS STS quotas.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_policy::{Document, Kind, Malformed, Problem};

use super::refusals;
use crate::refusal::Refusal;

/// A policy.
#[derive(Clone, Debug)]
pub struct IdentityPolicy {
    text: String,
    document: Document,
}

impl IdentityPolicy {
    /// Reads the policy of a request.
    ///
    /// # Refusals
    /// `MalformedPolicyDocument`; the texts are AWS's from experience where it has one for the problem.
    pub(crate) fn checked(text: String) -> Result<Self, Refusal> {
        Self::parse(text).map_err(|malformed| {
            refusals::malformed_policy(match &malformed.problem {
                Problem::NotJson { .. } => "This policy contains invalid Json".to_owned(),
                Problem::Forbidden { .. } => {
                    "Policy document should not specify a principal.".to_owned()
                }
                Problem::InvalidAction { .. } => {
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                        .to_owned()
                }
                Problem::InvalidResource { value } => {
                    format!("Resource {value} must be in ARN format or \"*\".")
                }
                _ => format!("Syntax errors in policy. {malformed}"),
            })
        })
    }

    /// Reads a policy.
    pub(crate) fn parse(text: String) -> Result<Self, Malformed> {
        let document = Document::parse(&text, Kind::Identity)?;
        Ok(IdentityPolicy { text, document })
    }

    /// Compiled.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As answers of IAM show it.
    pub(super) fn encoded(&self) -> String {
        encoded(&self.text)
    }

    /// What counts against quotas.
    pub(crate) fn size(&self) -> usize {
        size(&self.text)
    }
}

/// What of a policy's text counts against quotas: its characters but for white space.
pub(super) fn size(text: &str) -> usize {
    text.chars().filter(|each| !each.is_whitespace()).count()
}

/// A policy's text as answers of IAM show it: encoded as in a URL.
///
/// Source: AWS IAM API Reference, GetUserPolicy ("URL-encoded compliant with RFC 3986").
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(2 * text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

impl Serialize for IdentityPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for IdentityPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}

/// The policies that are an identity's own, sorted by name.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct InlinePolicies(Vec<(String, IdentityPolicy)>);

impl InlinePolicies {
    /// Each with its name, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &IdentityPolicy)> {
        let named = self.0.iter();
        named.map(|(name, policy)| (name.as_str(), policy))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    pub(crate) fn get(&self, name: &str) -> Option<(&str, &IdentityPolicy)> {
        let (name, policy) = &self.0[self.find(name).ok()?];
        Some((name, policy))
    }

    /// Puts a policy in, in the place of the one of its name. Whether all of them are then of at most so many
    /// characters.
    pub(crate) fn put(&mut self, name: String, policy: IdentityPolicy, most: usize) -> bool {
        match self.find(&name) {
            Ok(at) => self.0[at] = (name, policy),
            Err(at) => self.0.insert(at, (name, policy)),
        }
        let sizes = self.0.iter().map(|(_, policy)| policy.size());
        sizes.sum::<usize>() <= most
    }

    /// Takes a policy out. Whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        let found = self.find(name);
        found.is_ok_and(|at| {
            self.0.remove(at);
            true
        })
    }

    /// Names of policies differ by more than letter case.
    fn find(&self, name: &str) -> Result<usize, usize> {
        let folded = name.to_ascii_lowercase();
        self.0
            .binary_search_by(|(each, _)| each.to_ascii_lowercase().cmp(&folded))
    }
}
