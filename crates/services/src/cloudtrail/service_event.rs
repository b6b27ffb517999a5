//! What a service does by itself and tells of, as an event of its own: nobody called.
//!
//! Source: AWS CloudTrail User Guide, Non-API events; reference/rotation.md §12, reference/integrations.md §1.3.

use crate::caller::{AccountId, Region};

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
