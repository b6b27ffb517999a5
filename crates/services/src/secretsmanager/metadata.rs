//! What responses show of a secret besides its values.
//!
//! Source: reference/api.md §3, §6.6, §6.7.

use std::collections::BTreeMap;

use serde::Serialize;

use super::secret::{Lifecycle, Secret, Tag};
use crate::rotation::configuration::{Rotation, Shown};
use crate::time::{Timestamp, epoch_seconds};

/// `ARN` and `Name`: all that many operations answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NamedSecret {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
}

impl NamedSecret {
    /// Of a secret.
    pub(super) fn of(secret: &Secret) -> Self {
        NamedSecret {
            arn: secret.arn(),
            name: secret.name.clone(),
        }
    }
}

/// The members that DescribeSecret and ListSecrets share.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Metadata {
    #[serde(rename = "ARN")]
    arn: String,
    name: String,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    secret_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    rotation: Option<Shown>,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    last_changed_date: Timestamp,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    last_accessed_date: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    deleted_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    created_date: Timestamp,
}

impl Metadata {
    /// Of a secret.
    pub(super) fn of(secret: &Secret) -> Self {
        Metadata {
            arn: secret.arn(),
            name: secret.name.clone(),
            secret_type: secret.secret_type.clone(),
            description: secret.description.clone(),
            kms_key_id: secret.kms_key_id.clone(),
            rotation: secret.rotation.as_ref().map(Rotation::shown),
            last_changed_date: secret.changed,
            last_accessed_date: secret.accessed,
            deleted_date: match secret.lifecycle {
                Lifecycle::Active => None,
                Lifecycle::Deleting { at } => Some(at),
            },
            tags: secret.tags.clone(),
            created_date: secret.created,
        }
    }
}

/// The labels of each version that has any; the two operations give the map different names.
pub(super) fn versions_to_stages(secret: &Secret) -> BTreeMap<String, Vec<String>> {
    secret
        .versions
        .iter()
        .filter(|version| secret.labels.any_on(&version.id))
        .map(|version| (version.id.clone(), secret.labels_of(&version.id)))
        .collect()
}
