//! Material of every kind of key: making and taking it, and what it does: codes, signatures,
//! decryption. Symmetric encryption is the keyring's.
//!
//! Knows algorithms under AWS's names, and no operation, key record or caller.
//!
//! Source: AWS KMS Developer Guide, Key spec reference.

use aws_lc_rs::digest::{self, Digest};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair as RsaKeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
    OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey, PublicEncryptingKey,
};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding,
    UnparsedPublicKey, VerificationAlgorithm,
};

use crate::algorithm::{EncryptionAlgorithm, KeySpec, MacAlgorithm, SigningAlgorithm};
use crate::cipher::{CipherKey, OpenError, Sealed};
use crate::keyring::{KeyVersionName, Keyring, derive};
use crate::{Entropy, SecretBytes};

/// A new version of a key's material.
#[derive(Debug)]
pub struct NewMaterial {
    /// The material, wrapped under the root key.
    pub wrapped: Sealed,
    /// Identifies the material.
    pub id: MaterialId,
}

/// Identifies the material of a key: the same bytes brought to the same key have the same id, and it
/// tells nothing of them. As text, 64 hexadecimal digits.
pub type MaterialId = String;

/// A key pair that is given out whole.
#[derive(Debug)]
pub struct KeyPairBytes {
    /// The private key: PKCS #8, DER.
    pub private_key: SecretBytes,
    /// The public key: SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
}

/// What is signed or verified.
#[derive(Copy, Clone)]
pub enum Message<'a> {
    /// The message itself, which is hashed here.
    Raw(&'a [u8]),
    /// Its digest, by the algorithm's hash function.
    Digest(&'a [u8]),
}

/// Why material was not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// It doesn't open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The key's kind doesn't have this algorithm.
    #[error("the key has no such algorithm; use one of its own")]
    Algorithm,
    /// The digest hasn't the length of the algorithm's.
    #[error("the digest must have {expected_bytes} bytes")]
    DigestLength {
        /// The length it must have.
        expected_bytes: usize,
    },
    /// The algorithm signs messages only, not digests.
    #[error("the algorithm takes a message, not a digest")]
    NoDigest,
    /// The message is too long for the algorithm and the key.
    #[error("the message is too long for the key")]
    TooLong,
    /// What was given can't be decrypted.
    #[error("it was not encrypted for this key and algorithm, or was changed")]
    NotDecrypted,
    /// The library failed, as it may without memory.
    #[error("the cryptographic library failed")]
    Library,
}

/// Material, parsed and ready for use.
pub(crate) enum Ready {
    Cipher(CipherKey),
    Mac(Box<hmac::Key>),
    Rsa(Box<Rsa>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

pub(crate) struct Rsa {
    signing: RsaKeyPair,
    decrypting: OaepPrivateDecryptingKey,
}

impl Ready {
    /// Reads the material of a kind of key; `None` where it is none.
    pub(crate) fn parse(spec: KeySpec, material: &SecretBytes) -> Option<Self> {
        let bytes = material.expose();
        match Kind::of(spec) {
            Kind::Symmetric => Some(Ready::Cipher(CipherKey::new(bytes.try_into().ok()?))),
            Kind::Mac { algorithm, length } => (bytes.len() == length)
                .then(|| Ready::Mac(Box::new(hmac::Key::new(algorithm, bytes)))),
            Kind::Rsa { size } => {
                let signing = RsaKeyPair::from_pkcs8(bytes).ok()?;
                if signing.public_modulus_len() != size.len() {
                    return None;
                }
                let decrypting = PrivateDecryptingKey::from_pkcs8(bytes).ok()?;
                let decrypting = OaepPrivateDecryptingKey::new(decrypting).ok()?;
                Some(Ready::Rsa(Box::new(Rsa {
                    signing,
                    decrypting,
                })))
            }
            Kind::Ecdsa { signing, .. } => EcdsaKeyPair::from_pkcs8(signing, bytes)
                .ok()
                .map(Ready::Ecdsa),
            Kind::Ed25519 => Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes)
                .ok()
                .map(Ready::Ed25519),
        }
    }

    /// The public half: SubjectPublicKeyInfo, DER.
    pub(crate) fn public_key(&self) -> Option<Vec<u8>> {
        let der: PublicKeyX509Der<'_> = match self {
            Ready::Cipher(_) | Ready::Mac(_) => return None,
            Ready::Rsa(rsa) => rsa.signing.public_key().as_der().ok()?,
            Ready::Ecdsa(pair) => pair.public_key().as_der().ok()?,
            Ready::Ed25519(pair) => pair.public_key().as_der().ok()?,
        };
        Some(der.as_ref().to_vec())
    }

