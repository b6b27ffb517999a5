//! The record of a KMS key: what it is for, in which state, its policy, and its material, wrapped.
//!
//! Source: AWS KMS API Reference, KeyMetadata; AWS KMS Developer Guide, Key states of AWS KMS keys.

use serde::{Deserialize, Serialize};
use strongroom_keys::{KeySpec, KeyVersionName, Sealed};

use crate::caller::{AccountId, Region};
use crate::iam::bound_policy::ResourcePolicy;
use crate::records::Key;
use crate::time::Timestamp;

/// A KMS key. In the first format of its record the policy is only its text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KmsKey<Policy = ResourcePolicy> {
    /// The account that owns it.
    pub account: AccountId,
    /// Its region; keys of different regions share no material.
    pub region: Region,
    /// Its id, a UUID.
    pub key_id: String,
    /// When it was made.
    pub created: Timestamp,
    /// Who manages it.
    pub manager: KeyManager,
    /// What it is for, in words; may be empty.
    pub description: String,
    /// The kind of its material.
    pub spec: KeySpec,
    /// What it may be used for.
    pub usage: KeyUsage,
    /// Where its material comes from.
    pub origin: Origin,
    /// Whether it may be used.
    pub state: KeyState,
    /// Who may use it.
    pub policy: Policy,
    /// In the order in which they were set.
    pub tags: Vec<Tag>,
    /// The names of its aliases, with `alias/`.
    pub aliases: Vec<String>,
    /// When its material is renewed by itself; `None`: it isn't.
    pub rotation: Option<AutomaticRotation>,
    /// The versions of its material, oldest first; the last one encrypts. Empty while an imported
    /// key awaits its material.
    pub material: Vec<BackingMaterial>,
    /// Imported material that expired or was deleted: the key waits for the same again.
    pub awaited: Vec<AwaitedMaterial>,
    /// How many grants it has; where there are none, none are looked for.
    pub grants_count: u32,
}

/// Who manages a key.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyManager {
    /// A service, for its own use; its policy can't be changed.
    Aws,
    /// The account.
    Customer,
}

/// What a key may be used for. Never changes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyUsage {
    /// Encrypt, Decrypt, GenerateDataKey and the like.
    EncryptDecrypt,
    /// Sign and Verify.
    SignVerify,
    /// GenerateMac and VerifyMac.
    GenerateVerifyMac,
}

/// Where a key's material comes from.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// It is made here.
    AwsKms,
    /// Its owner brings it.
    External,
}

/// Whether a key may be used.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyState {
    /// It may.
    Enabled,
    /// Its owner disabled it.
    Disabled,
    /// It has no material: none was imported yet, or what was imported has expired or was deleted.
    PendingImport,
    /// It will be gone.
    PendingDeletion {
        /// When.
        at: Timestamp,
    },
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// 1 to 128 characters.
    pub tag_key: String,
    /// 0 to 256 characters.
    pub tag_value: String,
}

/// The plan by which a key's material is renewed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutomaticRotation {
    /// 90 to 2560.
    pub period_days: u32,
    /// When the next version is made.
    pub next: Timestamp,
}

/// One version of a key's material.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackingMaterial {
    /// Whose version it is; versions count from 1. Whole, so that it need not be put together for
    /// each value that is opened.
    pub name: KeyVersionName,
    /// The material, wrapped under the root key.
    pub wrapped: Sealed,
    /// When it was made or imported.
    pub created: Timestamp,
    /// Identifies the material itself: 64 hexadecimal digits.
    pub material_id: String,
    /// Why it took the place of the version before; `None` for the first.
    pub rotation: Option<RotationType>,
    /// When imported material expires; `None`: never.
    pub expires: Option<Timestamp>,
    /// What its importer says of it.
    pub description: Option<String>,
}

/// Imported material that is gone, but for what tells it when it comes again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AwaitedMaterial {
    /// Which version of the key's material it is.
    pub version: u32,
    /// Identifies the material.
    pub material_id: String,
}

/// Why a key's material was renewed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationType {
    /// It was due.
    Automatic,
    /// RotateKeyOnDemand was called.
    OnDemand,
}

