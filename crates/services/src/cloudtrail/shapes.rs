//! What several operations take and show of trails.
//!
//! Source: AWS CloudTrail API Reference, CreateTrail, UpdateTrail, Trail; Amazon S3 User Guide, Bucket naming rules.

use serde::Serialize;

use super::event_selector::EventSelector;
use super::refusals;
use super::trail::Trail;
use crate::input::{Members, Text};
use crate::operation::Given;
use crate::refusal::Refusal;

const ANYTHING: Text = Text::of(0..=usize::MAX);
const PREFIX_CHARACTERS_MAX: usize = 200;

/// A trail's settings as a request gives them: those that are missing stay as they are.
pub(super) struct Settings {
    pub(super) bucket: Option<String>,
    /// The empty one is none.
    pub(super) prefix: Option<String>,
    multi_region: Option<bool>,
    global_services: Option<bool>,
    validation: Option<bool>,
    recursive_logging: Option<bool>,
}

impl Settings {
    /// Takes them out of a request, and refuses those that can't be kept to here.
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        let settings = Settings {
            bucket: members.text("S3BucketName", &ANYTHING),
            prefix: members.text("S3KeyPrefix", &ANYTHING),
            multi_region: members.flag("IsMultiRegionTrail"),
            global_services: members.flag("IncludeGlobalServiceEvents"),
            validation: members.flag("EnableLogFileValidation"),
            recursive_logging: members.flag("RecursiveLogging"),
        };
        for (member, reason) in ABSENT {
            // The empty text takes such a setting back, which is done as it is.
            if members
                .text(member, &ANYTHING)
                .is_some_and(|text| !text.is_empty())
            {
                members.object(refusals::unsupported(*reason));
            }
        }
        if members.flag("IsOrganizationTrail") == Some(true) {
            members.object(refusals::unsupported(
                "There are no organizations here: make a trail in each account.",
            ));
        }
        if let Err(refusal) = settings.check() {
            members.object(refusal);
        }
        settings
    }

    fn check(&self) -> Result<(), Refusal> {
        if let Some(bucket) = &self.bucket
            && !is_bucket_name(bucket)
        {
            return Err(refusals::invalid_bucket_name(bucket));
        }
        let Some(prefix) = &self.prefix else {
            return Ok(());
        };
        if prefix.chars().count() > PREFIX_CHARACTERS_MAX {
            return Err(refusals::invalid_prefix(
                "The S3 prefix is longer than the maximum length of 200 characters.",
            ));
        }
        let is_allowed = |each: char| !each.is_control() && !"\\<>%{}^~`[]#|\"".contains(each);
        let is_path = !prefix.starts_with('/')
            && prefix.split('/').all(|part| !matches!(part, "." | ".."))
            && !prefix.contains("//");
        if !is_path || !prefix.chars().all(is_allowed) {
            return Err(refusals::invalid_prefix("The S3 prefix is not valid."));
        }
        Ok(())
    }

    /// Lays them over a trail.
    ///
    /// # Refusals
    /// `S3BucketDoesNotExistException`; `InvalidParameterCombinationException`.
    pub(super) fn apply(self, trail: &mut Trail, given: &Given<'_>) -> Result<(), Refusal> {
        if let Some(bucket) = self.bucket {
            if !given.buckets.has(&bucket) {
                return Err(refusals::no_such_bucket(&bucket));
            }
            trail.bucket = bucket;
        }
        if let Some(prefix) = self.prefix {
            trail.prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
        }
        let set = |place: &mut bool, value: Option<bool>| *place = value.unwrap_or(*place);
        set(&mut trail.multi_region, self.multi_region);
        set(&mut trail.global_services, self.global_services);
        set(&mut trail.validation, self.validation);
        set(&mut trail.recursive_logging, self.recursive_logging);
        if trail.multi_region && !trail.global_services {
            return Err(refusals::combination(
                "Multi-Region trail must include global service events.",
            ));
        }
        Ok(())
    }
}

/// Settings that deliveries of this deployment don't have.
const ABSENT: &[(&str, &str)] = &[
    (
        "SnsTopicName",
        "Trails send no notifications here. What happens can be sent on by the server's own feeds of events.",
    ),
    (
        "CloudWatchLogsLogGroupArn",
        "Trails deliver to buckets here, not to CloudWatch Logs.",
    ),
    (
        "CloudWatchLogsRoleArn",
        "Trails deliver to buckets here, not to CloudWatch Logs.",
    ),
    (
        "KmsKeyId",
        "Log files aren't encrypted under a KMS key here. Let the bucket encrypt what it keeps.",
    ),
];

/// Source: Amazon S3 User Guide, General purpose bucket naming rules.
fn is_bucket_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_ending = |each: &u8| each.is_ascii_lowercase() || each.is_ascii_digit();
    (3..=63).contains(&bytes.len())
        && bytes
            .iter()
            .all(|each| is_ending(each) || b".-".contains(each))
        && bytes.first().is_some_and(is_ending)
        && bytes.last().is_some_and(is_ending)
        && !name.contains("..")
}

/// What CreateTrail and UpdateTrail answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SetTrail {
    name: String,
    s3_bucket_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    s3_key_prefix: Option<String>,
    include_global_service_events: bool,
    is_multi_region_trail: bool,
    #[serde(rename = "TrailARN")]
    trail_arn: String,
    log_file_validation_enabled: bool,
    is_organization_trail: bool,
    recursive_logging: bool,
}

impl SetTrail {
    pub(super) fn of(trail: &Trail) -> Self {
        SetTrail {
            name: trail.arn.name.clone(),
            s3_bucket_name: trail.bucket.clone(),
            s3_key_prefix: trail.prefix.clone(),
            include_global_service_events: trail.global_services,
            is_multi_region_trail: trail.multi_region,
            trail_arn: trail.arn.to_string(),
            log_file_validation_enabled: trail.validation,
            is_organization_trail: false,
            recursive_logging: trail.recursive_logging,
        }
    }
}

/// A trail as GetTrail and DescribeTrails show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ShownTrail {
    #[serde(flatten)]
    settings: SetTrail,
    home_region: String,
    has_custom_event_selectors: bool,
    has_insight_selectors: bool,
}

impl ShownTrail {
    pub(super) fn of(trail: &Trail) -> Self {
        ShownTrail {
            settings: SetTrail::of(trail),
            home_region: trail.arn.region.to_string(),
            has_custom_event_selectors: trail.selectors != [EventSelector::everything()],
            has_insight_selectors: false,
        }
    }
}

/// The answer that says nothing but that it was done.
#[derive(Serialize)]
pub struct Done {}
