//! Bringing a key: the pair that wraps material on its way here, and taking the material out.
//!
//! Source: AWS KMS Developer Guide, Importing key material, "Encrypt the key material".

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrapPadded};
use aws_lc_rs::rsa::{KeySize, OaepPrivateDecryptingKey, PrivateDecryptingKey};

use crate::SecretBytes;
use crate::algorithm::{EncryptionAlgorithm, KeySpec};
use crate::material::{decrypt_oaep, oaep};

/// Encrypts an AES key for its way here: as many bytes as AES-256 has.
const AES_KEY_LEN: usize = 32;

/// How material is wrapped on its way here.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum WrappingAlgorithm {
    /// The material itself by RSA-OAEP.
    Oaep(EncryptionAlgorithm),
    /// The material by AES key wrap with padding (RFC 5649), that key by RSA-OAEP before it.
    OaepThenAesKeyWrap(EncryptionAlgorithm),
}

impl WrappingAlgorithm {
    /// AWS's names, each with its algorithm.
    pub const ALL: &[(&'static str, WrappingAlgorithm)] = &[
        (
            "RSAES_OAEP_SHA_1",
            Self::Oaep(EncryptionAlgorithm::RsaesOaepSha1),
        ),
        (
            "RSAES_OAEP_SHA_256",
            Self::Oaep(EncryptionAlgorithm::RsaesOaepSha256),
        ),
        (
            "RSA_AES_KEY_WRAP_SHA_1",
            Self::OaepThenAesKeyWrap(EncryptionAlgorithm::RsaesOaepSha1),
        ),
        (
            "RSA_AES_KEY_WRAP_SHA_256",
            Self::OaepThenAesKeyWrap(EncryptionAlgorithm::RsaesOaepSha256),
        ),
    ];

    /// By AWS's name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, algorithm)| *algorithm)
    }
}

/// Why wrapped material was not taken.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportProblem {
    /// The wrapping key's kind isn't RSA.
    #[error("material is wrapped with RSA keys; use RSA_2048, RSA_3072 or RSA_4096")]
    NotRsa,
    /// It wasn't wrapped with this key and algorithm, or was changed.
    #[error("the material wasn't wrapped with this public key and algorithm")]
    NotUnwrapped,
    /// The library failed.
    #[error("the cryptographic library failed")]
    Library,
}

/// An RSA key pair that material is wrapped with on its way here.
pub struct WrappingKey(PrivateDecryptingKey);

impl WrappingKey {
    /// Makes one of an RSA kind. It takes up to seconds.
    ///
    /// # Errors
    /// [`ImportProblem::NotRsa`], [`ImportProblem::Library`].
    pub fn generate(spec: KeySpec) -> Result<Self, ImportProblem> {
        let size = match spec {
            KeySpec::Rsa2048 => KeySize::Rsa2048,
            KeySpec::Rsa3072 => KeySize::Rsa3072,
            KeySpec::Rsa4096 => KeySize::Rsa4096,
            _ => return Err(ImportProblem::NotRsa),
        };
        let key = PrivateDecryptingKey::generate(size).map_err(|_| ImportProblem::Library)?;
        Ok(Self(key))
    }

    /// Takes one from what [`to_bytes`](Self::to_bytes) gave.
    #[must_use]
    pub fn from_bytes(bytes: &SecretBytes) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(bytes.expose());
        key.ok().map(Self)
    }

    /// The whole pair, to be kept sealed: PKCS #8, DER.
    ///
    /// # Errors
    /// [`ImportProblem::Library`]
    pub fn to_bytes(&self) -> Result<SecretBytes, ImportProblem> {
        let der: Pkcs8V1Der<'_> = self.0.as_der().map_err(|_| ImportProblem::Library)?;
        Ok(SecretBytes::copy_of(der.as_ref()))
    }

    /// The public half: SubjectPublicKeyInfo, DER.
    ///
    /// # Errors
    /// [`ImportProblem::Library`]
    pub fn public_key(&self) -> Result<Vec<u8>, ImportProblem> {
        let public = self.0.public_key();
        let der: PublicKeyX509Der<'_> = public.as_der().map_err(|_| ImportProblem::Library)?;
        Ok(der.as_ref().to_vec())
    }

    /// Takes material out of its wrapping.
    ///
    /// # Errors
    /// [`ImportProblem::NotUnwrapped`]
    pub fn unwrap(
        self,
        algorithm: WrappingAlgorithm,
        wrapped: &[u8],
    ) -> Result<SecretBytes, ImportProblem> {
        let not_unwrapped = ImportProblem::NotUnwrapped;
        let key_bytes = self.0.key_size_bytes();
        let key = OaepPrivateDecryptingKey::new(self.0).map_err(|_| ImportProblem::Library)?;
        let open = |algorithm, bytes: &[u8]| {
            let algorithm = oaep(algorithm).ok_or(not_unwrapped)?;
            decrypt_oaep(&key, algorithm, bytes).map_err(|_| not_unwrapped)
        };
        match algorithm {
            WrappingAlgorithm::Oaep(algorithm) => open(algorithm, wrapped),
            WrappingAlgorithm::OaepThenAesKeyWrap(algorithm) => {
                let (wrapped_key, wrapped) =
                    wrapped.split_at_checked(key_bytes).ok_or(not_unwrapped)?;
                let aes_key = open(algorithm, wrapped_key)?;
                if aes_key.len() != AES_KEY_LEN {
                    return Err(not_unwrapped);
                }
                let kek = AesKek::new(&AES_256, aes_key.expose()).map_err(|_| not_unwrapped)?;
                let mut material = SecretBytes::new(vec![0; wrapped.len()]);
                let length = kek
                    .unwrap_with_padding(wrapped, material.expose_mut())
                    .map_err(|_| not_unwrapped)?
                    .len();
                Ok(SecretBytes::copy_of(&material.expose()[..length]))
            }
        }
    }
}
