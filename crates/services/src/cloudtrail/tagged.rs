//! What AddTags, RemoveTags and ListTags share: which trail they are about.
//!
//! Source: AWS CloudTrail API Reference, AddTags (`ResourceId`).

use std::sync::Arc;

use super::refusals;
use super::trail::{self, Trail, TrailArn};
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

/// The ARN of a trail in a request. Other resources of CloudTrail's, such as channels, aren't there.
///
/// # Refusals
/// `CloudTrailARNInvalidException`
pub(super) fn arn(text: &str) -> Result<TrailArn, Refusal> {
    TrailArn::parse(text).ok_or_else(|| {
        refusals::invalid_arn(format!(
            "{text} is not the ARN of a trail. Its format is arn:aws:cloudtrail:us-east-2:123456789012:trail/MyTrail."
        ))
    })
}

/// The trail, which is tagged in its home region.
///
/// # Refusals
/// `ResourceNotFoundException`
pub(super) fn find(
    arn: &TrailArn,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Arc<Trail>, Stop> {
    let found = match arn.region == given.caller.region {
        true => trail::find(arn, records)?,
        false => None,
    };
    found.ok_or_else(|| refusals::resource_not_found(&arn.to_string()).into())
}
