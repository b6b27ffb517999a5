//! A Lambda function: its record, with its versions, aliases, policies and tags, and what a qualifier names of it.
//!
//! Source: AWS Lambda Developer Guide, Manage Lambda function versions, and Create an alias for a Lambda function.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use super::function_arn::FunctionArn;
use super::refusals;
use crate::iam::bound_policy::ResourcePolicy;
use crate::kms::envelope::Envelope;
use crate::records::{Changes, Key, Record};
use crate::refusal::Stop;
use crate::time::Timestamp;

/// How a function is called that has not been published, and which changes with it.
pub const LATEST: &str = "$LATEST";

/// A function.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Function {
    /// Its ARN, without a qualifier.
    pub arn: FunctionArn,
    /// `$LATEST`
    pub latest: Configuration,
    /// Its published versions, by number.
    pub published: Vec<Published>,
    /// How many were published so far: no number is given again.
    pub published_count: u64,
    /// Its aliases, by name.
    pub aliases: Vec<Alias>,
    /// Who may use it, one policy each for the function itself and for its versions and aliases.
    pub policies: Vec<QualifiedPolicy>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// How a function runs, and what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Configuration {
    /// At most 256 characters.
    pub description: String,
    /// Such as `python3.12`.
    pub runtime: String,
    /// What of the code is called; for some runtimes nothing is.
    pub handler: String,
    /// The ARN of the role that it runs as.
    pub role: String,
    /// 1 to 900.
    pub timeout_seconds: u32,
    /// 128 to 10,240.
    pub memory_mib: u32,
    /// 512 to 10,240.
    pub storage_mib: u32,
    /// `x86_64` or `arm64`.
    pub architecture: String,
    /// Its variables as a JSON object, sealed; `None`: it has none.
    pub environment: Option<Envelope>,
    /// Where its code is.
    pub code: Code,
    /// When it last changed.
    pub modified: Timestamp,
    /// Another one with each change.
    pub revision_id: String,
}

/// A deployment package that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Of the package.
    pub sha256: [u8; 32],
    /// Of the package.
    pub size_bytes: u64,
    /// The KMS key of the function's account and region that its pieces are sealed under.
    pub key_id: String,
}

/// A version, which doesn't change any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    /// From 1.
    pub number: u64,
    /// The revision of `$LATEST` that was published.
    pub of_revision: String,
    /// As it was when it was published.
    pub configuration: Configuration,
}

/// Another name of a version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Alias {
    /// Its name.
    pub name: String,
    /// A version's number, or `$LATEST`.
    pub version: String,
    /// What it is for.
    pub description: String,
    /// Another one with each change.
    pub revision_id: String,
}

/// The policy of a function, or of a version or alias of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QualifiedPolicy {
    /// A version's number, or an alias; `None`: the function itself.
    pub qualifier: Option<String>,
    /// Who may do what.
    pub policy: ResourcePolicy,
    /// Another one with each change.
    pub revision_id: String,
}

impl Code {
    /// The hash in lower-case hexadecimal digits.
    pub fn sha256_hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = self.sha256.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
        digits
            .map(|digit| char::from(DIGITS[usize::from(digit)]))
            .collect()
    }

    /// The hash as `CodeSha256` shows it.
    pub fn sha256_base64(&self) -> String {
        BASE64.encode(self.sha256)
    }
}

impl Function {
    /// Its place.
    pub fn key(&self) -> Key {
        key_of(&self.arn)
    }

    /// The version of a number, or `$LATEST`.
    pub fn version(&self, version: &str) -> Option<&Configuration> {
        if version == LATEST {
            return Some(&self.latest);
        }
        let number: u64 = version.parse().ok()?;
        let mut published = self.published.iter();
        let found = published.find(|each| each.number == number);
        // Numbers have one way of being written.
        found
            .filter(|each| each.number.to_string() == version)
            .map(|each| &each.configuration)
    }

    /// An alias of it.
    pub fn alias(&self, name: &str) -> Option<&Alias> {
        self.aliases.iter().find(|alias| alias.name == name)
    }

    /// The version that a qualifier names, with its name. Without one, `$LATEST`.
    pub fn qualified<'a>(
        &'a self,
        qualifier: Option<&'a str>,
    ) -> Option<(&'a str, &'a Configuration)> {
        let qualifier = qualifier.unwrap_or(LATEST);
        let version = match self.alias(qualifier) {
            Some(alias) => alias.version.as_str(),
            None => qualifier,
        };
        Some((version, self.version(version)?))
    }

    /// The policy that speaks for what a qualifier names. `$LATEST` has none but the function's.
    pub fn policy(&self, qualifier: Option<&str>) -> Option<&QualifiedPolicy> {
        let qualifier = qualifier.filter(|qualifier| *qualifier != LATEST);
        let mut policies = self.policies.iter();
        policies.find(|policy| policy.qualifier.as_deref() == qualifier)
    }

    /// Puts a policy in the place of the one of its qualifier.
    pub(super) fn put_policy(&mut self, policy: QualifiedPolicy) {
        self.forget_policy(policy.qualifier.as_deref());
        self.policies.push(policy);
    }

    /// Nobody may use what a qualifier names any more, but for its account.
    pub(super) fn forget_policy(&mut self, qualifier: Option<&str>) {
        self.policies
            .retain(|policy| policy.qualifier.as_deref() != qualifier);
    }

    /// The same, to be changed.
    pub(super) fn configurations_mut(&mut self) -> impl Iterator<Item = &mut Configuration> {
        let published = self
            .published
            .iter_mut()
            .map(|each| &mut each.configuration);
        std::iter::once(&mut self.latest).chain(published)
    }

    /// Each configuration of it: `$LATEST` and those that are published.
    pub fn configurations(&self) -> impl Iterator<Item = &Configuration> {
        let published = self.published.iter().map(|each| &each.configuration);
        std::iter::once(&self.latest).chain(published)
    }
}

/// Bytes of a function's record at most, so that it fits into a commit with what changes beside it. It is as large as its
/// versions and policies are many.
const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// Writes a function.
///
/// # Refusals
/// `CodeStorageExceededException`
pub(super) fn put(function: &Function, changes: &mut Changes) -> Result<(), Stop> {
    if function.encode()?.len() > RECORD_BYTES_MAX {
        return Err(refusals::storage_exceeded(
            "The function has too many versions, aliases and permissions: delete some of its versions first.",
        )
        .into());
    }
    changes.put(function.key(), function)
}

/// Where a function's record is, whatever the qualifier.
pub fn key_of(arn: &FunctionArn) -> Key {
    Key::lambda_function(&arn.account, &arn.region, &arn.name)
}
