//! The recipient of a seal: a key pair, so that a new root key can be sealed for someone who isn't
//! there: a passphrase that nobody types, a token in a safe, holders of shares at home.
//!
//! It is a hybrid of X25519 and ML-KEM-768: whoever wants to open it must break both. The two shared
//! secrets, with everything public, go through HKDF-SHA-256 to the key that seals.

use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::kem::{Ciphertext, DecapsulationKey, EncapsulationKey, ML_KEM_768};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::seal_key::context;
use crate::cipher::{CipherKey, EncryptionContext, KEY_LEN, Purpose, Sealed};
use crate::keyring::derived_key;
use crate::{Entropy, RootKey, RootKeyId, SecretBytes};

const X25519_LEN: usize = 32;
/// FIPS 203, table 3, ML-KEM-768.
const KEM_CIPHERTEXT_LEN: usize = 1088;
const SALT: &[u8] = b"strongroom seal recipient";

/// A fresh recipient: its public and its private bytes.
pub(super) fn generate(entropy: &dyn Entropy) -> Option<(Vec<u8>, SecretBytes)> {
    let classic = fresh_classic(entropy)?;
    let kem = DecapsulationKey::generate(&ML_KEM_768).ok()?;
    let mut public = classic.1;
    public.extend_from_slice(kem.encapsulation_key().ok()?.key_bytes().ok()?.as_ref());
    let kem_private = kem.key_bytes().ok()?;
    let mut private = Vec::with_capacity(X25519_LEN + kem_private.as_ref().len());
    private.extend_from_slice(classic.0.expose());
    private.extend_from_slice(kem_private.as_ref());
    Some((public, SecretBytes::new(private)))
}

/// Seals a root key for a recipient: ephemeral public key, ML-KEM ciphertext, sealed bytes.
pub(super) fn seal(
    root: &RootKey,
    public: &[u8],
    lock_label: &str,
    entropy: &dyn Entropy,
) -> Option<Vec<u8>> {
    let (classic, kem) = public.split_at_checked(X25519_LEN)?;
    let (ephemeral, ephemeral_public) = fresh_classic(entropy)?;
    let first = agreed(ephemeral.expose(), classic)?;
    let (ciphertext, second) = EncapsulationKey::new(&ML_KEM_768, kem)
        .ok()?
        .encapsulate()
        .ok()?;
    let key = combined(
        &first,
        second.as_ref(),
        &ephemeral_public,
        ciphertext.as_ref(),
        public,
    )?;
    let context = context(root.id(), lock_label);
    let sealed = key.seal(Purpose::RootKey, &context, root.bytes().expose(), entropy);
    let mut whole = ephemeral_public;
    whole.extend_from_slice(ciphertext.as_ref());
    whole.extend_from_slice(sealed.as_bytes());
    Some(whole)
}

/// Opens the root key that was sealed for a recipient under an id.
pub(super) fn open(
    whole: &[u8],
    public: &[u8],
    private: &SecretBytes,
    root_key_id: RootKeyId,
    lock_label: &str,
) -> Option<RootKey> {
    let (ephemeral_public, rest) = whole.split_at_checked(X25519_LEN)?;
    let (ciphertext, sealed) = rest.split_at_checked(KEM_CIPHERTEXT_LEN)?;
    let (classic, kem) = private.expose().split_at_checked(X25519_LEN)?;
    let first = agreed(classic, ephemeral_public)?;
    let second = DecapsulationKey::new(&ML_KEM_768, kem)
        .ok()?
        .decapsulate(Ciphertext::from(ciphertext))
        .ok()?;
    let key = combined(
        &first,
        second.as_ref(),
        ephemeral_public,
        ciphertext,
        public,
    )?;
    let context = context(root_key_id, lock_label);
    let sealed = Sealed::from_bytes(sealed.to_vec());
    let bytes = key.open(Purpose::RootKey, &context, &sealed).ok()?;
    RootKey::from_bytes(bytes)
}

