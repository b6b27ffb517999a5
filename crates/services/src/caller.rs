//! Who calls, from where in AWS's world. Knows no signature and no permission.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::iam::role::Role;
use crate::iam::user::User;
use crate::sts::session::{AssumedRole, Session};
use crate::sts::web_identity::WebIdentity;
use crate::time::Timestamp;

/// An AWS account id: exactly twelve digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountId(String);

/// A text that isn't an account id.
#[derive(Debug, thiserror::Error)]
#[error("'{0}' is not an AWS account id: it must be exactly 12 digits, for example 123456789012")]
pub struct InvalidAccountId(String);

impl AccountId {
    /// Reads an account id.
    pub fn parse(text: &str) -> Result<Self, InvalidAccountId> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidAccountId(text.to_owned()))
        }
    }

    /// The twelve digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for AccountId {
    type Error = InvalidAccountId;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<AccountId> for String {
    fn from(id: AccountId) -> String {
        id.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// The name of an AWS region, such as `eu-central-1`: 1 to 63 of `a-z`, `0-9` and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(String);

/// A text that isn't a region's name.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{0}' is not a region name: use lower-case letters, digits and hyphens, for example us-east-1"
)]
pub struct InvalidRegion(String);

impl Region {
    /// Reads a region's name. Any well-formed name is a region; a deployment serves all of them.
    pub fn parse(text: &str) -> Result<Self, InvalidRegion> {
        let well_formed = (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if well_formed {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidRegion(text.to_owned()))
        }
    }

    /// The region's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition of AWS that the region lies in; the second part of an ARN.
    pub fn partition(&self) -> &'static str {
        match self.0.as_str() {
            china if china.starts_with("cn-") => "aws-cn",
            government if government.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }
}

/// AWS's partitions: an account is in one of them, and what its policies name has that one's ARNs.
///
/// Source: AWS General Reference, Amazon Resource Names.
pub const PARTITIONS: &[&str] = &["aws", "aws-cn", "aws-us-gov"];

impl TryFrom<String> for Region {
    type Error = InvalidRegion;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Region> for String {
    fn from(region: Region) -> String {
        region.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Who signed a request, and to which region it went.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account that the credentials belong to.
    pub account: AccountId,
    /// The region of the request's credential scope.
    pub region: Region,
    /// Who in the account.
    pub principal: Principal,
    /// The session whose temporary credentials signed the request; `None` for an access key of the principal's own.
    pub session: Option<Arc<Session>>,
}

/// An identity inside an account.
#[derive(Clone, Debug)]
pub enum Principal {
    /// The account's root user.
    Root,
    /// An IAM user.
    User(Signer),
    /// Someone who has assumed a role.
    Role(RoleSigner),
    /// The bearer of an identity provider's token, who asks for a role of this account and has signed nothing.
    WebIdentity(Arc<WebIdentity>),
}

/// Someone who signed a request by the credentials of a role.
#[derive(Clone, Debug)]
pub struct RoleSigner {
    /// As it was when the signature was checked. What it may do is read anew for every decision.
    pub role: Arc<Role>,
    /// What the session is.
    pub assumed: Arc<AssumedRole>,
}

/// An IAM user who signed a request.
#[derive(Clone, Debug)]
pub struct Signer {
    /// As it was when the signature was checked. What it may do is read anew for every decision.
    pub user: Arc<User>,
    /// By which of its keys, or by its session's.
    pub access_key_id: String,
}

impl Caller {
    /// The id that is never anyone else's, `aws:userid` in policies.
    pub fn unique_id(&self) -> Cow<'_, str> {
        match &self.principal {
            Principal::Root => Cow::Borrowed(self.account.as_str()),
            Principal::User(signer) => Cow::Borrowed(&signer.user.id),
            Principal::Role(signer) => Cow::Owned(signer.assumed.unique_id()),
            Principal::WebIdentity(bearer) => Cow::Owned(bearer.user_id()),
        }
    }

    /// The caller's ARN, as audit and refusals show it; a session's for someone who has assumed a role.
    pub fn arn(&self) -> String {
        match &self.principal {
            Principal::Role(signer) => {
                let partition = self.region.partition();
                signer.assumed.arn(partition, &self.account)
            }
            _ => self.principal_arn(),
        }
    }

    /// The ARN of the identity whose policies speak for the caller, `aws:PrincipalArn`; a role's for someone who has
    /// assumed it.
    pub fn principal_arn(&self) -> String {
        match &self.principal {
            Principal::Root => self.iam_arn(&self.account, "root"),
            Principal::User(signer) => signer.user.arn(self),
            Principal::Role(signer) => signer.role.arn(self),
            Principal::WebIdentity(bearer) => bearer.user_id(),
        }
    }

    /// The ARNs and unique ids by which a grant of a KMS key may name the caller.
    pub fn grantee_names(&self) -> Vec<String> {
        let mut names = vec![self.arn()];
        match &self.principal {
            Principal::Root | Principal::WebIdentity(_) => {}
            Principal::User(signer) => names.push(signer.user.id.clone()),
            Principal::Role(signer) => names.extend([
                self.principal_arn(),
                signer.assumed.role_id.clone(),
                signer.assumed.unique_id(),
            ]),
        }
        names
    }

    /// When the session began that signed the request.
    pub fn token_issue_time(&self) -> Option<Timestamp> {
        self.session.as_ref().map(|session| session.issued)
    }

    /// An ARN of IAM's in the caller's partition. IAM has no regions.
    pub fn iam_arn(&self, account: &AccountId, resource: &str) -> String {
        format!("arn:{}:iam::{account}:{resource}", self.region.partition())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits() {
        assert!(AccountId::parse("123456789012").is_ok());
        for wrong in [
            "",
            "12345678901",
            "1234567890123",
            "12345678901a",
            "１２３４５６７８９０１２",
        ] {
            assert!(AccountId::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn any_well_formed_region_name_is_a_region() {
        for right in ["us-east-1", "eu-central-2", "moon-base-1", "local"] {
            assert!(Region::parse(right).is_ok(), "{right}");
        }
        for wrong in [
            "",
            "US-EAST-1",
            "us_east_1",
            "-us",
            "us-",
            "us east",
            "us/east",
        ] {
            assert!(Region::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_region_tells_its_partition() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
        ] {
            assert_eq!(Region::parse(region).unwrap().partition(), partition);
        }
    }
}
