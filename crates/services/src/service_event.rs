//! What a service does by itself and tells of, as an event of its own: nobody called.
//!
//! Source: AWS CloudTrail User Guide, Non-API events; reference/rotation.md §12.

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
    /// What the events of one happening share.
    pub request_id: String,
    /// What went wrong, in AWS's words.
    pub error: Option<String>,
}
