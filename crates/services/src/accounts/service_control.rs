//! Service control policies: what bounds everyone in an account, its root user as well. They allow nothing by
//! themselves; what they don't allow, or deny, nobody of the account may.
//!
//! Source: AWS Organizations User Guide, Service control policies, and Quotas for AWS Organizations.

use std::sync::Arc;

use super::{Account, AccountProblem};
use crate::caller::AccountId;
use crate::iam::identity_policy::{IdentityPolicy, InlinePolicies};
use crate::records::{Changes, Key, Records};

/// Characters of a policy, white space counted.
pub const CHARACTERS_MAX: usize = 5_120;
/// Policies of an account.
pub const POLICIES_MAX: usize = 5;
/// The policy that Organizations attaches to every account: the others then only have to deny.
pub const FULL_ACCESS: &str = "FullAWSAccess";

const FULL_ACCESS_TEXT: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "*",
      "Resource": "*"
    }
  ]
}"#;

/// Why a policy was not put, shown or deleted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyProblem {
    /// A name that can be none.
    #[error("'{0}' can't be a policy's name: it must be 1 to 128 of letters, digits and +=,.@_-")]
    Name(String),
    /// It is none.
    #[error(
        "the policy is malformed: {0}. A service control policy has the grammar of an identity-based policy"
    )]
    Malformed(String),
    /// It is too long.
    #[error("the policy has {0} characters; a service control policy has at most {CHARACTERS_MAX}")]
    Long(usize),
    /// There are enough.
    #[error(
        "account {0} has {POLICIES_MAX} service control policies, which is the most that it can have: delete one, or put \
         statements together"
    )]
    Many(AccountId),
    /// There is none of that name.
    #[error(
        "account {account} has no service control policy {name}; `strongroom admin account policy list` shows those that \
         it has"
    )]
    Missing {
        /// The account.
        account: AccountId,
        /// The name.
        name: String,
    },
}

/// An account.
///
/// # Errors
/// [`AccountProblem::Missing`]
pub fn account(id: &AccountId, records: &Records<'_>) -> Result<Arc<Account>, AccountProblem> {
    let found = records.read::<Account>(Key::account(id))?;
    found.ok_or_else(|| AccountProblem::Missing(id.clone()))
}

/// Puts a policy in, in the place of the one of its name. The first one of an account brings [`FULL_ACCESS`] with it:
/// `true` with the changes then.
///
/// # Errors
/// What is wrong with it.
pub fn put(
    id: &AccountId,
    name: &str,
    text: &str,
    records: &Records<'_>,
) -> Result<(Changes, bool), AccountProblem> {
    let mut account = Account::clone(&*account(id, records)?);
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    if !(1..=128).contains(&name.len()) || !name.bytes().all(in_name) {
        return Err(PolicyProblem::Name(name.to_owned()).into());
    }
    let characters = text.chars().count();
    if characters > CHARACTERS_MAX {
        return Err(PolicyProblem::Long(characters).into());
    }
    let parse = |text: &str| {
        IdentityPolicy::parse(text.to_owned())
            .map_err(|malformed| PolicyProblem::Malformed(malformed.to_string()))
    };
    let policies = &mut account.service_control;
    let is_first = policies.is_empty() && !name.eq_ignore_ascii_case(FULL_ACCESS);
    if is_first {
        policies.put(FULL_ACCESS.to_owned(), parse(FULL_ACCESS_TEXT)?, usize::MAX);
    }
    policies.put(name.to_owned(), parse(text)?, usize::MAX);
    if policies.iter().count() > POLICIES_MAX {
        return Err(PolicyProblem::Many(id.clone()).into());
    }
    let mut changes = Changes::none();
    changes.put(Key::account(id), &account)?;
    Ok((changes, is_first))
}

/// Takes a policy out. After the last one nothing bounds the account any more.
///
/// # Errors
/// [`PolicyProblem::Missing`]
pub fn delete(
    id: &AccountId,
    name: &str,
    records: &Records<'_>,
) -> Result<Changes, AccountProblem> {
    let mut account = Account::clone(&*account(id, records)?);
    if !account.service_control.remove(name) {
        return Err(missing(id, name).into());
    }
    let mut changes = Changes::none();
    changes.put(Key::account(id), &account)?;
    Ok(changes)
}

/// Takes all of an account's policies out; no change where there are none.
///
/// # Errors
/// Where there is no such account, or it can't be read.
pub fn clear(id: &AccountId, records: &Records<'_>) -> Result<Changes, AccountProblem> {
    let mut account = Account::clone(&*account(id, records)?);
    let mut changes = Changes::none();
    if !account.service_control.is_empty() {
        account.service_control = InlinePolicies::default();
        changes.put(Key::account(id), &account)?;
    }
    Ok(changes)
}

/// A policy's text.
///
/// # Errors
/// [`PolicyProblem::Missing`]
pub fn text(id: &AccountId, name: &str, records: &Records<'_>) -> Result<String, AccountProblem> {
    let account = account(id, records)?;
    let found = account.service_control.get(name);
    let found = found.map(|(_, policy)| policy.text().to_owned());
    found.ok_or_else(|| missing(id, name).into())
}

fn missing(account: &AccountId, name: &str) -> PolicyProblem {
    PolicyProblem::Missing {
        account: account.clone(),
        name: name.to_owned(),
    }
}
