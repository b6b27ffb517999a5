//! Members that several operations share, with the model's constraints, and their readers.
//!
//! Source: the service's model (botocore, kms 2014-11-01).

use std::ops::RangeInclusive;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use strongroom_keys::SecretBytes;

use super::algorithm::ENCRYPTION_ALGORITHM;
use super::encrypt::SYMMETRIC;
use super::name::{Accepts, KeyName};
use super::{grant, refusals};
use crate::disclosed::push_base64;
use crate::input::{Members, Pattern, Text};
use crate::refusal::Refusal;

pub(super) const KEY_ID: Text = Text::of(1..=2048);
pub(super) const DESCRIPTION: Text = Text::of(0..=8192);
pub(super) const POLICY: Text = Text::matching(
    1..=131_072,
    &Pattern {
        shown: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+",
        matches: |text| {
            let printable = |each: char| matches!(each, '\t' | '\n' | '\r' | ' '..='\u{ff}');
            !text.is_empty() && text.chars().all(printable)
        },
    },
);
pub(super) const MARKER: Text = Text::matching(
    1..=1024,
    &Pattern {
        shown: "[\\u0020-\\u00FF]*",
        matches: |text| text.chars().all(|each| matches!(each, ' '..='\u{ff}')),
    },
);
pub(super) const GRANT_TOKEN: Text = Text::of(1..=8192);
pub(super) const GRANT_ID: Text = Text::of(1..=128);

pub(super) const ALIAS_NAME: Text = Text::matching(1..=256, &NAME_PATTERN);
pub(super) const GRANT_NAME: Text = Text::matching(1..=256, &NAME_PATTERN);

const RECIPIENT_ALGORITHM: Text = Text::one_of(&["RSAES_OAEP_SHA_256", "ML_KEM_768"]);

const NAME_PATTERN: Pattern = Pattern {
    shown: "^[a-zA-Z0-9:/_-]+$",
    matches: |text| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte))
    },
};

pub(super) const PRINCIPAL: Text = Text::matching(
    1..=256,
    &Pattern {
        shown: "^[\\w+=,.@:/-]+$",
        matches: |text| {
            !text.is_empty()
                && text
                    .chars()
                    .all(|each| each.is_alphanumeric() || "_+=,.@:/-".contains(each))
        },
    },
);

pub(super) const SERVICE_PRINCIPAL: Text = Text::matching(
    1..=128,
    &Pattern {
        shown: "^([A-Za-z0-9\\-]+)\\.([A-Za-z0-9\\-]+)(\\.[A-Za-z0-9\\-]+)+$",
        matches: |text| {
            let labels: Vec<&str> = text.split('.').collect();
            labels.len() >= 3
                && labels.iter().all(|label| {
                    !label.is_empty()
                        && label
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                })
        },
    },
);

pub(super) const MATERIAL_ID: Text = Text::matching(
    64..=64,
    &Pattern {
        shown: "^[a-f0-9]+$",
        matches: |text| {
            !text.is_empty()
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        },
    },
);

/// Bytes that are no secret, as responses carry them.
pub(super) struct Base64(pub(super) Vec<u8>);

impl Base64 {
    /// Writes the bytes as a JSON string.
    pub(super) fn push_json(&self, json: &mut Vec<u8>) {
        push_base64(&self.0, json);
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

/// Takes bytes that must be there.
pub(super) fn required_blob(
    name: &str,
    length: RangeInclusive<usize>,
    members: &mut Members<'_, '_>,
) -> Vec<u8> {
    members.require(name);
    members.blob(name, length).unwrap_or_default()
}

/// Takes the name of an encryption algorithm. Events name the one that is used, in the request or not.
///
/// Source: AWS KMS Developer Guide, Decrypt (CloudTrail log entries).
pub(super) fn encryption_algorithm(name: &str, members: &mut Members<'_, '_>) -> Option<String> {
    if !members.is_there(name) {
        members.tell(name, SYMMETRIC);
    }
    members.text(name, &ENCRYPTION_ALGORITHM)
}

/// Takes bytes that must be there and are a secret.
pub(super) fn required_secret_blob(
    name: &str,
    length: RangeInclusive<usize>,
    members: &mut Members<'_, '_>,
) -> SecretBytes {
    members.require(name);
    let bytes = members.secret_blob(name, length);
    bytes.unwrap_or_else(|| SecretBytes::new(Vec::new()))
}

/// Takes `Recipient`: an enclave of AWS's Nitro system, which there is none of here.
pub(super) fn refuse_recipient(members: &mut Members<'_, '_>) {
    let recipient = members.structure("Recipient", |recipient| {
        recipient.text("KeyEncryptionAlgorithm", &RECIPIENT_ALGORITHM);
        recipient.blob("AttestationDocument", 1..=262_144);
    });
    if recipient.is_some() {
        members.object(refusals::unsupported(
            "This version of Strongroom answers no attested enclaves. Leave Recipient out.",
        ));
    }
}

/// Takes `DryRun`.
pub(super) fn dry_run(members: &mut Members<'_, '_>) -> bool {
    members.flag("DryRun") == Some(true)
}

/// Raised last of all: everything else of the request is right.
///
/// # Refusals
/// `DryRunOperationException`
pub(super) fn refuse_dry_run(dry_run: bool) -> Result<(), Refusal> {
    if dry_run {
        Err(refusals::dry_run())
    } else {
        Ok(())
    }
}

/// Takes the `KeyId` that names the operation's key.
pub(super) fn key_name(accepts: Accepts, members: &mut Members<'_, '_>) -> KeyName {
    KeyName::parse(members.required_text("KeyId", &KEY_ID), accepts)
}

/// Takes the grant tokens of a request. Grants are in force at once here, so nothing depends on them but that they
/// must be some: also one whose grant has ended is.
///
/// # Refusals
/// `InvalidGrantTokenException`
pub(super) fn grant_tokens(members: &mut Members<'_, '_>) {
    let tokens = members.untold(|members| members.texts("GrantTokens", 0..=10, &GRANT_TOKEN));
    if let Some(tokens) = tokens.filter(|tokens| !tokens.is_empty()) {
        members.check(Box::new(move |given| {
            tokens
                .iter()
                .try_for_each(|token| grant::check_token(token, given))
        }));
    }
}
