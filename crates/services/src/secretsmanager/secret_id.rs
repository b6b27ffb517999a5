//! How a request names a secret: by name, by ARN, or by an ARN without its random suffix.
//!
//! Source: reference/api.md §2.

use std::cell::OnceCell;
use std::sync::Arc;

use super::refusals;
use super::secret::{self, Lifecycle, Secret};
use crate::caller::{AccountId, Caller, Region};
use crate::operation::Given;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// The length of the random suffix of a secret's ARN, without its hyphen.
pub const SUFFIX_LENGTH: usize = 6;

/// A secret as a request names it.
#[derive(Clone, Debug)]
pub struct SecretId {
    given: String,
    names: Names,
    /// The record that it stands for, once it was looked up: the gate asks about it, and then the decision.
    record: OnceCell<Option<Arc<Secret>>>,
}

#[derive(Clone, Debug)]
enum Names {
    /// A name of the caller's account and region: all of the text.
    Name,
    /// A secret of an account and region.
    Arn {
        account: AccountId,
        region: String,
        name: String,
        suffix: Option<String>,
    },
}

impl SecretId {
    /// Reads a `SecretId`.
    ///
    /// # Refusals
    /// `ValidationException`: characters that no name has. `InvalidParameterException`: an ARN that is
    /// none of Secrets Manager's.
    pub fn parse(given: String) -> Result<Self, Refusal> {
        if !given.starts_with("arn:") {
            if !given.is_empty() && !is_valid_name(&given) {
                return Err(refusals::invalid_name());
            }
            return Ok(SecretId::of(given, Names::Name));
        }
        let parts: Vec<&str> = given.splitn(7, ':').collect();
        let &[_, _, "secretsmanager", region, account, "secret", resource] = parts.as_slice()
        else {
            return Err(refusals::invalid_arn());
        };
        let account = AccountId::parse(account).map_err(|_| refusals::invalid_arn())?;
        if !is_valid_name(resource) {
            return Err(refusals::invalid_name());
        }
        // A hyphen and six characters at the end are taken for the suffix, even where they belong to
        // the name: AWS warns of names that end so.
        let (name, suffix) = match split_suffix(resource) {
            Some((name, suffix)) => (name.to_owned(), Some(suffix.to_owned())),
            None => (resource.to_owned(), None),
        };
        let names = Names::Arn {
            account,
            region: region.to_owned(),
            name,
            suffix,
        };
        Ok(SecretId::of(given, names))
    }

    /// Reads what must name a secret of an account and region, whoever asks. `None`: it is another one's, or none's.
    pub(crate) fn within(given: String, account: &AccountId, region: &Region) -> Option<Self> {
        let id = Self::parse(given).ok()?;
        match &id.names {
            Names::Name if id.given.is_empty() => None,
            Names::Name => {
                let mut arn = secret::arn(account, region, &id.given, "");
                arn.pop();
                let names = Names::Arn {
                    account: account.clone(),
                    region: region.as_str().to_owned(),
                    name: id.given,
                    suffix: None,
                };
                Some(SecretId::of(arn, names))
            }
            Names::Arn {
                account: owner,
                region: found,
                ..
            } => (owner == account && found == region.as_str()).then_some(id),
        }
    }

    fn of(given: String, names: Names) -> Self {
        SecretId {
            given,
            names,
            record: OnceCell::new(),
        }
    }

    /// Names no secret; for a request that is already refused.
    pub(crate) fn nothing() -> Self {
        SecretId::of(String::new(), Names::Name)
    }

    /// The caller's own words.
    pub fn as_given(&self) -> &str {
        &self.given
    }

    /// Whether it is an ARN, full or partial.
    pub(crate) fn is_arn(&self) -> bool {
        matches!(self.names, Names::Arn { .. })
    }

    /// The name in it, without an ARN's suffix.
    pub fn name(&self) -> &str {
        match &self.names {
            Names::Name => &self.given,
            Names::Arn { name, .. } => name,
        }
    }

    /// The account whose secret it is.
    pub fn owner<'a>(&'a self, caller: &'a Caller) -> &'a AccountId {
        match &self.names {
            Names::Name => &caller.account,
            Names::Arn { account, .. } => account,
        }
    }

    /// The account and the name in an ARN.
    pub(super) fn account_and_name(&self) -> Option<(&AccountId, &str)> {
        match &self.names {
            Names::Name => None,
            Names::Arn { account, name, .. } => Some((account, name)),
        }
    }

