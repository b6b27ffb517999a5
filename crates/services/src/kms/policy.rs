//! A key's policy: what it must be before it is kept, and those of keys that are made without one.
//!
//! Source: AWS KMS Developer Guide, Key policies in AWS KMS; reference/access-control.md §10.

use strongroom_policy::{Context, Malformed, Problem};

use super::access::{self, Usage};
use super::key::KmsKey;
use super::refusals;
use crate::caller::{AccountId, Region};
use crate::gate;
use crate::iam::bound_policy::ResourcePolicy;
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

/// Reads the policy of a request, of a key of `owner`, and binds it to those whom it names now.
///
/// Source: reference/kms-iam-sts.md §A4, PutKeyPolicy.
///
/// # Refusals
/// `MalformedPolicyDocumentException`; also where it names someone who isn't there.
pub(super) fn checked(
    text: String,
    owner: &AccountId,
    records: &Records<'_>,
) -> Result<ResourcePolicy, Stop> {
    let policy = ResourcePolicy::parse(text).map_err(|malformed| {
        refusals::malformed_policy(match malformed.problem {
            Problem::NotJson { .. } => "Policy document is not valid JSON.".to_owned(),
            _ => format!("Policy document is malformed. {malformed}"),
        })
    })?;
    match policy.bound(owner, records)? {
        (policy, None) => Ok(policy),
        (_, Some(_)) => Err(refusals::malformed_policy(
            "Policy contains a statement with one or more invalid principals.",
        )
        .into()),
    }
}

/// Refuses the policy of a key after which the caller couldn't change it any more by another request like this one.
///
/// Source: reference/kms-iam-sts.md §A4, PutKeyPolicy.
///
/// # Refusals
/// `MalformedPolicyDocumentException`
pub(super) fn refuse_lockout(
    key: &KmsKey,
    bypass: bool,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(), Stop> {
    if bypass {
        return Ok(());
    }
    let mut usage = Usage::default();
    insert_bypass(bypass, &mut usage.more);
    let context = access::condition_keys(key, None, usage, given.caller);
    if gate::is_allowed_by_key("kms:PutKeyPolicy", key, context, records, given)? {
        return Ok(());
    }
    Err(refusals::malformed_policy(
        "The new key policy will not allow you to update the key policy in the future.",
    )
    .into())
}

/// The policy of a key that was made without one: all to the account, whose own policies say who.
///
/// # Errors
/// None: what is filled in has no quotes.
///
/// Source: AWS KMS Developer Guide, Default key policy.
pub fn of_account(account: &AccountId, region: &Region) -> Result<ResourcePolicy, Malformed> {
    let root = root_arn(account, region);
    ResourcePolicy::parse(format!(
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

/// The policy of the key that a service keeps for an account: everyone in it, but through that service alone. `signing_name`
/// is such as `secretsmanager`, `title` such as `AWS Secrets Manager`.
///
/// # Errors
/// None: what is filled in has no quotes.
///
/// Source: AWS Secrets Manager User Guide, Secret encryption and decryption.
pub fn of_service(
    signing_name: &str,
    title: &str,
    account: &AccountId,
    region: &Region,
) -> Result<ResourcePolicy, Malformed> {
    let root = root_arn(account, region);
    ResourcePolicy::parse(format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "auto-{signing_name}-1",
  "Statement" : [ {{
    "Sid" : "Allow access through {title} for all principals in the account that are authorized to use {title}",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "*"
    }},
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {{
      "StringEquals" : {{
        "kms:CallerAccount" : "{account}",
        "kms:ViaService" : "{signing_name}.{region}.amazonaws.com"
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

fn root_arn(account: &AccountId, region: &Region) -> String {
    format!("arn:{}:iam::{account}:root", region.partition())
}