    fn sign(&self, algorithm: SigningAlgorithm, message: Message<'_>) -> Result<Vec<u8>, UseError> {
        let library = |_| UseError::Library;
        match self {
            Ready::Rsa(rsa) => {
                let encoding = rsa_encoding(algorithm).ok_or(UseError::Algorithm)?;
                let mut signed = vec![0; rsa.signing.public_modulus_len()];
                match message {
                    Message::Raw(message) => {
                        rsa.signing
                            .sign(encoding, &SystemRandom::new(), message, &mut signed)
                    }
                    Message::Digest(bytes) => {
                        let digest = imported(algorithm, bytes)?;
                        rsa.signing.sign_digest(encoding, &digest, &mut signed)
                    }
                }
                .map_err(library)?;
                Ok(signed)
            }
            Ready::Ecdsa(pair) => {
                let signed = match message {
                    Message::Raw(message) => pair.sign(&SystemRandom::new(), message),
                    Message::Digest(bytes) => pair.sign_digest(&imported(algorithm, bytes)?),
                };
                Ok(signed.map_err(library)?.as_ref().to_vec())
            }
            Ready::Ed25519(pair) => match message {
                Message::Raw(message) => {
                    let signed = pair.try_sign(message).map_err(library)?;
                    Ok(signed.as_ref().to_vec())
                }
                Message::Digest(_) => Err(UseError::NoDigest),
            },
            Ready::Cipher(_) | Ready::Mac(_) => Err(UseError::Algorithm),
        }
    }
}

impl Keyring {
    /// Makes fresh material for a version of a key, wrapped under the root key. RSA keys take up to
    /// seconds. Key pairs come from the library's own random numbers.
    ///
    /// # Errors
    /// [`UseError::Library`]
    pub fn make_material(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        entropy: &dyn Entropy,
    ) -> Result<NewMaterial, UseError> {
        let material = match Kind::of(spec) {
            Kind::Symmetric => random(crate::cipher::KEY_LEN, entropy),
            Kind::Mac { length, .. } => random(length, entropy),
            Kind::Rsa { .. } | Kind::Ecdsa { .. } | Kind::Ed25519 => {
                let pair = generate_key_pair(spec)?;
                return Ok(NewMaterial {
                    wrapped: self.wrap_material(name, spec, pair.private_key.expose(), entropy),
                    id: material_id(name, &pair.private_key),
                });
            }
        };
        Ok(NewMaterial {
            wrapped: self.wrap_material(name, spec, material.expose(), entropy),
            id: material_id(name, &material),
        })
    }

    /// Takes material that its owner brings, and wraps it under the root key: 32 bytes for symmetric
    /// keys, as many as the hash function gives for HMAC keys, else PKCS #8 in DER.
    ///
    /// # Errors
    /// [`UseError::Algorithm`] where it isn't material of such a key.
    pub fn import_material(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        material: &SecretBytes,
        entropy: &dyn Entropy,
    ) -> Result<NewMaterial, UseError> {
        Ready::parse(spec, material).ok_or(UseError::Algorithm)?;
        Ok(NewMaterial {
            wrapped: self.wrap_material(name, spec, material.expose(), entropy),
            id: material_id(name, material),
        })
    }