    /// The secret, if there is one.
    ///
    /// A secret whose recovery window is over is gone, whether or not it was purged yet. An ARN of
    /// another region names nothing here: an endpoint knows its own region.
    pub fn find(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Option<Arc<Secret>>, Stop> {
        let secret = self.record(given.caller, records)?;
        Ok(secret.filter(|secret| !secret.is_gone(given.now)))
    }

    /// The record of the secret, which may be gone by now.
    pub(crate) fn record(
        &self,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Option<Arc<Secret>>, Stop> {
        if let Some(known) = self.record.get() {
            return Ok(known.clone());
        }
        let read = self.read(caller, records)?;
        Ok(self.record.get_or_init(|| read).clone())
    }

    fn read(&self, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Secret>>, Stop> {
        if let Names::Arn { region, .. } = &self.names
            && region != caller.region.as_str()
        {
            return Ok(None);
        }
        let key = Key::secret(self.owner(caller), &caller.region, self.name());
        let Some(secret) = records.read::<Secret>(key)? else {
            return Ok(None);
        };
        if let Names::Arn {
            suffix: Some(suffix),
            ..
        } = &self.names
            && *suffix != secret.suffix
        {
            return Ok(None);
        }
        Ok(Some(secret))
    }

    /// The secret.
    ///
    /// # Refusals
    /// `ResourceNotFoundException`.
    pub fn find_any(&self, records: &Records<'_>, given: &Given<'_>) -> Result<Arc<Secret>, Stop> {
        self.find(records, given)?
            .ok_or_else(|| refusals::secret_not_found().into())
    }

    /// The secret, unless it is scheduled for deletion.
    ///
    /// # Refusals
    /// `ResourceNotFoundException`, `InvalidRequestException`.
    pub fn find_active(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Arc<Secret>, Stop> {
        let secret = self.find_any(records, given)?;
        match secret.lifecycle {
            Lifecycle::Active => Ok(secret),
            Lifecycle::Deleting { .. } => Err(refusals::marked_for_deletion().into()),
        }
    }
}

/// Whether a text has only characters that a secret's name may have.
pub(super) fn is_valid_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-/_+=.@!".contains(&byte))
}

fn split_suffix(resource: &str) -> Option<(&str, &str)> {
    let (name, suffix) = resource.rsplit_once('-')?;
    let is_suffix = suffix.len() == SUFFIX_LENGTH
        && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && !name.is_empty();
    is_suffix.then_some((name, suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_named_by_name_full_arn_or_partial_arn() {
        let arn =
            |resource: &str| format!("arn:aws:secretsmanager:r:123456789012:secret:{resource}");
        for (given, name, suffix) in [
            ("plain/name".to_owned(), "plain/name", None),
            (arn("name-AbCdE1"), "name", Some("AbCdE1")),
            (arn("name"), "name", None),
            (arn("name-short"), "name-short", None),
            (arn("my-secret"), "my", Some("secret")),
            (arn("-AbCdE1"), "-AbCdE1", None),
        ] {
            let id = SecretId::parse(given.clone()).unwrap();
            assert_eq!(id.name(), name, "{given}");
            match id.names {
                Names::Name => assert_eq!(suffix, None, "{given}"),
                Names::Arn { suffix: found, .. } => assert_eq!(found.as_deref(), suffix, "{given}"),
            }
        }
    }

    #[test]
    fn a_secret_of_an_account_and_region_is_named_whoever_asks() {
        let account = AccountId::parse("123456789012").unwrap();
        let region = Region::parse("us-east-1").unwrap();
        let arn = |rest: &str| format!("arn:aws:secretsmanager:{rest}");
        for (given, expected) in [
            // A name is all name, whatever it ends with.
            ("my-secret".to_owned(), Some("my-secret")),
            (arn("us-east-1:123456789012:secret:n-AbCdE1"), Some("n")),
            (arn("us-east-1:123456789012:secret:n"), Some("n")),
            (arn("us-east-1:210987654321:secret:n-AbCdE1"), None),
            (arn("eu-west-1:123456789012:secret:n-AbCdE1"), None),
            ("sp ace".to_owned(), None),
            (String::new(), None),
        ] {
            let id = SecretId::within(given.clone(), &account, &region);
            assert_eq!(id.as_ref().map(SecretId::name), expected, "{given}");
            if let Some(id) = id {
                assert!(id.is_arn() && id.as_given().starts_with("arn:"), "{given}");
                assert_eq!(id.account_and_name().unwrap().0, &account);
            }
        }
    }

    #[test]
    fn what_can_name_no_secret_is_refused() {
        for (given, code) in [
            ("sp ace", "ValidationException"),
            ("na#me", "ValidationException"),
            ("nämé", "ValidationException"),
            ("arn:aws:s3:::bucket", "InvalidParameterException"),
            (
                "arn:aws:secretsmanager:r:1:secret:n",
                "InvalidParameterException",
            ),
            (
                "arn:aws:secretsmanager:r:123456789012:key:n",
                "InvalidParameterException",
            ),
            (
                "arn:aws:secretsmanager:r:123456789012:secret:n:m",
                "ValidationException",
            ),
        ] {
            assert_eq!(
                SecretId::parse(given.to_owned()).unwrap_err().code,
                code,
                "{given}"
            );
        }
    }
}
