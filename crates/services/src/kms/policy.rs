//! A key's policy: kept as its owner wrote it, compiled once when its record is read.
//!
//! Source: AWS KMS Developer Guide, Key policies in AWS KMS; reference/access-control.md §10.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_policy::{Context, Document, Kind, Malformed, Principal, Problem};

use super::access::{self, Usage};
use super::key::KmsKey;
use super::refusals;
use crate::caller::{AccountId, Region};
use crate::gate;
use crate::iam::principals;
use crate::input::{Pattern, Text};
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// The only name that a key's policy can have.
pub(super) const ONLY_NAME: &str = "default";

/// `PolicyName`.
pub(super) const POLICY_NAME: Text = Text::matching(
    1..=128,
    &Pattern {
        shown: "[\\w]+",
        matches: |text| {
            text.chars()
                .all(|each| each.is_alphanumeric() || each == '_')
        },
    },
);

/// # Refusals
/// `NotFoundException` for another name than the only one.
pub(super) fn check_name(name: Option<&str>) -> Result<(), Refusal> {
    match name {
        None | Some(ONLY_NAME) => Ok(()),
        Some(_) => Err(refusals::not_found("No such policy exists")),
    }
}

/// The condition key of a request whose `BypassPolicyLockoutSafetyCheck` is this.
pub(super) fn insert_bypass(bypass: bool, conditions: &mut Context) {
    conditions.insert("kms:BypassPolicyLockoutSafetyCheck", bypass.to_string());
}

/// A key's policy.
#[derive(Clone, Debug)]
pub struct KeyPolicy {
    text: String,
    document: Document,
}

impl KeyPolicy {
    /// Reads a policy.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: String) -> Result<Self, Malformed> {
        Document::parse(&text, Kind::Resource).map(|document| KeyPolicy { text, document })
    }

    /// Reads the policy of a request.
    ///
    /// # Refusals
    /// `MalformedPolicyDocumentException`
    pub(super) fn checked(text: String) -> Result<Self, Refusal> {
        Self::parse(text).map_err(|malformed| {
            refusals::malformed_policy(match malformed.problem {
                Problem::NotJson { .. } => "Policy document is not valid JSON.".to_owned(),
                _ => format!("Policy document is malformed. {malformed}"),
            })
        })
    }

    /// Refuses a policy that names someone who isn't there, or after which the caller couldn't change it any more by
    /// another request like this one.
    ///
    /// Source: reference/kms-iam-sts.md §A4, PutKeyPolicy.
    ///
    /// # Refusals
    /// `MalformedPolicyDocumentException`
    pub(super) fn refuse_lockout(
        &self,
        key: &KmsKey,
        bypass: bool,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<(), Stop> {
        for principal in self.document.principals() {
            let known = match principal {
                Principal::CanonicalUser { .. } => false,
                principal => principals::may_be_there(principal, &key.account, records)?,
            };
            if !known {
                return Err(refusals::malformed_policy(
                    "Policy contains a statement with one or more invalid principals.",
                )
                .into());
            }
        }
        if bypass {
            return Ok(());
        }
        let mut usage = Usage::default();
        insert_bypass(bypass, &mut usage.more);
        let context = access::condition_keys(key, None, usage, given.caller);
        if gate::is_allowed_by_key("kms:PutKeyPolicy", key, self, context, records, given)? {
            return Ok(());
        }
        Err(refusals::malformed_policy(
            "The new key policy will not allow you to update the key policy in the future.",
        )
        .into())
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Compiled.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The policy of a key that was made without one: all to the account, whose own policies say who.
    ///
    /// # Errors
    /// None: what is filled in has no quotes.
    ///
    /// Source: AWS KMS Developer Guide, Default key policy.
    pub fn of_account(account: &AccountId, region: &Region) -> Result<Self, Malformed> {
        let root = root_arn(account, region);
        Self::parse(format!(
            r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "{root}"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
        ))
    }

    /// The policy of the key that Secrets Manager keeps for an account: everyone in it, but through
    /// Secrets Manager alone.
    ///
    /// # Errors
    /// None: what is filled in has no quotes.
    ///
    /// Source: AWS Secrets Manager User Guide, Secret encryption and decryption.
    pub fn of_secrets_manager(account: &AccountId, region: &Region) -> Result<Self, Malformed> {
        let root = root_arn(account, region);
        Self::parse(format!(
            r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-secretsmanager-1",
  "Statement" : [ {{
    "Sid" : "Allow access through AWS Secrets Manager for all principals in the account that are authorized to use AWS Secrets Manager",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "secretsmanager.{region}.amazonaws.com"
      }}
    }}
  }}, {{
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "{root}"
    }},
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  }} ]
}}"#
        ))
    }
}

fn root_arn(account: &AccountId, region: &Region) -> String {
    format!("arn:{}:iam::{account}:root", region.partition())
}

impl Serialize for KeyPolicy {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for KeyPolicy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(text).map_err(serde::de::Error::custom)
    }
}
