//! What the operations on data keys share: how long a key is asked for.
//!
//! Source: AWS KMS API Reference, GenerateDataKey.

use strongroom_keys::SecretBytes;

use super::access::{self, Usage};
use super::algorithm;
use super::encrypt::SYMMETRIC;
use super::name::{Accepts, KeyName};
use super::shapes;
use super::symmetric::RequestContext;
use crate::caller::Caller;
use crate::gate::Need;
use crate::input::{Members, Text};
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const DATA_KEY_SPEC: Text = Text::one_of(&["AES_256", "AES_128"]);

/// A request for a data key.
pub(super) struct DataKeyRequest {
    pub(super) key: KeyName,
    pub(super) context: RequestContext,
    pub(super) dry_run: bool,
    length: Result<usize, Refusal>,
}

impl DataKeyRequest {
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        let spec = members.text("KeySpec", &DATA_KEY_SPEC);
        let bytes = members.integer("NumberOfBytes", 1..=1024);
        DataKeyRequest {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
            context: RequestContext::take("EncryptionContext", members),
            dry_run: shapes::dry_run(members),
            length: length(spec.as_deref(), bytes),
        }
    }

    pub(super) fn needs<'a>(
        &'a self,
        action: &'static str,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let usage = Usage {
            more: algorithm::condition("kms:EncryptionAlgorithm", SYMMETRIC),
            ..self.context.usage()
        };
        access::need(action, &self.key, usage, caller, records).map(|need| vec![need])
    }

    /// A fresh data key of the length that is asked for.
    ///
    /// # Refusals
    /// `ValidationException`
    pub(super) fn fresh(&self, given: &Given<'_>) -> Result<SecretBytes, Refusal> {
        self.length.clone().map(|length| random(length, given))
    }
}

/// Random bytes that are given out.
pub(super) fn random(length: usize, given: &Given<'_>) -> SecretBytes {
    let mut bytes = vec![0; length];
    given.entropy.fill(&mut bytes);
    SecretBytes::new(bytes)
}

fn length(spec: Option<&str>, bytes: Option<i64>) -> Result<usize, Refusal> {
    match (spec, bytes) {
        (Some("AES_128"), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => Ok(usize::try_from(bytes).unwrap_or_default()),
        (None, None) => Err(Refusal::validation(
            "Please specify either number of bytes or key spec.",
        )),
        (Some(_), Some(_)) => Err(Refusal::validation(
            "Please specify either number of bytes or key spec, not both.",
        )),
    }
}