    /// The code of a message under a key version's material.
    ///
    /// # Errors
    /// [`UseError::Open`]; [`UseError::Algorithm`] where the key's kind has another one.
    pub fn mac(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        algorithm: MacAlgorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, UseError> {
        self.with_mac_key(name, spec, wrapped, algorithm, |key| {
            hmac::sign(key, message).as_ref().to_vec()
        })
    }

    /// Whether a code is that of a message; compared in constant time.
    ///
    /// # Errors
    /// As [`mac`](Self::mac).
    pub fn verify_mac(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        algorithm: MacAlgorithm,
        message: &[u8],
        mac: &[u8],
    ) -> Result<bool, UseError> {
        self.with_mac_key(name, spec, wrapped, algorithm, |key| {
            hmac::verify(key, message, mac).is_ok()
        })
    }

    /// Signs. ECDSA signatures are DER, the others raw bytes.
    ///
    /// # Errors
    /// [`UseError`]
    pub fn sign(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        algorithm: SigningAlgorithm,
        message: Message<'_>,
    ) -> Result<Vec<u8>, UseError> {
        if !spec.signing_algorithms().contains(&algorithm) {
            return Err(UseError::Algorithm);
        }
        self.ready(name, spec, wrapped, |ready| ready.sign(algorithm, message))?
    }

    /// Decrypts what was encrypted with a key pair's public half.
    ///
    /// # Errors
    /// [`UseError`]
    pub fn decrypt_with_private_key(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        algorithm: EncryptionAlgorithm,
        ciphertext: &[u8],
    ) -> Result<SecretBytes, UseError> {
        let algorithm = oaep(algorithm).ok_or(UseError::Algorithm)?;
        self.ready(name, spec, wrapped, |ready| match ready {
            Ready::Rsa(rsa) => decrypt_oaep(&rsa.decrypting, algorithm, ciphertext),
            _ => Err(UseError::Algorithm),
        })?
    }

    fn with_mac_key<T>(
        &self,
        name: &KeyVersionName,
        spec: KeySpec,
        wrapped: &Sealed,
        algorithm: MacAlgorithm,
        then: impl FnOnce(&hmac::Key) -> T,
    ) -> Result<T, UseError> {
        if !spec.mac_algorithms().contains(&algorithm) {
            return Err(UseError::Algorithm);
        }
        self.ready(name, spec, wrapped, |ready| match ready {
            Ready::Mac(key) => Ok(then(key)),
            _ => Err(UseError::Algorithm),
        })?
    }
}

/// Makes a key pair that is given out whole. RSA keys take up to seconds.
///
/// # Errors
/// [`UseError::Algorithm`] where the kind isn't asymmetric, [`UseError::Library`].
pub fn generate_key_pair(spec: KeySpec) -> Result<KeyPairBytes, UseError> {
    let library = |_| UseError::Library;
    let (document, public_key) = match Kind::of(spec) {
        Kind::Symmetric | Kind::Mac { .. } => return Err(UseError::Algorithm),
        Kind::Rsa { size } => {
            let pair = RsaKeyPair::generate(size).map_err(library)?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(library)?;
            let private: Pkcs8V1Der<'_> = pair.as_der().map_err(library)?;
            (
                SecretBytes::copy_of(private.as_ref()),
                public.as_ref().to_vec(),
            )
        }
        Kind::Ecdsa { signing, .. } => {
            let pair = EcdsaKeyPair::generate(signing).map_err(library)?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(library)?;
            let private = pair.to_pkcs8v1().map_err(library)?;
            (
                SecretBytes::copy_of(private.as_ref()),
                public.as_ref().to_vec(),
            )
        }
        Kind::Ed25519 => {
            let pair = Ed25519KeyPair::generate().map_err(library)?;
            let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(library)?;
            let private = pair.to_pkcs8v1().map_err(library)?;
            (
                SecretBytes::copy_of(private.as_ref()),
                public.as_ref().to_vec(),
            )
        }
    };
    Ok(KeyPairBytes {
        private_key: document,
        public_key,
    })
}

/// Whether a signature is that of a message by the owner of a public key (SubjectPublicKeyInfo, DER).
///
/// # Errors
/// [`UseError::Algorithm`], [`UseError::DigestLength`], [`UseError::NoDigest`].
pub fn verify(
    spec: KeySpec,
    public_key: &[u8],
    algorithm: SigningAlgorithm,
    message: Message<'_>,
    signature: &[u8],
) -> Result<bool, UseError> {
    if !spec.signing_algorithms().contains(&algorithm) {
        return Err(UseError::Algorithm);
    }
    let key = UnparsedPublicKey::new(verification(spec, algorithm), public_key);
    let verified = match message {
        Message::Raw(message) => key.verify(message, signature),
        Message::Digest(_) if spec == KeySpec::EccNistEdwards25519 => {
            return Err(UseError::NoDigest);
        }
        Message::Digest(bytes) => key.verify_digest(&imported(algorithm, bytes)?, signature),
    };
    Ok(verified.is_ok())
}

/// Encrypts with a key pair's public half (SubjectPublicKeyInfo, DER).
///
/// # Errors
/// [`UseError::Algorithm`]; [`UseError::TooLong`].
pub fn encrypt_with_public_key(
    public_key: &[u8],
    algorithm: EncryptionAlgorithm,
    plaintext: &SecretBytes,
) -> Result<Vec<u8>, UseError> {
    let algorithm = oaep(algorithm).ok_or(UseError::Algorithm)?;
    let key = PublicEncryptingKey::from_der(public_key).map_err(|_| UseError::Algorithm)?;
    let key = OaepPublicEncryptingKey::new(key).map_err(|_| UseError::Algorithm)?;
    if plaintext.len() > key.max_plaintext_size(algorithm) {
        return Err(UseError::TooLong);
    }
    let mut ciphertext = vec![0; key.ciphertext_size()];
    let length = key
        .encrypt(algorithm, plaintext.expose(), &mut ciphertext, None)
        .map_err(|_| UseError::Library)?
        .len();
    ciphertext.truncate(length);
    Ok(ciphertext)
}

pub(crate) fn decrypt_oaep(
    key: &OaepPrivateDecryptingKey,
    algorithm: &'static OaepAlgorithm,
    ciphertext: &[u8],
) -> Result<SecretBytes, UseError> {
    let mut plaintext = SecretBytes::new(vec![0; key.min_output_size()]);
    let length = key
        .decrypt(algorithm, ciphertext, plaintext.expose_mut(), None)
        .map_err(|_| UseError::NotDecrypted)?
        .len();
    Ok(SecretBytes::copy_of(&plaintext.expose()[..length]))
}

/// Random bytes of a length.
fn random(length: usize, entropy: &dyn Entropy) -> SecretBytes {
    let mut bytes = SecretBytes::new(vec![0; length]);
    entropy.fill(bytes.expose_mut());
    bytes
}

/// Bound to the key, so that equal material of two keys isn't seen to be equal.
fn material_id(name: &KeyVersionName, material: &SecretBytes) -> MaterialId {
    let hashed = digest::digest(&digest::SHA256, material.expose());
    let label = format!(
        "strongroom key material id {} {} {}",
        name.account, name.region, name.key_id
    );
    let mut id = [0; 32];
    derive(hashed.as_ref(), &label, &mut id);
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn imported(algorithm: SigningAlgorithm, bytes: &[u8]) -> Result<Digest, UseError> {
    let hash = hash_of(algorithm);
    Digest::import_less_safe(bytes, hash).map_err(|_| UseError::DigestLength {
        expected_bytes: hash.output_len(),
    })
}

/// How each kind of key is made, in the library's terms.
enum Kind {
    Symmetric,
    Mac {
        algorithm: hmac::Algorithm,
        length: usize,
    },
    Rsa {
        size: KeySize,
    },
    Ecdsa {
        signing: &'static EcdsaSigningAlgorithm,
        verification: &'static dyn VerificationAlgorithm,
    },
    Ed25519,
}

impl Kind {
    fn of(spec: KeySpec) -> Self {
        let mac = |algorithm, length| Kind::Mac { algorithm, length };
        let ecdsa = |signing, verification| Kind::Ecdsa {
            signing,
            verification,
        };
        match spec {
            KeySpec::SymmetricDefault => Kind::Symmetric,
            KeySpec::Hmac224 => mac(hmac::HMAC_SHA224, 28),
            KeySpec::Hmac256 => mac(hmac::HMAC_SHA256, 32),
            KeySpec::Hmac384 => mac(hmac::HMAC_SHA384, 48),
            KeySpec::Hmac512 => mac(hmac::HMAC_SHA512, 64),
            KeySpec::Rsa2048 => Kind::Rsa {
                size: KeySize::Rsa2048,
            },
            KeySpec::Rsa3072 => Kind::Rsa {
                size: KeySize::Rsa3072,
            },
            KeySpec::Rsa4096 => Kind::Rsa {
                size: KeySize::Rsa4096,
            },
            KeySpec::EccNistP256 => ecdsa(
                &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
                &signature::ECDSA_P256_SHA256_ASN1,
            ),
            KeySpec::EccNistP384 => ecdsa(
                &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
                &signature::ECDSA_P384_SHA384_ASN1,
            ),
            KeySpec::EccNistP521 => ecdsa(
                &signature::ECDSA_P521_SHA512_ASN1_SIGNING,
                &signature::ECDSA_P521_SHA512_ASN1,
            ),
            KeySpec::EccSecgP256K1 => ecdsa(
                &signature::ECDSA_P256K1_SHA256_ASN1_SIGNING,
                &signature::ECDSA_P256K1_SHA256_ASN1,
            ),
            KeySpec::EccNistEdwards25519 => Kind::Ed25519,
        }
    }
}

fn verification(spec: KeySpec, algorithm: SigningAlgorithm) -> &'static dyn VerificationAlgorithm {
    use SigningAlgorithm as Signing;
    match Kind::of(spec) {
        Kind::Ecdsa { verification, .. } => verification,
        _ => match algorithm {
            Signing::RsassaPssSha256 => &signature::RSA_PSS_2048_8192_SHA256,
            Signing::RsassaPssSha384 => &signature::RSA_PSS_2048_8192_SHA384,
            Signing::RsassaPssSha512 => &signature::RSA_PSS_2048_8192_SHA512,
            Signing::RsassaPkcs1V15Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Signing::RsassaPkcs1V15Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
            Signing::RsassaPkcs1V15Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
            Signing::EcdsaSha256
            | Signing::EcdsaSha384
            | Signing::EcdsaSha512
            | Signing::Ed25519Sha512 => &signature::ED25519,
        },
    }
}

fn rsa_encoding(algorithm: SigningAlgorithm) -> Option<&'static dyn RsaEncoding> {
    use SigningAlgorithm as Signing;
    Some(match algorithm {
        Signing::RsassaPssSha256 => &signature::RSA_PSS_SHA256,
        Signing::RsassaPssSha384 => &signature::RSA_PSS_SHA384,
        Signing::RsassaPssSha512 => &signature::RSA_PSS_SHA512,
        Signing::RsassaPkcs1V15Sha256 => &signature::RSA_PKCS1_SHA256,
        Signing::RsassaPkcs1V15Sha384 => &signature::RSA_PKCS1_SHA384,
        Signing::RsassaPkcs1V15Sha512 => &signature::RSA_PKCS1_SHA512,
        Signing::EcdsaSha256
        | Signing::EcdsaSha384
        | Signing::EcdsaSha512
        | Signing::Ed25519Sha512 => return None,
    })
}

fn hash_of(algorithm: SigningAlgorithm) -> &'static digest::Algorithm {
    use SigningAlgorithm as Signing;
    match algorithm {
        Signing::RsassaPssSha256 | Signing::RsassaPkcs1V15Sha256 | Signing::EcdsaSha256 => {
            &digest::SHA256
        }
        Signing::RsassaPssSha384 | Signing::RsassaPkcs1V15Sha384 | Signing::EcdsaSha384 => {
            &digest::SHA384
        }
        Signing::RsassaPssSha512
        | Signing::RsassaPkcs1V15Sha512
        | Signing::EcdsaSha512
        | Signing::Ed25519Sha512 => &digest::SHA512,
    }
}

pub(crate) fn oaep(algorithm: EncryptionAlgorithm) -> Option<&'static OaepAlgorithm> {
    match algorithm {
        EncryptionAlgorithm::RsaesOaepSha1 => Some(&OAEP_SHA1_MGF1SHA1),
        EncryptionAlgorithm::RsaesOaepSha256 => Some(&OAEP_SHA256_MGF1SHA256),
        EncryptionAlgorithm::SymmetricDefault => None,
    }
}

#[cfg(test)]
mod tests;
