//! `strongroom-ssh-key-pair`: a key pair for OpenSSH, as the members `privateKey`, `publicKey` and `fingerprint` of a
//! JSON object.

use strongroom_keys::{KeySpec, UseError, generate_ssh_key_pair};

use super::json_object::JsonObject;
use super::{BuiltIn, Created, Failure, Parameters, Rotation};
use crate::operation::Means;
use crate::records::{Changes, Records};
use crate::secretsmanager::secret::Secret;

const ALGORITHMS: &[(&str, KeySpec)] = &[
    ("ed25519", KeySpec::EccNistEdwards25519),
    ("ecdsa-p256", KeySpec::EccNistP256),
    ("ecdsa-p384", KeySpec::EccNistP384),
    ("ecdsa-p521", KeySpec::EccNistP521),
    ("rsa-3072", KeySpec::Rsa3072),
    ("rsa-4096", KeySpec::Rsa4096),
];

/// Characters of a comment at most.
const COMMENT_CHARACTERS_MAX: usize = 256;

/// How a key pair is made.
struct SshKeyPair {
    spec: KeySpec,
    comment: String,
}

pub(super) fn configure(parameters: &mut Parameters<'_>, _: &Secret) -> Box<dyn BuiltIn> {
    let spec = parameters.one_of("Algorithm", ALGORITHMS, KeySpec::EccNistEdwards25519);
    let comment = parameters.text("Comment").unwrap_or_default();
    // It ends up in a line of `authorized_keys`, where another line would be another key.
    if comment.chars().count() > COMMENT_CHARACTERS_MAX || comment.chars().any(char::is_control) {
        parameters.refuse(format!(
            "Comment must be one line of at most {COMMENT_CHARACTERS_MAX} characters"
        ));
    }
    Box::new(SshKeyPair {
        spec,
        comment: comment.to_owned(),
    })
}

impl BuiltIn for SshKeyPair {
    fn create(
        &self,
        rotation: &Rotation<'_>,
        _: &Records<'_>,
        means: &Means<'_>,
        _: &mut Changes,
    ) -> Result<Created, Failure> {
        let pair = generate_ssh_key_pair(self.spec, &self.comment, means.entropy);
        let pair = pair.map_err(|error: UseError| Failure::Unavailable(Box::new(error)))?;
        let mut object = JsonObject::in_place_of(rotation.current);
        object.set_bytes("privateKey", &pair.private_key);
        object.set("publicKey", &pair.public_key);
        object.set("fingerprint", &pair.fingerprint);
        Ok(Created::Value(object.into_value()))
    }
}
