//! What Sign and Verify share: the message and how it is given.
//!
//! Source: AWS KMS API Reference, Sign.

use strongroom_keys::{Message, SecretBytes};
use strongroom_policy::Context;

use super::algorithm::{self, SIGNING_ALGORITHM};
use super::name::{Accepts, KeyName};
use super::{refusals, shapes};
use crate::input::{Members, Text};
use crate::refusal::Refusal;

const MESSAGE_TYPE: Text = Text::one_of(&["RAW", "DIGEST", "EXTERNAL_MU"]);

/// A request about a signature.
pub(super) struct SignatureRequest {
    pub(super) key: KeyName,
    pub(super) algorithm: String,
    pub(super) dry_run: bool,
    message: SecretBytes,
    message_type: Option<String>,
}

impl SignatureRequest {
    pub(super) fn take(members: &mut Members<'_, '_>) -> Self {
        shapes::grant_tokens(members);
        SignatureRequest {
            key: shapes::key_name(Accepts::KeysAndAliases, members),
            message: shapes::required_secret_blob("Message", 1..=4096, members),
            message_type: members.text("MessageType", &MESSAGE_TYPE),
            algorithm: members.required_text("SigningAlgorithm", &SIGNING_ALGORITHM),
            dry_run: shapes::dry_run(members),
        }
    }

    pub(super) fn conditions(&self) -> Context {
        let mut more = algorithm::condition("kms:SigningAlgorithm", &self.algorithm);
        more.insert("kms:MessageType", self.type_name());
        more
    }

    /// # Refusals
    /// `UnsupportedOperationException`: only ML-DSA keys take a message's representative.
    pub(super) fn message(&self) -> Result<Message<'_>, Refusal> {
        match self.type_name() {
            "RAW" => Ok(Message::Raw(self.message.expose())),
            "DIGEST" => Ok(Message::Digest(self.message.expose())),
            _ => Err(refusals::unsupported(
                "EXTERNAL_MU is valid for ML_DSA keys only, which this version of Strongroom \
                 doesn't make.",
            )),
        }
    }

    fn type_name(&self) -> &str {
        self.message_type.as_deref().unwrap_or("RAW")
    }
}
