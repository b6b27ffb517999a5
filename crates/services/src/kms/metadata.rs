//! KeyMetadata: what CreateKey and DescribeKey tell of a key.
//!
//! Source: AWS KMS API Reference, KeyMetadata; reference/kms-iam-sts.md §A3.

use serde::Serialize;
use strongroom_keys::{EncryptionAlgorithm, KeySpec, MacAlgorithm, SigningAlgorithm};

use super::key::{KeyState, KeyUsage, KmsKey, Origin};
use crate::time::{Timestamp, epoch_seconds};

/// A response that is a key's metadata.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Described {
    key_metadata: KeyMetadata,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    #[serde(rename = "AWSAccountId")]
    account_id: String,
    key_id: String,
    arn: String,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    creation_date: Timestamp,
    enabled: bool,
    description: String,
    key_usage: &'static str,
    key_state: &'static str,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    deletion_date: Option<Timestamp>,
    #[serde(
        serialize_with = "epoch_seconds::optional::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    valid_to: Option<Timestamp>,
    origin: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_model: Option<&'static str>,
    key_manager: &'static str,
    customer_master_key_spec: &'static str,
    key_spec: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    encryption_algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signing_algorithms: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mac_algorithms: Vec<&'static str>,
    multi_region: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_key_material_id: Option<String>,
}

impl Described {
    /// What is told of a key.
    pub(super) fn of(key: &KmsKey) -> Self {
        let deletion_date = match key.state {
            KeyState::PendingDeletion { at } => Some(at),
            _ => None,
        };
        let imported = key
            .material
            .last()
            .filter(|_| key.origin == Origin::External);
        let valid_to = imported.and_then(|material| material.expires);
        let symmetric = key.spec == KeySpec::SymmetricDefault;
        let newest = key.had_material().filter(|_| symmetric);
        let names = |usage| (key.usage == usage).then_some(key.spec);
        Described {
            key_metadata: KeyMetadata {
                account_id: key.account.as_str().to_owned(),
                key_id: key.key_id.clone(),
                arn: key.arn(),
                creation_date: key.created,
                enabled: key.state == KeyState::Enabled,
                description: key.description.clone(),
                key_usage: key.usage.name(),
                key_state: key.state.name(),
                deletion_date,
                valid_to,
                origin: key.origin.name(),
                expiration_model: imported.map(|material| material.expiration_model()),
                key_manager: key.manager.name(),
                customer_master_key_spec: key.spec.name(),
                key_spec: key.spec.name(),
                encryption_algorithms: names(KeyUsage::EncryptDecrypt)
                    .map(|spec| named(spec.encryption_algorithms(), EncryptionAlgorithm::name))
                    .unwrap_or_default(),
                signing_algorithms: names(KeyUsage::SignVerify)
                    .map(|spec| named(spec.signing_algorithms(), SigningAlgorithm::name))
                    .unwrap_or_default(),
                mac_algorithms: names(KeyUsage::GenerateVerifyMac)
                    .map(|spec| named(spec.mac_algorithms(), MacAlgorithm::name))
                    .unwrap_or_default(),
                multi_region: false,
                current_key_material_id: newest.map(|(_, material_id)| material_id),
            },
        }
    }
}

fn named<T: Copy>(algorithms: &[T], name: fn(T) -> &'static str) -> Vec<&'static str> {
    algorithms.iter().copied().map(name).collect()
}