/// Vouches for a recipient, under a root key. Without that, whoever may change the seal file could put a
/// recipient of their own into it, and be given the next root key.
pub(super) fn vouch(
    root: &RootKey,
    public: &[u8],
    lock_label: &str,
    entropy: &dyn Entropy,
) -> Vec<u8> {
    derived_key(root.bytes().expose(), Purpose::Voucher)
        .seal(
            Purpose::Voucher,
            &voucher_context(public, lock_label),
            &[],
            entropy,
        )
        .as_bytes()
        .to_vec()
}

/// Whether a root key vouches for a recipient.
pub(super) fn is_vouched_for(
    root: &RootKey,
    public: &[u8],
    lock_label: &str,
    voucher: &[u8],
) -> bool {
    let voucher = Sealed::from_bytes(voucher.to_vec());
    derived_key(root.bytes().expose(), Purpose::Voucher)
        .open(
            Purpose::Voucher,
            &voucher_context(public, lock_label),
            &voucher,
        )
        .is_ok()
}

fn voucher_context(public: &[u8], lock_label: &str) -> EncryptionContext {
    let public = STANDARD.encode(public);
    EncryptionContext::of([("PublicKey", public.as_str()), ("Lock", lock_label)])
}

/// A fresh X25519 key: its private and its public bytes.
fn fresh_classic(entropy: &dyn Entropy) -> Option<(SecretBytes, Vec<u8>)> {
    let mut private = SecretBytes::new(vec![0; X25519_LEN]);
    entropy.fill(private.expose_mut());
    let key = PrivateKey::from_private_key(&X25519, private.expose()).ok()?;
    let public = key.compute_public_key().ok()?.as_ref().to_vec();
    Some((private, public))
}

fn agreed(private: &[u8], public: &[u8]) -> Option<SecretBytes> {
    let private = PrivateKey::from_private_key(&X25519, private).ok()?;
    let public = UnparsedPublicKey::new(&X25519, public);
    agree(&private, public, (), |secret| {
        Ok(SecretBytes::copy_of(secret))
    })
    .ok()
}

fn combined(
    first: &SecretBytes,
    second: &[u8],
    ephemeral_public: &[u8],
    ciphertext: &[u8],
    public: &[u8],
) -> Option<CipherKey> {
    let mut secret = Vec::with_capacity(first.len() + second.len());
    secret.extend_from_slice(first.expose());
    secret.extend_from_slice(second);
    let secret = SecretBytes::new(secret);
    let info = [ephemeral_public, ciphertext, public];
    let mut key = zeroize::Zeroizing::new([0; KEY_LEN]);
    Salt::new(HKDF_SHA256, SALT)
        .extract(secret.expose())
        .expand(&info, HKDF_SHA256)
        .and_then(|bytes| bytes.fill(&mut key[..]))
        .ok()?;
    Some(derived_key(&key[..], Purpose::RootKey))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededEntropy;

    #[test]
    fn a_root_key_opens_for_its_recipient_alone_and_only_whole() {
        let entropy = SeededEntropy::new(3);
        let root = RootKey::generate(&entropy);
        let (public, private) = generate(&entropy).unwrap();
        let (other_public, other_private) = generate(&entropy).unwrap();
        let whole = seal(&root, &public, "passphrase", &entropy).unwrap();
        let open = |whole: &[u8], public: &[u8], private: &SecretBytes, lock: &str| {
            open(whole, public, private, root.id(), lock)
        };
        let opened = open(&whole, &public, &private, "passphrase").unwrap();
        assert_eq!(opened.id(), root.id());
        assert!(open(&whole, &public, &private, "key file").is_none());
        assert!(open(&whole, &other_public, &private, "passphrase").is_none());
        assert!(open(&whole, &public, &other_private, "passphrase").is_none());
        for at in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(
                open(&changed, &public, &private, "passphrase").is_none(),
                "byte {at}"
            );
        }
        for length in [
            0,
            X25519_LEN,
            X25519_LEN + KEM_CIPHERTEXT_LEN,
            whole.len() - 1,
        ] {
            assert!(open(&whole[..length], &public, &private, "passphrase").is_none());
        }
    }
}
