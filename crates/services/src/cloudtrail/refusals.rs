//! What CloudTrail says when it refuses: AWS's codes and wording, each made in one place.
//!
//! Source: AWS CloudTrail API Reference, the errors of each operation; the wording from experience, and our own where
//! AWS publishes none.

use super::trail::TrailArn;
use crate::caller::{AccountId, Region};
use crate::refusal::Refusal;

pub(super) fn trail_not_found(arn: &str, account: &AccountId) -> Refusal {
    Refusal::framework(
        "TrailNotFoundException",
        format!("Unknown trail: {arn} for the user: {account}"),
    )
}

pub(super) fn invalid_trail_name(message: impl Into<String>) -> Refusal {
    Refusal::framework("InvalidTrailNameException", message)
}

pub(super) fn not_a_trail(arn: &str) -> Refusal {
    let message = format!(
        "{arn} is not the ARN of a trail. Its format is arn:aws:cloudtrail:us-east-2:123456789012:trail/MyTrail."
    );
    Refusal::framework("CloudTrailARNInvalidException", message)
}

pub(super) fn trail_exists(arn: &TrailArn) -> Refusal {
    Refusal::framework(
        "TrailAlreadyExistsException",
        format!(
            "Trail {} already exists for customer: {}",
            arn.name, arn.account
        ),
    )
}

pub(super) fn too_many_trails(account: &AccountId, most: usize, region: &Region) -> Refusal {
    Refusal::framework(
        "MaximumNumberOfTrailsExceededException",
        format!("User: {account} already has {most} trails in {region}."),
    )
}

pub(super) fn not_at_home(arn: &TrailArn, here: &Region) -> Refusal {
    Refusal::framework(
        "InvalidHomeRegionException",
        format!(
            "The trail {arn} can't be changed from {here}. Call this operation in its home Region, {}.",
            arn.region
        ),
    )
}

pub(super) fn no_such_bucket(bucket: &str) -> Refusal {
    Refusal::framework(
        "S3BucketDoesNotExistException",
        format!("S3 bucket {bucket} does not exist!"),
    )
}

pub(super) fn invalid_bucket_name(bucket: &str) -> Refusal {
    Refusal::framework(
        "InvalidS3BucketNameException",
        format!("Bucket name {bucket} is not valid."),
    )
}

pub(super) fn invalid_prefix(message: &str) -> Refusal {
    Refusal::framework("InvalidS3PrefixException", message)
}

pub(super) fn combination(message: &str) -> Refusal {
    Refusal::framework("InvalidParameterCombinationException", message)
}

pub(super) fn invalid_selectors(message: impl Into<String>) -> Refusal {
    Refusal::framework("InvalidEventSelectorsException", message)
}

pub(super) fn invalid_tag(message: impl Into<String>) -> Refusal {
    Refusal::framework("InvalidTagParameterException", message)
}

pub(super) fn too_many_tags() -> Refusal {
    Refusal::framework(
        "TagsLimitExceededException",
        "The number of tags per trail has exceeded the permitted amount. Currently, the limit is 50.",
    )
}

pub(super) fn resource_not_found(arn: &str) -> Refusal {
    Refusal::framework(
        "ResourceNotFoundException",
        format!("The resource {arn} is not found."),
    )
}

/// An operation, or a member of one, that this deployment hasn't.
pub(super) fn unsupported(reason: impl Into<String>) -> Refusal {
    Refusal::framework("UnsupportedOperationException", reason)
}

pub(super) fn invalid_token() -> Refusal {
    Refusal::framework("InvalidTokenException", "The token is not valid.")
}

pub(super) fn invalid_lookup_attributes(message: &str) -> Refusal {
    Refusal::framework("InvalidLookupAttributesException", message)
}

pub(super) fn invalid_time_range() -> Refusal {
    Refusal::framework(
        "InvalidTimeRangeException",
        "Either the start time occurs after the end time, or the time range is outside the range of possible values.",
    )
}

pub(super) fn invalid_event_category() -> Refusal {
    Refusal::framework(
        "InvalidEventCategoryException",
        "The event category is not valid. Valid value: insight.",
    )
}

pub(super) fn invalid_max_results(given: i64) -> Refusal {
    Refusal::framework(
        "InvalidMaxResultsException",
        format!("A max results value of {given} is invalid. Specify max results between 1 and 50."),
    )
}

pub(super) fn invalid_next_token() -> Refusal {
    Refusal::framework(
        "InvalidNextTokenException",
        "The token is not valid, or was given out for a request with different parameters.",
    )
}

/// Without an audit log, nothing can be looked up.
pub(super) fn no_history() -> Refusal {
    unsupported("This server keeps no audit log, so nothing can be looked up.")
}
