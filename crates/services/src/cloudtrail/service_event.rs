//! What a service does by itself and tells of, as an event of its own: nobody called.
//!
//! Source: AWS CloudTrail User Guide, Non-API events; reference/rotation.md §12, reference/integrations.md §1.3.

use crate::caller::{AccountId, Region};
use crate::kms::key::KmsKey;
use crate::secretsmanager::secret::Secret;

/// An event of a service's own: CloudTrail's `AwsServiceEvent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceEvent {
    /// Such as `RotationStarted`.
    pub name: &'static str,
    /// The account that it happened in.
    pub account: AccountId,
    /// The region that it happened in.
    pub region: Region,
    /// The ARN of what it happened to.
    pub resource: String,
    /// What that is.
    pub about: About,
    /// What the events of one happening share; empty of what is told by one event.
    pub request_id: String,
    /// What went wrong, in AWS's words.
    pub error: Option<String>,
}

impl ServiceEvent {
    /// What Secrets Manager does with each version of a secret, one event for each: `StartSecretVersionDelete`, and so on.
    ///
    /// Source: AWS Secrets Manager User Guide, AWS CloudTrail entries for Secrets Manager.
    pub(crate) fn of_versions(name: &'static str, secret: &Secret) -> impl Iterator<Item = Self> {
        let versions = secret.versions.iter();
        versions.map(move |version| ServiceEvent {
            name,
            account: secret.account.clone(),
            region: secret.region.clone(),
            resource: secret.arn(),
            about: About::Secret {
                version_id: Some(version.id.clone()),
            },
            request_id: format!("{name}-{}-{}", secret.arn(), version.id),
            error: None,
        })
    }
}

impl ServiceEvent {
    /// What KMS does with a key.
    pub(crate) fn of_key(
        name: &'static str,
        key: &KmsKey,
        details: Vec<(&'static str, String)>,
    ) -> Self {
        ServiceEvent {
            name,
            account: key.account.clone(),
            region: key.region.clone(),
            resource: key.arn(),
            about: About::Key { details },
            request_id: String::new(),
            error: None,
        }
    }

    /// That KMS renewed a key's material: `before` is what it had.
    ///
    /// Source: AWS KMS Developer Guide, RotateKey (CloudTrail log entries).
    pub(crate) fn of_rotated_key(key: &KmsKey, before: Option<&str>) -> Self {
        let current = key.material.last();
        let rotation = current.and_then(|material| material.rotation);
        let mut details = Vec::new();
        if let Some(rotation) = rotation {
            details.push(("rotationType", rotation.name().to_owned()));
        }
        details.push(("keyOrigin", key.origin.name().to_owned()));
        if let Some(before) = before {
            details.push(("previousKeyMaterialId", before.to_owned()));
        }
        if let Some(current) = current {
            details.push(("currentKeyMaterialId", current.material_id.clone()));
        }
        details.push(("keyId", key.key_id.clone()));
        Self::of_key("RotateKey", key, details)
    }
}

/// What a service's event is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A secret.
    Secret {
        /// One of its versions, where it is about that.
        version_id: Option<String>,
    },
    /// A KMS key.
    Key {
        /// What KMS adds, by name.
        details: Vec<(&'static str, String)>,
    },
}
