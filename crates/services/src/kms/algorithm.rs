//! Members that name an algorithm.
//!
//! Source: the service's model (botocore, kms 2014-11-01).

use strongroom_keys::{EncryptionAlgorithm, MacAlgorithm, SigningAlgorithm};
use strongroom_policy::Context;

use super::key::KmsKey;
use super::refusals;
use crate::input::Text;
use crate::refusal::Refusal;

pub(super) const ENCRYPTION_ALGORITHM: Text = Text::one_of(&[
    "SYMMETRIC_DEFAULT",
    "RSAES_OAEP_SHA_1",
    "RSAES_OAEP_SHA_256",
    "SM2PKE",
]);

pub(super) const SIGNING_ALGORITHM: Text = Text::one_of(&[
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "ECDSA_SHA_256",
    "ECDSA_SHA_384",
    "ECDSA_SHA_512",
    "SM2DSA",
    "ML_DSA_SHAKE_256",
    "ED25519_SHA_512",
    "ED25519_PH_SHA_512",
]);

pub(super) const MAC_ALGORITHM: Text = Text::one_of(&[
    "HMAC_SHA_224",
    "HMAC_SHA_256",
    "HMAC_SHA_384",
    "HMAC_SHA_512",
]);

/// The condition key that names an algorithm.
pub(super) fn condition(key: &str, name: &str) -> Context {
    let mut context = Context::new();
    context.insert(key, name);
    context
}

/// # Refusals
/// `InvalidKeyUsageException` where the key has no such algorithm.
pub(super) fn encryption(name: &str, key: &KmsKey) -> Result<EncryptionAlgorithm, Refusal> {
    EncryptionAlgorithm::parse(name)
        .filter(|algorithm| key.spec.encryption_algorithms().contains(algorithm))
        .ok_or_else(|| refusals::algorithm(name, key))
}

/// # Refusals
/// `InvalidKeyUsageException` where the key has no such algorithm.
pub(super) fn signing(name: &str, key: &KmsKey) -> Result<SigningAlgorithm, Refusal> {
    SigningAlgorithm::parse(name)
        .filter(|algorithm| key.spec.signing_algorithms().contains(algorithm))
        .ok_or_else(|| refusals::algorithm(name, key))
}

/// # Refusals
/// `InvalidKeyUsageException` where the key has no such algorithm.
pub(super) fn mac(name: &str, key: &KmsKey) -> Result<MacAlgorithm, Refusal> {
    MacAlgorithm::parse(name)
        .filter(|algorithm| key.spec.mac_algorithms().contains(algorithm))
        .ok_or_else(|| refusals::algorithm(name, key))
}
