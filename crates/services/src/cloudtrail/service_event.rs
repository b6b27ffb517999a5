//! What a service does by itself and tells of, as an event of its own: nobody called.
//!
//! Source: AWS CloudTrail User Guide, Non-API events; reference/rotation.md §12, reference/integrations.md §1.3.

use crate::caller::{AccountId, Region};
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
    /// What the events of one happening share.
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
