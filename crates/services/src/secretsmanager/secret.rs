//! The record of a secret: what is known of it but its values.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use strongroom_policy::Context;

use super::secret_id::SUFFIX_LENGTH;
use crate::caller::{AccountId, Caller, Region};
use crate::gate::ConditionKeys;
use crate::iam::bound_policy::ResourcePolicy;
use crate::kms::dependents::KeyRef;
use crate::operation::Given;
use crate::records::Key;
use crate::rotation::configuration::Rotation;
use crate::staging::Labels;
use crate::time::Timestamp;

/// A secret. Its values rest in records of their own ([`super::version::SealedValue`]).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Secret {
    /// The account that owns it.
    pub account: AccountId,
    /// Its region.
    pub region: Region,
    /// Its name.
    pub name: String,
    /// The random end of its ARN; never changes.
    pub suffix: String,
    /// When it was made.
    pub created: Timestamp,
    /// When anything of it last changed.
    pub changed: Timestamp,
    /// The day on which a value was last read.
    pub accessed: Option<Timestamp>,
    /// What it is for.
    pub description: Option<String>,
    /// The KMS key as the user named it; `None` is the service's own.
    pub kms_key_id: Option<String>,
    /// Its `Type`, of managed external secrets.
    pub secret_type: Option<String>,
    /// Whether it is in use.
    pub lifecycle: Lifecycle,
    /// In the order in which they were set.
    pub tags: Vec<Tag>,
    /// In the order in which they were made.
    pub versions: Vec<Version>,
    /// Which version has which label.
    pub labels: Labels,
    /// The resource policy.
    pub resource_policy: Option<ResourcePolicy>,
    /// How it rotates; `None` of a secret for which that was never asked.
    pub rotation: Option<Rotation>,
    /// The secret that a version's value names as its `masterarn`, by the version's id: an ARN, which is no secret
    /// itself, and without which nobody could see that secrets depend on each other.
    pub masters: BTreeMap<String, String>,
}

/// Whether a secret is in use.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lifecycle {
    /// It is.
    Active,
    /// It will be gone at the end of its recovery window.
    Deleting {
        /// The end of the window.
        at: Timestamp,
    },
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// 1 to 128 characters.
    pub key: String,
    /// 0 to 256 characters.
    pub value: String,
}

/// What is known of a version but its value.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its id: the `ClientRequestToken` that made it.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// The day on which it was last read.
    pub accessed: Option<Timestamp>,
    /// The KMS key as the user named it when the value was sealed; `None` is the service's own.
    pub kms_key_id: Option<String>,
    /// The customer's key that the value was sealed under; `None` is the service's own.
    pub customer_key: Option<KeyRef>,
    /// What kind of value it has.
    pub kind: ValueKind,
}

/// What kind of value a version has.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ValueKind {
    /// None yet: a rotation made the version and will fill it.
    Awaited,
    /// A `SecretString`.
    Text,
    /// A `SecretBinary`.
    Binary,
}

impl Secret {
    /// A new secret of the caller's account and region, without versions.
    pub fn new(name: String, given: &Given<'_>) -> Self {
        Secret {
            account: given.caller.account.clone(),
            region: given.caller.region.clone(),
            name,
            suffix: fresh_suffix(given),
            created: given.now,
            changed: given.now,
            accessed: None,
            description: None,
            kms_key_id: None,
            secret_type: None,
            lifecycle: Lifecycle::Active,
            tags: Vec::new(),
            versions: Vec::new(),
            labels: Labels::default(),
            resource_policy: None,
            rotation: None,
            masters: BTreeMap::new(),
        }
    }