impl KmsKey {
    /// Reads the fields of an earlier format. In the first, whom the policy names is taken by name.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        let first: KmsKey<String> = postcard::from_bytes(fields).ok().filter(|_| format == 1)?;
        Some(KmsKey {
            policy: ResourcePolicy::parse(first.policy).ok()?,
            account: first.account,
            region: first.region,
            key_id: first.key_id,
            created: first.created,
            manager: first.manager,
            description: first.description,
            spec: first.spec,
            usage: first.usage,
            origin: first.origin,
            state: first.state,
            tags: first.tags,
            aliases: first.aliases,
            rotation: first.rotation,
            material: first.material,
            awaited: first.awaited,
            grants_count: first.grants_count,
        })
    }

    /// The key's ARN.
    pub fn arn(&self) -> String {
        // Put together by hand: every read of a secret tells it, and formatting costs several times as much.
        [
            "arn:",
            self.region.partition(),
            ":kms:",
            self.region.as_str(),
            ":",
            self.account.as_str(),
            ":key/",
            &self.key_id,
        ]
        .concat()
    }

    /// Whether it has a public half.
    pub fn is_key_pair(&self) -> bool {
        self.spec != KeySpec::SymmetricDefault && self.spec.mac_algorithms().is_empty()
    }

    /// Where its record rests.
    pub fn key(&self) -> Key {
        Key::kms_key(&self.account, &self.region, &self.key_id)
    }

    /// Whether a key of the store is its own, and all material in it its own too.
    pub(crate) fn is_at(&self, key: &[u8]) -> bool {
        self.key().as_bytes() == key
            && self.material.iter().all(|material| {
                let name = &material.name;
                name.account == self.account.as_str()
                    && name.region == self.region.as_str()
                    && name.key_id == self.key_id
            })
    }

    /// The name of a version of its material.
    pub fn version_name(&self, version: u32) -> KeyVersionName {
        KeyVersionName {
            account: self.account.as_str().to_owned(),
            region: self.region.as_str().to_owned(),
            key_id: self.key_id.clone(),
            version,
        }
    }

    /// The name that the next version of its material gets.
    pub fn next_version_name(&self) -> KeyVersionName {
        let last = self.material.last();
        self.version_name(last.map_or(1, |last| last.name.version.saturating_add(1)))
    }

    /// The version and the id of the material that an imported key has, or had.
    pub(super) fn had_material(&self) -> Option<(u32, String)> {
        let has = self.material.last().map(|material| {
            let id = material.material_id.clone();
            (material.name.version, id)
        });
        let had = self.awaited.last();
        has.or_else(|| had.map(|awaited| (awaited.version, awaited.material_id.clone())))
    }

    /// An imported key loses its material, and waits for the same again.
    pub(super) fn lose_material(&mut self) {
        let lost = self.material.drain(..).map(|material| AwaitedMaterial {
            version: material.name.version,
            material_id: material.material_id,
        });
        self.awaited.extend(lost);
        if matches!(self.state, KeyState::Enabled | KeyState::Disabled) {
            self.state = KeyState::PendingImport;
        }
    }

    /// A version of its material by its number.
    pub fn version(&self, version: u32) -> Option<&BackingMaterial> {
        self.material
            .iter()
            .rev()
            .find(|material| material.name.version == version)
    }
}

impl BackingMaterial {
    /// AWS's name for whether imported material expires.
    pub(super) fn expiration_model(&self) -> &'static str {
        match self.expires {
            Some(_) => "KEY_MATERIAL_EXPIRES",
            None => "KEY_MATERIAL_DOES_NOT_EXPIRE",
        }
    }
}

impl KeyState {
    /// AWS's name of the state.
    pub fn name(self) -> &'static str {
        match self {
            KeyState::Enabled => "Enabled",
            KeyState::Disabled => "Disabled",
            KeyState::PendingImport => "PendingImport",
            KeyState::PendingDeletion { .. } => "PendingDeletion",
        }
    }
}

impl KeyUsage {
    /// All of them.
    pub const ALL: &[KeyUsage] = &[
        KeyUsage::EncryptDecrypt,
        KeyUsage::SignVerify,
        KeyUsage::GenerateVerifyMac,
    ];

    /// Whether keys of a kind can be for it.
    pub fn is_of(self, spec: KeySpec) -> bool {
        match self {
            KeyUsage::EncryptDecrypt => !spec.encryption_algorithms().is_empty(),
            KeyUsage::SignVerify => !spec.signing_algorithms().is_empty(),
            KeyUsage::GenerateVerifyMac => !spec.mac_algorithms().is_empty(),
        }
    }

    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            KeyUsage::EncryptDecrypt => "ENCRYPT_DECRYPT",
            KeyUsage::SignVerify => "SIGN_VERIFY",
            KeyUsage::GenerateVerifyMac => "GENERATE_VERIFY_MAC",
        }
    }
}

impl Origin {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Origin::AwsKms => "AWS_KMS",
            Origin::External => "EXTERNAL",
        }
    }
}

impl KeyManager {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            KeyManager::Aws => "AWS",
            KeyManager::Customer => "CUSTOMER",
        }
    }
}

impl RotationType {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            RotationType::Automatic => "AUTOMATIC",
            RotationType::OnDemand => "ON_DEMAND",
        }
    }
}
