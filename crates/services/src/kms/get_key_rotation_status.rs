//! GetKeyRotationStatus: whether and when a key's material is renewed by itself.
//!
//! Source: AWS KMS API Reference, GetKeyRotationStatus.

use serde::Serialize;

use super::key::KeyState;
use super::name::{Accepts, KeyName};
use super::{access, shapes};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::Members;
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;
use crate::time::{Timestamp, epoch_seconds};

/// The request.
pub struct GetKeyRotationStatus {
    key: KeyName,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RotationStatus {
    key_rotation_enabled: bool,
    key_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rotation_period_in_days: Option<u32>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    next_rotation_date: Option<Timestamp>,
}

impl Operation for GetKeyRotationStatus {
    const NAME: &'static str = "GetKeyRotationStatus";
    type Output = RotationStatus;

    fn read(members: &mut Members<'_, '_>) -> Self {
        GetKeyRotationStatus {
            key: shapes::key_name(Accepts::Keys, members),
        }
    }

    fn needs<'a>(
        &'a self,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        access::needs("kms:GetKeyRotationStatus", &self.key, caller, records)
    }

    /// A key that will be gone is told as one whose material isn't renewed, until its deletion is cancelled.
    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<RotationStatus>, Stop> {
        let key = allowed.into_request().key.find(given.caller, records)?;
        let rotation = key
            .rotation
            .filter(|_| !matches!(key.state, KeyState::PendingDeletion { .. }));
        Ok(Decided::answer(RotationStatus {
            key_rotation_enabled: rotation.is_some(),
            key_id: key.arn(),
            rotation_period_in_days: rotation.map(|rotation| rotation.period_days),
            next_rotation_date: rotation.map(|rotation| rotation.next),
        }))
    }
}
