//! GetTrailStatus: whether a trail takes events, and how its deliveries went.
//!
//! Source: AWS CloudTrail API Reference, GetTrailStatus.

use serde::Serialize;

use super::on_trail::TrailRule;
use super::trail::{Trail, TrailDelivery};
use crate::input::Members;
use crate::operation::{Decided, Given};
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds, rfc3339};

/// The request, but for the trail.
pub struct GetTrailStatus;

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TrailStatus {
    is_logging: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_delivery_error: Option<String>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    latest_delivery_time: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    start_logging_time: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    stop_logging_time: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    latest_digest_delivery_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latest_digest_delivery_error: Option<String>,
    // The rest is for clients of the first version; AWS fills it still.
    latest_delivery_attempt_time: String,
    latest_notification_attempt_time: &'static str,
    latest_notification_attempt_succeeded: &'static str,
    latest_delivery_attempt_succeeded: String,
    time_logging_started: String,
    time_logging_stopped: String,
}

impl TrailRule for GetTrailStatus {
    const NAME: &'static str = "GetTrailStatus";
    const ACTION: &'static str = "cloudtrail:GetTrailStatus";
    type Output = TrailStatus;

    fn read(_: &mut Members<'_, '_>) -> Self {
        GetTrailStatus
    }

    fn decide(
        self,
        trail: &Trail,
        records: &Records<'_>,
        _: &Given<'_>,
    ) -> Result<Decided<TrailStatus>, Stop> {
        let delivery = records.read::<TrailDelivery>(trail.arn.delivery_key())?;
        let delivery = match delivery {
            Some(delivery) => TrailDelivery::clone(&delivery),
            None => TrailDelivery::none(trail.arn.clone()),
        };
        let text = |at: Option<Timestamp>| at.map(rfc3339).unwrap_or_default();
        Ok(Decided::answer(TrailStatus {
            is_logging: trail.logging_since.is_some(),
            latest_delivery_attempt_time: text(delivery.delivered),
            latest_notification_attempt_time: "",
            latest_notification_attempt_succeeded: "",
            latest_delivery_attempt_succeeded: text(delivery.delivered),
            time_logging_started: text(trail.started),
            time_logging_stopped: text(trail.stopped),
            latest_delivery_error: delivery.error,
            latest_delivery_time: delivery.delivered,
            start_logging_time: trail.started,
            stop_logging_time: trail.stopped,
            latest_digest_delivery_time: delivery.digest_delivered,
            latest_digest_delivery_error: delivery.digest_error,
        }))
    }
}
