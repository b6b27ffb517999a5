//! A key's policy: kept as its owner wrote it, compiled once when its record is read.
//!
//! Source: AWS KMS Developer Guide, Key policies in AWS KMS; reference/access-control.md §10.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use strongroom_policy::{Document, Kind, Malformed};

use crate::caller::{AccountId, Region};

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