    /// Reads the fields of an earlier format. In the first, policies have only their text: whom they name is taken by
    /// name. In the second, nothing rotates.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        const NO_BINDINGS: u8 = 0;
        const NO_ROTATION: u8 = 0;
        const NO_MASTERS: u8 = 0;
        let rest: &[u8] = match format {
            // What is behind the last field isn't read, so a secret without a policy doesn't mind.
            1 => &[NO_BINDINGS, NO_ROTATION, NO_MASTERS],
            2 => &[NO_ROTATION, NO_MASTERS],
            _ => return None,
        };
        postcard::from_bytes(&[fields, rest].concat()).ok()
    }

    /// Its ARN.
    pub fn arn(&self) -> String {
        arn(&self.account, &self.region, &self.name, &self.suffix)
    }

    /// The key of its record.
    pub fn key(&self) -> Key {
        Key::secret(&self.account, &self.region, &self.name)
    }

    /// The key of its entry in the index by creation.
    pub fn created_key(&self) -> Key {
        Key::created(&self.account, &self.region, self.created, &self.name)
    }

    /// The key of a version's value.
    pub fn version_key(&self, version_id: &str) -> Key {
        Key::version(
            &self.account,
            &self.region,
            (&self.name, &self.suffix),
            version_id,
        )
    }

    /// A version by its id.
    pub fn version(&self, version_id: &str) -> Option<&Version> {
        self.versions
            .iter()
            .find(|version| version.id == version_id)
    }

    /// Removes a version that still awaits its value and has no label.
    pub(crate) fn drop_if_awaited(&mut self, version_id: &str) {
        let labels = &self.labels;
        self.versions.retain(|version| {
            version.id != version_id
                || version.kind != ValueKind::Awaited
                || labels.any_on(version_id)
        });
    }

    /// The customers' keys that values of it are sealed under.
    pub fn customer_keys(&self) -> BTreeSet<KeyRef> {
        let keys = self.versions.iter();
        keys.filter_map(|version| version.customer_key.clone())
            .collect()
    }

    /// Notes the day on which one of its versions is read.
    pub(crate) fn note_read(&mut self, version_id: &str, day: Timestamp) {
        self.accessed = self.accessed.max(Some(day));
        let mut versions = self.versions.iter_mut();
        if let Some(version) = versions.find(|version| version.id == version_id) {
            version.accessed = version.accessed.max(Some(day));
        }
    }

    /// Whether its recovery window is over: nothing of it can be seen any more.
    pub fn is_gone(&self, now: Timestamp) -> bool {
        matches!(self.lifecycle, Lifecycle::Deleting { at } if at <= now)
    }

    /// The labels of a version, owned; what responses carry.
    pub fn labels_of(&self, version_id: &str) -> Vec<String> {
        self.labels.of(version_id).map(str::to_owned).collect()
    }
}

/// What policies can ask about a secret, whatever the request to it.
///
/// Source: Service Authorization Reference, Condition keys for AWS Secrets Manager.
impl ConditionKeys for Secret {
    fn add_condition_keys(&self, context: &mut Context) {
        context.insert("secretsmanager:SecretId", self.arn());
        if let Some(secret_type) = &self.secret_type {
            context.insert("secretsmanager:resource/Type", secret_type.as_str());
        }
        let rotation = self.rotation.as_ref();
        if let Some(function) = rotation.and_then(|rotation| rotation.function.as_deref()) {
            context.insert("secretsmanager:resource/AllowRotationLambdaArn", function);
        }
        add_tags(RESOURCE_TAGS, &self.tags, context);
    }
}

/// Under which names policies find the tags of a secret.
pub(super) const RESOURCE_TAGS: &[&str] = &["aws:ResourceTag/", "secretsmanager:ResourceTag/"];

/// Adds each tag under each prefix.
pub(super) fn add_tags(prefixes: &[&str], tags: &[Tag], context: &mut Context) {
    for prefix in prefixes {
        for tag in tags {
            context.insert(&format!("{prefix}{}", tag.key), tag.value.as_str());
        }
    }
}

/// The ARN of a secret. Source: reference/api.md §2.
pub fn arn(account: &AccountId, region: &Region, name: &str, suffix: &str) -> String {
    // Put together by hand: every read needs it, and formatting costs several times as much.
    [
        "arn:",
        region.partition(),
        ":secretsmanager:",
        region.as_str(),
        ":",
        account.as_str(),
        ":secret:",
        name,
        "-",
        suffix,
    ]
    .concat()
}

/// The ARN of a secret of the caller's, of which no more than the name is known.
pub fn arn_of_name(name: &str, caller: &Caller) -> String {
    let mut arn = arn(&caller.account, &caller.region, name, "");
    arn.pop();
    arn
}

/// A random ARN suffix, each letter and digit as likely as the next.
pub(super) fn fresh_suffix(given: &Given<'_>) -> String {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    super::password::draw(ALPHABET, SUFFIX_LENGTH, given.entropy)
        .into_iter()
        .map(char::from)
        .collect()
}
